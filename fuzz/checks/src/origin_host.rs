//! `Origin`, `Host` and the URLs of endpoints: one reading, one form, the same for all three.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderValue, Uri, header};
use palisade::{
    http::Endpoint,
    security::{AllowedHosts, AllowedOrigins, EndpointPath, Origin},
};

/// Reads the input as an origin, as a host, as a URL and as a path.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return headers(data, None, None);
    };
    let expected = naive_origin(text);
    match Origin::parse(text) {
        Ok(origin) => origin_agrees(&origin, text, expected),
        Err(_) => assert_eq!(expected, None, "{text:?} is an origin"),
    }
    let authority = naive_authority(text);
    assert_eq!(AllowedHosts::only([text]).is_ok(), authority.is_some(), "{text:?} as a host");
    headers(data, Origin::parse(text).ok(), authority);
    endpoint(text);
    if let Ok(path) = EndpointPath::parse(text) {
        assert_eq!(path.as_str(), text);
        assert!(path.matches(text) && text.starts_with('/'));
        let uri: Uri = text.parse().unwrap();
        assert_eq!((uri.path(), uri.query()), (text, None));
    }
}

fn origin_agrees(origin: &Origin, text: &str, expected: Option<(bool, String, u16)>) {
    let found = (origin.is_https(), origin.host().to_owned(), origin.port());
    assert_eq!(Some(found), expected, "{text:?}");
    let written = origin.to_string();
    assert_eq!(Origin::parse(&written).as_ref(), Ok(origin), "{written} is not its own form");
    assert_eq!(written, written.to_ascii_lowercase());
    // A library that takes more must understand the same.
    let uri: Uri = text.parse().unwrap();
    let default_port = if origin.is_https() { 443 } else { 80 };
    assert_eq!(uri.scheme_str(), Some(origin.scheme()));
    assert_eq!(uri.port_u16().unwrap_or(default_port), origin.port());
    assert!(uri.authority().is_some_and(|authority| !authority.as_str().contains('@')));
    let endpoint = Endpoint::parse(text).unwrap();
    assert_eq!(endpoint.origin(), written);
}

/// What is configured matches itself as a header, in its own form and in that of others, and nothing else.
fn headers(data: &[u8], origin: Option<Origin>, authority: Option<(String, Option<u16>)>) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        assert!(origin.is_none() && authority.is_none());
        return;
    };
    let sent: HeaderMap = [(header::ORIGIN, value.clone())].into_iter().collect();
    let other = AllowedOrigins::only(["https://app.example.com"]).unwrap();
    let is_other = origin.as_ref().is_some_and(|origin| other.iter().any(|one| one == origin));
    assert_eq!(other.check(&sent).is_ok(), is_other);
    let is_local = origin.as_ref().is_some_and(Origin::is_loopback);
    assert_eq!(AllowedOrigins::loopback().check(&sent).is_ok(), is_local);
    assert!(AllowedOrigins::none().check(&sent).is_err());
    if let Some(origin) = &origin {
        let own = AllowedOrigins::only([origin.to_string()]).unwrap();
        assert_eq!(own.check(&sent), Ok(()));
        assert_eq!(own.allow_origin(&sent).unwrap(), origin.to_string());
    }

    let sent: HeaderMap = [(header::HOST, value)].into_iter().collect();
    let uri = Uri::from_static("/mcp");
    let other = AllowedHosts::only(["mcp.example.com:8443"]).unwrap();
    let is_other = authority == Some(("mcp.example.com".to_owned(), Some(8443)));
    assert_eq!(other.check(&uri, &sent).is_ok(), is_other);
    let local = ["localhost", "127.0.0.1", "[::1]"];
    let is_local = authority.as_ref().is_some_and(|(host, _)| local.contains(&&**host));
    assert_eq!(AllowedHosts::loopback().check(&uri, &sent).is_ok(), is_local);
    if let Some((host, port)) = authority {
        assert_eq!(AllowedHosts::only([&host]).unwrap().check(&uri, &sent), Ok(()));
        let own = port.map_or(host.clone(), |port| format!("{host}:{port}"));
        assert_eq!(AllowedHosts::only([own]).unwrap().check(&uri, &sent), Ok(()));
    }
}

/// The URL of an endpoint has one form, and its origin is one.
fn endpoint(text: &str) {
    let Ok(endpoint) = Endpoint::parse(text) else { return };
    let again = Endpoint::parse(&endpoint.to_string());
    assert_eq!(again.as_ref(), Ok(&endpoint), "{endpoint} is not its own form");
    let origin = Origin::parse(endpoint.origin()).unwrap();
    assert_eq!(origin.to_string(), endpoint.origin());
    assert_eq!((origin.is_https(), origin.port()), (endpoint.is_secure(), endpoint.port()));
    assert_eq!(origin.host(), endpoint.host().to_string());
    let uri = endpoint.uri();
    let rest = uri.path_and_query().map_or("", |rest| rest.as_str());
    assert_eq!(uri.to_string(), format!("{}{rest}", endpoint.origin()));
    assert!(rest.starts_with('/'));
}

fn naive_origin(text: &str) -> Option<(bool, String, u16)> {
    let lower = text.to_ascii_lowercase();
    let (https, rest) = match lower.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix("http://")?),
    };
    let (host, port) = naive_authority(rest)?;
    Some((https, host, port.unwrap_or(if https { 443 } else { 80 })))
}

/// `host[:port]`: the port a number as people write it, the host an address in its canonical form or labels
/// of which the last one could not be a number.
fn naive_authority(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        Some(port) => {
            let number: u16 = port.parse().ok()?;
            Some((number != 0 && number.to_string() == port).then_some(number)?)
        }
        None => None,
    };
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some((format!("[{address}]"), port));
    }
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let good = |label: &&str| {
        let bytes = label.as_bytes();
        !bytes.is_empty()
            && bytes.len() < 64
            && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    let last = labels.last()?;
    let digits = |text: &str, radix| text.chars().all(|digit| digit.is_digit(radix));
    if digits(last, 10) || last.strip_prefix("0x").is_some_and(|rest| digits(rest, 16)) {
        let address: Ipv4Addr = host.parse().ok()?;
        return Some((address.to_string(), port));
    }
    (host.len() < 254 && labels.iter().all(good)).then_some((host.clone(), port))
}

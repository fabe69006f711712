//! One good request, changed in one way a case.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]

use http::{HeaderName, HeaderValue, header};

use super::*;
use crate::{AllowedHosts, AllowedOrigins, SecurityConfig};

fn security() -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only(["https://app.example.com"]).unwrap())
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_allowed_hosts(AllowedHosts::only(["mcp.example.com"]).unwrap().with_loopback())
        .with_limits(
            Limits::new().with_max_body_bytes(100).with_max_headers(8).with_max_header_bytes(1024),
        )
        .build()
        .unwrap()
}

fn good() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, "mcp.example.com"),
        (header::CONTENT_TYPE, "application/json"),
        (header::ACCEPT, "application/json, text/event-stream"),
        (header::CONTENT_LENGTH, "100"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// Checks the good request with some headers replaced; an empty list removes one.
#[track_caller]
fn check(method: Method, changes: &[(HeaderName, &[&str])], expected: Result<(), RejectError>) {
    let mut headers = good();
    for (name, values) in changes {
        headers.remove(name);
        for value in *values {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
    }
    let uri = Uri::from_static("/mcp");
    let security = security();
    let found = security.guard(&GuardInput::new(&method, &uri, &headers));
    assert_eq!(found, expected, "{method} {changes:?}");
}

#[track_caller]
fn check_header(name: HeaderName, values: &[&str], expected: Result<(), RejectError>) {
    check(Method::POST, &[(name, values)], expected);
}

#[test]
fn a_good_request_passes() {
    check(Method::POST, &[], Ok(()));
    check_header(header::ORIGIN, &["https://app.example.com"], Ok(()));
    check_header(header::CONTENT_LENGTH, &[], Ok(()));
    check_header(header::ACCEPT, &["*/*"], Ok(()));
    check_header(header::HOST, &["localhost:8080"], Ok(()));
}

#[test]
fn h1_announced_length_and_encodings() {
    let too_large = || Err(RejectError::BodyTooLarge { limit: 100 });
    check_header(header::CONTENT_LENGTH, &["101"], too_large());
    check_header(header::CONTENT_LENGTH, &["99999999999999999999999999"], too_large());
    for bad in ["", "-1", "+1", "1 ", "0x1", "1,1"] {
        check_header(header::CONTENT_LENGTH, &[bad], Err(RejectError::InvalidContentLength));
    }
    check_header(header::CONTENT_ENCODING, &["identity"], Ok(()));
    for encoding in ["gzip", "br", "identity, gzip", "gzip, identity", ""] {
        check_header(
            header::CONTENT_ENCODING,
            &[encoding],
            Err(RejectError::UnsupportedContentEncoding),
        );
    }
    check_header(
        header::CONTENT_ENCODING,
        &["identity", "gzip"],
        Err(RejectError::UnsupportedContentEncoding),
    );
}

#[test]
fn h16_one_protocol_and_one_end() {
    check_header(header::UPGRADE, &["h2c"], Err(RejectError::UpgradeNotSupported));
    check_header(header::UPGRADE, &[""], Err(RejectError::UpgradeNotSupported));
    let unclear = || Err(RejectError::InvalidContentLength);
    check_header(header::TRANSFER_ENCODING, &["chunked"], unclear());
    for (encodings, expected) in [
        (&["Chunked"][..], Ok(())),
        (&["gzip, chunked"], unclear()),
        (&["chunked", "chunked"], unclear()),
        (&["identity"], unclear()),
        (&[""], unclear()),
    ] {
        let changes = [(header::CONTENT_LENGTH, &[][..]), (header::TRANSFER_ENCODING, encodings)];
        check(Method::POST, &changes, expected);
    }
}

#[test]
fn h2_header_count_and_size() {
    let custom = HeaderName::from_static("x-a");
    check_header(custom.clone(), &["1", "2", "3", "4"], Ok(()));
    check_header(custom.clone(), &["1", "2", "3", "4", "5"], Err(RejectError::HeadersTooLarge));
    check_header(custom.clone(), &["x".repeat(1000).as_str()], Err(RejectError::HeadersTooLarge));
    check_header(custom.clone(), &["x".repeat(700).as_str()], Ok(()));
    // To the byte.
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    let room = 1024 - good().iter().map(line).sum::<usize>() - "x-a: \r\n".len();
    check_header(custom.clone(), &["x".repeat(room).as_str()], Ok(()));
    let over = "x".repeat(room + 1);
    check_header(custom, &[over.as_str()], Err(RejectError::HeadersTooLarge));
}

#[test]
fn h15_other_media_types() {
    for bad in ["text/plain", "application/jsonp", "application/json, text/plain", ""] {
        check_header(header::CONTENT_TYPE, &[bad], Err(RejectError::UnsupportedMediaType));
    }
    check_header(header::CONTENT_TYPE, &[], Err(RejectError::UnsupportedMediaType));
    let twice = ["application/json", "application/json"];
    check_header(header::CONTENT_TYPE, &twice, Err(RejectError::UnsupportedMediaType));
    check_header(header::ACCEPT, &["application/json"], Err(RejectError::NotAcceptable));
    check_header(header::ACCEPT, &["\u{e4}/*"], Err(RejectError::NotAcceptable));
}

#[test]
fn h19_only_post() {
    for method in
        [Method::GET, Method::DELETE, Method::OPTIONS, Method::PUT, Method::HEAD, Method::CONNECT]
    {
        check(method, &[], Err(RejectError::MethodNotAllowed));
    }
    check("post".parse().unwrap(), &[], Err(RejectError::MethodNotAllowed));
}

#[test]
fn sessions_listen_and_end() {
    let security = security();
    let uri = Uri::from_static("/mcp");
    let check = |method: Method, accept: &'static str, expected| {
        let mut headers = good();
        headers.remove(header::CONTENT_TYPE);
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let input = GuardInput::new(&method, &uri, &headers).with_sessions(true);
        assert_eq!(security.guard(&input), expected, "{method} {accept}");
    };
    check(Method::GET, "text/event-stream", Ok(()));
    check(Method::GET, "application/json", Err(RejectError::NotAcceptable));
    check(Method::DELETE, "application/json", Ok(()));
    check(Method::POST, "text/event-stream", Err(RejectError::UnsupportedMediaType));
    for method in [Method::PUT, Method::HEAD, Method::OPTIONS] {
        check(method, "*/*", Err(RejectError::MethodNotAllowed));
    }
}

#[test]
fn o1_o2_foreign_host_and_origin() {
    check_header(header::HOST, &["evil.example"], Err(RejectError::HostNotAllowed));
    check_header(header::HOST, &[], Err(RejectError::HostMissing));
    for origin in ["https://evil.example", "null", "http://mcp.example.com"] {
        check_header(header::ORIGIN, &[origin], Err(RejectError::OriginNotAllowed));
    }
}

#[test]
fn o4_origin_that_equals_the_host_is_foreign() {
    let evil =
        [(header::HOST, &["mcp.example.com"][..]), (header::ORIGIN, &["https://mcp.example.com"])];
    check(Method::POST, &evil, Err(RejectError::OriginNotAllowed));
}

#[test]
fn o5_simple_request_of_a_page() {
    let page = [(header::CONTENT_TYPE, &["text/plain"][..]), (header::ACCEPT, &["*/*"])];
    check(Method::POST, &page, Err(RejectError::UnsupportedMediaType));
}

#[test]
fn a_foreign_page_learns_only_that_it_is_foreign() {
    let foreign =
        [(header::HOST, &["evil.example"][..]), (header::ORIGIN, &["https://evil.example"])];
    check(Method::GET, &foreign, Err(RejectError::HostNotAllowed));
    let foreign =
        [(header::CONTENT_TYPE, &["text/plain"][..]), (header::ORIGIN, &["https://evil.example"])];
    check(Method::OPTIONS, &foreign, Err(RejectError::OriginNotAllowed));
}

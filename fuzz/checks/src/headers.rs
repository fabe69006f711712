//! The header codec, mirrored arguments and the guard over arbitrary headers.

use std::{collections::BTreeSet, sync::OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use palisade::{
    SecurityConfig,
    protocol::{
        RawJson,
        header::{ParamHeaders, decode_value, encode_value},
    },
    security::{AllowedHosts, AllowedOrigins, GuardInput, ServerSecurity},
};
use serde_json::value::RawValue;

const MAX_BODY: usize = 1000;

/// A value; or a JSON schema in the first line and arguments in the second; or the head of a request: method
/// and URI in the first line, then one header a line.
pub fn check(data: &[u8]) {
    value(data);
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if first.starts_with(b"{") {
        mirrored(first, lines.next().unwrap_or_default());
    } else {
        guard(first, lines);
    }
}

/// What is read from a header can be written into one, and what is written is read.
fn value(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let written = encode_value(text);
        let header = HeaderValue::from_str(&written).unwrap();
        assert_eq!(decode_value(header.as_bytes()).as_deref(), Ok(text), "{written}");
        assert_eq!(written.trim(), written, "blanks at the ends would be lost");
    }
    if let Ok(read) = decode_value(data) {
        let written = encode_value(&read);
        assert_eq!(decode_value(written.as_bytes()).as_ref(), Ok(&read));
        // What needs no base64 may have been sent in it all the same, but only in its one form.
        if data.trim_ascii() != written.as_bytes() {
            let inner = data.trim_ascii().strip_prefix(b"=?base64?").unwrap();
            assert_eq!(*written, *read, "two encodings of one text");
            assert_eq!(inner.len(), read.len().div_ceil(3) * 4 + 2);
        }
    }
}

/// The headers of a call agree with its arguments, and no others do.
fn mirrored(schema: &[u8], arguments: &[u8]) {
    let Ok(schema) = String::from_utf8(schema.to_vec()) else { return };
    let Ok(schema) = RawJson::from_text(schema) else { return };
    let Ok(headers) = ParamHeaders::from_schema(&schema) else { return };
    let names: BTreeSet<_> = headers.iter().map(|one| one.name.to_ascii_lowercase()).collect();
    assert_eq!(names.len(), headers.iter().count(), "two arguments in one header");
    for name in names {
        assert!(HeaderName::try_from(format!("mcp-param-{name}")).is_ok(), "{name:?}");
    }
    let arguments: Option<&RawValue> = serde_json::from_slice(arguments).ok();
    let arguments = arguments.map(RawValue::get);
    let values = headers.values(arguments);
    let agree = |sent: &[(&str, String)]| {
        headers.agree(arguments, |name| {
            let (_, value) = sent.iter().find(|(sent, _)| *sent == name)?;
            let header = encode_value(value).into_owned();
            decode_value(header.as_bytes()).ok().map(|value| value.into_owned().into())
        })
    };
    if values.len() == headers.iter().count() {
        assert!(agree(&values), "{values:?} are the arguments");
    }
    for at in 0..values.len() {
        let mut changed = values.clone();
        changed[at].1.push('x');
        assert!(!agree(&changed), "{changed:?} are other arguments");
        changed.remove(at);
        assert!(!agree(&changed), "one is missing from {changed:?}");
    }
}

/// A request that passes has what a request must have.
fn guard<'a>(first: &[u8], lines: impl Iterator<Item = &'a [u8]>) {
    let mut words = first.splitn(2, |byte| *byte == b' ');
    let Ok(method) = Method::from_bytes(words.next().unwrap_or_default()) else { return };
    let Ok(uri) = Uri::try_from(words.next().unwrap_or_default()) else { return };
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::try_from(parts.next().unwrap_or_default());
        let value = HeaderValue::try_from(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let verdict = security().guard(&GuardInput::new(&method, &uri, &headers));
    // The order in which headers of different names came says nothing.
    let mut names: Vec<_> = headers.keys().collect();
    names.reverse();
    let reversed = names.into_iter().flat_map(|name| {
        headers.get_all(name).iter().map(move |value| (name.clone(), value.clone()))
    });
    let reversed: HeaderMap = reversed.collect();
    assert_eq!(security().guard(&GuardInput::new(&method, &uri, &reversed)), verdict);
    if verdict.is_err() {
        return;
    }
    let all = |name: HeaderName| -> Vec<String> {
        let text = |value: &HeaderValue| value.to_str().unwrap().to_ascii_lowercase();
        headers.get_all(name).iter().map(text).collect()
    };
    assert_eq!(method, Method::POST);
    let mut hosts = all(header::HOST);
    hosts.extend(uri.authority().map(|authority| authority.as_str().to_ascii_lowercase()));
    let is_ours = |host: &String| host.strip_suffix(":80").unwrap_or(host) == "mcp.example.com";
    assert!(!hosts.is_empty() && hosts.iter().all(is_ours), "{hosts:?}");
    let origins = all(header::ORIGIN);
    let origin = ["https://app.example.com", "https://app.example.com:443"];
    assert!(origins.len() < 2 && origins.iter().all(|one| origin.contains(&&**one)), "{origins:?}");
    let types = all(header::CONTENT_TYPE);
    let json = types.first().map(|value| value.split(';').next().unwrap_or_default().trim());
    assert!(types.len() == 1 && json == Some("application/json"), "{types:?}");
    assert!(all(header::CONTENT_ENCODING).iter().all(|one| one == "identity"));
    for length in all(header::CONTENT_LENGTH) {
        assert!(length.bytes().all(|byte| byte.is_ascii_digit()), "{length:?}");
        assert!(length.parse::<usize>().unwrap() <= MAX_BODY, "{length}");
    }
    let accept = all(header::ACCEPT).join(",");
    for kind in ["application", "text"] {
        let accepted = headers.get(header::ACCEPT).is_none()
            || accept.contains(&format!("{kind}/"))
            || accept.contains("*/*");
        assert!(accepted, "{accept:?} does not accept {kind}");
    }
}

fn security() -> &'static ServerSecurity {
    static SECURITY: OnceLock<ServerSecurity> = OnceLock::new();
    SECURITY.get_or_init(|| {
        let origins = AllowedOrigins::only(["https://app.example.com"]).unwrap();
        let hosts = AllowedHosts::only(["mcp.example.com:80"]).unwrap();
        let limits = palisade::security::Limits::new().with_max_body_bytes(MAX_BODY);
        SecurityConfig::server()
            .with_allowed_origins(origins)
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_allowed_hosts(hosts)
            .with_limits(limits)
            .build()
            .unwrap()
    })
}

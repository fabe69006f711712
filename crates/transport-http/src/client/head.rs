//! The headers of a request: what is always sent, what mirrors the message, what the session and the
//! credentials add.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use palisade_protocol::{
    ProtocolVersion,
    header::{MCP_METHOD, MCP_NAME, MCP_PARAM_PREFIX, MCP_PROTOCOL_VERSION, encode_value},
};
use palisade_security::CredentialHeader;
use palisade_transport::{OutboundRequest, TransportError};

/// The headers of every request.
pub(super) fn common() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// The headers of one request of the newest revision.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP, "Request Metadata".
pub(super) fn mirrored(
    common: &HeaderMap,
    request: &OutboundRequest,
) -> Result<HeaderMap, TransportError> {
    let mut headers = common.clone();
    version(&mut headers, request.protocol_version);
    headers.insert(HeaderName::from_static(MCP_METHOD), value(&request.method)?);
    if let Some(name) = &request.name {
        headers.insert(HeaderName::from_static(MCP_NAME), value(name)?);
    }
    for (name, text) in &request.param_headers {
        let name = HeaderName::try_from(format!("{MCP_PARAM_PREFIX}{name}"))
            .map_err(|_| TransportError::InvalidRequest("a mirrored argument has no valid name"))?;
        headers.insert(name, value(text)?);
    }
    Ok(headers)
}

/// Adds the revision.
pub(super) fn version(headers: &mut HeaderMap, version: ProtocolVersion) {
    let version = HeaderValue::from_static(version.as_str());
    headers.insert(HeaderName::from_static(MCP_PROTOCOL_VERSION), version);
}

/// Adds the credentials, which may not touch what is there.
pub(super) fn authenticate(
    headers: &mut HeaderMap,
    credentials: HeaderMap,
) -> Result<(), TransportError> {
    let mut last = None;
    for (name, mut value) in credentials {
        // A header with several values names only its first.
        let name = match name {
            Some(name) => last.insert(name).clone(),
            None => match &last {
                Some(name) => name.clone(),
                None => continue,
            },
        };
        if !CredentialHeader::is_sendable(&name) {
            return Err(TransportError::Credentials(format!("`{name}` cannot hold credentials")));
        }
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue, TransportError> {
    HeaderValue::from_str(&encode_value(text))
        .map_err(|_| TransportError::InvalidRequest("a header cannot hold the value"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use palisade_protocol::ProtocolVersion;

    use super::*;

    fn request() -> OutboundRequest {
        OutboundRequest::new(Bytes::new(), ProtocolVersion::LATEST, "tools/call")
    }

    fn check(request: &OutboundRequest, name: &str, expected: Option<&str>) {
        let headers = mirrored(&common(), request).unwrap();
        assert_eq!(headers.get(name).map(|value| value.to_str().unwrap()), expected, "{name}");
    }

    #[test]
    fn headers_mirror_the_message() {
        let plain = request();
        check(&plain, "accept", Some("application/json, text/event-stream"));
        check(&plain, "content-type", Some("application/json"));
        check(&plain, "mcp-protocol-version", Some("2026-07-28"));
        check(&plain, "mcp-method", Some("tools/call"));
        check(&plain, "mcp-name", None);
        check(&request().with_name("add"), "mcp-name", Some("add"));
        check(&request().with_name("caf\u{e9}"), "mcp-name", Some("=?base64?Y2Fmw6k=?="));
        let injected = request().with_name("a\r\nAuthorization: x");
        check(&injected, "mcp-name", Some("=?base64?YQ0KQXV0aG9yaXphdGlvbjogeA==?="));
        let region = request().with_param_headers(vec![("Region".into(), " eu ".into())]);
        check(&region, "mcp-param-region", Some("=?base64?IGV1IA==?="));
        let bad = request().with_param_headers(vec![("a b".into(), "x".into())]);
        assert!(mirrored(&common(), &bad).is_err());
    }

    fn authenticated(credentials: HeaderMap) -> Result<HeaderMap, TransportError> {
        let mut headers = mirrored(&common(), &request())?;
        authenticate(&mut headers, credentials)?;
        Ok(headers)
    }

    #[test]
    fn credentials_are_sensitive_and_touch_nothing_else() {
        let with = |name: &'static str| {
            let mut credentials = HeaderMap::new();
            credentials.insert(name, HeaderValue::from_static("canary"));
            authenticated(credentials)
        };
        let sent = with("authorization").unwrap();
        assert!(sent.get("authorization").is_some_and(HeaderValue::is_sensitive));
        assert!(!format!("{sent:?}").contains("canary"));
        for name in ["host", "content-length", "transfer-encoding", "accept", "mcp-name", "mcp-x"] {
            assert_eq!(with(name).unwrap_err().code(), "no_credentials", "{name}");
        }
        let mut two = HeaderMap::new();
        two.append("x-key", HeaderValue::from_static("a"));
        two.append("x-key", HeaderValue::from_static("b"));
        let sent = authenticated(two).unwrap();
        assert_eq!(sent.get_all("x-key").iter().count(), 2);
    }
}

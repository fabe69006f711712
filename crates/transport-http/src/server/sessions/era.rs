//! Which era a request is of: the newest revision, or a session of an older one.

use http::{HeaderMap, HeaderValue};
use palisade_protocol::{DecodeError, Inbound, ProtocolVersion, header, legacy};
use palisade_security::RejectError;
use palisade_transport::Dispatcher;

use crate::server::agree::{Said, Words};

/// What a `POST` without a word of the newest revision in its headers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Era {
    /// A request of the newest revision, or nothing that can be read: the way of such requests says what
    /// is wrong with it.
    Modern,
    /// Something in a session.
    Session,
    /// The beginning of a session.
    Opening,
}

/// Whether the headers say that a request is of the newest revision: by the version, or if there is none, by
/// the method. A version that nobody knows is one that is newer still.
pub(in crate::server) fn is_modern(words: &Words<'_>) -> bool {
    let modern = |value: &HeaderValue| {
        let known = value.to_str().ok().and_then(ProtocolVersion::parse);
        known.is_none_or(ProtocolVersion::is_modern)
    };
    match words.version {
        Said::Once(version) => modern(version),
        Said::Repeatedly => words.headers.get_all(header::MCP_PROTOCOL_VERSION).iter().any(modern),
        Said::Nothing => !words.method.is_nothing(),
    }
}

/// What a `POST` is by its body, if its headers do not say that it is modern.
///
/// # Specification
///
/// MCP 2026-07-28, Versioning and Compatibility, "Compatibility Matrix".
pub(in crate::server) fn of(
    headers: &HeaderMap,
    body: &[u8],
    message: &Result<Inbound<'_>, DecodeError>,
) -> Era {
    let in_session = headers.contains_key(header::MCP_SESSION_ID);
    match message {
        Ok(Inbound::Request(request, params)) => {
            let meta = params.as_ref().ok().and_then(|params| params.meta.as_ref());
            let version = meta.and_then(|meta| meta.protocol_version.as_ref());
            match (version, &*request.method) {
                (Some(_), _) => Era::Modern,
                (None, legacy::method::INITIALIZE) if !in_session => Era::Opening,
                (None, _) => Era::Session,
            }
        }
        Ok(_) => Era::Session,
        // A batch, perhaps.
        Err(_) if in_session && body.trim_ascii_start().starts_with(b"[") => Era::Session,
        Err(_) => Era::Modern,
    }
}

/// Checks the version that a request in a session names. Which one does not matter: that of the session
/// counts.
///
/// # Errors
///
/// [`RejectError::VersionNotServed`] if it is unknown, or there are several.
///
/// # Specification
///
/// MCP 2025-11-25, Transports, "Protocol Version Header".
pub(super) fn check_version(
    headers: &HeaderMap,
    dispatcher: &dyn Dispatcher,
) -> Result<(), RejectError> {
    let mut values = headers.get_all(header::MCP_PROTOCOL_VERSION).iter();
    let Some(value) = values.next() else { return Ok(()) };
    let version = value.to_str().ok().and_then(ProtocolVersion::parse);
    let served = version.is_some_and(|version| {
        !version.is_modern() && dispatcher.supported_versions().contains(&version)
    });
    if served && values.next().is_none() { Ok(()) } else { Err(RejectError::VersionNotServed) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use palisade_protocol::{DecodeLimits, Inbound};

    use super::{Era, Words, is_modern, of};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        pairs.iter().map(pair).for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn headers_of_the_newest_revision() {
        for (pairs, modern) in [
            (&[][..], false),
            (&[("mcp-protocol-version", "2025-11-25")], false),
            (&[("mcp-protocol-version", "2024-11-05"), ("mcp-session-id", "x")], false),
            (&[("mcp-protocol-version", "2026-07-28")], true),
            (&[("mcp-protocol-version", "2027-01-01")], true),
            (&[("mcp-protocol-version", "")], true),
            (&[("mcp-method", "tools/call")], true),
            (&[("mcp-method", ""), ("mcp-protocol-version", "2025-11-25")], false),
            (&[("mcp-protocol-version", "2025-11-25"), ("mcp-protocol-version", "x")], true),
        ] {
            assert_eq!(is_modern(&Words::of(&headers(pairs))), modern, "{pairs:?}");
        }
    }

    #[test]
    fn bodies_without_headers() {
        let in_session = headers(&[("mcp-session-id", "x")]);
        for (body, without, within) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, Era::Opening, Era::Session),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Era::Session, Era::Session),
            (r#"{"jsonrpc":"2.0","method":"initialize"}"#, Era::Session, Era::Session),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Era::Session, Era::Session),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"_meta":
                    {"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
                Era::Modern,
                Era::Modern,
            ),
            ("[]", Era::Modern, Era::Session),
            ("{", Era::Modern, Era::Modern),
            ("", Era::Modern, Era::Modern),
        ] {
            let bytes = body.as_bytes();
            let message = Inbound::decode(bytes, &DecodeLimits::default());
            assert_eq!(of(&HeaderMap::new(), bytes, &message), without, "{body}");
            assert_eq!(of(&in_session, bytes, &message), within, "{body}");
        }
    }
}

//! Of which era a server is, told by what it answers to `server/discover`.

use palisade_protocol::{ErrorCode, ErrorObject, ProtocolVersion};
use palisade_transport::TransportError;

use crate::{ClientError, engine::supported_versions};

/// Whether the probe failed as it does with a server of an older revision.
///
/// Only an error that the newest revision alone has says that the server speaks it. Everything else that a server
/// may answer, silence included, is how an older one meets what it does not know. What is no answer of a server at
/// all (it cannot be reached, its certificate is wrong, it wants credentials) says nothing of its era.
///
/// # Specification
///
/// MCP 2026-07-28, stdio, "Backward Compatibility"; Streamable HTTP, "Backward Compatibility".
pub(crate) fn is_legacy(failure: &ClientError, versions: &[ProtocolVersion]) -> bool {
    match failure {
        ClientError::Rpc(error) => !is_modern(error) || offers_older(error, versions),
        // It discovered itself, and lists no revision that needs no session.
        ClientError::UnsupportedVersion { supported } => lists_older(supported, versions),
        ClientError::Timeout(_) | ClientError::InvalidResponse(_) => true,
        ClientError::Transport(error) => matches!(
            error,
            TransportError::Status { .. }
                | TransportError::InvalidResponse(_)
                | TransportError::Interrupted
                | TransportError::SessionExpired
        ),
        _ => false,
    }
}

/// Whether only a server of the newest revision answers so.
fn is_modern(error: &ErrorObject) -> bool {
    match error.code {
        ErrorCode::HEADER_MISMATCH | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY => true,
        // The code alone could be somebody's own.
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION => !supported_versions(error).is_empty(),
        _ => false,
    }
}

/// Whether a modern server offers to be spoken to in an older revision.
fn offers_older(error: &ErrorObject, versions: &[ProtocolVersion]) -> bool {
    error.code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        && lists_older(&supported_versions(error), versions)
}

fn lists_older(supported: &[String], versions: &[ProtocolVersion]) -> bool {
    let common =
        |name: &String| ProtocolVersion::parse(name).filter(|version| versions.contains(version));
    let mut common = supported.iter().filter_map(common).peekable();
    common.peek().is_some() && common.all(|version| !version.is_modern())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use palisade_protocol::{DecodeErrorKind, Eras};
    use serde_json::json;

    use super::*;
    use crate::InvalidResponse;

    #[track_caller]
    fn check(failure: impl Into<ClientError>, expected: bool) {
        let failure = failure.into();
        assert_eq!(is_legacy(&failure, Eras::Both.versions()), expected, "{failure:?}");
    }

    fn rpc(code: i32) -> ErrorObject {
        ErrorObject::new(ErrorCode::new(code), "no")
    }

    #[test]
    fn any_answer_that_is_not_modern_is_legacy() {
        for code in [-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32022, 0, 400] {
            check(ClientError::Rpc(rpc(code)), true);
        }
        for status in [400, 404, 405, 406, 415, 500, 501, 302] {
            check(TransportError::Status { status }, true);
        }
        check(TransportError::Interrupted, true);
        check(TransportError::InvalidResponse("it is not http"), true);
        check(InvalidResponse::Message(DecodeErrorKind::Syntax), true);
        check(InvalidResponse::Result { method: "server/discover".into() }, true);
        check(ClientError::Timeout(Duration::from_secs(1)), true);
    }

    #[test]
    fn a_modern_error_is_modern() {
        let unsupported = |supported: &[&str]| {
            ClientError::Rpc(rpc(-32022).with_data(json!({"supported":supported,"requested":"x"})))
        };
        check(ClientError::Rpc(rpc(-32020)), false);
        check(ClientError::Rpc(rpc(-32021)), false);
        check(unsupported(&["2026-07-28"]), false);
        check(unsupported(&["2026-07-28", "2025-11-25"]), false);
        check(unsupported(&["2030-01-01"]), false);
        // It says itself how it wants to be spoken to.
        check(unsupported(&["2025-11-25"]), true);
        check(ClientError::UnsupportedVersion { supported: vec!["2025-06-18".into()] }, true);
        check(ClientError::UnsupportedVersion { supported: vec!["2030-01-01".into()] }, false);
    }

    #[test]
    fn what_no_server_answered_says_nothing() {
        let origin = || "https://a.example".to_owned();
        check(TransportError::ConnectionRefused { origin: origin(), reason: String::new() }, false);
        check(TransportError::Tls { origin: origin(), reason: String::new() }, false);
        check(TransportError::ConnectTimeout(Duration::from_secs(1)), false);
        check(TransportError::Unauthorized { challenge: None }, false);
        check(TransportError::Forbidden { challenge: None }, false);
        check(TransportError::CredentialsNotSent { origin: origin() }, false);
        check(TransportError::Credentials("none".into()), false);
        check(TransportError::Closed, false);
    }
}

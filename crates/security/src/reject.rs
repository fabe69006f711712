//! [`RejectError`]: every refusal of a request before a handler.

use std::time::Duration;

use crate::{authn::AuthnError, policy::DenyReason};

/// JSON-RPC code of a request without valid credentials.
pub const UNAUTHENTICATED: i32 = -31401;
/// JSON-RPC code of a request that origin, host or policy forbid.
pub const FORBIDDEN: i32 = -31403;
/// JSON-RPC code of a request over a rate or number limit.
pub const RATE_LIMITED: i32 = -31429;
/// JSON-RPC code of a request that cannot be served now.
pub const UNAVAILABLE: i32 = -31503;
/// JSON-RPC code of parameters that are malformed. The specification's, like the others it assigns.
const INVALID_PARAMS: i32 = -32602;
/// JSON-RPC code of any other refusal by a transport.
pub const REFUSED: i32 = -31400;

/// Why a request was refused before it reached a handler. Safe to send and to log: one line, nothing of
/// the request in it. Refusals of the envelope itself are `palisade-protocol`'s.
///
/// # Specification
///
/// MCP 2026-07-28, "Error Codes": codes of an implementation lie outside -32768 to -32000.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectError {
    /// `Host` is missing, or there are several.
    #[error("exactly one host is required")]
    HostMissing,
    /// `Host` is malformed or not allowed.
    #[error("host is not allowed")]
    HostNotAllowed,
    /// An `Origin` header is present and not allowed.
    #[error("origin is not allowed")]
    OriginNotAllowed,
    /// A trusted proxy does not say for whom it forwards, or says it in no known form.
    #[error("the proxy must say for whom it forwards")]
    InvalidForwarded,
    /// A page asks for a method or a header that it may not use.
    #[error("the page may not send this method or one of these headers")]
    PreflightNotAllowed,
    /// The peer is remote, and the configuration serves this machine only.
    #[error("only local peers are served")]
    PeerNotAllowed,
    /// A link was made for somebody else, or is not good any more.
    #[error("the link is not for this user")]
    ForeignLink,
    /// Nothing is served on this path.
    #[error("nothing is served on this path")]
    NotFound,
    /// The HTTP method is not one that is served: `POST`, and `GET` and `DELETE` where there are sessions.
    #[error("http method is not allowed")]
    MethodNotAllowed,
    /// The content type is not `application/json` in UTF-8.
    #[error("content type must be application/json")]
    UnsupportedMediaType,
    /// The body is compressed.
    #[error("content encoding is not supported")]
    UnsupportedContentEncoding,
    /// The client does not take both `application/json` and `text/event-stream`.
    #[error("client must accept application/json and text/event-stream")]
    NotAcceptable,
    /// `Content-Length` is not a number.
    #[error("content length is invalid")]
    InvalidContentLength,
    /// The request asks for another protocol behind it.
    #[error("upgrades are not supported")]
    UpgradeNotSupported,
    /// The body is larger than the configured limit.
    #[error("request body exceeds {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// There are too many headers, or they are too large together.
    #[error("request headers exceed the limit")]
    HeadersTooLarge,
    /// The body did not arrive in time.
    #[error("request body did not arrive in time")]
    BodyTimeout,
    /// The request has no principal.
    #[error(transparent)]
    Unauthenticated(#[from] AuthnError),
    /// The policy denies the request.
    #[error(transparent)]
    Denied(#[from] DenyReason),
    /// The principal or address sends too many requests.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The principal has too many requests in flight.
    #[error("too many requests in flight")]
    TooManyInFlight {
        /// When to try again.
        retry_after: Duration,
    },
    /// The principal has too many open streams.
    #[error("too many subscriptions")]
    TooManySubscriptions {
        /// When to try again.
        retry_after: Duration,
    },
    /// The request belongs to no session, and says of no revision without sessions that it is of it.
    #[error("the request belongs to no session: begin with initialize")]
    SessionRequired,
    /// The session is to be spoken in a revision that is not served.
    #[error("protocol version is not served")]
    VersionNotServed,
    /// There is no such session, or it is another principal's: nobody is told which.
    #[error("there is no such session")]
    SessionNotFound,
    /// There are as many sessions as there may be, of this principal or of all.
    #[error("too many sessions")]
    TooManySessions {
        /// When to try again.
        retry_after: Duration,
    },
    /// A client listens on this stream already.
    #[error("the stream has a reader")]
    StreamTaken,
    /// The stream cannot be resumed after this event: there is none, or what followed it is not kept.
    #[error("the stream cannot be resumed after this event")]
    EventNotFound,
    /// The principal has as many tasks as it may have. Those that have ended count until their time is up.
    #[error("too many tasks")]
    TooManyTasks {
        /// When to try again.
        retry_after: Duration,
    },
    /// All callers together have too many requests in flight.
    #[error("server is overloaded")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The server is shutting down.
    #[error("server is shutting down")]
    ShuttingDown,
    /// The audit log has no room for the record of this request, and the configuration says that nothing
    /// may go unrecorded.
    #[error("audit log is unavailable")]
    AuditUnavailable,
}

impl RejectError {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.describe().0
    }

    /// The HTTP status to answer with.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        self.describe().1
    }

    /// The JSON-RPC error code to answer with.
    #[must_use]
    pub const fn jsonrpc_code(&self) -> i32 {
        self.describe().2
    }

    /// When to try again: the `Retry-After` header, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let retry_after = match self {
            Self::RateLimited { retry_after }
            | Self::TooManyInFlight { retry_after }
            | Self::TooManySubscriptions { retry_after }
            | Self::TooManySessions { retry_after }
            | Self::TooManyTasks { retry_after }
            | Self::Overloaded { retry_after } => *retry_after,
            Self::Unauthenticated(error) => error.retry_after()?,
            _ => return None,
        };
        let rounded = u64::from(retry_after.subsec_nanos() > 0);
        Some(Duration::from_secs(retry_after.as_secs().saturating_add(rounded).max(1)))
    }

    /// Whether the connection must be closed after the answer, because what follows on it cannot be
    /// trusted to be a request: the rest of a body may still be on its way.
    #[must_use]
    pub const fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::BodyTooLarge { .. }
                | Self::HeadersTooLarge
                | Self::BodyTimeout
                | Self::InvalidContentLength
                | Self::UpgradeNotSupported
                | Self::ShuttingDown
        )
    }

    /// Name, HTTP status and JSON-RPC code: the one place where they are assigned.
    const fn describe(&self) -> (&'static str, u16, i32) {
        match self {
            Self::HostMissing => ("invalid_host", 400, REFUSED),
            Self::HostNotAllowed => ("host_not_allowed", 403, FORBIDDEN),
            Self::OriginNotAllowed => ("origin_not_allowed", 403, FORBIDDEN),
            Self::InvalidForwarded => ("invalid_forwarded", 400, REFUSED),
            Self::PreflightNotAllowed => ("preflight_not_allowed", 403, FORBIDDEN),
            Self::PeerNotAllowed => ("peer_not_allowed", 403, FORBIDDEN),
            Self::ForeignLink => ("link_not_allowed", 403, FORBIDDEN),
            Self::NotFound => ("not_found", 404, REFUSED),
            Self::MethodNotAllowed => ("method_not_allowed", 405, REFUSED),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, REFUSED),
            Self::UnsupportedContentEncoding => ("unsupported_content_encoding", 415, REFUSED),
            Self::NotAcceptable => ("not_acceptable", 406, REFUSED),
            Self::InvalidContentLength => ("invalid_content_length", 400, REFUSED),
            Self::UpgradeNotSupported => ("upgrade_not_supported", 400, REFUSED),
            Self::BodyTooLarge { .. } => ("body_too_large", 413, REFUSED),
            Self::HeadersTooLarge => ("headers_too_large", 431, REFUSED),
            Self::BodyTimeout => ("body_timeout", 408, REFUSED),
            Self::Unauthenticated(error) => (
                error.code(),
                error.http_status(),
                match error {
                    AuthnError::Unavailable | AuthnError::Busy => UNAVAILABLE,
                    AuthnError::Throttled { .. } => RATE_LIMITED,
                    AuthnError::MissingCredentials
                    | AuthnError::InvalidCredentials
                    | AuthnError::Expired
                    | AuthnError::MultipleCredentials
                    | AuthnError::CredentialsInQuery => UNAUTHENTICATED,
                },
            ),
            // Not a matter of who asks: the parameters are good for nobody.
            Self::Denied(reason @ (DenyReason::InvalidUri | DenyReason::InvalidPath)) => {
                (reason.code(), 400, INVALID_PARAMS)
            }
            Self::Denied(reason) => (reason.code(), 403, FORBIDDEN),
            Self::RateLimited { .. } => ("rate_limited", 429, RATE_LIMITED),
            Self::TooManyInFlight { .. } => ("too_many_in_flight", 429, RATE_LIMITED),
            Self::TooManySubscriptions { .. } => ("too_many_subscriptions", 429, RATE_LIMITED),
            Self::SessionRequired => ("session_required", 400, REFUSED),
            Self::VersionNotServed => ("unsupported_protocol_version", 400, REFUSED),
            Self::SessionNotFound => ("session_not_found", 404, REFUSED),
            Self::TooManySessions { .. } => ("too_many_sessions", 429, RATE_LIMITED),
            Self::StreamTaken => ("stream_taken", 409, REFUSED),
            Self::EventNotFound => ("event_not_found", 400, REFUSED),
            Self::TooManyTasks { .. } => ("too_many_tasks", 429, RATE_LIMITED),
            Self::Overloaded { .. } => ("overloaded", 503, UNAVAILABLE),
            Self::ShuttingDown => ("shutting_down", 503, UNAVAILABLE),
            Self::AuditUnavailable => ("audit_unavailable", 503, UNAVAILABLE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &RejectError, code: &str, http_status: u16, jsonrpc_code: i32) {
        assert_eq!(
            (error.code(), error.http_status(), error.jsonrpc_code()),
            (code, http_status, jsonrpc_code)
        );
        let assigned = error.jsonrpc_code() == INVALID_PARAMS;
        let reserved = (-32768..=-32000).contains(&error.jsonrpc_code());
        assert!(assigned || !reserved, "reserved by JSON-RPC");
        let text = error.to_string();
        assert!(
            !text.contains('\n') && text.starts_with(|c: char| c.is_ascii_lowercase()),
            "{text}"
        );
    }

    #[test]
    fn each_refusal_has_its_status_and_codes() {
        check(&RejectError::HostNotAllowed, "host_not_allowed", 403, -31403);
        check(&RejectError::HostMissing, "invalid_host", 400, -31400);
        check(&RejectError::OriginNotAllowed, "origin_not_allowed", 403, -31403);
        check(&RejectError::PreflightNotAllowed, "preflight_not_allowed", 403, -31403);
        check(&RejectError::InvalidForwarded, "invalid_forwarded", 400, -31400);
        check(&RejectError::UpgradeNotSupported, "upgrade_not_supported", 400, -31400);
        check(&RejectError::NotFound, "not_found", 404, -31400);
        check(&RejectError::MethodNotAllowed, "method_not_allowed", 405, -31400);
        check(&RejectError::UnsupportedMediaType, "unsupported_media_type", 415, -31400);
        check(
            &RejectError::UnsupportedContentEncoding,
            "unsupported_content_encoding",
            415,
            -31400,
        );
        check(&RejectError::NotAcceptable, "not_acceptable", 406, -31400);
        check(&RejectError::BodyTooLarge { limit: 5 }, "body_too_large", 413, -31400);
        check(&RejectError::HeadersTooLarge, "headers_too_large", 431, -31400);
        check(&RejectError::BodyTimeout, "body_timeout", 408, -31400);
        check(&AuthnError::MissingCredentials.into(), "missing_credentials", 401, -31401);
        check(&AuthnError::InvalidCredentials.into(), "invalid_credentials", 401, -31401);
        check(&AuthnError::Expired.into(), "expired_credentials", 401, -31401);
        check(&AuthnError::CredentialsInQuery.into(), "credentials_in_query", 400, -31401);
        check(&AuthnError::MultipleCredentials.into(), "multiple_credentials", 400, -31401);
        check(&AuthnError::Unavailable.into(), "authentication_unavailable", 503, -31503);
        check(&AuthnError::Busy.into(), "authentication_busy", 503, -31503);
        let throttled = AuthnError::Throttled { retry_after: Duration::ZERO };
        check(&throttled.into(), "too_many_failed_attempts", 429, -31429);
        check(&DenyReason::ToolNotAuthorized.into(), "tool_not_authorized", 403, -31403);
        check(&DenyReason::PathNotAuthorized.into(), "path_not_authorized", 403, -31403);
        check(&DenyReason::UnauthorizedPath.into(), "unauthorized_path", 403, -31403);
        check(&DenyReason::InvalidUriScheme.into(), "invalid_uri_scheme", 403, -31403);
        check(&DenyReason::ArgumentNotAuthorized.into(), "argument_not_authorized", 403, -31403);
        check(&DenyReason::InvalidUri.into(), "invalid_uri", 400, -32602);
        check(&DenyReason::InvalidPath.into(), "invalid_path", 400, -32602);
        check(&DenyReason::PolicyFailed.into(), "policy_error", 403, -31403);
        check(&RejectError::ShuttingDown, "shutting_down", 503, -31503);
        check(&RejectError::AuditUnavailable, "audit_unavailable", 503, -31503);
        let retry_after = Duration::ZERO;
        check(&RejectError::RateLimited { retry_after }, "rate_limited", 429, -31429);
        check(&RejectError::SessionRequired, "session_required", 400, -31400);
        check(&RejectError::VersionNotServed, "unsupported_protocol_version", 400, -31400);
        check(&RejectError::SessionNotFound, "session_not_found", 404, -31400);
        check(&RejectError::TooManySessions { retry_after }, "too_many_sessions", 429, -31429);
        check(&RejectError::StreamTaken, "stream_taken", 409, -31400);
        check(&RejectError::EventNotFound, "event_not_found", 400, -31400);
        check(&RejectError::TooManyTasks { retry_after }, "too_many_tasks", 429, -31429);
        check(&RejectError::Overloaded { retry_after }, "overloaded", 503, -31503);
        check(&RejectError::TooManyInFlight { retry_after }, "too_many_in_flight", 429, -31429);
        check(
            &RejectError::TooManySubscriptions { retry_after },
            "too_many_subscriptions",
            429,
            -31429,
        );
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let rounded = |millis| {
            RejectError::RateLimited { retry_after: Duration::from_millis(millis) }.retry_after()
        };
        assert_eq!(rounded(0), Some(Duration::from_secs(1)));
        assert_eq!(rounded(1000), Some(Duration::from_secs(1)));
        assert_eq!(rounded(1001), Some(Duration::from_secs(2)));
        assert_eq!(RejectError::HostNotAllowed.retry_after(), None);
        let of = |error: AuthnError| RejectError::from(error).retry_after();
        let retry_after = Duration::from_millis(1500);
        assert_eq!(of(AuthnError::Throttled { retry_after }), Some(Duration::from_secs(2)));
        assert_eq!(of(AuthnError::Busy), Some(Duration::from_secs(1)));
        assert_eq!(of(AuthnError::InvalidCredentials), None);
    }
}

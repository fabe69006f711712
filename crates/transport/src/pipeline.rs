//! Steps on the way of a request that every server transport takes alike, whatever the wire: room for the
//! audit record, a place among the requests in flight, the version, the time limit.

mod admission;
mod patience;
mod span;
mod trail;
mod within;

use std::time::Duration;

use palisade_protocol::{ErrorCode, ErrorObject, ProtocolVersion, RequestId, RequestMeta, method};
use palisade_security::{Principal, ServerSecurity};

pub use self::{
    admission::{Admission, Place},
    patience::{open_in_time, request_in_time},
    span::request_span,
    trail::Trail,
    within::within,
};
use crate::{Call, Dispatcher, Reply};

/// The version that a request of a modern revision names.
///
/// # Errors
///
/// `-32602` if `_meta` lacks the version, or the capabilities of the client. An older client, whose `initialize`
/// lacks the former, has nothing else to show to its user, so the message names what is spoken.
///
/// # Specification
///
/// MCP 2026-07-28, Base Protocol, "`_meta`"; Versioning, "Backward Compatibility with Initialization-Based
/// Versions".
pub fn required_version<'a>(
    meta: Option<&'a RequestMeta<'_>>,
    dispatcher: &dyn Dispatcher,
) -> Result<&'a str, ErrorObject> {
    let version = meta.and_then(|meta| meta.protocol_version.as_deref());
    match (version, meta.and_then(|meta| meta.client_capabilities)) {
        (Some(version), Some(_)) => Ok(version),
        (None, _) => {
            let spoken = dispatcher.supported_versions().iter().map(|version| version.as_str());
            let spoken = spoken.collect::<Vec<_>>().join(", ");
            Err(ErrorObject::invalid_params(format!(
                "`_meta` lacks the protocol version, one of: {spoken}"
            )))
        }
        (_, None) => Err(ErrorObject::invalid_params("`_meta` lacks the client capabilities")),
    }
}

/// The version of this name, if it is served and one whose requests name it: older ones are spoken in
/// sessions.
///
/// # Errors
///
/// `-32022` with the versions that are served.
pub fn served_version(
    name: &str,
    dispatcher: &dyn Dispatcher,
) -> Result<ProtocolVersion, ErrorObject> {
    let supported = dispatcher.supported_versions();
    ProtocolVersion::parse(name)
        .filter(|version| version.is_modern() && supported.contains(version))
        .ok_or_else(|| ErrorObject::unsupported_protocol_version(name, supported))
}

/// The stable code of a refusal by the envelope, for the audit record.
#[must_use]
pub fn envelope_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::HEADER_MISMATCH => "header_mismatch",
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION => "unsupported_protocol_version",
        _ => "invalid_params",
    }
}

/// Dispatches with a time limit: what is left of the principal's credentials, and the request's own
/// limit unless it is a subscription.
///
/// # Cancel safety
///
/// Dropping the future cancels the request.
pub fn dispatch_in_time<'a>(
    dispatcher: &'a dyn Dispatcher,
    call: Call<'a>,
) -> impl Future<Output = Reply> + Send + 'a {
    let dispatch = dispatcher.dispatch(call);
    let life = remaining_life(call.security, call.principal);
    let limit = match &*call.request.method {
        method::SUBSCRIPTIONS_LISTEN => life,
        _ => {
            let limit = call.security.limits().request_timeout();
            Some(life.map_or(limit, |life| life.min(limit)))
        }
    };
    let id = &call.request.id;
    async move {
        let Some(limit) = limit else { return dispatch.await };
        within(limit, dispatch).await.unwrap_or_else(|| timed_out(id))
    }
}

fn timed_out(id: &RequestId) -> Reply {
    let error = ErrorObject::new(ErrorCode::INTERNAL_ERROR, "the time for this request is up");
    Reply::error(Some(id), &error, "request_timeout").with_http_status(504)
}

/// How long the principal's credentials are still good; none if they do not end.
#[must_use]
pub fn remaining_life(security: &ServerSecurity, principal: &Principal) -> Option<Duration> {
    let expires_at = principal.expires_at()?.as_millis();
    let now = security.clock().now().as_millis();
    Some(Duration::from_millis(expires_at.saturating_sub(now)))
}

//! The guard: one pure decision over the head of a request, before its body is read.

mod head;
mod media;

use head::{Head, Looked};
use http::{HeaderMap, Method, Uri, request::Parts};

use crate::{config::ServerSecurity, limits::Limits, reject::RejectError};

/// The value of the `Allow` header that goes with [`RejectError::MethodNotAllowed`].
pub const ALLOWED_METHODS: &str = "POST";

/// The same where sessions of the older revisions are served: `GET` listens, `DELETE` ends a session.
pub const ALLOWED_METHODS_WITH_SESSIONS: &str = "POST, GET, DELETE";

/// What the guard looks at.
#[allow(missing_debug_implementations, reason = "the headers hold credentials")]
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct GuardInput<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The URI of the request, with the authority if the request had one.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// Whether sessions of the older revisions are served.
    pub sessions: bool,
}

impl<'a> GuardInput<'a> {
    /// The head of a request, where no sessions are served.
    #[must_use]
    pub const fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        Self { method, uri, headers, sessions: false }
    }

    /// The same, where sessions of the older revisions are served or not.
    #[must_use]
    pub const fn with_sessions(mut self, sessions: bool) -> Self {
        self.sessions = sessions;
        self
    }
}

impl<'a> From<&'a Parts> for GuardInput<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self::new(&parts.method, &parts.uri, &parts.headers)
    }
}

/// Decides whether the body of a request is worth reading: size of the headers, Host, Origin, method,
/// content type and encoding, what the client accepts, announced length; in this order, so that a foreign
/// page learns nothing but that it is foreign. Allocates nothing.
///
/// # Errors
///
/// The first [`RejectError`] that applies.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP, "Security & Endpoint" and "Sending Messages"; 2025-11-25, Transports,
/// "Listening for Messages from the Server" and "Session Management".
pub fn check(input: &GuardInput<'_>, security: &ServerSecurity) -> Result<(), RejectError> {
    let head = Head::of(input.headers);
    check_source_of(&head, input.uri, security)?;
    match *input.method {
        Method::POST => check_content(&head, security.limits()),
        Method::GET if input.sessions => check_listener(&head),
        Method::DELETE if input.sessions => Ok(()),
        _ => Err(RejectError::MethodNotAllowed),
    }
}

/// Whoever listens takes events.
fn check_listener(head: &Head<'_>) -> Result<(), RejectError> {
    if media::accepts_events(accepted(head)) { Ok(()) } else { Err(RejectError::NotAcceptable) }
}

fn accepted<'a>(head: &Head<'a>) -> impl Iterator<Item = &'a str> {
    head.values(Looked::Accept).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether the request is one that this server looks at at all: size of the headers, Host, Origin.
pub(crate) fn check_source(
    input: &GuardInput<'_>,
    security: &ServerSecurity,
) -> Result<(), RejectError> {
    check_source_of(&Head::of(input.headers), input.uri, security)
}

fn check_source_of(
    head: &Head<'_>,
    uri: &Uri,
    security: &ServerSecurity,
) -> Result<(), RejectError> {
    check_header_limits(head, security.limits())?;
    check_framing(head)?;
    security.allowed_hosts().check_values(uri, head.values(Looked::Host))?;
    security.allowed_origins().check_values(head.values(Looked::Origin))
}

/// Refuses what two readers could understand differently: another protocol behind this request, and a body
/// that ends in two places.
fn check_framing(head: &Head<'_>) -> Result<(), RejectError> {
    if head.values(Looked::Upgrade).next().is_some() {
        return Err(RejectError::UpgradeNotSupported);
    }
    let mut encodings = head.values(Looked::TransferEncoding);
    let Some(encoding) = encodings.next() else { return Ok(()) };
    let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
    let length = head.values(Looked::ContentLength).next();
    if !chunked || encodings.next().is_some() || length.is_some() {
        return Err(RejectError::InvalidContentLength);
    }
    Ok(())
}

fn check_header_limits(head: &Head<'_>, limits: &Limits) -> Result<(), RejectError> {
    if head.headers.len() > limits.max_headers() || head.bytes > limits.max_header_bytes() {
        return Err(RejectError::HeadersTooLarge);
    }
    Ok(())
}

fn check_content(head: &Head<'_>, limits: &Limits) -> Result<(), RejectError> {
    let mut types = head.values(Looked::ContentType);
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(media::is_json);
    if !json || types.next().is_some() {
        return Err(RejectError::UnsupportedMediaType);
    }
    let identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !head.values(Looked::ContentEncoding).all(identity) {
        return Err(RejectError::UnsupportedContentEncoding);
    }
    if !media::accepts_json_and_events(accepted(head)) {
        return Err(RejectError::NotAcceptable);
    }
    for value in head.values(Looked::ContentLength) {
        let text = value.to_str().map_err(|_| RejectError::InvalidContentLength)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(RejectError::InvalidContentLength);
        }
        // A number that does not fit is larger than any limit.
        if text.parse::<usize>().map_or(true, |length| length > limits.max_body_bytes()) {
            return Err(RejectError::BodyTooLarge { limit: limits.max_body_bytes() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

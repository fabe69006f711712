//! The guard: one pure decision over the head of a request, before its body is read.

mod media;

use http::{
    HeaderMap, Method, Uri,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE},
    request::Parts,
};

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
    check_source(input, security)?;
    match *input.method {
        Method::POST => check_content(input.headers, security.limits()),
        Method::GET if input.sessions => check_listener(input.headers),
        Method::DELETE if input.sessions => Ok(()),
        _ => Err(RejectError::MethodNotAllowed),
    }
}

/// Whoever listens takes events.
fn check_listener(headers: &HeaderMap) -> Result<(), RejectError> {
    if media::accepts_events(accepted(headers)) { Ok(()) } else { Err(RejectError::NotAcceptable) }
}

fn accepted(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(ACCEPT).iter().map(|value| value.to_str().unwrap_or("?"))
}

/// Whether the request is one that this server looks at at all: size of the headers, Host, Origin.
pub(crate) fn check_source(
    input: &GuardInput<'_>,
    security: &ServerSecurity,
) -> Result<(), RejectError> {
    check_header_limits(input.headers, security.limits())?;
    check_framing(input.headers)?;
    security.allowed_hosts().check(input.uri, input.headers)?;
    security.allowed_origins().check(input.headers)
}

/// Refuses what two readers could understand differently: another protocol behind this request, and a body
/// that ends in two places.
fn check_framing(headers: &HeaderMap) -> Result<(), RejectError> {
    if headers.contains_key(UPGRADE) {
        return Err(RejectError::UpgradeNotSupported);
    }
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(encoding) = encodings.next() else { return Ok(()) };
    let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if !chunked || encodings.next().is_some() || headers.contains_key(CONTENT_LENGTH) {
        return Err(RejectError::InvalidContentLength);
    }
    Ok(())
}

fn check_header_limits(headers: &HeaderMap, limits: &Limits) -> Result<(), RejectError> {
    // As on the wire of HTTP/1.1: name, colon, space, value, line end.
    let bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > limits.max_headers() || bytes > limits.max_header_bytes() {
        return Err(RejectError::HeadersTooLarge);
    }
    Ok(())
}

fn check_content(headers: &HeaderMap, limits: &Limits) -> Result<(), RejectError> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(media::is_json);
    if !json || types.next().is_some() {
        return Err(RejectError::UnsupportedMediaType);
    }
    let identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        return Err(RejectError::UnsupportedContentEncoding);
    }
    if !media::accepts_json_and_events(accepted(headers)) {
        return Err(RejectError::NotAcceptable);
    }
    for value in headers.get_all(CONTENT_LENGTH) {
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

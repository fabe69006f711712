//! What one HTTP request is answered with, before it is known whether it streams.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use palisade_protocol::{ErrorObject, RequestId, header::MCP_SESSION_ID};
use palisade_security::{Preflight, RejectError, ResponseHeaders};
use palisade_transport::Reply;

use super::body::{Frames, HttpBody};

const SESSION_ID: HeaderName = HeaderName::from_static(MCP_SESSION_ID);

/// The answer to one request.
pub(super) struct Answer {
    status: StatusCode,
    /// JSON, or nothing.
    pub(super) message: Bytes,
    challenge: Option<HeaderValue>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    close: bool,
    more: Option<Box<More>>,
}

/// What few answers have.
#[derive(Default)]
struct More {
    /// What a preflight is told, or which session was opened.
    headers: HeaderMap,
    /// A stream of a session.
    frames: Option<Box<dyn Frames>>,
}

impl Answer {
    fn new(status: u16, message: Bytes) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message,
            challenge: None,
            retry_after: None,
            allow: None,
            close: false,
            more: None,
        }
    }

    /// `202`: a notification was accepted.
    pub(super) fn accepted() -> Self {
        Self::new(202, Bytes::new())
    }

    /// The engine's reply.
    pub(super) fn reply(reply: Reply) -> Self {
        Self { retry_after: reply.retry_after, ..Self::new(reply.http_status, reply.message) }
    }

    /// A JSON-RPC error with its status.
    pub(super) fn error(status: u16, id: Option<&RequestId>, error: &ErrorObject) -> Self {
        Self::new(status, Reply::error(id, error, "").message)
    }

    /// `204`: what a page may send.
    pub(super) fn preflight(preflight: Preflight) -> Self {
        let more = More { headers: preflight.into_headers(), frames: None };
        Self { more: Some(Box::new(more)), ..Self::new(204, Bytes::new()) }
    }

    /// A JSON document that is no message.
    pub(super) fn document(json: &str) -> Self {
        Self::new(200, Bytes::copy_from_slice(json.as_bytes()))
    }

    /// Nothing but a status.
    pub(super) fn empty(status: u16) -> Self {
        Self::new(status, Bytes::new())
    }

    /// A message.
    pub(super) fn json(message: Bytes) -> Self {
        Self::new(200, message)
    }

    /// A stream of a session.
    pub(super) fn stream(frames: impl Frames + 'static) -> Self {
        let more = More { headers: HeaderMap::new(), frames: Some(Box::new(frames)) };
        Self { more: Some(Box::new(more)), ..Self::new(200, Bytes::new()) }
    }

    /// The same, with the id of the session that was opened.
    pub(super) fn with_session(mut self, id: Option<HeaderValue>) -> Self {
        let headers = |id| HeaderMap::from_iter([(SESSION_ID, id)]);
        self.more = id.map(|id| Box::new(More { headers: headers(id), frames: None }));
        self
    }

    /// A refusal, with a challenge where credentials would help.
    pub(super) fn refusal(
        reject: &RejectError,
        challenge: Option<HeaderValue>,
        methods: &'static str,
    ) -> Self {
        let mut answer = Self::reply(Reply::rejected(None, reject));
        answer.challenge = challenge;
        answer.allow = matches!(reject, RejectError::MethodNotAllowed).then_some(methods);
        answer.close = reject.closes_connection();
        answer
    }

    /// The same; if it says which methods there are, then these.
    pub(super) fn with_methods(mut self, methods: &'static str) -> Self {
        self.allow = self.allow.and(Some(methods));
        self
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The response with one JSON body.
    pub(super) fn into_response(
        mut self,
        always: &ResponseHeaders,
        keep_alive: Duration,
    ) -> Response<HttpBody> {
        let mut more = self.more.take();
        if let Some(frames) = more.as_mut().and_then(|more| more.frames.take()) {
            return stream_response(HttpBody::lasting(frames, keep_alive), always);
        }
        let is_json = !self.message.is_empty();
        let mut response = Response::new(HttpBody::full(std::mem::take(&mut self.message)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(more) = more {
            *headers = more.headers;
        }
        if is_json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.write_headers(headers);
        always.write(headers);
        response
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        if let Some(challenge) = &self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// The head of a response that streams.
pub(super) fn stream_response(body: HttpBody, always: &ResponseHeaders) -> Response<HttpBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    always.write(headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks proxies not to hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

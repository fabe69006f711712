//! A response as it came, and short ways to what tests ask of it.

use std::io;

use serde_json::Value;

use super::wire::{Framing, Head, Headers, malformed, values};
use crate::sse::{self, SseEvent};

/// A response, or only its head while the body has not been read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RawResponse {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl RawResponse {
    pub(super) fn from_head(head: Head) -> io::Result<(Self, Framing)> {
        let mut words = head.first_line.splitn(3, ' ');
        if words.next().is_none_or(|version| !version.starts_with("HTTP/1.")) {
            return Err(malformed("status line"));
        }
        let status = words
            .next()
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| malformed("status"))?;
        let bodiless = matches!(status, 100..200 | 204 | 304);
        let framing =
            if bodiless { Framing::Length(0) } else { head.framing(Framing::UntilClose)? };
        Ok((Self { status, headers: head.headers, body: Vec::new() }, framing))
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.body.extend_from_slice(piece);
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }

    /// All headers as they came.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, without its framing.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}, status {}: {:?}", self.status, self.text()))
    }

    /// The body as Server-Sent Events.
    ///
    /// # Panics
    ///
    /// If the content type is another or the last event is torn.
    #[track_caller]
    pub fn events(&self) -> Vec<SseEvent> {
        let kind = self.header("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("text/event-stream"),
            "the content type is {kind:?}, status {}: {}",
            self.status,
            self.text()
        );
        sse::parse(&self.body)
    }

    /// The JSON-RPC messages of the body, whether it is one JSON document or a stream.
    ///
    /// # Panics
    ///
    /// If it is neither.
    #[track_caller]
    pub fn messages(&self) -> Vec<Value> {
        if self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            self.events().iter().filter(|event| event.data.is_some()).map(SseEvent::json).collect()
        } else {
            vec![self.json()]
        }
    }

    /// The code of the JSON-RPC error that the body is, if it is one.
    pub fn error_code(&self) -> Option<i64> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body.pointer("/error/code")?.as_i64()
    }
}

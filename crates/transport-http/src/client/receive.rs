//! From a response to its messages: status and media type decide what may be read, and how much.

use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use palisade_protocol::{DecodeLimits, Message};
use palisade_transport::{MessageStream, TransportError};
use tokio::sync::watch;

use super::stream::{EventStream, Single};

/// The most of a `WWW-Authenticate` header that is passed on.
const MAX_CHALLENGE: usize = 4 << 10;
/// The most of an error's body that is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// What a response holds.
pub(super) enum Received {
    /// One message, or none.
    Single(Single),
    /// Any number of them.
    Events(Box<EventStream>),
}

impl Received {
    /// The messages.
    pub(super) fn into_stream(self) -> Box<dyn MessageStream> {
        match self {
            Self::Single(single) => Box::new(single),
            Self::Events(events) => events,
        }
    }
}

/// The messages of a response.
pub(super) async fn receive(
    response: Response<Incoming>,
    limit: usize,
    context: Option<[u8; 32]>,
    closed: watch::Receiver<bool>,
) -> Result<Received, TransportError> {
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::ACCEPTED => return Ok(Received::Single(Single::new(None, context))),
        status => return refused(status, &head.headers, body, limit, context).await,
    }
    if !is_plain(&head.headers) {
        return Err(TransportError::InvalidResponse("it is compressed"));
    }
    match media_type(&head.headers) {
        Some(MediaType::Json) => {
            let message = collect(body, limit).await?;
            Ok(Received::Single(Single::new(Some(message), context)))
        }
        Some(MediaType::EventStream) => {
            Ok(Received::Events(Box::new(EventStream::new(body, limit, context, closed))))
        }
        None => Err(TransportError::InvalidResponse(
            "its media type is neither json nor an event stream",
        )),
    }
}

/// A response that is not a success: a JSON-RPC error if the body is one, else the status.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP, "Backward Compatibility": the body tells a modern server's refusal
/// from anything else that answers with the same status.
async fn refused(
    status: StatusCode,
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
    context: Option<[u8; 32]>,
) -> Result<Received, TransportError> {
    let challenge = challenge(headers);
    if status == StatusCode::UNAUTHORIZED {
        return Err(TransportError::Unauthorized { challenge });
    }
    if status == StatusCode::FORBIDDEN && challenge.is_some() {
        return Err(TransportError::Forbidden { challenge });
    }
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && is_plain(headers) && matches!(media_type(headers), Some(MediaType::Json)) {
        // A body that is too large or broken off is not worth more than the status.
        if let Ok(message) = collect(body, limit.min(MAX_ERROR_BYTES)).await
            && let Ok(Message::Response(response)) =
                Message::decode(&message, &DecodeLimits::default())
            && response.outcome.is_err()
        {
            return Ok(Received::Single(Single::new(Some(message), context)));
        }
    }
    match status {
        StatusCode::FORBIDDEN => Err(TransportError::Forbidden { challenge }),
        status => Err(TransportError::Status { status: status.as_u16() }),
    }
}

/// The whole body, up to the limit.
async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, TransportError> {
    let too_large = TransportError::ResponseTooLarge { limit };
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large);
    }
    let mut whole = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| TransportError::Interrupted)?.into_data() else {
            continue;
        };
        if whole.len().saturating_add(joined.len()).saturating_add(data.len()) > limit {
            return Err(too_large);
        }
        // Most bodies come in one piece, which is not copied.
        if whole.is_empty() && joined.is_empty() {
            whole = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { whole } else { joined.into() })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MediaType {
    Json,
    EventStream,
}

/// The media type without its parameters; two headers are none.
fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let name = value.to_str().ok()?.split(';').next().unwrap_or_default().trim();
    if name.eq_ignore_ascii_case("application/json") {
        Some(MediaType::Json)
    } else if name.eq_ignore_ascii_case("text/event-stream") {
        Some(MediaType::EventStream)
    } else {
        None
    }
}

/// Whether the body is not compressed. None was asked for, and what it expands to has no bound.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// All challenges in one line, if they are text and not too long.
fn challenge(headers: &HeaderMap) -> Option<String> {
    let mut all = String::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(value) = value.to_str() else { continue };
        if all.len().saturating_add(value.len()).saturating_add(2) > MAX_CHALLENGE {
            break;
        }
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(value);
    }
    (!all.is_empty()).then_some(all)
}

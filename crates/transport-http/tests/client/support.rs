//! Requests as an engine sends them, and readers of what comes back.

use std::{future::poll_fn, pin::Pin, time::Duration};

use bytes::Bytes;
use palisade_protocol::ProtocolVersion;
use palisade_testkit::within;
use palisade_transport::{ClientTransport, MessageStream, OutboundRequest, TransportError};
use palisade_transport_http::HttpTransport;
use serde_json::{Value, json};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) type Messages = Pin<Box<dyn MessageStream>>;

pub(crate) fn request() -> OutboundRequest {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {} });
    OutboundRequest::new(Bytes::from(body.to_string()), ProtocolVersion::LATEST, "tools/call")
        .with_name("add")
}

pub(crate) async fn send(transport: &HttpTransport) -> Result<Messages, TransportError> {
    within(LIMIT, transport.request(request())).await.map(Box::into_pin)
}

pub(crate) async fn next(stream: &mut Messages) -> Option<Result<Value, TransportError>> {
    let message = within(LIMIT, poll_fn(|cx| stream.as_mut().poll_next(cx))).await;
    message.map(|message| message.map(|bytes| serde_json::from_slice(&bytes).unwrap()))
}

/// All messages, and the error that ended them if one did.
pub(crate) async fn all(transport: &HttpTransport) -> (Vec<Value>, Option<TransportError>) {
    let mut messages = Vec::new();
    let mut stream = match send(transport).await {
        Ok(stream) => stream,
        Err(error) => return (messages, Some(error)),
    };
    while let Some(message) = next(&mut stream).await {
        match message {
            Ok(message) => messages.push(message),
            Err(error) => return (messages, Some(error)),
        }
    }
    (messages, None)
}

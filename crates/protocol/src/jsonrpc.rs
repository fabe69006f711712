//! The JSON-RPC envelope: one bounded decode that borrows from the bytes, and the encoder.

mod batch;
mod decode;
pub mod encode;
mod id;
mod inbound;
mod key;
mod ordinary;
mod scan;
pub(crate) mod text;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) use self::key::Key;
pub use self::{
    batch::batch,
    decode::{DecodeError, DecodeErrorKind, DecodeLimits},
    id::RequestId,
    inbound::Inbound,
};
use crate::ErrorObject;

/// One JSON-RPC message, borrowed from the bytes it was decoded from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Message<'a> {
    /// Wants a response.
    Request(Request<'a>),
    /// Wants none.
    Notification(Notification<'a>),
    /// Answers a request.
    Response(Response<'a>),
}

/// A request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Names the request; never null.
    pub id: RequestId,
    /// What to do.
    pub method: Cow<'a, str>,
    /// With what, undecoded: an object. `None` too where [`Inbound`] has decoded it along.
    pub params: Option<&'a RawValue>,
}

/// A notification.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification<'a> {
    /// What happened.
    pub method: Cow<'a, str>,
    /// The details, undecoded: an object.
    pub params: Option<&'a RawValue>,
}

/// A response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response<'a> {
    /// The request it answers; `None` on an error whose request could not be read.
    pub id: Option<RequestId>,
    /// The result, undecoded, or the error.
    pub outcome: Result<&'a RawValue, ErrorObject>,
}

impl<'a> Message<'a> {
    /// Decodes one message.
    ///
    /// Refused are: bytes that are not exactly one JSON object, more nesting than
    /// [`DecodeLimits::depth`], a key that appears twice in one object anywhere in the message, a
    /// top-level key that equals a JSON-RPC member but for its case, ids that are not strings or
    /// integers, arrays (batches), and `params` that are not objects. Whoever decodes the parts later
    /// sees the same message as everyone before: that closes request smuggling between layers.
    ///
    /// At most three heap allocations for a message without escapes in its keys.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says why and, if it could be read, for which request id.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Overview, "Messages"; JSON-RPC 2.0.
    pub fn decode(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        decode::decode(bytes, limits)
    }
}

/// An error response on its way out.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ErrorResponse<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RequestId>,
    error: &'a ErrorObject,
}

impl<'a> ErrorResponse<'a> {
    /// Answers a request, or nobody in particular if its id could not be read.
    #[must_use]
    pub fn new(id: Option<&'a RequestId>, error: &'a ErrorObject) -> Self {
        Self { jsonrpc: "2.0", id, error }
    }
}

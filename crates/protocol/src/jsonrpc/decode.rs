//! From bytes to a [`Message`].

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Key, Message, Notification, Request, RequestId, Response, scan};
use crate::{ErrorCode, ErrorObject};

/// Bounds of a decode. The size of the message is bounded by whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// How deep objects and arrays may nest, 64 by default and never more than 127. Without it a small
    /// body exhausts the stack of a recursive reader.
    pub depth: usize,
    /// How many messages a batch of revision 2025-03-26 may hold, 32 by default. Without it one small body
    /// starts thousands of requests.
    pub batch: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { depth: 64, batch: 32 }
    }
}

impl DecodeLimits {
    /// Limits with this depth.
    #[must_use]
    pub fn with_depth(depth: usize) -> Self {
        Self { depth: depth.min(scan::MAX_DEPTH), ..Self::default() }
    }
}

/// Why bytes are not a message. Safe to log: no text of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
#[non_exhaustive]
pub struct DecodeError {
    /// Why.
    pub kind: DecodeErrorKind,
    /// The id of the request, if it could be read, for the error response.
    pub id: Option<RequestId>,
}

/// The reasons of a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Not UTF-8, not JSON, more than one value, or a key that is no Unicode text.
    #[error("invalid json")]
    Syntax,
    /// Nested deeper than allowed.
    #[error("json is nested too deeply")]
    TooDeep,
    /// An array: JSON-RPC batches ended with revision 2025-06-18.
    #[error("batches are not supported")]
    Batch,
    /// A batch of revision 2025-03-26 without messages, or with more than allowed.
    #[error("batch is empty or too long")]
    BatchLength,
    /// Not an object.
    #[error("message is not an object")]
    NotAnObject,
    /// A key appears twice in one object.
    #[error("a key appears twice in one object")]
    DuplicateKey,
    /// A top-level key that equals a JSON-RPC member but for its case.
    #[error("a member differs from a known one only in case")]
    KeyVariant,
    /// `jsonrpc` is missing or not `"2.0"`.
    #[error("`jsonrpc` is not \"2.0\"")]
    Version,
    /// `id` is null, a fraction, too large or not a scalar.
    #[error("`id` is not a string or an integer")]
    Id,
    /// `method` is not a string.
    #[error("`method` is not a string")]
    Method,
    /// `params` is not an object.
    #[error("`params` is not an object")]
    Params,
    /// Neither a request nor a notification nor a response, or several at once.
    #[error("message is not a request, a notification or a response")]
    Shape,
}

impl DecodeErrorKind {
    /// The JSON-RPC code: `-32700` if the bytes are not readable JSON, else `-32600`.
    #[must_use]
    pub fn jsonrpc_code(self) -> ErrorCode {
        match self {
            Self::Syntax | Self::TooDeep => ErrorCode::PARSE_ERROR,
            _ => ErrorCode::INVALID_REQUEST,
        }
    }

    /// The stable name of the reason.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Syntax => "invalid_json",
            Self::TooDeep => "json_too_deep",
            Self::Batch => "batch_not_supported",
            Self::BatchLength => "batch_length",
            Self::NotAnObject => "not_an_object",
            Self::DuplicateKey => "duplicate_key",
            Self::KeyVariant => "key_variant",
            Self::Version => "invalid_jsonrpc_version",
            Self::Id => "invalid_id",
            Self::Method => "invalid_method",
            Self::Params => "invalid_params",
            Self::Shape => "invalid_message",
        }
    }

    /// The error object that tells the peer.
    #[must_use]
    pub fn to_error(self) -> ErrorObject {
        ErrorObject::new(self.jsonrpc_code(), self.to_string())
    }
}

pub(super) const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

pub(super) fn decode<'a>(
    bytes: &'a [u8],
    limits: &DecodeLimits,
) -> Result<Message<'a>, DecodeError> {
    let fail = |kind| DecodeError { kind, id: None };
    let text = std::str::from_utf8(bytes).map_err(|_| fail(DecodeErrorKind::Syntax))?;
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {}
        first => {
            // Only what is JSON at all gets the more telling answer.
            serde_json::from_str::<&RawValue>(text).map_err(|_| fail(DecodeErrorKind::Syntax))?;
            let kind = match first {
                Some(b'[') => DecodeErrorKind::Batch,
                _ => DecodeErrorKind::NotAnObject,
            };
            return Err(scan::check(text, limits.depth)
                .err()
                .map_or(fail(kind), |why| fail(why.into())));
        }
    }
    let members: Members<'a> =
        serde_json::from_str(text).map_err(|_| fail(DecodeErrorKind::Syntax))?;
    match scan::check(text, limits.depth) {
        Ok(()) => members.into_message(),
        Err(why) => Err(DecodeError { kind: why.into(), id: members.id.flatten() }),
    }
}

impl From<scan::ScanError> for DecodeErrorKind {
    fn from(error: scan::ScanError) -> Self {
        match error {
            scan::ScanError::TooDeep => Self::TooDeep,
            scan::ScanError::DuplicateKey => Self::DuplicateKey,
            scan::ScanError::BrokenKey => Self::Syntax,
        }
    }
}

/// The members as they stand, with the first fault found. Nothing stops the walk but bad syntax, so
/// that the id is known even if another member is at fault.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: bool,
    /// `Some(None)`: present and not an id.
    id: Option<Option<RequestId>>,
    method: Option<Cow<'a, str>>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    fault: Option<DecodeErrorKind>,
}

impl<'a> Members<'a> {
    fn into_message(self) -> Result<Message<'a>, DecodeError> {
        let fail = |kind, id| Err(DecodeError { kind, id });
        if let Some(fault) = self.fault {
            return fail(fault, self.id.flatten());
        }
        if !self.jsonrpc {
            return fail(DecodeErrorKind::Version, self.id.flatten());
        }
        if self.params.is_some_and(|params| !params.get().starts_with('{')) {
            return fail(DecodeErrorKind::Params, self.id.flatten());
        }
        match (self.method, self.id, self.result, self.error) {
            (Some(method), Some(Some(id)), None, None) => {
                Ok(Message::Request(Request { id, method, params: self.params }))
            }
            (Some(method), None, None, None) => {
                Ok(Message::Notification(Notification { method, params: self.params }))
            }
            (None, Some(Some(id)), Some(result), None) => {
                Ok(Message::Response(Response { id: Some(id), outcome: Ok(result) }))
            }
            // Plain JSON-RPC writes `"id": null` where the request could not be read.
            (None, id, None, Some(error)) => {
                let id = id.flatten();
                match serde_json::from_str::<ErrorObject>(error.get()) {
                    Ok(error) => Ok(Message::Response(Response { id, outcome: Err(error) })),
                    Err(_) => fail(DecodeErrorKind::Shape, id),
                }
            }
            (_, Some(None), _, _) => fail(DecodeErrorKind::Id, None),
            (_, id, _, _) => fail(DecodeErrorKind::Shape, id.flatten()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    match key.as_str() {
                        "jsonrpc" => members.jsonrpc = value.get() == "\"2.0\"",
                        "id" => members.id = Some(id_of(value)),
                        "method" => match text_of(value) {
                            Some(method) => members.method = Some(method),
                            None => members.fault = Some(DecodeErrorKind::Method),
                        },
                        "params" => members.params = Some(value),
                        "result" => members.result = Some(value),
                        "error" => members.error = Some(value),
                        _ if key.is_variant_of(&MEMBERS) => {
                            members.fault = Some(DecodeErrorKind::KeyVariant);
                        }
                        _ => {}
                    }
                }
                Ok(members)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                _: A,
            ) -> Result<Self::Value, A::Error> {
                Err(A::Error::custom("an array"))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

fn id_of(value: &RawValue) -> Option<RequestId> {
    match value.get().parse() {
        // Only canonical integers: Rust also reads `+1` and `01`, but those are not JSON.
        Ok(id) => Some(RequestId::Integer(id)),
        Err(_) => serde_json::from_str(value.get()).ok(),
    }
}

/// The text of a string, borrowed unless it holds escapes.
fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    let plain = value.get().strip_prefix('"')?.strip_suffix('"')?;
    match plain.contains('\\') {
        false => Some(Cow::Borrowed(plain)),
        true => serde_json::from_str(value.get()).map(Cow::Owned).ok(),
    }
}

#[cfg(test)]
mod tests;

//! A tool's arguments before they are decoded.

use bytes::Bytes;
use palisade_protocol::RequestParams;
use serde::de::DeserializeOwned;

use crate::HandlerError;

/// The arguments as the client sent them: JSON text of an object, shared with the request's buffer.
#[derive(Clone, Debug)]
pub struct RawArguments(Bytes);

impl RawArguments {
    /// The arguments within the body they were sent in; absent ones are an empty object.
    pub(crate) fn of(params: &RequestParams<'_>, body: &Bytes) -> Self {
        Self(
            params
                .arguments
                .map_or(Bytes::from_static(b"{}"), |text| body.slice_ref(text.as_bytes())),
        )
    }

    /// The JSON text.
    #[must_use]
    pub fn get(&self) -> &str {
        // The slice was cut from text at the bounds of a JSON value.
        std::str::from_utf8(&self.0).unwrap_or("{}")
    }

    /// Decodes the arguments.
    ///
    /// # Errors
    ///
    /// A tool error that says what does not fit, for the model to correct itself.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Tools, "Error Handling".
    pub fn decode<A: DeserializeOwned>(&self) -> Result<A, HandlerError> {
        serde_json::from_slice(&self.0)
            .map_err(|error| HandlerError::tool(format_args!("invalid arguments: {error}")))
    }
}

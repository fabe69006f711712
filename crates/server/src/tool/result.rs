//! What a tool's function may return.

use std::fmt::Display;

use palisade_protocol::{CallToolResult, ContentBlock, RawJson};
use schemars::JsonSchema;
use serde::Serialize;

use crate::HandlerError;

/// A value that becomes a tool's result.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    note = "return text, a number, `Json<T>` for structured data, content blocks, or a `Result` of these"
)]
pub trait IntoToolResult {
    /// The result.
    ///
    /// # Errors
    ///
    /// What the client sees instead of a result.
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError>;

    /// The schema of the structured part, if there is one.
    #[must_use]
    fn output_schema() -> Option<RawJson> {
        None
    }
}

/// A structured result: sent as `structuredContent` and, for clients that do not know it, as JSON text.
/// Its schema becomes the tool's output schema.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper that is meant to be built and matched")]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        let structured = RawJson::from_serialize(&self.0)?;
        let mut result = CallToolResult::text(structured.get());
        result.structured_content = Some(structured);
        Ok(result)
    }

    fn output_schema() -> Option<RawJson> {
        let schema = schemars::generate::SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<T>();
        Some(RawJson::from(schema.to_value()))
    }
}

impl IntoToolResult for CallToolResult {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        Ok(self)
    }
}

impl IntoToolResult for ContentBlock {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        Ok(CallToolResult::new(vec![self]))
    }
}

impl IntoToolResult for Vec<ContentBlock> {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        Ok(CallToolResult::new(self))
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        Ok(CallToolResult::new(Vec::new()))
    }
}

impl IntoToolResult for String {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        Ok(CallToolResult::text(self))
    }
}

/// Values that are shown as text.
macro_rules! as_text {
    ($($type:ty),+) => {$(
        impl IntoToolResult for $type {
            fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
                Ok(CallToolResult::text(self.to_string()))
            }
        }
    )+};
}

as_text!(
    &'static str,
    bool,
    char,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize
);

impl<T: IntoToolResult, E: IntoHandlerError> IntoToolResult for Result<T, E> {
    fn into_tool_result(self) -> Result<CallToolResult, HandlerError> {
        self.map_err(IntoHandlerError::into_handler_error)?.into_tool_result()
    }

    fn output_schema() -> Option<RawJson> {
        T::output_schema()
    }
}

/// An error that a handler may return: anything that can be shown, or a [`HandlerError`].
pub trait IntoHandlerError {
    /// The error, with the text for the model.
    fn into_handler_error(self) -> HandlerError;
}

impl<E: Display> IntoHandlerError for E {
    fn into_handler_error(self) -> HandlerError {
        HandlerError::tool(self)
    }
}

impl IntoHandlerError for HandlerError {
    fn into_handler_error(self) -> HandlerError {
        self
    }
}

//! JSON-RPC error objects and the codes the protocol gives them.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::RawJson;

/// A JSON-RPC error code.
///
/// # Specification
///
/// MCP 2026-07-28, Overview, "Error Codes".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(i32);

impl ErrorCode {
    /// The bytes are not JSON, or nested too deeply.
    pub const PARSE_ERROR: Self = Self(-32700);
    /// The JSON is not a request object.
    pub const INVALID_REQUEST: Self = Self(-32600);
    /// The method does not exist or is not available.
    pub const METHOD_NOT_FOUND: Self = Self(-32601);
    /// The parameters are invalid; also an unknown tool, prompt, resource or cursor.
    pub const INVALID_PARAMS: Self = Self(-32602);
    /// The receiver failed.
    pub const INTERNAL_ERROR: Self = Self(-32603);
    /// HTTP headers are missing or differ from the body.
    pub const HEADER_MISMATCH: Self = Self(-32020);
    /// The request needs a capability that the client did not declare.
    pub const MISSING_REQUIRED_CLIENT_CAPABILITY: Self = Self(-32021);
    /// The request's protocol version is not supported.
    pub const UNSUPPORTED_PROTOCOL_VERSION: Self = Self(-32022);
    /// A resource was not found: 2025-11-25 and earlier, accepted but never sent.
    pub const LEGACY_RESOURCE_NOT_FOUND: Self = Self(-32002);

    /// A code of the application. Codes from -32768 to -32000 belong to JSON-RPC and MCP.
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self(code)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The HTTP status that carries this error on Streamable HTTP.
    ///
    /// Faults of the envelope are `400`, an unknown method is `404`. What a handler or the registry
    /// answers (unknown tool, invalid arguments, internal error) is an ordinary reply, so `200`.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Streamable HTTP, "Protocol Version Header" and "Server Validation".
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::PARSE_ERROR
            | Self::INVALID_REQUEST
            | Self::HEADER_MISMATCH
            | Self::MISSING_REQUIRED_CLIENT_CAPABILITY
            | Self::UNSUPPORTED_PROTOCOL_VERSION => 400,
            Self::METHOD_NOT_FOUND => 404,
            _ => 200,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The `error` member of a JSON-RPC response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
#[non_exhaustive]
pub struct ErrorObject {
    /// What went wrong.
    pub code: ErrorCode,
    /// One short sentence for a person.
    pub message: Cow<'static, str>,
    /// Details, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<RawJson>,
}

impl ErrorObject {
    /// An error without details.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// `-32602` with this message.
    #[must_use]
    pub fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::INVALID_PARAMS, message)
    }

    /// `-32603` without any detail.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorCode::INTERNAL_ERROR, "internal error")
    }

    /// `-32601`.
    #[must_use]
    pub fn method_not_found() -> Self {
        Self::new(ErrorCode::METHOD_NOT_FOUND, "method not found")
    }

    /// `-32602` for a resource that does not exist; `data.uri` names it.
    #[must_use]
    pub fn resource_not_found(uri: &str) -> Self {
        Self::invalid_params("resource not found").with_data(serde_json::json!({ "uri": uri }))
    }

    /// `-32022`: the version asked for, and those that would be served.
    #[must_use]
    pub fn unsupported_protocol_version(
        requested: &str,
        supported: &[crate::ProtocolVersion],
    ) -> Self {
        let supported: Vec<_> = supported.iter().map(|version| version.as_str()).collect();
        Self::new(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION, "unsupported protocol version")
            .with_data(serde_json::json!({ "supported": supported, "requested": requested }))
    }

    /// Adds details.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<RawJson>) -> Self {
        self.data = Some(data.into());
        self
    }
}

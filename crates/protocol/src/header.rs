//! What Streamable HTTP mirrors from the body into headers, and how values are written there.
//!
//! # Specification
//!
//! MCP 2026-07-28, Streamable HTTP, "Request Metadata".

mod params;
mod value;

pub use self::{
    params::{ParamHeader, ParamHeaders, ParamHeadersError},
    value::{HeaderValueError, decode_value, encode_value},
};

/// The version of the protocol; on every request.
pub const MCP_PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The method; on every request.
pub const MCP_METHOD: &str = "mcp-method";
/// The tool, prompt, resource or task; on requests that name one.
pub const MCP_NAME: &str = "mcp-name";
/// What the name of every mirrored tool argument begins with.
pub const MCP_PARAM_PREFIX: &str = "mcp-param-";

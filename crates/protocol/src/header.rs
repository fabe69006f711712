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

/// The session, in revisions up to 2025-11-25: given by the server with the result of `initialize`, and then on
/// every request.
pub const MCP_SESSION_ID: &str = "mcp-session-id";
/// Where a stream goes on, in revisions up to 2025-11-25.
pub const LAST_EVENT_ID: &str = "last-event-id";

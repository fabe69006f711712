//! The Model Context Protocol (MCP) without I/O: the JSON-RPC envelope, the types of every revision,
//! error codes, `_meta` and the header codec.
//!
//! Nothing here opens a socket, reads a clock or spawns a task. A peer's bytes become a [`Message`] by
//! one bounded decode that borrows from them; every later step works on that one result.
//!
//! The types are those of the newest revision, 2026-07-28. What older revisions have instead, and how the
//! newest looks to them, is in [`legacy`].

mod encoded;
mod error;
pub mod header;
mod json;
mod jsonrpc;
pub mod legacy;
pub mod meta;
mod params;
mod trace;
mod types;
mod version;

pub use encoded::Encoded;
pub use error::{ErrorCode, ErrorObject};
pub use json::RawJson;
pub use jsonrpc::{
    DecodeError, DecodeErrorKind, DecodeLimits, ErrorResponse, Inbound, Message, Notification,
    Request, RequestId, Response, encode,
};
pub use meta::{Meta, RequestMeta, ResultMeta};
pub use params::{ParamsError, RequestParams};
pub use trace::{RawTraceContext, TraceContext};
pub use types::*;
pub use version::{Eras, ProtocolVersion};

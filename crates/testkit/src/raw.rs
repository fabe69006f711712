//! A hostile HTTP/1.1 peer: it writes any bytes, whole or in pieces, and reads whatever comes back.
//!
//! ```no_run
//! # async fn f(server: std::net::SocketAddr) -> std::io::Result<()> {
//! use palisade_testkit::{RawPeer, RawRequest};
//! use serde_json::json;
//!
//! let request = RawRequest::tools_call("add", json!({"a": 1, "b": 2})).with_header("Mcp-Name", "other");
//! let response = RawPeer::new(server).send(&request).await?;
//! assert_eq!((response.status(), response.error_code()), (400, Some(-32020)));
//! # Ok(()) }
//! ```

mod connection;
mod request;
mod response;
pub(crate) mod wire;

pub use connection::{RawConnection, RawPeer};
pub use request::RawRequest;
pub use response::RawResponse;

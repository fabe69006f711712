//! Streamable HTTP for the palisade MCP stack: the listener and the tower service of a server, and the
//! transport of a client.
//!
//! The server half takes a [`palisade_transport::Dispatcher`] and a
//! [`palisade_security::ServerSecurity`] and makes no decision of its own: what may pass is decided
//! there. The client half implements [`palisade_transport::ClientTransport`].

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "server")]
mod server;
pub mod sse;
#[cfg(feature = "client")]
mod url;

#[cfg(feature = "client")]
pub use client::*;
#[cfg(feature = "server")]
pub use server::{
    BindError, EventId, EventIdError, EventStore, HttpBody, HttpServer, HttpService,
    MemoryEventStore, ResponseFuture, ServerHandle,
};
#[cfg(feature = "client")]
pub use url::{Endpoint, EndpointError, EndpointHost};

//! stdio for the palisade MCP stack: one JSON message a line, over standard input and output, Unix
//! sockets, or any other pair of byte streams.
//!
//! The server half takes a [`palisade_transport::Dispatcher`] and a [`palisade_security::ServerSecurity`]
//! and makes no decision of its own. The client half implements [`palisade_transport::ClientTransport`]: it
//! launches the server as a child process that gets nothing but what was named, and takes it down again
//! with everything it started.
//!
//! This crate is for Unix. Elsewhere it is empty: what it promises about processes, their groups and the
//! owners of files cannot be promised there.

#[cfg(all(unix, feature = "client"))]
mod client;
#[cfg(all(unix, feature = "server"))]
mod server;
#[cfg(all(unix, any(feature = "client", feature = "server")))]
mod stream;

#[cfg(all(unix, feature = "client"))]
pub use client::{
    LaunchError, ProcessLimits, Restart, ServerCommand, StdioTransport, StdioTransportBuilder,
};
#[cfg(all(unix, feature = "server"))]
pub use server::{ServeError, StdioServer};

//! Transport traits of the palisade MCP stack.
//!
//! A transport moves messages and knows nothing of tools; an engine answers messages and knows nothing
//! of sockets. This crate is where they meet: [`Dispatcher`] is what a server engine offers to a
//! transport, [`ClientTransport`] is what a transport offers to a client engine. [`Outbox`] carries the
//! notifications of one request from its handler to the transport, bounded, within one task, and an [`Inbox`]
//! what one of the readers of a shared connection has not read yet. [`LineDecoder`] splits streams into the lines
//! that stdio carries messages in, and [`pipeline`] holds the steps that every server transport takes alike.

mod asker;
mod client;
mod inbox;
pub mod legacy;
mod line;
mod outbox;
pub mod pipeline;
mod server;

pub use asker::{AskError, Asker};
pub use client::{ClientTransport, MessageStream, OutboundRequest, TransportError};
pub use inbox::Inbox;
pub use line::{LineDecoder, LineError, encode_line};
pub use outbox::Outbox;
pub use server::{BoxFuture, Call, Dispatcher, Reply, ReplyOutcome, error_of, shared};

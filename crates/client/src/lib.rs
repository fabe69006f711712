//! The client engine of the palisade MCP stack.
//!
//! [`Client::connect`] takes any [`ClientTransport`](palisade_transport::ClientTransport) and offers every
//! request of revision 2026-07-28: tools, prompts, resources, completion, subscriptions. The engine holds
//! no credentials and opens no sockets; a request runs in the task of whoever awaits it.
//!
//! Servers of revisions from 2024-11-05 to 2025-11-25 are spoken to in their words, and nothing else differs: see
//! [`ClientBuilder::with_eras`]. With such a server, and only then, there is one task, which listens to what the
//! server says on its own and ends with the client.
//!
//! # What the engine does not trust
//!
//! Everything a server sends is bounded and checked before it is used: messages answer the request that
//! they came for or are refused; lists, rounds of input and waiting have limits; what was not offered as a
//! capability is refused before a handler sees it, and what a handler answers is checked against the form
//! before it is sent; what an older server asks on its own goes the same way; responses are cached only as long and only for whom the server allows.

mod builder;
mod cache;
mod client;
mod engine;
mod error;
mod input;
mod legacy;
mod options;
mod paged;
mod subscription;
mod task;
mod text;
mod tools;

pub use builder::ClientBuilder;
pub use cache::CacheLimits;
pub use client::Client;
pub use error::{
    CallError, ClientError, EndlessList, InputError, InputRefusal, InvalidRequest, InvalidResponse,
};
pub use input::{
    ElicitationHandler, RootsHandler, SamplingBudget, SamplingHandler, UrlElicitationHandler,
};
pub use options::CallOptions;
pub use paged::Paged;
pub use subscription::{Subscription, SubscriptionEnd, SubscriptionEvent};
pub use task::{StartedCall, TaskHandle};

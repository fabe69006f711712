//! The server half: from a TCP connection to the engine and back.
//!
//! A request is walked through in this order: [`listener`] (accept, TLS, HTTP), [`service`] (one future
//! for one request), [`exchange`] (guard, authenticate, read, decode, agree, dispatch), [`body`] (JSON,
//! or a stream from the first notification on).

mod agree;
mod answer;
mod body;
mod connection;
mod exchange;
mod listener;
mod neighbours;
mod read;
mod rest;
mod routes;
mod service;
mod sessions;
#[cfg(feature = "tls")]
mod tls;
mod wake;
mod wire;

pub use self::{
    body::HttpBody,
    listener::{BindError, HttpServer, ServerHandle},
    service::{HttpService, ResponseFuture},
    sessions::{EventId, EventIdError, EventStore, MemoryEventStore},
};

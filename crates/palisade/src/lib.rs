//! The secure Model Context Protocol (MCP) stack.
//!
//! This crate re-exports the others; it has no logic of its own. Pick features, get a server, a client,
//! or both:
//!
//! | feature | what it adds |
//! |-|-|
//! | `server` | [`Server`]: tools, resources and prompts as functions |
//! | `client` | [`Client`]: calls, lists, subscriptions |
//! | `macros` | `#[tool]`, `#[prompt]`, `#[resource]` |
//! | `transport-http` | Streamable HTTP, with TLS: [`http`] |
//! | `transport-stdio` | standard input and output, child processes, Unix sockets: [`stdio`] |
//! | `auth-bearer` | bearer tokens on both sides: [`auth`] |
//! | `auth-api-key` | API keys on both sides |
//! | `auth-basic` | user names and passwords on both sides; brings argon2 |
//! | `auth-custom` | several headers of fixed values on both sides |
//! | `auth-mtls` | client certificates as credentials: [`auth`] |
//! | `tls-webpki-roots` | Mozilla's authorities for TLS clients, compiled in |
//! | `schema-validation` | arguments of run-time tools are checked against their JSON Schema |
//! | `path-files` | files below a directory, safe from symbolic links: [`files`] |
//! | `config` | security configuration as files: [`config`] |
//! | `doctor` | examines live servers and explains what is wrong |
//! | `aws-lc-rs`, `ring` | the cryptography; `aws-lc-rs` wins if both are on |
//!
//! All but `auth-basic`, `tls-webpki-roots`, `path-files`, `config` and `ring` are on by default.

pub use palisade_auth as auth;
#[cfg(feature = "client")]
pub use palisade_client as client;
#[cfg(feature = "client")]
pub use palisade_client::Client;
#[cfg(feature = "config")]
pub use palisade_config as config;
#[cfg(feature = "macros")]
pub use palisade_macros::{prompt, resource, tool};
pub use palisade_protocol as protocol;
pub use palisade_security as security;
pub use palisade_security::{Principal, SecurityConfig};
#[cfg(feature = "server")]
pub use palisade_server as server;
#[cfg(all(feature = "server", feature = "path-files"))]
pub use palisade_server::files;
#[cfg(feature = "server")]
pub use palisade_server::{
    CompletionRequest, Context, HandlerError, Json, PromptArguments, PromptRoute, RawArguments,
    ResourceRoute, ResourceTemplateRoute, Server, State, TemplateVariables, ToolRoute,
};
pub use palisade_transport as transport;
#[cfg(feature = "transport-http")]
pub use palisade_transport_http as http;
#[cfg(feature = "transport-stdio")]
pub use palisade_transport_stdio as stdio;

/// What the macros' output refers to. Not part of the public interface.
#[doc(hidden)]
#[cfg(feature = "macros")]
pub mod __private {
    pub use palisade_protocol as protocol;
    pub use palisade_server as server;
    pub use palisade_server::__private::{schemars, serde, serde_json};
}

/// The README's programs compile as printed.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "transport-http"))]
#[doc = include_str!("../../../README.md")]
mod readme {}

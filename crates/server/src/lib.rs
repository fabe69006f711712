//! The MCP server engine of the palisade stack: tools, resources and prompts as plain functions, served
//! over any transport.
//!
//! A server is built once from routes (a definition and a function) and shared. Every request runs in
//! the future of its transport: no task is spawned for it, and dropping the future cancels it. Only a tool
//! that is to outlive its request, a task in the sense of the protocol, runs elsewhere. No
//! handler runs unless the policy has said yes: the only way to one leads through
//! [`palisade_security::Authorized`].

mod builder;
mod completion;
mod context;
mod dispatch;
mod error;
#[cfg(feature = "path-files")]
pub mod files;
mod input;
mod names;
mod notifier;
mod panics;
mod prompt;
mod registration;
mod registry;
mod resource;
mod schema;
mod server;
mod state;
mod task;
mod tool;

pub use builder::ServerBuilder;
pub(crate) use completion::Completer;
pub use completion::CompletionRequest;
pub use context::Context;
pub use error::HandlerError;
pub use names::NameError;
pub use notifier::Notifier;
pub use panics::hide_handler_panics;
pub use prompt::{IntoPromptResult, IntoPromptRoute, PromptArguments, PromptRoute};
pub use registration::{Problem, RegistrationError};
pub use resource::{
    AnyResourceRoute, IntoResourceResult, IntoResourceRoute, ResourceRoute, ResourceTemplateRoute,
    TemplateVariables, UriTemplate, UriTemplateError,
};
pub use schema::SchemaError;
pub use server::Server;
pub use state::State;
pub use task::{MemoryTaskStore, StoredTask, TaskBounds, TaskStore, TaskStoreError, TaskSupport};
pub use tool::{IntoHandlerError, IntoToolResult, IntoToolRoute, Json, RawArguments, ToolRoute};

/// What the output of the macros refers to. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;
    pub use serde_json;
}

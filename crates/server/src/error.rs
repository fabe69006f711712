//! What a handler may fail with.

use std::fmt;

use palisade_protocol::{CallToolResult, ErrorObject};
use palisade_security::DenyReason;

/// Why a handler gave no ordinary result. Made by `?` from any error.
///
/// | made from | the client sees |
/// |-|-|
/// | any `std::error::Error`, or [`HandlerError::tool`] | in a tool: a result with `isError`, so that the model can correct itself; in a prompt or resource: `-32603` without detail |
/// | [`HandlerError::protocol`] | that JSON-RPC error |
/// | [`HandlerError::denied`] | a refusal, as if the policy had refused |
/// | [`Context::elicit`](crate::Context::elicit) and its kin | a request for input; the handler runs again with the answer |
///
/// It is deliberately not an `Error` itself: what a tool tells the model and what a protocol error
/// tells the peer are different things, and neither is for a log.
pub struct HandlerError(pub(crate) Box<Failure>);

#[derive(Debug)]
pub(crate) enum Failure {
    /// The tool reports an error to the model.
    Tool(CallToolResult),
    /// The request cannot be served.
    Protocol(ErrorObject),
    /// The principal may not do this, as the handler found out.
    Denied(DenyReason),
    /// The handler waits for answers that its [`Context`](crate::Context) has noted.
    InputRequired,
    /// The state that the request brings has been used.
    StateUsed,
}

impl HandlerError {
    /// A tool error with this text.
    #[must_use]
    pub fn tool(message: impl fmt::Display) -> Self {
        Self::from(Failure::Tool(CallToolResult::error(message.to_string())))
    }

    /// A JSON-RPC error.
    #[must_use]
    pub fn protocol(error: ErrorObject) -> Self {
        Self::from(Failure::Protocol(error))
    }

    /// A refusal like one of the policy, with its status, codes and audit record: for what only the handler
    /// can see, such as where a path leads.
    #[must_use]
    pub fn denied(reason: DenyReason) -> Self {
        Self::from(Failure::Denied(reason))
    }

    pub(crate) fn state_used() -> Self {
        Self::from(Failure::StateUsed)
    }

    pub(crate) fn input_required() -> Self {
        Self::from(Failure::InputRequired)
    }
}

impl From<Failure> for HandlerError {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl<E: std::error::Error> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::tool(error)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

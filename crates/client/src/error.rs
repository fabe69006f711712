//! What can go wrong: [`ClientError`] for requests, [`CallError`] for typed tool calls.

use std::{borrow::Cow, time::Duration};

use palisade_protocol::{CallToolResult, DecodeErrorKind, ElicitContentError, ErrorObject};
use palisade_transport::TransportError;

/// Why a request brought no result.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No response could be had.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server answered with an error.
    #[error("the server answered with an error: {0}")]
    Rpc(ErrorObject),
    /// The response broke the protocol. Whatever it held was not used.
    #[error("invalid response: {0}")]
    InvalidResponse(InvalidResponse),
    /// The request could not be encoded.
    #[error("the request cannot be encoded: {0}")]
    InvalidRequest(InvalidRequest),
    /// No response, and no progress either, within the time-out of the request.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// The server asked for input again and again.
    #[error("the server still asks for input after {limit} rounds")]
    TooManyRounds {
        /// The limit, in rounds.
        limit: u32,
    },
    /// The call had become a task, and the task was cancelled: by a client, or by the server.
    #[error("the task was cancelled")]
    TaskCancelled,
    /// A list does not end: too many pages, a cursor that was given before, or too many bytes.
    #[error("the list does not end: {0}")]
    TooManyPages(EndlessList),
    /// The server supports no revision that this client speaks.
    #[error("the server supports none of this client's protocol versions, only {}", supported.join(", "))]
    UnsupportedVersion {
        /// What the server says it supports, at most 16 names.
        supported: Vec<String>,
    },
    /// The server asked for input that this client did not offer to give, or that it must not give.
    #[error("the server's request for input was refused: {0}")]
    InputRefused(#[from] InputRefusal),
    /// A handler of this client gave no input.
    #[error("no input for the server: {0}")]
    Input(#[from] InputError),
}

impl ClientError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Transport(error) => error.code(),
            Self::Rpc(_) => "rpc_error",
            Self::InvalidResponse(_) => "invalid_response",
            Self::InvalidRequest(_) => "invalid_request",
            Self::Timeout(_) => "timeout",
            Self::TooManyRounds { .. } => "too_many_rounds",
            Self::TaskCancelled => "task_cancelled",
            Self::TooManyPages(_) => "too_many_pages",
            Self::UnsupportedVersion { .. } => "unsupported_protocol_version",
            Self::InputRefused(_) => "input_refused",
            Self::Input(_) => "input_failed",
        }
    }

    /// The error that the server answered with, if that is what went wrong.
    #[must_use]
    pub fn rpc(&self) -> Option<&ErrorObject> {
        match self {
            Self::Rpc(error) => Some(error),
            _ => None,
        }
    }
}

impl From<InvalidResponse> for ClientError {
    fn from(reason: InvalidResponse) -> Self {
        Self::InvalidResponse(reason)
    }
}

/// How a response breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidResponse {
    /// A message is not JSON-RPC.
    #[error("{0}")]
    Message(DecodeErrorKind),
    /// The response answers another request.
    #[error("it answers a request that was not sent on this stream")]
    ForeignId,
    /// The server sent a request of its own.
    #[error("the server sent a request")]
    Request,
    /// The result is not what the method returns.
    #[error("the result is not one of {method}")]
    Result {
        /// The method.
        method: Cow<'static, str>,
    },
    /// The result has a type that this client does not know.
    #[error("the result has an unknown type")]
    ResultType,
    /// The server asked for input on a request that does not allow it, or asked for nothing.
    #[error("the server asks for input where it may not, or for none")]
    InputRequired,
    /// A message of a subscription does not carry the id of the subscription.
    #[error("a message of a subscription does not name the subscription")]
    SubscriptionId,
    /// The first message of a subscription is not its acknowledgment.
    #[error("the subscription did not begin with an acknowledgment")]
    Acknowledgment,
}

/// Why a request cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The arguments cannot be written as JSON.
    #[error("the arguments are not json")]
    Json,
    /// The arguments are not an object.
    #[error("the arguments are not an object")]
    NotAnObject,
    /// A `_meta` key of the caller is reserved for the protocol.
    #[error("a `_meta` key is reserved")]
    ReservedMeta,
}

impl From<InvalidRequest> for ClientError {
    fn from(reason: InvalidRequest) -> Self {
        Self::InvalidRequest(reason)
    }
}

/// Why a list was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndlessList {
    /// More pages than the limit.
    #[error("more than {limit} pages")]
    Pages {
        /// The limit, in pages.
        limit: u32,
    },
    /// A cursor came back that had been used.
    #[error("a cursor was repeated")]
    RepeatedCursor,
    /// More bytes than the limit.
    #[error("more than {limit} bytes")]
    Bytes {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Why a request for input was refused before any handler saw it, or its answer before it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputRefusal {
    /// The client declared no capability for it.
    #[error("{0} was not declared as a capability")]
    Undeclared(&'static str),
    /// More requests at once than the limit.
    #[error("more than {limit} requests at once")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The URL to visit is not an `http` or `https` URL that shows where it leads.
    #[error("the url to visit is not acceptable")]
    Url,
    /// The form asks for a password or another secret. What is entered into a form passes through this
    /// program and often through a model: a server must ask for secrets at a URL.
    #[error("the form asks for a secret in field {field:?}")]
    Secret {
        /// The field, as the form names it.
        field: String,
    },
    /// The server has asked this client's model for more than its
    /// [`SamplingBudget`](crate::SamplingBudget) allows.
    #[error("the sampling budget is used up")]
    Budget,
    /// The handler's answer does not fit the form.
    #[error("the answer does not fit the form: {0}")]
    Answer(ElicitContentError),
    /// The handler's answer has a field that the form does not ask for.
    #[error("the answer has a field {field:?} that the form does not ask for")]
    Unrequested {
        /// The field.
        field: String,
    },
}

/// A handler failed to get input. Nothing of it is told to the server: the request ends here.
///
/// A user who declines is not an error: answer with that action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct InputError {
    /// What went wrong, for this side's logs.
    pub message: String,
}

impl InputError {
    /// An error with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Why a typed tool call brought no value.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The tool ran and reports a failure; the content says which.
    #[error("the tool reports an error")]
    Tool(Box<CallToolResult>),
    /// The tool's result is not of the type that was asked for.
    #[error("the tool's result is not of the expected type")]
    Decode(Box<CallToolResult>),
}

impl CallError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::Tool(_) => "tool_error",
            Self::Decode(_) => "unexpected_result",
        }
    }

    /// The result, if the tool gave one.
    #[must_use]
    pub fn result(&self) -> Option<&CallToolResult> {
        match self {
            Self::Client(_) => None,
            Self::Tool(result) | Self::Decode(result) => Some(result),
        }
    }
}

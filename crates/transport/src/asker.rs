//! Questions of a handler to its client that are awaited where they are asked.

use std::fmt;

use palisade_protocol::{ErrorObject, InputRequest, RawJson};

use crate::{BoxFuture, Outbox};

/// Puts a question to the client and awaits the answer. Object-safe.
///
/// Sessions of older revisions and running tasks have one. A request of the newest revision has none: its
/// reply asks, and the client sends the request again with the answers.
pub trait Asker: Send + Sync + fmt::Debug {
    /// Asks. `key` names the question within its request; `outbox` is that of the request, so that the
    /// question reaches the client where it waits for the response.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the question back: an answer that comes later is dropped.
    fn ask<'a>(
        &'a self,
        key: &'a str,
        request: &'a InputRequest,
        outbox: &'a Outbox,
    ) -> BoxFuture<'a, Result<RawJson, AskError>>;
}

/// Why a question got no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The revision that the client speaks has no such question.
    #[error("the client speaks a revision without this question")]
    Unsupported,
    /// The client answered with an error, as it does when its user refuses.
    #[error("the client refused: {}", .0.message)]
    Refused(ErrorObject),
    /// Too many questions to this client are open. An answer to one of them makes room.
    #[error("too many questions to the client are open")]
    TooMany,
    /// The client has left, or the request in whose name it was asked has ended.
    #[error("the client has left")]
    Gone,
}

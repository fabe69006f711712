//! The traits that handlers implement. An async closure implements each of them.

use std::future::Future;

use async_trait::async_trait;
use palisade_protocol::{
    CreateMessageRequestParams, CreateMessageResult, ElicitAction, ElicitRequestFormParams,
    ElicitRequestUrlParams, ElicitResult, ListRootsResult,
};

use crate::InputError;

/// Shows a form of the server to the user and returns what the user entered. Object-safe.
///
/// The form comes from the server: show which server asks, let the user decline at any time, and never
/// fill in what the user has not seen. The answer is checked against the form before it is sent.
///
/// # Specification
///
/// MCP 2026-07-28, Elicitation, "Form Mode Elicitation Requests".
#[async_trait]
pub trait ElicitationHandler: Send + Sync {
    /// Gets the user's answer.
    ///
    /// # Errors
    ///
    /// [`InputError`] ends the request. A user who declines or cancels is not an error.
    async fn elicit(&self, request: ElicitRequestFormParams) -> Result<ElicitResult, InputError>;
}

/// Asks the user whether to visit a URL of the server. Object-safe.
///
/// The URL comes from the server and may be made to deceive. Show all of it, do not open it without
/// consent, do not fetch it or anything about it, and open it where neither this program nor a model
/// sees what the user does there. Names in other scripts arrive in their `xn--` form: show them so.
/// URLs with user information or without `http` and `https` never get here.
///
/// # Specification
///
/// MCP 2026-07-28, Elicitation, "Safe URL Handling".
#[async_trait]
pub trait UrlElicitationHandler: Send + Sync {
    /// Gets the user's consent. [`ElicitAction::Accept`] says that the user agreed to visit, not that
    /// whatever happens there is finished.
    ///
    /// # Errors
    ///
    /// [`InputError`] ends the request. A user who declines or cancels is not an error.
    async fn visit(&self, request: ElicitRequestUrlParams) -> Result<ElicitAction, InputError>;
}

/// Lets the server use this client's model. Object-safe.
///
/// The messages come from the server: they can try to make the model reveal what it knows from
/// elsewhere, and they cost. Show them to the user, keep a budget, and show the reply before it is sent.
///
/// # Specification
///
/// MCP 2026-07-28, Sampling.
#[async_trait]
pub trait SamplingHandler: Send + Sync {
    /// Gets a message from the model.
    ///
    /// # Errors
    ///
    /// [`InputError`] ends the request; also for a user who refuses, as the protocol has no other answer.
    async fn create_message(
        &self,
        request: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, InputError>;
}

/// Tells the server which places it may work on. Object-safe.
///
/// # Specification
///
/// MCP 2026-07-28, Roots.
#[async_trait]
pub trait RootsHandler: Send + Sync {
    /// Gets the roots.
    ///
    /// # Errors
    ///
    /// [`InputError`] ends the request.
    async fn list_roots(&self) -> Result<ListRootsResult, InputError>;
}

#[async_trait]
impl<F, Fut> ElicitationHandler for F
where
    F: Fn(ElicitRequestFormParams) -> Fut + Send + Sync,
    Fut: Future<Output = Result<ElicitResult, InputError>> + Send,
{
    async fn elicit(&self, request: ElicitRequestFormParams) -> Result<ElicitResult, InputError> {
        self(request).await
    }
}

#[async_trait]
impl<F, Fut> UrlElicitationHandler for F
where
    F: Fn(ElicitRequestUrlParams) -> Fut + Send + Sync,
    Fut: Future<Output = Result<ElicitAction, InputError>> + Send,
{
    async fn visit(&self, request: ElicitRequestUrlParams) -> Result<ElicitAction, InputError> {
        self(request).await
    }
}

#[async_trait]
impl<F, Fut> SamplingHandler for F
where
    F: Fn(CreateMessageRequestParams) -> Fut + Send + Sync,
    Fut: Future<Output = Result<CreateMessageResult, InputError>> + Send,
{
    async fn create_message(
        &self,
        request: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, InputError> {
        self(request).await
    }
}

#[async_trait]
impl<F, Fut> RootsHandler for F
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<ListRootsResult, InputError>> + Send,
{
    async fn list_roots(&self) -> Result<ListRootsResult, InputError> {
        self().await
    }
}

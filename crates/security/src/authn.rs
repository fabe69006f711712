//! Authentication: [`Credentials`] come in, a [`Principal`] or an [`AuthnError`] comes out.

mod challenge;
mod credentials;

use std::fmt::Debug;

use async_trait::async_trait;

pub use challenge::Challenge;
pub use credentials::{Credentials, PeerInfo};

use crate::{config::Finding, principal::Principal};

/// Checks credentials. Object-safe, so that a configuration can hold any.
///
/// An implementation must compare secrets in constant time, must not log or return what it was given, and
/// must refuse what it does not understand.
#[async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// Establishes who a request comes from.
    ///
    /// # Errors
    ///
    /// [`AuthnError`]: nothing of the request reaches a handler.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future refuses the request.
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError>;

    /// What to ask for in `WWW-Authenticate`; `error` is why the request was refused, if it is known.
    fn challenge(&self, error: Option<&AuthnError>) -> Challenge;

    /// What is wrong with the way this authenticator is set up, such as a guessable token; paths are
    /// relative to it. Building a configuration with it reports them. Default: nothing.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// Why a request has no principal. Safe to log: nothing of the credentials is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthnError {
    /// The request carries no credentials that this server understands.
    #[error("authentication required")]
    MissingCredentials,
    /// The credentials are malformed, unknown or revoked. One variant for all, so that an answer does not
    /// tell a guesser how close the guess was.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The credentials were valid once.
    #[error("credentials have expired")]
    Expired,
    /// The request carries more than one credential, so that two readers could pick different ones.
    #[error("more than one credential in the request")]
    MultipleCredentials,
    /// The URI carries a token. It is in logs by now and must be revoked.
    #[error("credentials must not be in the uri")]
    CredentialsInQuery,
    /// The authenticator cannot decide now, for example because a key server does not answer.
    #[error("authentication is unavailable")]
    Unavailable,
}

impl AuthnError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Expired => "expired_credentials",
            Self::MultipleCredentials => "multiple_credentials",
            Self::CredentialsInQuery => "credentials_in_query",
            Self::Unavailable => "authentication_unavailable",
        }
    }

    /// The HTTP status to answer with.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::MissingCredentials | Self::InvalidCredentials | Self::Expired => 401,
            Self::MultipleCredentials | Self::CredentialsInQuery => 400,
            Self::Unavailable => 503,
        }
    }

    /// The `error` parameter of a challenge. None for a request without credentials, which is not told
    /// anything about them.
    ///
    /// # Specification
    ///
    /// RFC 6750, section 3.1.
    #[must_use]
    pub const fn challenge_error(&self) -> Option<&'static str> {
        match self {
            Self::InvalidCredentials | Self::Expired => Some("invalid_token"),
            Self::MultipleCredentials | Self::CredentialsInQuery => Some("invalid_request"),
            Self::MissingCredentials | Self::Unavailable => None,
        }
    }
}

//! The client's side of authentication: who adds credentials to a request.

use std::fmt::Debug;

use async_trait::async_trait;
use http::HeaderMap;

use crate::origin::Origin;

/// Adds credentials to outgoing requests. Object-safe.
///
/// An implementation is bound to the exact origin that its credentials are for and refuses any other, so
/// that neither a redirect nor a mistyped URL can leak them. It marks header values as sensitive.
#[async_trait]
pub trait CredentialProvider: Debug + Send + Sync {
    /// Adds the credentials for a request to `origin`.
    ///
    /// # Errors
    ///
    /// [`CredentialError`]: the request must not be sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the headers as they were or with the credentials added.
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError>;

    /// A key that differs whenever the credentials are another party's: private cache entries are bound to
    /// it. Reveals nothing about the credentials.
    fn context_key(&self) -> [u8; 32];
}

/// Why no credentials were added to a request. Safe to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The credentials are for another origin.
    #[error("credentials are for another origin than {origin}")]
    OtherOrigin {
        /// Where the request goes.
        origin: Origin,
    },
    /// The request goes over plain http to another machine, where anyone on the way could read it.
    #[error("credentials are not sent over plain http to {origin}: use https")]
    Insecure {
        /// Where the request goes.
        origin: Origin,
    },
    /// The credential has a character that a header cannot carry.
    #[error("credential cannot be sent in a header: it must be token68 text without line ends")]
    Malformed,
    /// The request has credentials already.
    #[error("request already carries credentials")]
    AlreadyPresent,
    /// No credential can be had now.
    #[error("no credential is available")]
    Unavailable,
}

impl CredentialError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherOrigin { .. } => "credentials_for_other_origin",
            Self::Insecure { .. } => "credentials_not_sent",
            Self::Malformed => "malformed_credentials",
            Self::AlreadyPresent => "multiple_credentials",
            Self::Unavailable => "credentials_unavailable",
        }
    }
}

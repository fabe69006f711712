//! The client's side of authentication: who adds credentials to a request.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName};

use crate::{
    authn::{CredentialHeader, CredentialHeaderError},
    origin::Origin,
};

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

/// Shared providers are providers.
#[async_trait]
impl<T: CredentialProvider + ?Sized> CredentialProvider for Arc<T> {
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        (**self).apply(origin, headers).await
    }

    fn context_key(&self) -> [u8; 32] {
        (**self).context_key()
    }
}

/// The decision to send no credentials.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoCredentials;

impl NoCredentials {
    /// Sends nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl CredentialProvider for NoCredentials {
    async fn apply(&self, _: &Origin, _: &mut HeaderMap) -> Result<(), CredentialError> {
        Ok(())
    }

    fn context_key(&self) -> [u8; 32] {
        [0; 32]
    }
}

/// The credentials for a request to `origin`, as headers whose values are marked as sensitive, so that
/// `Debug` shows nothing of them and HTTP/2 puts them into no table.
///
/// # Errors
///
/// [`CredentialError`] of the provider; [`CredentialError::Insecure`] if there are credentials and the
/// origin is plain http on another machine; [`CredentialError::Header`] if a provider would set a header that
/// frames or routes the request.
///
/// # Cancel safety
///
/// As [`CredentialProvider::apply`].
///
/// # Examples
///
/// ```
/// # use palisade_security::{CredentialError, CredentialProvider, Origin, provider::build_auth_headers};
/// # async fn show(provider: &dyn CredentialProvider) -> Result<(), CredentialError> {
/// let origin = Origin::parse("https://mcp.example.com").unwrap();
/// let headers = build_auth_headers(provider, &origin).await?;
/// assert!(headers.values().all(|value| value.is_sensitive()));
/// # Ok(())
/// # }
/// ```
pub async fn build_auth_headers(
    provider: &dyn CredentialProvider,
    origin: &Origin,
) -> Result<HeaderMap, CredentialError> {
    let mut headers = HeaderMap::new();
    provider.apply(origin, &mut headers).await?;
    if !headers.is_empty() && !origin.is_trustworthy() {
        return Err(CredentialError::Insecure { origin: origin.clone() });
    }
    for (name, value) in &mut headers {
        if !CredentialHeader::is_sendable(name) {
            return Err(CredentialHeaderError::Reserved { name: name.clone() }.into());
        }
        value.set_sensitive(true);
    }
    Ok(headers)
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
    /// The credential is empty, too long, or has a character that it cannot have.
    #[error("credential cannot be sent: it is empty, too long, or has characters it cannot have")]
    Malformed,
    /// The name of a user has a colon or a control character, or is empty.
    #[error(
        "user name cannot be sent: it is empty, too long, or has a colon or a control character"
    )]
    InvalidUserName,
    /// A header cannot hold credentials.
    #[error(transparent)]
    Header(#[from] CredentialHeaderError),
    /// A header is listed twice, so that two readers could pick different ones.
    #[error("`{name}` is listed twice")]
    DuplicateHeader {
        /// The name.
        name: HeaderName,
    },
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
            Self::InvalidUserName => "invalid_user_name",
            Self::Header(error) => error.code(),
            Self::DuplicateHeader { .. } => "duplicate_header",
            Self::AlreadyPresent => "multiple_credentials",
            Self::Unavailable => "credentials_unavailable",
        }
    }
}

//! The client's side: a key, and the one origin it is for.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use palisade_security::{
    CredentialError, CredentialHeader, CredentialProvider, Origin, Secret, digest::digest_parts,
};

use super::is_visible;
use crate::secrets::MAX_SECRET_LEN;

/// Sends one key to one origin, and to no other: not after a redirect, and not over plain http unless the
/// origin is on this machine.
///
/// # Examples
///
/// ```
/// use palisade_auth::ApiKeyCredential;
/// use palisade_security::{CredentialHeader, Origin};
///
/// let origin = Origin::parse("https://mcp.example.com").unwrap();
/// let key = ApiKeyCredential::new(origin, "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT")
///     .unwrap()
///     .with_header(CredentialHeader::parse("X-Team-Key").unwrap());
/// assert!(!format!("{key:?}").contains("q7Vt"));
/// ```
#[derive(Clone)]
pub struct ApiKeyCredential {
    origin: Origin,
    header: CredentialHeader,
    key: Secret,
}

impl ApiKeyCredential {
    /// A key for an origin, in `X-API-Key`.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Malformed`] if the key is empty, longer than 8 KiB, or has characters other than
    /// visible ASCII; [`CredentialError::Insecure`] if the origin is plain http on another machine.
    pub fn new(origin: Origin, key: impl Into<Secret>) -> Result<Self, CredentialError> {
        let key = key.into();
        if key.len() > MAX_SECRET_LEN || !is_visible(key.expose()) {
            return Err(CredentialError::Malformed);
        }
        if !origin.is_trustworthy() {
            return Err(CredentialError::Insecure { origin });
        }
        Ok(Self { origin, header: CredentialHeader::x_api_key(), key })
    }

    /// Sets the header. Default: `X-API-Key`.
    #[must_use]
    pub fn with_header(mut self, header: CredentialHeader) -> Self {
        self.header = header;
        self
    }

    /// Where the key may be sent.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

#[async_trait]
impl CredentialProvider for ApiKeyCredential {
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        if *origin != self.origin {
            return Err(CredentialError::OtherOrigin { origin: origin.clone() });
        }
        if headers.contains_key(self.header.name()) {
            return Err(CredentialError::AlreadyPresent);
        }
        let value = HeaderValue::from_str(self.key.expose());
        let mut value = value.map_err(|_| CredentialError::Malformed)?;
        value.set_sensitive(true);
        headers.insert(self.header.name(), value);
        Ok(())
    }

    fn context_key(&self) -> [u8; 32] {
        let origin = self.origin.to_string();
        let parts = ["api key", &origin, self.header.as_str(), self.key.expose()];
        digest_parts(&parts.map(str::as_bytes))
    }
}

impl fmt::Debug for ApiKeyCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyCredential")
            .field("origin", &self.origin)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

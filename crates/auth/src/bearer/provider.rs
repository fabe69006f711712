//! The client's side: a token, and the one origin it is for.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use palisade_security::{
    CredentialError, CredentialProvider, Origin, Secret, digest::digest_parts,
};

use super::{MAX_SECRET_LEN, is_token68};

/// Sends one bearer token to one origin, and to no other: not after a redirect, and not over plain http
/// unless the origin is on this machine.
///
/// # Examples
///
/// ```
/// use palisade_auth::BearerToken;
/// use palisade_security::Origin;
///
/// let origin = Origin::parse("https://mcp.example.com").unwrap();
/// let credentials = BearerToken::new(origin, "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT").unwrap();
/// assert!(!format!("{credentials:?}").contains("q7Vt"));
/// ```
#[derive(Clone)]
pub struct BearerToken {
    origin: Origin,
    token: Secret,
    context_key: [u8; 32],
}

impl BearerToken {
    /// A token for an origin.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Malformed`] if the token has characters that a bearer token cannot have or is
    /// longer than 8 KiB; [`CredentialError::Insecure`] if the origin is plain http on another machine.
    pub fn new(origin: Origin, token: impl Into<Secret>) -> Result<Self, CredentialError> {
        let token = token.into();
        if token.len() > MAX_SECRET_LEN || !is_token68(token.expose()) {
            return Err(CredentialError::Malformed);
        }
        if !origin.is_trustworthy() {
            return Err(CredentialError::Insecure { origin });
        }
        let context_key =
            digest_parts(&[b"bearer", origin.to_string().as_bytes(), token.expose().as_bytes()]);
        Ok(Self { origin, token, context_key })
    }

    /// Where the token may be sent.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

#[async_trait]
impl CredentialProvider for BearerToken {
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        if *origin != self.origin {
            return Err(CredentialError::OtherOrigin { origin: origin.clone() });
        }
        if headers.contains_key(AUTHORIZATION) {
            return Err(CredentialError::AlreadyPresent);
        }
        let mut text = String::with_capacity("Bearer ".len() + self.token.len());
        text.push_str("Bearer ");
        text.push_str(self.token.expose());
        let mut value = HeaderValue::try_from(text).map_err(|_| CredentialError::Malformed)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    fn context_key(&self) -> [u8; 32] {
        self.context_key
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken").field("origin", &self.origin).finish_non_exhaustive()
    }
}

//! The client's side: a name and a password, and the one origin they are for.

use std::fmt;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use palisade_security::{
    CredentialError, CredentialProvider, Origin, Secret, digest::digest_parts,
};
use zeroize::Zeroizing;

use super::{is_password, is_user_name};

/// Sends a name and a password to one origin, and to no other: not after a redirect, and not over plain http
/// unless the origin is on this machine.
///
/// # Specification
///
/// RFC 7617, with UTF-8.
///
/// # Examples
///
/// ```
/// use palisade_auth::BasicCredential;
/// use palisade_security::Origin;
///
/// let origin = Origin::parse("https://mcp.example.com").unwrap();
/// assert!(BasicCredential::new(origin.clone(), "alice", "7xqV-plum-Ember-42").is_ok());
/// // The colon would end the name.
/// assert!(BasicCredential::new(origin, "alice:admin", "7xqV-plum-Ember-42").is_err());
/// ```
#[derive(Clone)]
pub struct BasicCredential {
    origin: Origin,
    user: Box<str>,
    password: Secret,
}

impl BasicCredential {
    /// A name and a password for an origin.
    ///
    /// # Errors
    ///
    /// [`CredentialError::InvalidUserName`] if the name is empty, longer than 255 bytes, or has a colon or a
    /// control character; [`CredentialError::Malformed`] if the password is empty, longer than 1 KiB, or has
    /// a control character; [`CredentialError::Insecure`] if the origin is plain http on another machine.
    pub fn new(
        origin: Origin,
        user: impl Into<Box<str>>,
        password: impl Into<Secret>,
    ) -> Result<Self, CredentialError> {
        let (user, password) = (user.into(), password.into());
        if !is_user_name(&user) {
            return Err(CredentialError::InvalidUserName);
        }
        if !is_password(password.expose()) {
            return Err(CredentialError::Malformed);
        }
        if !origin.is_trustworthy() {
            return Err(CredentialError::Insecure { origin });
        }
        Ok(Self { origin, user, password })
    }

    /// Where name and password may be sent.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

#[async_trait]
impl CredentialProvider for BasicCredential {
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        if *origin != self.origin {
            return Err(CredentialError::OtherOrigin { origin: origin.clone() });
        }
        if headers.contains_key(AUTHORIZATION) {
            return Err(CredentialError::AlreadyPresent);
        }
        let plain = Zeroizing::new(format!("{}:{}", self.user, self.password.expose()));
        let mut text = String::from("Basic ");
        STANDARD.encode_string(plain.as_bytes(), &mut text);
        let mut value = HeaderValue::try_from(text).map_err(|_| CredentialError::Malformed)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    fn context_key(&self) -> [u8; 32] {
        let origin = self.origin.to_string();
        digest_parts(&["basic", &origin, &self.user, self.password.expose()].map(str::as_bytes))
    }
}

impl fmt::Debug for BasicCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredential")
            .field("origin", &self.origin)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

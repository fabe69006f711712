//! The client's side: headers, and the one origin they are for.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_security::{
    CredentialError, CredentialHeader, CredentialHeaderError, CredentialProvider, Origin, Secret,
    digest::digest_parts,
};

use super::{MAX_HEADERS, is_value};
use crate::secrets::MAX_SECRET_LEN;

/// Sends headers to one origin, and to no other: not after a redirect, and not over plain http unless the
/// origin is on this machine.
///
/// # Examples
///
/// ```
/// use palisade_auth::CustomHeadersCredential;
/// use palisade_security::Origin;
///
/// let origin = Origin::parse("https://mcp.example.com").unwrap();
/// let headers = [("X-Client-Id", "billing"), ("X-Client-Secret", "q7VtE2zR9wLx4KpN8sYc3HbJ")];
/// assert!(CustomHeadersCredential::new(origin.clone(), headers).is_ok());
/// // What frames or routes the request is no credential.
/// assert!(CustomHeadersCredential::new(origin, [("Host", "other.example.com")]).is_err());
/// ```
#[derive(Clone)]
pub struct CustomHeadersCredential {
    origin: Origin,
    headers: Vec<(HeaderName, Secret)>,
}

impl CustomHeadersCredential {
    /// Headers, as names and values, for an origin.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Header`] for a name that is none or that is reserved,
    /// [`CredentialError::DuplicateHeader`] for a name that is listed twice, [`CredentialError::Malformed`] if
    /// there are no headers or more than 16, or a value is empty or has characters other than printable ASCII,
    /// [`CredentialError::Insecure`] if the origin is plain http on another machine.
    pub fn new<V: Into<Secret>>(
        origin: Origin,
        headers: impl IntoIterator<Item = (impl AsRef<str>, V)>,
    ) -> Result<Self, CredentialError> {
        let mut parsed: Vec<(HeaderName, Secret)> = Vec::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(name.as_ref())
                .map_err(|_| CredentialHeaderError::Malformed)?;
            let value = value.into();
            if !CredentialHeader::is_sendable(&name) {
                return Err(CredentialHeaderError::Reserved { name }.into());
            }
            if parsed.iter().any(|(other, _)| *other == name) {
                return Err(CredentialError::DuplicateHeader { name });
            }
            if value.len() > MAX_SECRET_LEN || !is_value(value.expose()) {
                return Err(CredentialError::Malformed);
            }
            parsed.push((name, value));
        }
        if parsed.is_empty() || parsed.len() > MAX_HEADERS {
            return Err(CredentialError::Malformed);
        }
        if !origin.is_trustworthy() {
            return Err(CredentialError::Insecure { origin });
        }
        Ok(Self { origin, headers: parsed })
    }

    /// Where the headers may be sent.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

#[async_trait]
impl CredentialProvider for CustomHeadersCredential {
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        if *origin != self.origin {
            return Err(CredentialError::OtherOrigin { origin: origin.clone() });
        }
        if self.headers.iter().any(|(name, _)| headers.contains_key(name)) {
            return Err(CredentialError::AlreadyPresent);
        }
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value.expose());
            let mut value = value.map_err(|_| CredentialError::Malformed)?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        Ok(())
    }

    fn context_key(&self) -> [u8; 32] {
        let origin = self.origin.to_string();
        let mut parts = vec!["custom headers".as_bytes(), origin.as_bytes()];
        for (name, value) in &self.headers {
            parts.extend([name.as_str().as_bytes(), value.expose().as_bytes()]);
        }
        digest_parts(&parts)
    }
}

impl fmt::Debug for CustomHeadersCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("CustomHeadersCredential")
            .field("origin", &self.origin)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

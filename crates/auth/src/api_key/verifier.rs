//! The server's side: which keys are valid, and whose they are.

use std::fmt;

use palisade_security::{
    Authenticator, AuthnError, Challenge, CredentialHeader, CredentialId, Credentials, Finding,
    Principal,
};

use super::{KeyEntry, is_visible};
use crate::secrets::{Kind, Secrets, SecretsHandle, Strength, error};

/// Accepts fixed keys in a header. Keeps a keyed digest of each (HMAC-SHA-256, key random per process), and
/// compares a presented key with all of them in constant time.
///
/// A key that is malformed, shorter than 16 bytes or guessable is a finding, and so is a header that has a
/// meaning of its own: building a configuration reports it, and until then nobody is let in. Several keys may
/// be valid at once, so that they can be rotated, and [`Self::handle`] exchanges them in a running server.
///
/// # Examples
///
/// ```
/// use palisade_auth::{ApiKey, api_key::KeyEntry};
///
/// let keys = ApiKey::entries([KeyEntry::new("alice", "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT")]);
/// let elsewhere = ApiKey::entries([KeyEntry::new("bob", "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l")])
///     .with_header("X-Team-Key");
/// ```
pub struct ApiKey {
    keys: Secrets,
    /// Or what is wrong with it.
    header: Result<CredentialHeader, Finding>,
}

static KEYS: Kind = Kind {
    scheme: "api_key",
    noun: "key",
    path: "keys",
    is_wellformed: is_visible,
    syntax: "1 to 8192 visible ascii characters",
    codes: ["malformed_key", "duplicate_key", "key_required"],
};

impl ApiKey {
    /// Accepts these keys in `X-API-Key`. Keys with the same subject are the same principal, as in a
    /// rotation.
    #[must_use]
    pub fn entries(entries: impl IntoIterator<Item = KeyEntry>) -> Self {
        Self::build(entries, Strength::Checked)
    }

    /// Sets the header. Default: `X-API-Key`. A name that cannot hold a credential is a finding.
    #[must_use]
    pub fn with_header(mut self, name: &str) -> Self {
        self.header = CredentialHeader::parse(name).map_err(|cause| {
            error("header", cause.code(), cause.to_string())
                .with_fix("leave the default `X-API-Key`, or choose a name such as `X-Team-Key`")
        });
        self
    }

    /// Opens what weakens security.
    #[must_use]
    pub const fn dangerous() -> DangerousApiKey {
        DangerousApiKey(())
    }

    /// What exchanges the keys of a running server.
    #[must_use]
    pub fn handle(&self) -> SecretsHandle {
        self.keys.handle()
    }

    fn build(entries: impl IntoIterator<Item = KeyEntry>, strength: Strength) -> Self {
        let keys = Secrets::new(&KEYS, entries, strength);
        Self { keys, header: Ok(CredentialHeader::x_api_key()) }
    }

    fn header(&self) -> Result<&CredentialHeader, AuthnError> {
        self.header.as_ref().map_err(|_| AuthnError::Unavailable)
    }

    fn verify(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let value = credentials.header(self.header()?)?.ok_or(AuthnError::MissingCredentials)?;
        self.keys.verify(value.to_str().unwrap_or_default(), credentials)
    }
}

impl Authenticator for ApiKey {
    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        Some(self.verify(credentials))
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        let challenge = Challenge::new("ApiKey");
        match &self.header {
            Ok(header) => challenge.with_parameter("header", header.as_str()),
            Err(_) => challenge,
        }
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(credentials.header(self.header()?)?.is_some())
    }

    fn claims(&self, _: &Credentials<'_>) -> Option<CredentialId> {
        self.keys.claims()
    }

    fn findings(&self) -> Vec<Finding> {
        self.keys.findings().into_iter().chain(self.header.as_ref().err().cloned()).collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("header", &self.header)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// What weakens API keys: see [`ApiKey::dangerous`].
#[derive(Debug)]
pub struct DangerousApiKey(());

impl DangerousApiKey {
    /// As [`ApiKey::entries`], but a guessable key is a warning, not an error. For tests, and for keys that
    /// another system dictates. After failed attempts even a valid key has to wait.
    #[must_use]
    pub fn weak_keys(self, entries: impl IntoIterator<Item = KeyEntry>) -> ApiKey {
        ApiKey::build(entries, Strength::Tolerated)
    }
}

//! [`SecretEntry`]: a secret and whose it is.

use std::fmt;

use palisade_security::{Principal, Scope, Secret, UnixMillis};

/// A secret and whose it is. Entries with the same subject are the same principal, so that a secret can be
/// rotated: list the new one beside the old one, and let the old one expire.
#[derive(Clone)]
pub struct SecretEntry {
    pub(super) subject: Box<str>,
    pub(super) secret: Secret,
    scopes: Vec<Scope>,
    pub(super) expires_at: Option<UnixMillis>,
    pub(super) not_before: Option<UnixMillis>,
    context_key: Option<[u8; 32]>,
}

impl SecretEntry {
    /// A secret of `subject`, which audit records show.
    #[must_use]
    pub fn new(subject: impl Into<Box<str>>, secret: impl Into<Secret>) -> Self {
        Self {
            subject: subject.into(),
            secret: secret.into(),
            scopes: Vec::new(),
            expires_at: None,
            not_before: None,
            context_key: None,
        }
    }

    /// Sets what the secret grants.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Sets when the secret ends. Default: never.
    #[must_use]
    pub fn with_expires_at(mut self, expires_at: UnixMillis) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// Sets when the secret begins. Default: at once.
    #[must_use]
    pub fn with_not_before(mut self, not_before: UnixMillis) -> Self {
        self.not_before = Some(not_before);
        self
    }

    /// Tells principals apart by this instead of by subject.
    #[cfg(feature = "bearer")]
    pub(crate) fn with_context_key(mut self, context_key: [u8; 32]) -> Self {
        self.context_key = Some(context_key);
        self
    }

    pub(super) fn principal(&self, scheme: &'static str) -> Principal {
        let mut principal =
            Principal::new(self.subject.clone(), scheme).with_scopes(self.scopes.iter().cloned());
        if let Some(expires_at) = self.expires_at {
            principal = principal.with_expires_at(expires_at);
        }
        if let Some(context_key) = self.context_key {
            principal = principal.with_context_key(context_key);
        }
        principal
    }
}

impl fmt::Debug for SecretEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretEntry")
            .field("subject", &self.subject)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .field("not_before", &self.not_before)
            .finish_non_exhaustive()
    }
}

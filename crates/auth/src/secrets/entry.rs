//! [`SecretEntry`]: a secret and whose it is.

use std::fmt;

use palisade_security::{Principal, Secret};

use crate::grant::{Grant, grant_setters};

/// A secret and whose it is. Entries with the same subject are the same principal, so that a secret can be
/// rotated: list the new one beside the old one, and let the old one expire.
#[derive(Clone)]
pub struct SecretEntry {
    pub(super) subject: Box<str>,
    pub(super) secret: Secret,
    pub(super) grant: Grant,
    context_key: Option<[u8; 32]>,
}

impl SecretEntry {
    /// A secret of `subject`, which audit records show.
    #[must_use]
    pub fn new(subject: impl Into<Box<str>>, secret: impl Into<Secret>) -> Self {
        Self {
            subject: subject.into(),
            secret: secret.into(),
            grant: Grant::default(),
            context_key: None,
        }
    }

    /// Tells principals apart by this instead of by subject.
    #[cfg(feature = "bearer")]
    pub(crate) fn with_context_key(mut self, context_key: [u8; 32]) -> Self {
        self.context_key = Some(context_key);
        self
    }

    pub(super) fn principal(&self, scheme: &'static str) -> Principal {
        let principal = self.grant.principal(&self.subject, scheme);
        match self.context_key {
            Some(context_key) => principal.with_context_key(context_key),
            None => principal,
        }
    }
}

grant_setters!(SecretEntry, "secret");

impl fmt::Debug for SecretEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretEntry")
            .field("subject", &self.subject)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

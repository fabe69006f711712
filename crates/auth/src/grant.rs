//! What a listed credential grants, and from when to when: the part that all kinds have in common.

use palisade_security::{Principal, Scope, UnixMillis};

/// Scopes, begin and end of one credential.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) not_before: Option<UnixMillis>,
    pub(crate) expires_at: Option<UnixMillis>,
}

impl Grant {
    /// Who presents the credential.
    pub(crate) fn principal(&self, subject: &str, scheme: &'static str) -> Principal {
        let principal = Principal::new(subject, scheme).with_scopes(self.scopes.iter().cloned());
        match self.expires_at {
            Some(expires_at) => principal.with_expires_at(expires_at),
            None => principal,
        }
    }

    /// Whether it ends before it begins.
    pub(crate) fn is_never_valid(&self) -> bool {
        self.not_before.zip(self.expires_at).is_some_and(|(begin, end)| begin >= end)
    }
}

/// The setters of a type with a [`Grant`] in its field `grant`.
macro_rules! grant_setters {
    ($type:ty, $noun:literal) => {
        impl $type {
            #[doc = concat!("Sets what the ", $noun, " grants. Default: no scope.")]
            #[must_use]
            pub fn with_scopes(
                mut self,
                scopes: impl IntoIterator<Item = palisade_security::Scope>,
            ) -> Self {
                self.grant.scopes = scopes.into_iter().collect();
                self
            }

            #[doc = concat!("Sets when the ", $noun, " ends. Default: never.")]
            #[must_use]
            pub fn with_expires_at(mut self, expires_at: palisade_security::UnixMillis) -> Self {
                self.grant.expires_at = Some(expires_at);
                self
            }

            #[doc = concat!("Sets when the ", $noun, " begins. Default: at once.")]
            #[must_use]
            pub fn with_not_before(mut self, not_before: palisade_security::UnixMillis) -> Self {
                self.grant.not_before = Some(not_before);
                self
            }
        }
    };
}
pub(crate) use grant_setters;

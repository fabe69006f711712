//! One set of secrets, as digests.

use std::borrow::Cow;

use palisade_security::{
    AuthnError, Credentials, Finding, Principal, Secret, Severity, UnixMillis,
    digest::{DigestKey, KeyedDigest},
};

/// Secrets that are accepted, and whose they are.
pub(crate) struct Set {
    key: DigestKey,
    known: Vec<Known>,
    #[cfg(feature = "__count-work")]
    pub(super) work: std::sync::Arc<super::Work>,
}

/// Whose a secret is.
#[derive(Clone)]
pub(crate) struct Known {
    digest: KeyedDigest,
    principal: Principal,
    not_before: Option<UnixMillis>,
}

impl Set {
    /// An empty set with a key of its own.
    ///
    /// # Errors
    ///
    /// A finding, if no random bytes can be had.
    pub(crate) fn new(path: &'static str) -> Result<Self, Finding> {
        let key = DigestKey::random().map_err(|cause| {
            error(path, cause.code(), "no random bytes can be had")
                .with_fix("enable feature `aws-lc-rs` or `ring`")
        })?;
        Ok(Self {
            key,
            known: Vec::new(),
            #[cfg(feature = "__count-work")]
            work: std::sync::Arc::default(),
        })
    }

    /// Adds a secret; false if it is there already.
    pub(crate) fn insert(
        &mut self,
        secret: &[u8],
        principal: Principal,
        not_before: Option<UnixMillis>,
    ) -> bool {
        let digest = self.key.digest(secret);
        if self.known.iter().any(|known| known.digest.matches(&digest)) {
            return false;
        }
        self.known.push(Known { digest, principal, not_before });
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whose secret it is. One digest, and one comparison with each that is known: the time tells nothing
    /// about the place in the list, nor how much of a guess was right.
    ///
    /// # Errors
    ///
    /// [`AuthnError::InvalidCredentials`] if it is nobody's, or not valid yet.
    pub(crate) fn verify(
        &self,
        secret: &[u8],
        credentials: &Credentials<'_>,
    ) -> Result<Principal, AuthnError> {
        let digest = self.key.digest(secret);
        let found = self.known.iter().fold(None, |found, known| {
            #[cfg(feature = "__count-work")]
            self.work.note_comparison();
            if known.digest.matches(&digest) { Some(known) } else { found }
        });
        #[cfg(feature = "__count-work")]
        self.work.note_digest();
        let known = found.ok_or(AuthnError::InvalidCredentials)?;
        let begun =
            known.not_before.is_none_or(|begin| credentials.now().is_some_and(|now| now >= begin));
        if begun { Ok(known.principal.clone()) } else { Err(AuthnError::InvalidCredentials) }
    }
}

/// Whether a guessable secret keeps a server from being built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Strength {
    Checked,
    Tolerated,
}

/// What to report of a secret that is guessable.
pub(crate) fn weak(
    path: String,
    noun: &str,
    owner: &str,
    secret: &Secret,
    strength: Strength,
) -> Option<Finding> {
    let weakness = secret.weakness_of(owner, super::MIN_SECRET_LEN)?;
    let severity = match strength {
        Strength::Checked => Severity::Error,
        Strength::Tolerated => Severity::Warning,
    };
    Some(
        Finding::new(path, severity, weakness.code(), format!("the {noun} is {weakness}"))
            .with_fix(format!("use a random {noun}, such as `openssl rand -hex 32` gives")),
    )
}

pub(crate) fn error(
    path: impl Into<Cow<'static, str>>,
    code: &'static str,
    message: impl Into<Cow<'static, str>>,
) -> Finding {
    Finding::new(path, Severity::Error, code, message)
}

//! [`SecretsHandle`]: exchanges the secrets of a running server.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use palisade_security::{
    AuthnConfigError, AuthnError, CredentialId, Credentials, Finding, Principal,
};

use super::{Kind, MAX_SECRET_LEN, SecretEntry, Set, Strength, error, weak};

/// Secrets that can be exchanged while they are in use.
pub(crate) struct Secrets {
    live: Arc<Live>,
    findings: Vec<Finding>,
}

struct Live {
    /// None if a finding is an error. Held for one verification, which waits for nothing.
    set: RwLock<Option<Set>>,
    /// Whether one of them could be guessed.
    guessable: AtomicBool,
    /// All of them together.
    id: CredentialId,
    kind: &'static Kind,
    strength: Strength,
}

impl Secrets {
    pub(crate) fn new(
        kind: &'static Kind,
        entries: impl IntoIterator<Item = SecretEntry>,
        strength: Strength,
    ) -> Self {
        let (set, findings) = build(kind, entries, strength);
        let guessable = AtomicBool::new(!findings.is_empty());
        let id = CredentialId::of_all(kind.scheme);
        let live = Live { set: RwLock::new(set), guessable, id, kind, strength };
        Self { live: Arc::new(live), findings }
    }

    /// Whose secret it is.
    pub(crate) fn verify(
        &self,
        secret: &str,
        credentials: &Credentials<'_>,
    ) -> Result<Principal, AuthnError> {
        let live = &*self.live;
        // Before any cryptography, and no secret: the bound and the alphabet are public.
        let wellformed = secret.len() <= MAX_SECRET_LEN && (live.kind.is_wellformed)(secret);
        let set = live.set.read().unwrap_or_else(PoisonError::into_inner);
        let set = set.as_ref().ok_or(AuthnError::Unavailable)?;
        if wellformed {
            set.verify(secret.as_bytes(), credentials)
        } else {
            Err(AuthnError::InvalidCredentials)
        }
    }

    /// All of them together if one could be guessed: see [`CredentialId::of_all`].
    pub(crate) fn claims(&self) -> Option<CredentialId> {
        let guessable = self.live.guessable.load(Ordering::Relaxed);
        guessable.then_some(self.live.id)
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }

    pub(crate) fn handle(&self) -> SecretsHandle {
        SecretsHandle(Arc::clone(&self.live))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }
}

impl Live {
    fn len(&self) -> usize {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        set.as_ref().map_or(0, Set::len)
    }
}

fn build(
    kind: &Kind,
    entries: impl IntoIterator<Item = SecretEntry>,
    strength: Strength,
) -> (Option<Set>, Vec<Finding>) {
    let Kind { noun, codes: [malformed, duplicate, required], .. } = kind;
    let mut findings = Vec::new();
    let mut listed = false;
    let mut set = Set::new(kind.path).map_err(|finding| findings.push(finding)).ok();
    for (index, entry) in entries.into_iter().enumerate() {
        listed = true;
        let path = format!("{}[{index}]", kind.path);
        if entry.grant.is_never_valid() {
            let message = format!("the {noun} ends before it begins");
            let found = error(path.clone(), "never_valid", message);
            findings.push(found.with_fix("set `expires_at` after `not_before`"));
        }
        let secret = &entry.secret;
        if secret.len() > MAX_SECRET_LEN || !(kind.is_wellformed)(secret.expose()) {
            let message =
                format!("the {noun} is empty, too long, or has characters that it cannot have");
            let fix = format!("use {}, such as `openssl rand -hex 32` gives", kind.syntax);
            findings.push(error(path.clone(), malformed, message).with_fix(fix));
        } else {
            findings.extend(weak(path.clone(), noun, &entry.subject, secret, strength));
        }
        let Some(set) = &mut set else { continue };
        let principal = entry.principal(kind.scheme);
        if !set.insert(secret.expose().as_bytes(), principal, entry.grant.not_before) {
            let message = format!("the {noun} is listed twice");
            let fix =
                format!("remove one: whose {noun} it is would depend on the order of the list");
            findings.push(error(path, duplicate, message).with_fix(fix));
        }
    }
    if !listed {
        let message = format!("no {noun} is listed, so nobody could be let in");
        let fix = format!("list at least one {noun}");
        findings.push(error(kind.path, required, message).with_fix(fix));
    }
    (set.filter(|_| !findings.iter().any(Finding::is_error)), findings)
}

/// Exchanges the secrets of a running server. Cheap to clone.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "bearer")] {
/// use palisade_auth::{Bearer, SecretEntry};
///
/// let bearer = Bearer::entries([SecretEntry::new("alice", "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT")]);
/// let handle = bearer.handle();
/// // ... `bearer` goes into the configuration of a server. Later:
/// let renewed = SecretEntry::new("alice", "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l");
/// handle.replace([renewed]).unwrap();
/// // A set that a server would not have started with changes nothing.
/// assert!(handle.replace([SecretEntry::new("alice", "changeme")]).is_err());
/// # }
/// ```
#[derive(Clone)]
pub struct SecretsHandle(Arc<Live>);

impl SecretsHandle {
    /// Puts these secrets in the place of all there are, for every request that is authenticated from now
    /// on. Requests that have been let in go on.
    ///
    /// # Errors
    ///
    /// [`AuthnConfigError`] with every finding, if one of them is an error: nothing has changed.
    pub fn replace(
        &self,
        entries: impl IntoIterator<Item = SecretEntry>,
    ) -> Result<(), AuthnConfigError> {
        let live = &*self.0;
        #[allow(unused_mut, reason = "work is counted across sets")]
        let (mut set, findings) = build(live.kind, entries, live.strength);
        if set.is_none() {
            return Err(AuthnConfigError::new(findings));
        }
        // First, so that none of them is ever without it.
        live.guessable.fetch_or(!findings.is_empty(), Ordering::Relaxed);
        let mut current = live.set.write().unwrap_or_else(PoisonError::into_inner);
        #[cfg(feature = "__count-work")]
        if let (Some(set), Some(current)) = (&mut set, &*current) {
            set.work = Arc::clone(&current.work);
        }
        *current = set;
        live.guessable.store(!findings.is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// How many secrets there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What verifying them took.
    #[cfg(feature = "__count-work")]
    #[must_use]
    pub fn work(&self) -> Option<Arc<super::Work>> {
        let set = self.0.set.read().unwrap_or_else(PoisonError::into_inner);
        set.as_ref().map(|set| Arc::clone(&set.work))
    }
}

impl fmt::Debug for SecretsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsHandle")
            .field("scheme", &self.0.kind.scheme)
            .field("secrets", &self.count())
            .finish_non_exhaustive()
    }
}

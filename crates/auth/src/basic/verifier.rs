//! The server's side: whose name and password it is.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

use async_trait::async_trait;
use palisade_security::{
    AddressBlock, Authenticator, AuthnConfigError, AuthnError, Challenge, CredentialId,
    Credentials, Finding, Principal, Severity,
};
use tokio::runtime::Handle;

use super::{Attempt, UserEntry, pool::Pool, users::Users};

/// Accepts user names and passwords. Keeps an argon2id hash of each password.
///
/// - A password is hashed on a thread of its own, at most [so many](Self::with_max_at_once) at once; at most
///   [so many](Self::with_max_waiting) attempts wait for it, and the rest are answered with 503. Longer ones
///   than 1 KiB are not looked at.
/// - Every attempt computes the same number of hashes, whether the user is known or not, and is answered with
///   the same words.
/// - Failed attempts are counted for a name and an address: see [`Backoff`](palisade_security::Backoff). The
///   next one waits before its password is hashed.
/// - Names with a colon or control characters, hashes that are computed too fast and well-known passwords are
///   findings: until they are fixed nobody is let in.
///
/// Each request costs some 20 ms of a core: a token is the better choice for a client that sends many.
///
/// # Specification
///
/// RFC 7617, with UTF-8.
///
/// # Examples
///
/// ```
/// use palisade_auth::{Basic, PasswordHash, basic::UserEntry};
///
/// // What a configuration holds; made by `PasswordHash::new("alice", password)?.to_phc_string()`.
/// let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
///             nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
/// let users = Basic::users([UserEntry::new("alice", PasswordHash::parse(hash)?)]);
/// # Ok::<(), palisade_auth::basic::PasswordHashError>(())
/// ```
#[derive(Debug)]
pub struct Basic {
    live: Arc<Live>,
    pool: Pool,
    findings: Vec<Finding>,
}

struct Live {
    /// None if a finding is an error.
    users: RwLock<Option<Arc<Users>>>,
    weak: Severity,
    hashes: AtomicU64,
    hashing: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// The most attempts that wait for others.
const MAX_WAITING: usize = 64;

impl Basic {
    /// Accepts these users.
    #[must_use]
    pub fn users(users: impl IntoIterator<Item = UserEntry>) -> Self {
        Self::build(users, Severity::Error)
    }

    /// Sets how many passwords are hashed at once. Default: half of the processors, at least one. Abuse:
    /// guesses that take all processors and, at 19 MiB each, the memory.
    #[must_use]
    pub fn with_max_at_once(mut self, max_at_once: NonZeroUsize) -> Self {
        self.pool = self.pool.with_at_once(max_at_once);
        self
    }

    /// Sets how many attempts wait. Default: 64, and 16 from one address. Abuse: guesses that everyone else
    /// has to wait for.
    #[must_use]
    pub fn with_max_waiting(mut self, max_waiting: usize) -> Self {
        self.pool = self.pool.with_max_waiting(max_waiting);
        self
    }

    /// Opens what weakens security.
    #[must_use]
    pub const fn dangerous() -> DangerousBasic {
        DangerousBasic(())
    }

    /// What exchanges the users of a running server.
    #[must_use]
    pub fn handle(&self) -> BasicHandle {
        BasicHandle(Arc::clone(&self.live))
    }

    fn build(users: impl IntoIterator<Item = UserEntry>, weak: Severity) -> Self {
        let (users, findings) = Users::new(users.into_iter().collect(), weak);
        let live = Live {
            users: RwLock::new(users.map(Arc::new)),
            weak,
            hashes: AtomicU64::new(0),
            hashing: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        };
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let at_once = NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN);
        Self { live: Arc::new(live), pool: Pool::new(at_once, MAX_WAITING), findings }
    }
}

#[async_trait]
impl Authenticator for Basic {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let attempt = Attempt::read(credentials)?.ok_or(AuthnError::InvalidCredentials)?;
        let users = self.live.users().ok_or(AuthnError::Unavailable)?;
        let runtime = Handle::try_current().map_err(|_| AuthnError::Unavailable)?;
        let permit = self.pool.enter(AddressBlock::of(credentials.peer)).await?;
        // Others that waited in front of this one may have failed.
        credentials.check_attempt(&attempt.id())?;
        let live = Arc::clone(&self.live);
        let verifying = runtime.spawn_blocking(move || {
            let hashing = live.hashing();
            let found = users.verify(&attempt.user, &attempt.password, || live.note_hash());
            drop(hashing);
            // With the permit: if the caller has left, it is held until here; if not, until the outcome is
            // about to be counted, so that the next attempt is asked about after that.
            (found, permit)
        });
        let (found, _permit) = verifying.await.map_err(|_| AuthnError::Unavailable)?;
        let known = found.ok_or(AuthnError::InvalidCredentials)?;
        let begun =
            known.not_before.is_none_or(|begin| credentials.now().is_some_and(|now| now >= begin));
        if begun { Ok(known.principal) } else { Err(AuthnError::InvalidCredentials) }
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        Challenge::new("Basic").with_parameter("charset", "UTF-8")
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(credentials.authorization_with_scheme("Basic")?.is_some())
    }

    fn claims(&self, credentials: &Credentials<'_>) -> Option<CredentialId> {
        Attempt::read(credentials).ok().flatten().map(|attempt| attempt.id())
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }
}

impl Live {
    fn users(&self) -> Option<Arc<Users>> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_hash(&self) {
        self.hashes.fetch_add(1, Ordering::Relaxed);
    }

    fn hashing(&self) -> Hashing<'_> {
        let at_once = self.hashing.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::Relaxed);
        Hashing(&self.hashing)
    }
}

/// Counts as one attempt that is being hashed until it is dropped.
struct Hashing<'a>(&'a AtomicUsize);

impl Drop for Hashing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = self.users().map_or(0, |users| users.len());
        f.debug_struct("Live").field("users", &users).finish_non_exhaustive()
    }
}

/// Exchanges the users of a running server, and tells how busy it is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BasicHandle(Arc<Live>);

impl BasicHandle {
    /// Puts these users in the place of all there are, for every request that is authenticated from now on.
    /// Requests that have been let in go on. Tries well-known passwords first, some 100 ms for each user: not
    /// for an async thread.
    ///
    /// # Errors
    ///
    /// [`AuthnConfigError`] with every finding, if one of them is an error: nothing has changed.
    pub fn replace(
        &self,
        users: impl IntoIterator<Item = UserEntry>,
    ) -> Result<(), AuthnConfigError> {
        let (users, findings) = Users::new(users.into_iter().collect(), self.0.weak);
        let users = users.ok_or_else(|| AuthnConfigError::new(findings))?;
        *self.0.users.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(users));
        Ok(())
    }

    /// How many hashes were computed for attempts.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        self.0.hashes.load(Ordering::Relaxed)
    }

    /// The most attempts whose passwords were hashed at the same time.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::Relaxed)
    }
}

/// What weakens passwords: see [`Basic::dangerous`].
#[derive(Debug)]
pub struct DangerousBasic(());

impl DangerousBasic {
    /// As [`Basic::users`], but hashes that are computed too fast and well-known passwords are warnings, not
    /// errors. For tests, and for hashes that another system dictates.
    #[must_use]
    pub fn weak_passwords(self, users: impl IntoIterator<Item = UserEntry>) -> Basic {
        Basic::build(users, Severity::Warning)
    }
}

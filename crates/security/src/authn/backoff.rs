//! [`Backoff`]: whoever guesses has to wait, and nobody else.

mod counter;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use counter::Failures;

use super::PeerInfo;
use crate::{
    clock::Clock,
    config::{Finding, Severity},
    digest::digest_parts,
};

/// Delays attempts after failed ones, twice as long after each.
///
/// Failures are counted for a credential *and* an address, so that nobody can lock a victim out from
/// elsewhere. Where the credential is unknown (a token that is not valid is nobody's), and for all names
/// beyond the first 16 that failed from one address, they are counted for the address alone. A success
/// clears the count of its own credential only: a guesser with an account of his own gains nothing by it.
/// IPv6 addresses count by /64, which is what one subscriber has.
///
/// | setting | default | |
/// |-|-|-|
/// | [`free_failures`](Self::with_free_failures) | 5 | so many failures cost nothing |
/// | [`first_delay`](Self::with_first_delay) | 1 s | the wait after them, doubled by each further failure |
/// | [`max_delay`](Self::with_max_delay) | 15 min | the longest wait |
/// | [`forget_after`](Self::with_forget_after) | 1 h | without a failure, the count starts anew |
/// | [`max_addresses`](Self::with_max_addresses) | 16,384 | addresses that are remembered, about 0.6 KiB each |
///
/// When the memory is full, the address with the fewest failures gives way: to make this forget an address
/// that failed 20 times, a guesser needs 16,384 others that failed as often. An attempt that is refused
/// unchecked is not counted, or a client that does not look at `Retry-After` would never come in again.
///
/// Addresses are those that the transport sees. Behind a proxy that is not trusted to name its clients, all
/// of them share one address.
pub struct Backoff {
    settings: Settings,
    shards: Box<[Shard]>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    disabled: bool,
    free_failures: u32,
    first_delay: Duration,
    max_delay: Duration,
    forget_after: Duration,
    max_addresses: usize,
}

/// The addresses of one shard. Whoever has no failures in his shard takes no lock.
#[derive(Default)]
struct Shard {
    tracked: AtomicUsize,
    failures: Mutex<HashMap<AddressBlock, Failures>>,
}

/// Keeps the time short that a full shard is searched, and requests from different addresses apart.
const SHARDS: usize = 64;

impl Backoff {
    /// The defaults of the table above.
    #[must_use]
    pub fn new() -> Self {
        Self {
            settings: Settings {
                disabled: false,
                free_failures: 5,
                first_delay: Duration::from_secs(1),
                max_delay: Duration::from_secs(15 * 60),
                forget_after: Duration::from_secs(60 * 60),
                max_addresses: 16_384,
            },
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Sets how many failures cost nothing. Default: 5.
    #[must_use]
    pub fn with_free_failures(mut self, free_failures: u32) -> Self {
        self.settings.free_failures = free_failures;
        self
    }

    /// Sets the first wait. Default: 1 s.
    #[must_use]
    pub fn with_first_delay(mut self, first_delay: Duration) -> Self {
        self.settings.first_delay = first_delay;
        self
    }

    /// Sets the longest wait. Default: 15 min.
    #[must_use]
    pub fn with_max_delay(mut self, max_delay: Duration) -> Self {
        self.settings.max_delay = max_delay;
        self
    }

    /// Sets after which time without a failure the count starts anew. Default: 1 h.
    #[must_use]
    pub fn with_forget_after(mut self, forget_after: Duration) -> Self {
        self.settings.forget_after = forget_after;
        self
    }

    /// Sets how many addresses are remembered. Default: 16,384. Rounded up to a multiple of 64.
    #[must_use]
    pub fn with_max_addresses(mut self, max_addresses: usize) -> Self {
        self.settings.max_addresses = max_addresses;
        self
    }

    /// Opens what weakens security.
    #[must_use]
    pub const fn dangerous() -> DangerousBackoff {
        DangerousBackoff(())
    }

    /// Whether attempts are counted at all.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        self.settings.disabled
    }

    /// How many addresses have failures.
    #[must_use]
    pub fn tracked_addresses(&self) -> usize {
        self.shards.iter().map(|shard| shard.tracked.load(Ordering::Relaxed)).sum()
    }

    /// How long the next attempt with a credential from an address has to wait.
    #[must_use]
    pub fn wait(
        &self,
        id: &CredentialId,
        address: AddressBlock,
        clock: &dyn Clock,
    ) -> Option<Duration> {
        let shard = self.shard(address)?;
        if shard.tracked.load(Ordering::Acquire) == 0 {
            return None;
        }
        shard.lock().get_mut(&address)?.counter(Some(id))?.wait(&self.settings, clock.now())
    }

    /// Counts a failure. Gives the time that the attempt should have waited, if it should have: then it does
    /// not count, and its outcome must not be told.
    #[must_use]
    pub fn failed(
        &self,
        id: Option<&CredentialId>,
        address: AddressBlock,
        clock: &dyn Clock,
    ) -> Option<Duration> {
        let shard = self.shard(address)?;
        let now = clock.now();
        let mut failures = shard.lock();
        if !failures.contains_key(&address) {
            let room = self.settings.max_addresses.div_ceil(SHARDS).max(1);
            make_room(&mut failures, room, |found| found.weight(&self.settings, now));
        }
        let counter =
            failures.entry(address).or_default().counter_to_count(id, &self.settings, now);
        let wait = counter.wait(&self.settings, now);
        if wait.is_none() {
            counter.count(&self.settings, now);
        }
        shard.tracked.store(failures.len(), Ordering::Release);
        wait
    }

    /// Clears the count of a credential and an address.
    pub fn succeeded(&self, id: &CredentialId, address: AddressBlock) {
        let Some(shard) = self.shard(address) else { return };
        if shard.tracked.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut failures = shard.lock();
        if let Some(found) = failures.get_mut(&address) {
            found.clear(id);
            if found.is_empty() {
                failures.remove(&address);
            }
        }
        shard.tracked.store(failures.len(), Ordering::Release);
    }

    /// None if nothing is counted.
    fn shard(&self, address: AddressBlock) -> Option<&Shard> {
        let hash = usize::try_from(self.hasher.hash_one(address) % SHARDS as u64).ok()?;
        self.shards.get(hash).filter(|_| !self.settings.disabled)
    }

    /// What is wrong with these settings.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let Settings { first_delay, max_delay, forget_after, max_addresses, .. } = self.settings;
        let mut findings = Vec::new();
        let mut found = |wrong: bool, path, message, fix| {
            if wrong {
                let finding = Finding::new(path, Severity::Error, "invalid_backoff", message);
                findings.push(finding.with_fix(fix));
            }
        };
        let hour = "set a time between a second and an hour, or leave the default";
        found(first_delay.is_zero(), "backoff.first_delay", "the first wait is zero", hour);
        let message = "the longest wait is shorter than the first";
        found(max_delay < first_delay, "backoff.max_delay", message, hour);
        let message = "failures are forgotten before the wait for them is over";
        found(
            forget_after < max_delay,
            "backoff.forget_after",
            message,
            "set a longer time than `backoff.max_delay`, or leave the default",
        );
        let message = "no address is remembered";
        let fix = "set a positive number, or leave the default";
        found(max_addresses == 0, "backoff.max_addresses", message, fix);
        findings
    }
}

/// Drops the address that weighs least, if there are too many.
fn make_room<W: Ord>(
    failures: &mut HashMap<AddressBlock, Failures>,
    room: usize,
    weight: impl Fn(&Failures) -> W,
) {
    if failures.len() < room {
        return;
    }
    let least = failures.iter().min_by_key(|(_, found)| weight(found)).map(|(address, _)| *address);
    if let Some(address) = least {
        failures.remove(&address);
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, HashMap<AddressBlock, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backoff").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What weakens the back-off: see [`Backoff::dangerous`].
#[derive(Debug)]
pub struct DangerousBackoff(());

impl DangerousBackoff {
    /// Counts nothing: anyone may guess as fast as the server answers. For load tests, and for servers whose
    /// proxy counts failures.
    #[must_use]
    pub fn disabled(self) -> Backoff {
        let mut backoff = Backoff::new();
        backoff.settings.disabled = true;
        backoff
    }
}

/// Whom a credential claims to be of. Shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialId {
    digest: [u8; 16],
    shared: bool,
}

impl CredentialId {
    /// A name within a scheme, such as the user name in `basic`.
    #[must_use]
    pub fn of_name(scheme: &str, name: &str) -> Self {
        let digest = digest_parts(&[b"credential id", scheme.as_bytes(), name.as_bytes()]);
        Self { digest: *digest.first_chunk().unwrap_or(&[0; 16]), shared: false }
    }

    /// All credentials of a scheme together, for secrets that could be guessed and name nobody. The success
    /// of one clears no count: it could be the guesser's own.
    #[must_use]
    pub fn of_all(scheme: &str) -> Self {
        Self { shared: true, ..Self::of_name(scheme, "") }
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialId(..)")
    }
}

/// The addresses that one peer can choose from: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressBlock(Option<IpAddr>);

impl AddressBlock {
    /// Where a peer is. All peers without an address are in one place.
    #[must_use]
    pub fn of(peer: &PeerInfo) -> Self {
        Self(peer.address().map(|address| match address.ip().to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            address => address,
        }))
    }
}

#[cfg(test)]
mod tests;

//! Time as a value: expiry is decided against a [`Clock`] that the caller passes in.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// A time from milliseconds since the epoch.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// A time from whole seconds since the epoch, such as the `exp` of a token. Saturates.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This time plus a duration. Saturates, so that a huge lifetime means "never", not "long ago".
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time from `earlier` to this time; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Where the time comes from. Object-safe; tests use [`ManualClock`].
pub trait Clock: Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> UnixMillis;
}

/// Shared clocks are clocks, so that a test can move the one it configures.
impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> UnixMillis {
        (**self).now()
    }
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The clock of the operating system.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        #[allow(clippy::disallowed_methods, reason = "the one home of the system clock")]
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis::default().saturating_add(since)
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn new(now: UnixMillis) -> Self {
        Self(AtomicU64::new(now.as_millis()))
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: UnixMillis) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_when_told() {
        let clock = ManualClock::new(UnixMillis::from_secs(5));
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now(), UnixMillis::new(5001));
        clock.set(UnixMillis::new(3));
        assert_eq!(clock.now().as_millis(), 3);
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UnixMillis::from_secs(u64::MAX).as_millis(), u64::MAX);
        assert_eq!(UnixMillis::new(1).saturating_add(Duration::MAX).as_millis(), u64::MAX);
        assert_eq!(
            UnixMillis::new(1).saturating_duration_since(UnixMillis::new(2)),
            Duration::ZERO
        );
    }

    #[test]
    fn system_clock_is_after_2024() {
        assert!(SystemClock::new().now() > UnixMillis::from_secs(1_704_067_200));
    }
}

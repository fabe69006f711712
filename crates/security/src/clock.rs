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

    /// The time as ISO 8601 has it, in UTC: `2026-07-28T09:30:00.250Z`. A year beyond 9999 has more digits.
    #[must_use]
    pub fn to_iso8601(self) -> String {
        let (secs, millis) = (self.0 / 1000, self.0 % 1000);
        let (hour, minute, second) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
        let (year, month, day) = civil(secs / 86_400);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
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

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are taken to begin in March, so that the leap day is the last of its year; then the months before
/// it have 153 days in every five, and 400 years have 146,097.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as u64;
    (year, month, day)
}

/// Where the time comes from. Object-safe; tests use [`ManualClock`].
pub trait Clock: Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> UnixMillis;
}

/// When a request came: read once, by whoever asks first, for all who ask. A look at a clock costs as much as
/// a small decision, and most requests have several decisions about the same time.
#[derive(Debug, Default)]
pub struct Moment(AtomicU64);

impl Moment {
    /// Not read yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The time, by this clock if nobody has asked before.
    pub fn get(&self, clock: &dyn Clock) -> UnixMillis {
        // Who asks at the same time gets a time as good.
        match self.0.load(Ordering::Relaxed) {
            0 => {
                let now = clock.now();
                self.0.store(now.as_millis(), Ordering::Relaxed);
                now
            }
            read => UnixMillis::new(read),
        }
    }
}

impl Clone for Moment {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
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
    fn times_are_written_as_iso_8601_has_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_868_799_000, "2000-02-29T23:59:59.000Z"),
            (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_785_231_000_250, "2026-07-28T09:30:00.250Z"),
            (1_798_761_599_000, "2026-12-31T23:59:59.000Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(UnixMillis::new(millis).to_iso8601(), text);
        }
        assert!(UnixMillis::new(u64::MAX).to_iso8601().ends_with('Z'));
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

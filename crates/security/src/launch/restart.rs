//! [`Restart`]: when a server that ended is started again.

use std::time::Duration;

/// When a server that ended is started again. Requests that were under way have failed then: the new process
/// knows nothing of them.
///
/// # Specification
///
/// MCP 2026-07-28, Transports, "stdio", "Unexpected Termination".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Restart {
    attempts: u32,
    first_delay: Duration,
    max_delay: Duration,
    healthy_after: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self::new()
    }
}

impl Restart {
    /// Up to five times in a row, after 250 ms, 500 ms and so on, up to 30 s; a process that ran for a minute
    /// begins a new row.
    pub const fn new() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_millis(250),
            max_delay: Duration::from_secs(30),
            healthy_after: Duration::from_secs(60),
        }
    }

    /// Never.
    pub const fn never() -> Self {
        Self { attempts: 0, ..Self::new() }
    }

    /// Sets how often in a row. Default: 5. Abuse: a program that ends at once would be started for ever.
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets how long to wait before the first attempt; each further one waits twice as long. Default: 250 ms.
    pub const fn with_first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the longest wait before an attempt. Default: 30 s.
    pub const fn with_max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets how long a process must run for its end to count as the first again. Default: 60 s.
    pub const fn with_healthy_after(mut self, time: Duration) -> Self {
        self.healthy_after = time;
        self
    }

    /// How often in a row.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long a process must run for its end to count as the first again.
    #[must_use]
    pub const fn healthy_after(&self) -> Duration {
        self.healthy_after
    }

    /// How long to wait before this attempt of a row, from 0.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt);
        self.first_delay.saturating_mul(factor).min(self.max_delay)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Restart;

    #[test]
    fn delays_double_up_to_a_bound() {
        let restart = Restart::new();
        let seen = [0, 1, 6, 7, 40].map(|attempt| restart.delay(attempt).as_millis());
        assert_eq!(seen, [250, 500, 16_000, 30_000, 30_000]);
        assert_eq!(Restart::never().with_attempts(5), Restart::new());
        let quick = restart.with_first_delay(Duration::from_millis(1));
        assert_eq!(quick.with_max_delay(Duration::from_millis(3)).delay(2).as_millis(), 3);
    }
}

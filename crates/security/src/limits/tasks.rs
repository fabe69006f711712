//! [`TaskLimits`]: what tasks may use, which outlive the requests that begin them.

use std::time::Duration;

/// How many tasks there may be, what they may keep, and for how long. A task that has ended counts until
/// its time is up, because its result is kept for the client that has not fetched it yet.
///
/// Together they bound the memory for tasks: [`Self::max_tasks`] times [`Self::max_bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLimits {
    pub(super) max_tasks: usize,
    pub(super) max_per_principal: usize,
    pub(super) max_bytes: usize,
    pub(super) ttl: Duration,
    pub(super) poll_interval: Duration,
}

impl Default for TaskLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskLimits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_tasks: 1024,
            max_per_principal: 64,
            max_bytes: 256 * 1024,
            ttl: Duration::from_secs(60 * 60),
            poll_interval: Duration::from_secs(1),
        }
    }

    /// The most tasks, of all principals together. Default: 1024. Abuse: many callers who together take
    /// all the memory. Answered with 503.
    #[must_use]
    pub const fn max_tasks(&self) -> usize {
        self.max_tasks
    }

    /// Sets [`Self::max_tasks`].
    #[must_use]
    pub const fn with_max_tasks(mut self, max_tasks: usize) -> Self {
        self.max_tasks = max_tasks;
        self
    }

    /// The most tasks of a principal. Default: 64. Abuse: one caller that begins tasks and never looks at
    /// them. Answered with 429.
    #[must_use]
    pub const fn max_per_principal(&self) -> usize {
        self.max_per_principal
    }

    /// Sets [`Self::max_per_principal`].
    #[must_use]
    pub const fn with_max_per_principal(mut self, max_per_principal: usize) -> Self {
        self.max_per_principal = max_per_principal;
        self
    }

    /// The most bytes that a task keeps: what it asks, the answers, and the result. Default: 256 KiB. Abuse:
    /// results that nobody fetches, and answers to fill the memory with. A task with a larger result, or a
    /// larger error, fails; larger answers are refused with -32602.
    #[must_use]
    pub const fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Sets [`Self::max_bytes`].
    #[must_use]
    pub const fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// How long a task is kept, from its beginning. Default: 1 h. Abuse: tasks that never end. One that is
    /// still at work then is ended, and no longer known.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Sets [`Self::ttl`].
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long clients are told to wait before they ask again how a task stands. Default: 1 s. Those that
    /// ask more often are bound by the rate of their principal.
    #[must_use]
    pub const fn poll_interval(&self) -> Duration {
        self.poll_interval
    }

    /// Sets [`Self::poll_interval`].
    #[must_use]
    pub const fn with_poll_interval(mut self, poll_interval: Duration) -> Self {
        self.poll_interval = poll_interval;
        self
    }
}

//! [`SessionLimits`]: what sessions of the older revisions may use.

use std::time::Duration;

/// How many sessions there may be, for how long, and what is kept for clients that lost their connection.
/// The newest revision has none, and needs none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    pub(super) max_sessions: usize,
    pub(super) max_per_principal: usize,
    pub(super) max_replay_events: usize,
    pub(super) max_replay_bytes: usize,
    pub(super) max_replay_bytes_in_all: usize,
    pub(super) idle_timeout: Duration,
    pub(super) retry: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionLimits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_sessions: 10_000,
            max_per_principal: 1000,
            max_replay_events: 256,
            max_replay_bytes: 1024 * 1024,
            max_replay_bytes_in_all: 64 * 1024 * 1024,
            idle_timeout: Duration::from_secs(30 * 60),
            retry: Duration::from_secs(1),
        }
    }

    /// The most sessions, of all principals together. Default: 10 000. Abuse: many callers who together
    /// take all the memory. Answered with 429.
    #[must_use]
    pub const fn max_sessions(&self) -> usize {
        self.max_sessions
    }

    /// Sets [`Self::max_sessions`].
    #[must_use]
    pub const fn with_max_sessions(mut self, max_sessions: usize) -> Self {
        self.max_sessions = max_sessions;
        self
    }

    /// The most sessions of a principal. Default: 1000; without authentication all clients are one
    /// principal, and many never end their sessions. Abuse: one caller that opens sessions without end.
    /// Answered with 429.
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

    /// The most events that are kept of a session, for clients that lost their connection and resume.
    /// Default: 256. Abuse: events that nobody ever asks for. The oldest are dropped first.
    #[must_use]
    pub const fn max_replay_events(&self) -> usize {
        self.max_replay_events
    }

    /// Sets [`Self::max_replay_events`].
    #[must_use]
    pub const fn with_max_replay_events(mut self, max_replay_events: usize) -> Self {
        self.max_replay_events = max_replay_events;
        self
    }

    /// The most bytes that are kept of a session. Default: 1 MiB. Abuse: as with
    /// [`Self::max_replay_events`]. A single event that is larger is not kept.
    #[must_use]
    pub const fn max_replay_bytes(&self) -> usize {
        self.max_replay_bytes
    }

    /// Sets [`Self::max_replay_bytes`].
    #[must_use]
    pub const fn with_max_replay_bytes(mut self, max_replay_bytes: usize) -> Self {
        self.max_replay_bytes = max_replay_bytes;
        self
    }

    /// The most bytes that are kept of all sessions together. Default: 64 MiB. Abuse: many sessions that
    /// together fill the memory. What does not fit is not kept, and cannot be resumed.
    #[must_use]
    pub const fn max_replay_bytes_in_all(&self) -> usize {
        self.max_replay_bytes_in_all
    }

    /// Sets [`Self::max_replay_bytes_in_all`].
    #[must_use]
    pub const fn with_max_replay_bytes_in_all(mut self, max_replay_bytes_in_all: usize) -> Self {
        self.max_replay_bytes_in_all = max_replay_bytes_in_all;
        self
    }

    /// The time after which a session ends in which nothing happens: no request, no open stream. Default:
    /// 30 min. Abuse: sessions that are left behind, and a stolen id that is good for ever.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Sets [`Self::idle_timeout`].
    #[must_use]
    pub const fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// How long clients are told to wait before they resume a stream. Default: 1 s. Abuse: clients that
    /// come back at once, all together.
    #[must_use]
    pub const fn retry(&self) -> Duration {
        self.retry
    }

    /// Sets [`Self::retry`].
    #[must_use]
    pub const fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = retry;
        self
    }
}

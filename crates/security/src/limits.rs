//! [`Limits`]: every size, count and time that a server grants to a peer it does not trust.

mod sessions;
mod tasks;

use std::time::Duration;

pub use self::{sessions::SessionLimits, tasks::TaskLimits};
use crate::config::{Finding, Severity};

/// The deepest nesting that can be allowed: below the cap of the JSON parser, which is never disabled.
const MAX_JSON_DEPTH: usize = 120;

/// The longest time that can be set: a year. The deadline of one without end, such as [`Duration::MAX`],
/// cannot be represented, and hyper panics where it adds it up.
pub(crate) const MAX_TIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a peer may use. Every limit has a default that serves a typical deployment; zero and what cannot
/// be honoured are findings when the configuration is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    max_body_bytes: usize,
    max_header_bytes: usize,
    max_headers: usize,
    max_json_depth: usize,
    max_connections: usize,
    max_connections_per_address: usize,
    max_concurrent_streams: usize,
    max_reset_streams: usize,
    max_control_frames: usize,
    max_in_flight: usize,
    max_in_flight_per_principal: usize,
    max_subscriptions_per_principal: usize,
    sse_queue: usize,
    max_request_state_bytes: usize,
    handshake_timeout: Duration,
    header_timeout: Duration,
    authentication_timeout: Duration,
    body_timeout: Duration,
    request_timeout: Duration,
    idle_timeout: Duration,
    sse_keep_alive: Duration,
    request_state_ttl: Duration,
    sessions: SessionLimits,
    tasks: TaskLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_body_bytes: 4 * 1024 * 1024,
            max_header_bytes: 32 * 1024,
            max_headers: 64,
            max_json_depth: 64,
            max_connections: 1024,
            max_connections_per_address: 256,
            max_concurrent_streams: 128,
            max_reset_streams: 20,
            max_control_frames: 1000,
            max_in_flight: 4096,
            max_in_flight_per_principal: 256,
            max_subscriptions_per_principal: 16,
            sse_queue: 64,
            max_request_state_bytes: 32 * 1024,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            authentication_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            sse_keep_alive: Duration::from_secs(15),
            request_state_ttl: Duration::from_secs(10 * 60),
            sessions: SessionLimits::new(),
            tasks: TaskLimits::new(),
        }
    }

    /// The largest request body, in bytes. Default: 4 MiB. Abuse: a body that fills the memory. Counted
    /// while it streams; answered with 413.
    #[must_use]
    pub const fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Sets [`Self::max_body_bytes`].
    #[must_use]
    pub const fn with_max_body_bytes(mut self, max_body_bytes: usize) -> Self {
        self.max_body_bytes = max_body_bytes;
        self
    }

    /// The largest header block of a request, in bytes. Default: 32 KiB. Abuse: headers that fill the
    /// memory before any check can run. Answered with 431.
    #[must_use]
    pub const fn max_header_bytes(&self) -> usize {
        self.max_header_bytes
    }

    /// Sets [`Self::max_header_bytes`].
    #[must_use]
    pub const fn with_max_header_bytes(mut self, max_header_bytes: usize) -> Self {
        self.max_header_bytes = max_header_bytes;
        self
    }

    /// The most headers of a request. Default: 64. Abuse: many small headers, which cost more than their
    /// bytes. Answered with 431.
    #[must_use]
    pub const fn max_headers(&self) -> usize {
        self.max_headers
    }

    /// Sets [`Self::max_headers`].
    #[must_use]
    pub const fn with_max_headers(mut self, max_headers: usize) -> Self {
        self.max_headers = max_headers;
        self
    }

    /// The deepest nesting of a message. Default: 64, at most 120. Abuse: nesting that exhausts the
    /// stack of a parser. Answered with -32700.
    #[must_use]
    pub const fn max_json_depth(&self) -> usize {
        self.max_json_depth
    }

    /// Sets [`Self::max_json_depth`].
    #[must_use]
    pub const fn with_max_json_depth(mut self, max_json_depth: usize) -> Self {
        self.max_json_depth = max_json_depth;
        self
    }

    /// The most connections at a time. Default: 1024. Abuse: connections that fill the table of open
    /// files.
    #[must_use]
    pub const fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// Sets [`Self::max_connections`].
    #[must_use]
    pub const fn with_max_connections(mut self, max_connections: usize) -> Self {
        self.max_connections = max_connections;
        self
    }

    /// The most connections from one address at a time; an IPv6 address stands for its /64 network. Default:
    /// 256. Trusted proxies are exempt. Abuse: one machine that takes the places of all others. The
    /// connection is closed.
    #[must_use]
    pub const fn max_connections_per_address(&self) -> usize {
        self.max_connections_per_address
    }

    /// Sets [`Self::max_connections_per_address`].
    #[must_use]
    pub const fn with_max_connections_per_address(
        mut self,
        max_connections_per_address: usize,
    ) -> Self {
        self.max_connections_per_address = max_connections_per_address;
        self
    }

    /// The most HTTP/2 streams of a connection at a time. Default: 128. Abuse: one connection that opens
    /// and resets streams without end.
    #[must_use]
    pub const fn max_concurrent_streams(&self) -> usize {
        self.max_concurrent_streams
    }

    /// Sets [`Self::max_concurrent_streams`].
    #[must_use]
    pub const fn with_max_concurrent_streams(mut self, max_concurrent_streams: usize) -> Self {
        self.max_concurrent_streams = max_concurrent_streams;
        self
    }

    /// The most HTTP/2 streams of a connection that the peer has reset and the server has not seen yet, and
    /// the most that the server had to reset. Default: 20. Abuse: rapid reset, where each request costs the
    /// peer a few bytes and the server a handler. Answered with GOAWAY.
    #[must_use]
    pub const fn max_reset_streams(&self) -> usize {
        self.max_reset_streams
    }

    /// Sets [`Self::max_reset_streams`].
    #[must_use]
    pub const fn with_max_reset_streams(mut self, max_reset_streams: usize) -> Self {
        self.max_reset_streams = max_reset_streams;
        self
    }

    /// The most HTTP/2 frames of a connection in ten seconds that carry nothing of a request: PING,
    /// SETTINGS, PRIORITY, WINDOW_UPDATE, resets, empty ones. Those that requests and answers bring with
    /// them are free. Default: 1000. Abuse: frames that cost the peer nothing and are each looked at.
    /// Answered with GOAWAY.
    #[must_use]
    pub const fn max_control_frames(&self) -> usize {
        self.max_control_frames
    }

    /// Sets [`Self::max_control_frames`].
    #[must_use]
    pub const fn with_max_control_frames(mut self, max_control_frames: usize) -> Self {
        self.max_control_frames = max_control_frames;
        self
    }

    /// The most requests at a time, of all principals together. Default: 4096. Abuse: many callers who
    /// together take all the memory. Answered with 503.
    #[must_use]
    pub const fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// Sets [`Self::max_in_flight`].
    #[must_use]
    pub const fn with_max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.max_in_flight = max_in_flight;
        self
    }

    /// The most requests of a principal at a time, event streams included. Default: 256. Abuse: one
    /// caller that takes all the handlers. Answered with 429.
    #[must_use]
    pub const fn max_in_flight_per_principal(&self) -> usize {
        self.max_in_flight_per_principal
    }

    /// Sets [`Self::max_in_flight_per_principal`].
    #[must_use]
    pub const fn with_max_in_flight_per_principal(
        mut self,
        max_in_flight_per_principal: usize,
    ) -> Self {
        self.max_in_flight_per_principal = max_in_flight_per_principal;
        self
    }

    /// The most subscription streams of a principal at a time. Default: 16. Abuse: hoarding of event
    /// streams. Answered with 429.
    #[must_use]
    pub const fn max_subscriptions_per_principal(&self) -> usize {
        self.max_subscriptions_per_principal
    }

    /// Sets [`Self::max_subscriptions_per_principal`].
    #[must_use]
    pub const fn with_max_subscriptions_per_principal(
        mut self,
        max_subscriptions_per_principal: usize,
    ) -> Self {
        self.max_subscriptions_per_principal = max_subscriptions_per_principal;
        self
    }

    /// The most messages that wait for a reader of an event stream. Default: 64. Abuse: a reader that
    /// does not read. A full queue makes the handler wait; a peer that takes nothing is disconnected.
    #[must_use]
    pub const fn sse_queue(&self) -> usize {
        self.sse_queue
    }

    /// Sets [`Self::sse_queue`].
    #[must_use]
    pub const fn with_sse_queue(mut self, sse_queue: usize) -> Self {
        self.sse_queue = sse_queue;
        self
    }

    /// The largest `requestState`, in bytes. Default: 32 KiB. Abuse: a state that grows with every
    /// round, or is large from the start.
    #[must_use]
    pub const fn max_request_state_bytes(&self) -> usize {
        self.max_request_state_bytes
    }

    /// Sets [`Self::max_request_state_bytes`].
    #[must_use]
    pub const fn with_max_request_state_bytes(mut self, max_request_state_bytes: usize) -> Self {
        self.max_request_state_bytes = max_request_state_bytes;
        self
    }

    /// The time for a TLS handshake. Default: 10 s. Abuse: connections that never finish it.
    #[must_use]
    pub const fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }

    /// Sets [`Self::handshake_timeout`].
    #[must_use]
    pub const fn with_handshake_timeout(mut self, handshake_timeout: Duration) -> Self {
        self.handshake_timeout = handshake_timeout;
        self
    }

    /// The time for the headers of a request to arrive. Default: 10 s. Abuse: headers sent a byte at a
    /// time. The connection is closed.
    #[must_use]
    pub const fn header_timeout(&self) -> Duration {
        self.header_timeout
    }

    /// Sets [`Self::header_timeout`].
    #[must_use]
    pub const fn with_header_timeout(mut self, header_timeout: Duration) -> Self {
        self.header_timeout = header_timeout;
        self
    }

    /// The time for an authenticator to decide. Default: 10 s. Abuse: requests that wait for a key server
    /// that does not answer. Answered with 503.
    #[must_use]
    pub const fn authentication_timeout(&self) -> Duration {
        self.authentication_timeout
    }

    /// Sets [`Self::authentication_timeout`].
    #[must_use]
    pub const fn with_authentication_timeout(mut self, authentication_timeout: Duration) -> Self {
        self.authentication_timeout = authentication_timeout;
        self
    }

    /// The time for the body of a request to arrive. Default: 10 s. Abuse: a body sent a byte at a time.
    /// Answered with 408.
    #[must_use]
    pub const fn body_timeout(&self) -> Duration {
        self.body_timeout
    }

    /// Sets [`Self::body_timeout`].
    #[must_use]
    pub const fn with_body_timeout(mut self, body_timeout: Duration) -> Self {
        self.body_timeout = body_timeout;
        self
    }

    /// The time for a handler to answer. Subscriptions are not bound by it. Default: 60 s. Abuse:
    /// requests that keep a handler busy for ever.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// Sets [`Self::request_timeout`].
    #[must_use]
    pub const fn with_request_timeout(mut self, request_timeout: Duration) -> Self {
        self.request_timeout = request_timeout;
        self
    }

    /// The time a connection may rest between requests, and the least time a peer has to take an answer.
    /// Default: 60 s. Abuse: idle connections, and answers that are never read, keep others out.
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

    /// The time between two comments on a silent event stream. Default: 15 s. Abuse: a peer that is gone
    /// without a word keeps its stream; a failing comment shows it.
    #[must_use]
    pub const fn sse_keep_alive(&self) -> Duration {
        self.sse_keep_alive
    }

    /// Sets [`Self::sse_keep_alive`].
    #[must_use]
    pub const fn with_sse_keep_alive(mut self, sse_keep_alive: Duration) -> Self {
        self.sse_keep_alive = sse_keep_alive;
        self
    }

    /// The time for which a `requestState` can be redeemed. Default: 10 min. Abuse: an old state
    /// replayed when the situation has changed.
    #[must_use]
    pub const fn request_state_ttl(&self) -> Duration {
        self.request_state_ttl
    }

    /// Sets [`Self::request_state_ttl`].
    #[must_use]
    pub const fn with_request_state_ttl(mut self, request_state_ttl: Duration) -> Self {
        self.request_state_ttl = request_state_ttl;
        self
    }

    /// What sessions of the older revisions may use.
    #[must_use]
    pub const fn sessions(&self) -> &SessionLimits {
        &self.sessions
    }

    /// Sets [`Self::sessions`].
    #[must_use]
    pub fn with_sessions(mut self, sessions: SessionLimits) -> Self {
        self.sessions = sessions;
        self
    }

    /// What tasks may use.
    #[must_use]
    pub const fn tasks(&self) -> &TaskLimits {
        &self.tasks
    }

    /// Sets [`Self::tasks`].
    #[must_use]
    pub fn with_tasks(mut self, tasks: TaskLimits) -> Self {
        self.tasks = tasks;
        self
    }

    /// What is wrong with these limits.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let counts = [
            ("limits.max_body_bytes", self.max_body_bytes),
            ("limits.max_header_bytes", self.max_header_bytes),
            ("limits.max_headers", self.max_headers),
            ("limits.max_json_depth", self.max_json_depth),
            ("limits.max_connections", self.max_connections),
            ("limits.max_connections_per_address", self.max_connections_per_address),
            ("limits.max_concurrent_streams", self.max_concurrent_streams),
            ("limits.max_reset_streams", self.max_reset_streams),
            ("limits.max_control_frames", self.max_control_frames),
            ("limits.max_in_flight", self.max_in_flight),
            ("limits.max_in_flight_per_principal", self.max_in_flight_per_principal),
            ("limits.max_subscriptions_per_principal", self.max_subscriptions_per_principal),
            ("limits.sse_queue", self.sse_queue),
            ("limits.max_request_state_bytes", self.max_request_state_bytes),
            ("limits.sessions.max_sessions", self.sessions.max_sessions),
            ("limits.sessions.max_per_principal", self.sessions.max_per_principal),
            ("limits.sessions.max_replay_events", self.sessions.max_replay_events),
            ("limits.sessions.max_replay_bytes", self.sessions.max_replay_bytes),
            ("limits.sessions.max_replay_bytes_in_all", self.sessions.max_replay_bytes_in_all),
            ("limits.tasks.max_tasks", self.tasks.max_tasks),
            ("limits.tasks.max_per_principal", self.tasks.max_per_principal),
            ("limits.tasks.max_bytes", self.tasks.max_bytes),
        ];
        let times = [
            ("limits.handshake_timeout", self.handshake_timeout),
            ("limits.header_timeout", self.header_timeout),
            ("limits.authentication_timeout", self.authentication_timeout),
            ("limits.body_timeout", self.body_timeout),
            ("limits.request_timeout", self.request_timeout),
            ("limits.idle_timeout", self.idle_timeout),
            ("limits.sse_keep_alive", self.sse_keep_alive),
            ("limits.request_state_ttl", self.request_state_ttl),
            ("limits.sessions.idle_timeout", self.sessions.idle_timeout),
            ("limits.sessions.retry", self.sessions.retry),
            ("limits.tasks.ttl", self.tasks.ttl),
            ("limits.tasks.poll_interval", self.tasks.poll_interval),
        ];
        let zero_counts = counts.into_iter().filter(|(_, count)| *count == 0).map(|(path, _)| path);
        let zero_times = times.into_iter().filter(|(_, time)| time.is_zero()).map(|(path, _)| path);
        findings.extend(zero_counts.chain(zero_times).map(|path| {
            Finding::new(
                path,
                Severity::Error,
                "limit_is_zero",
                "the limit is zero, so nothing would pass",
            )
            .with_fix("set a positive value, or leave the default")
        }));
        findings.extend(times.into_iter().filter(|(_, time)| *time > MAX_TIME).map(|(path, _)| {
            Finding::new(path, Severity::Error, "limit_too_large", "the time is above a year")
                .with_fix("set a time that a peer could wait for, or leave the default")
        }));
        if self.max_json_depth > MAX_JSON_DEPTH {
            findings.push(
                Finding::new(
                    "limits.max_json_depth",
                    Severity::Error,
                    "limit_too_large",
                    format!("the nesting limit is above {MAX_JSON_DEPTH}, which the parser cannot honour"),
                )
                .with_fix(format!("set at most {MAX_JSON_DEPTH}")),
            );
        }
        if u32::try_from(self.max_concurrent_streams).is_err() {
            findings.push(
                Finding::new(
                    "limits.max_concurrent_streams",
                    Severity::Error,
                    "limit_too_large",
                    "the number of streams does not fit the 32 bits that HTTP/2 has for it",
                )
                .with_fix("set a value below 4294967296"),
            );
        }
        findings
    }
}

#[cfg(test)]
mod tests;

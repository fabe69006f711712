//! What a peer may use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::RawDuration;

/// What a peer may use. What is left out has its default: see
/// [`Limits`](palisade_security::Limits), which says what each protects against.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawLimits {
    /// The largest request body, in bytes. Default: 4 MiB.
    pub max_body_bytes: Option<usize>,
    /// The largest header block, in bytes. Default: 32 KiB.
    pub max_header_bytes: Option<usize>,
    /// The most headers of a request. Default: 64.
    pub max_headers: Option<usize>,
    /// The deepest nesting of a message. Default: 64, at most 120.
    pub max_json_depth: Option<usize>,
    /// The most connections at a time. Default: 1024.
    pub max_connections: Option<usize>,
    /// The most connections from one address at a time. Default: 256.
    pub max_connections_per_address: Option<usize>,
    /// The most HTTP/2 streams of a connection at a time. Default: 128.
    pub max_concurrent_streams: Option<usize>,
    /// The most HTTP/2 streams of a connection that were reset and are still at work. Default: 20.
    pub max_reset_streams: Option<usize>,
    /// The most HTTP/2 frames without content for each request. Default: 1000.
    pub max_control_frames: Option<usize>,
    /// The most requests of all principals at a time. Default: 4096.
    pub max_in_flight: Option<usize>,
    /// The most requests of a principal at a time. Default: 256.
    pub max_in_flight_per_principal: Option<usize>,
    /// The most subscription streams of a principal at a time. Default: 16.
    pub max_subscriptions_per_principal: Option<usize>,
    /// The most messages that wait for a reader of an event stream. Default: 64.
    pub sse_queue: Option<usize>,
    /// The largest `requestState`, in bytes. Default: 32 KiB.
    pub max_request_state_bytes: Option<usize>,
    /// The time for a TLS handshake. Default: 10 s.
    pub handshake_timeout: Option<RawDuration>,
    /// The time for the headers of a request. Default: 10 s.
    pub header_timeout: Option<RawDuration>,
    /// The time for an authenticator to decide. Default: 10 s.
    pub authentication_timeout: Option<RawDuration>,
    /// The time for the body of a request. Default: 10 s.
    pub body_timeout: Option<RawDuration>,
    /// The time for a handler to answer. Default: 60 s.
    pub request_timeout: Option<RawDuration>,
    /// The time a connection may rest. Default: 60 s.
    pub idle_timeout: Option<RawDuration>,
    /// The time between two comments on a silent event stream. Default: 15 s.
    pub sse_keep_alive: Option<RawDuration>,
    /// The time for which a `requestState` can be redeemed. Default: 10 min.
    pub request_state_ttl: Option<RawDuration>,
    /// What sessions of the older revisions may use.
    pub sessions: RawSessionLimits,
    /// What tasks may use.
    pub tasks: RawTaskLimits,
}

/// What sessions of the older revisions may use. What is left out has its default: see
/// [`SessionLimits`](palisade_security::SessionLimits), which says what each protects against.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawSessionLimits {
    /// The most sessions of all principals. Default: 10000.
    pub max_sessions: Option<usize>,
    /// The most sessions of a principal. Default: 1000.
    pub max_per_principal: Option<usize>,
    /// The most events that are kept of a session. Default: 256.
    pub max_replay_events: Option<usize>,
    /// The most bytes that are kept of a session. Default: 1 MiB.
    pub max_replay_bytes: Option<usize>,
    /// The most bytes that are kept of all sessions. Default: 64 MiB.
    pub max_replay_bytes_in_all: Option<usize>,
    /// The time after which a session ends in which nothing happens. Default: 30 min.
    pub idle_timeout: Option<RawDuration>,
    /// How long clients are told to wait before they resume a stream. Default: 1 s.
    pub retry: Option<RawDuration>,
}

/// What tasks may use. What is left out has its default: see
/// [`TaskLimits`](palisade_security::TaskLimits), which says what each protects against.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawTaskLimits {
    /// The most tasks of all principals. Default: 1024.
    pub max_tasks: Option<usize>,
    /// The most tasks of a principal. Default: 64.
    pub max_per_principal: Option<usize>,
    /// The most bytes that a task keeps. Default: 256 KiB.
    pub max_bytes: Option<usize>,
    /// How long a task is kept, from its beginning. Default: 1 h.
    pub ttl: Option<RawDuration>,
    /// How long clients are told to wait before they ask again. Default: 1 s.
    pub poll_interval: Option<RawDuration>,
}

/// How often callers may ask: see [`RateLimits`](palisade_security::RateLimits).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawRateLimits {
    /// From one address, before anybody is authenticated.
    pub per_address: Option<RawRate>,
    /// Of one principal.
    pub per_principal: Option<RawRate>,
    /// Calls of a tool by one principal, by the name of the tool.
    pub tools: BTreeMap<String, RawRate>,
    /// How many callers have a budget of their own at a time. Default: 16384.
    pub max_keys: Option<usize>,
}

/// So many requests in a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawRate {
    /// How many requests.
    #[schemars(example = 60)]
    pub requests: u32,
    /// In which time.
    pub per: RawDuration,
    /// How many may come at once. Default: as many as in the whole time.
    pub burst: Option<u32>,
}

//! What a peer may use.

use std::time::Duration;

use palisade_security::{
    ClientLimits, Limits, SessionLimits, TaskLimits,
    rate::{Rate, RateLimits},
};

use crate::{
    findings::Findings,
    raw::{
        RawClientLimits, RawDuration, RawLimits, RawRate, RawSecurityConfig, RawSessionLimits,
        RawTaskLimits,
    },
};

/// Sets those that are there: `set!(limits, raw, findings, within "path.", counts: [a => with_a], times: [])`.
macro_rules! set {
    ($limits:ident, $raw:ident, $findings:ident, within $prefix:literal,
     counts: [$($count:ident => $with_count:ident),* $(,)?],
     times: [$($time:ident => $with_time:ident),* $(,)?]) => {
        $(if let Some(count) = $raw.$count {
            $limits = $limits.$with_count(count);
        })*
        $(if let Some(text) = &$raw.$time {
            let path = concat!($prefix, stringify!($time));
            if let Some(time) = duration(text, path, $findings) {
                $limits = $limits.$with_time(time);
            }
        })*
    };
}

pub(super) fn server(raw: &RawLimits, findings: &mut Findings) -> Limits {
    let mut limits = Limits::new();
    set!(limits, raw, findings, within "limits.",
        counts: [
            max_body_bytes => with_max_body_bytes,
            max_header_bytes => with_max_header_bytes,
            max_headers => with_max_headers,
            max_json_depth => with_max_json_depth,
            max_connections => with_max_connections,
            max_connections_per_address => with_max_connections_per_address,
            max_concurrent_streams => with_max_concurrent_streams,
            max_reset_streams => with_max_reset_streams,
            max_control_frames => with_max_control_frames,
            max_in_flight => with_max_in_flight,
            max_in_flight_per_principal => with_max_in_flight_per_principal,
            max_subscriptions_per_principal => with_max_subscriptions_per_principal,
            sse_queue => with_sse_queue,
            max_request_state_bytes => with_max_request_state_bytes,
        ],
        times: [
            handshake_timeout => with_handshake_timeout,
            header_timeout => with_header_timeout,
            authentication_timeout => with_authentication_timeout,
            body_timeout => with_body_timeout,
            request_timeout => with_request_timeout,
            idle_timeout => with_idle_timeout,
            sse_keep_alive => with_sse_keep_alive,
            request_state_ttl => with_request_state_ttl,
        ]
    );
    limits.with_sessions(sessions(&raw.sessions, findings)).with_tasks(tasks(&raw.tasks, findings))
}

/// Finds the limits that mean nothing where there are no headers, no addresses and no handshakes.
pub(super) fn check_stdio(raw: &RawSecurityConfig, findings: &mut Findings) {
    let RawSecurityConfig { limits, rate_limits, .. } = raw;
    let RawSessionLimits {
        max_sessions,
        max_per_principal,
        max_replay_events,
        max_replay_bytes,
        max_replay_bytes_in_all,
        idle_timeout,
        retry,
    } = &limits.sessions;
    let per_address = rate_limits.as_ref().is_some_and(|rates| rates.per_address.is_some());
    for (set, path) in [
        (limits.max_header_bytes.is_some(), "limits.max_header_bytes"),
        (limits.max_headers.is_some(), "limits.max_headers"),
        (limits.max_connections_per_address.is_some(), "limits.max_connections_per_address"),
        (limits.max_concurrent_streams.is_some(), "limits.max_concurrent_streams"),
        (limits.max_reset_streams.is_some(), "limits.max_reset_streams"),
        (limits.max_control_frames.is_some(), "limits.max_control_frames"),
        (limits.handshake_timeout.is_some(), "limits.handshake_timeout"),
        (limits.header_timeout.is_some(), "limits.header_timeout"),
        (limits.authentication_timeout.is_some(), "limits.authentication_timeout"),
        (limits.body_timeout.is_some(), "limits.body_timeout"),
        (limits.sse_keep_alive.is_some(), "limits.sse_keep_alive"),
        (max_sessions.is_some(), "limits.sessions.max_sessions"),
        (max_per_principal.is_some(), "limits.sessions.max_per_principal"),
        (max_replay_events.is_some(), "limits.sessions.max_replay_events"),
        (max_replay_bytes.is_some(), "limits.sessions.max_replay_bytes"),
        (max_replay_bytes_in_all.is_some(), "limits.sessions.max_replay_bytes_in_all"),
        (idle_timeout.is_some(), "limits.sessions.idle_timeout"),
        (retry.is_some(), "limits.sessions.retry"),
        (per_address, "rate_limits.per_address"),
    ] {
        if set {
            let message = "it limits nothing on stdio: a stream has no headers and no address, \
                           and is a session itself";
            findings.broken(path, "limit_not_applicable", message, format!("remove `{path}`"));
        }
    }
}

fn sessions(raw: &RawSessionLimits, findings: &mut Findings) -> SessionLimits {
    let mut limits = SessionLimits::new();
    set!(limits, raw, findings, within "limits.sessions.",
        counts: [
            max_sessions => with_max_sessions,
            max_per_principal => with_max_per_principal,
            max_replay_events => with_max_replay_events,
            max_replay_bytes => with_max_replay_bytes,
            max_replay_bytes_in_all => with_max_replay_bytes_in_all,
        ],
        times: [idle_timeout => with_idle_timeout, retry => with_retry]
    );
    limits
}

fn tasks(raw: &RawTaskLimits, findings: &mut Findings) -> TaskLimits {
    let mut limits = TaskLimits::new();
    set!(limits, raw, findings, within "limits.tasks.",
        counts: [
            max_tasks => with_max_tasks,
            max_per_principal => with_max_per_principal,
            max_bytes => with_max_bytes,
        ],
        times: [ttl => with_ttl, poll_interval => with_poll_interval]
    );
    limits
}

/// How often callers may ask.
pub(super) fn rates(raw: &RawSecurityConfig, findings: &mut Findings) -> RateLimits {
    let mut rates = RateLimits::new();
    let Some(raw) = &raw.rate_limits else { return rates };
    if let Some(raw) = &raw.per_address
        && let Some(rate) = rate(raw, "rate_limits.per_address", findings)
    {
        rates = rates.with_per_address(rate);
    }
    if let Some(raw) = &raw.per_principal
        && let Some(rate) = rate(raw, "rate_limits.per_principal", findings)
    {
        rates = rates.with_per_principal(rate);
    }
    for (tool, raw) in &raw.tools {
        if let Some(rate) = rate(raw, &format!("rate_limits.tools.{tool}"), findings) {
            rates = rates.with_tool(tool.as_str(), rate);
        }
    }
    match raw.max_keys {
        Some(keys) => rates.with_max_keys(keys),
        None => rates,
    }
}

fn rate(raw: &RawRate, path: &str, findings: &mut Findings) -> Option<Rate> {
    let rate = Rate::new(raw.requests, duration(&raw.per, &format!("{path}.per"), findings)?);
    Some(match raw.burst {
        Some(burst) => rate.with_burst(burst),
        None => rate,
    })
}

pub(super) fn client(raw: &RawClientLimits, findings: &mut Findings) -> ClientLimits {
    let mut limits = ClientLimits::new();
    set!(limits, raw, findings, within "limits.",
        counts: [
            max_message_bytes => with_max_message_bytes,
            max_idle_connections => with_max_idle_connections,
        ],
        times: [
            connect_timeout => with_connect_timeout,
            idle_timeout => with_idle_timeout,
        ]
    );
    limits
}

/// The duration at a path.
pub(super) fn duration(
    text: &RawDuration,
    path: &str,
    findings: &mut Findings,
) -> Option<Duration> {
    let duration = text.parse();
    if duration.is_none() {
        let message = "it is not a duration";
        let fix = "write a whole number and ms, s, min, h or d, such as `10s`";
        findings.error(path, "invalid_duration", message, fix);
    }
    duration
}

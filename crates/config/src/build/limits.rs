//! What a peer may use.

use std::time::Duration;

use palisade_security::{ClientLimits, Limits};

use crate::{
    findings::Findings,
    raw::{RawClientLimits, RawDuration, RawLimits},
};

/// Sets those that are there: `set!(limits, counts: a => with_a, ..; times: b => with_b, ..)`.
macro_rules! set {
    ($limits:ident, $raw:ident, $findings:ident,
     counts: [$($count:ident => $with_count:ident),* $(,)?],
     times: [$($time:ident => $with_time:ident),* $(,)?]) => {
        $(if let Some(count) = $raw.$count {
            $limits = $limits.$with_count(count);
        })*
        $(if let Some(text) = &$raw.$time {
            let path = concat!("limits.", stringify!($time));
            if let Some(time) = duration(text, path, $findings) {
                $limits = $limits.$with_time(time);
            }
        })*
    };
}

pub(super) fn server(raw: &RawLimits, findings: &mut Findings) -> Limits {
    let mut limits = Limits::new();
    set!(limits, raw, findings,
        counts: [
            max_body_bytes => with_max_body_bytes,
            max_header_bytes => with_max_header_bytes,
            max_headers => with_max_headers,
            max_json_depth => with_max_json_depth,
            max_connections => with_max_connections,
            max_concurrent_streams => with_max_concurrent_streams,
            max_in_flight_per_principal => with_max_in_flight_per_principal,
            max_subscriptions_per_principal => with_max_subscriptions_per_principal,
            sse_queue => with_sse_queue,
            max_request_state_bytes => with_max_request_state_bytes,
        ],
        times: [
            handshake_timeout => with_handshake_timeout,
            header_timeout => with_header_timeout,
            body_timeout => with_body_timeout,
            request_timeout => with_request_timeout,
            idle_timeout => with_idle_timeout,
            sse_keep_alive => with_sse_keep_alive,
            request_state_ttl => with_request_state_ttl,
        ]
    );
    limits
}

pub(super) fn client(raw: &RawClientLimits, findings: &mut Findings) -> ClientLimits {
    let mut limits = ClientLimits::new();
    set!(limits, raw, findings,
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

//! Each limit has its default, and what cannot be is a finding.

use super::*;

#[track_caller]
fn check(limits: &Limits, expected: &[(&str, &str)]) {
    let findings = limits.findings();
    let found: Vec<_> = findings.iter().map(|finding| (finding.path(), finding.code())).collect();
    assert_eq!(found, expected);
}

#[test]
fn defaults_are_valid() {
    check(&Limits::default(), &[]);
}

#[test]
fn zero_and_impossible_limits_are_findings() {
    check(
        &Limits::new()
            .with_max_body_bytes(0)
            .with_header_timeout(Duration::ZERO)
            .with_max_json_depth(121),
        &[
            ("limits.max_body_bytes", "limit_is_zero"),
            ("limits.header_timeout", "limit_is_zero"),
            ("limits.max_json_depth", "limit_too_large"),
        ],
    );
    check(
        &Limits::new().with_tasks(TaskLimits::new().with_max_bytes(0).with_ttl(Duration::MAX)),
        &[("limits.tasks.max_bytes", "limit_is_zero"), ("limits.tasks.ttl", "limit_too_large")],
    );
    check(&Limits::new().with_max_json_depth(120).with_idle_timeout(MAX_TIME), &[]);
    check(
        &Limits::new().with_sse_keep_alive(Duration::MAX),
        &[("limits.sse_keep_alive", "limit_too_large")],
    );
    check(
        &Limits::new().with_max_concurrent_streams(1 << 32),
        &[("limits.max_concurrent_streams", "limit_too_large")],
    );
}

/// Each limit by its name: what the documentation says it is by default, and that it is what was set.
macro_rules! check_each {
    ($limits:expr, $set:expr, $(($name:ident, $with:ident, $default:expr)),+ $(,)?) => {
        $(
            assert_eq!($limits.$name(), $default, stringify!($name));
            assert_eq!($limits.clone().$with($set).$name(), $set, stringify!($name));
        )+
    };
}

#[test]
fn counts_and_sizes_are_as_documented_or_as_set() {
    check_each!(
        Limits::new(),
        7,
        (max_body_bytes, with_max_body_bytes, 4 << 20),
        (max_header_bytes, with_max_header_bytes, 32 << 10),
        (max_headers, with_max_headers, 64),
        (max_json_depth, with_max_json_depth, 64),
        (max_connections, with_max_connections, 1024),
        (max_concurrent_streams, with_max_concurrent_streams, 128),
        (max_reset_streams, with_max_reset_streams, 20),
        (max_control_frames, with_max_control_frames, 1000),
        (max_in_flight, with_max_in_flight, 4096),
        (max_in_flight_per_principal, with_max_in_flight_per_principal, 256),
        (max_subscriptions_per_principal, with_max_subscriptions_per_principal, 16),
        (max_connections_per_address, with_max_connections_per_address, 256),
        (sse_queue, with_sse_queue, 64),
        (max_request_state_bytes, with_max_request_state_bytes, 32 << 10),
    );
    check_each!(
        SessionLimits::new(),
        7,
        (max_sessions, with_max_sessions, 10_000),
        (max_per_principal, with_max_per_principal, 1000),
        (max_replay_events, with_max_replay_events, 256),
        (max_replay_bytes, with_max_replay_bytes, 1 << 20),
        (max_replay_bytes_in_all, with_max_replay_bytes_in_all, 64 << 20),
    );
    check_each!(
        TaskLimits::new(),
        7,
        (max_tasks, with_max_tasks, 1024),
        (max_per_principal, with_max_per_principal, 64),
        (max_bytes, with_max_bytes, 256 << 10),
    );
    let sessions = SessionLimits::new().with_max_sessions(7);
    assert_eq!(Limits::new().with_sessions(sessions.clone()).sessions(), &sessions);
    let tasks = TaskLimits::new().with_max_tasks(7);
    assert_eq!(Limits::new().with_tasks(tasks.clone()).tasks(), &tasks);
}

#[test]
fn a_time_may_be_a_year_and_no_longer() {
    assert_eq!(MAX_TIME.as_secs(), 31_536_000);
    let longer = Limits::new().with_idle_timeout(MAX_TIME + Duration::from_nanos(1));
    check(&longer, &[("limits.idle_timeout", "limit_too_large")]);
}

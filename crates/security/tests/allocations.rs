//! What the decisions about one request take from the heap: nothing, if it passes.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]

use http::{HeaderMap, HeaderValue, Method, Uri, header};
use palisade_security::{
    AccessRequest, AllowedHosts, AllowedOrigins, GuardInput, Policy, Principal, RulePolicy,
    SecurityConfig, Target, authorize,
};
use palisade_testkit::alloc::{CountingAllocator, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

#[test]
fn the_guard_allocates_nothing() {
    let security = SecurityConfig::server()
        .with_allowed_origins(
            AllowedOrigins::only(["https://a.example", "https://b.example:8443"]).unwrap(),
        )
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_allowed_hosts(
            AllowedHosts::only(["x.example", "[::1]:9", "mcp.example.com"]).unwrap(),
        )
        .build()
        .unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, "MCP.example.com:8443"),
        (header::ORIGIN, "https://B.example:8443"),
        (header::CONTENT_TYPE, "application/json; charset=\"utf-8\""),
        (header::ACCEPT, "application/json;q=0.9, text/event-stream, */*;q=0"),
        (header::CONTENT_LENGTH, "512"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let (method, uri) = (Method::POST, Uri::from_static("/mcp"));
    let (passed, allocations) = count(|| security.guard(&GuardInput::new(&method, &uri, &headers)));
    assert_eq!(passed, Ok(()));
    assert_eq!(allocations.total(), 0);
}

#[test]
fn consent_of_a_policy_allocates_nothing() {
    let policy: &dyn Policy =
        &(0..100).fold(RulePolicy::new(), |policy, n| policy.allow_tool(&format!("t{n}")));
    let principal = Principal::new("alice", "bearer");
    let (allowed, allocations) = count(|| {
        let request = AccessRequest::new(&principal, "tools/call").with_target(Target::Tool("t99"));
        authorize(policy, request).is_ok()
    });
    assert!(allowed);
    assert_eq!(allocations.total(), 0);
}

/// Recording to a file: encoded and queued, nothing allocated, nothing written by the request's own thread.
#[test]
fn a_record_for_a_file_allocates_nothing() {
    use palisade_security::{
        AuditRecord, AuditSink as _, CorrelationIds, FailMode, JsonLinesAudit, Outcome, UnixMillis,
        audit::Flush,
    };
    use std::time::{Duration, Instant};

    let audit = JsonLinesAudit::options(FailMode::Closed)
        .with_flush(Flush::Within(Duration::from_secs(60)))
        .write_to(std::io::sink())
        .unwrap();
    let principal = Principal::new("alice", "bearer");
    let ids = CorrelationIds::random().unwrap();
    let request = || {
        audit.reserve().unwrap();
        let record = AuditRecord::new(
            UnixMillis::new(1_764_093_792_123),
            ids.next_id(),
            "http",
            Outcome::Allowed,
            "completed",
        )
        .with_principal(Some(&principal))
        .with_peer(Some(([127, 0, 0, 1], 4711).into()))
        .with_request(Some("tools/call"), Target::Tool("add"))
        .with_http_status(Some(200))
        .with_duration(Duration::from_micros(123))
        .with_reserved(true);
        audit.record(&record);
    };
    // Both memories of the queue grow to what is needed.
    for _ in 0..2 {
        (0..2000).for_each(|_| request());
        audit.flush(Duration::from_secs(20)).unwrap();
    }
    let start = Instant::now();
    let ((), allocations) = count(|| (0..1000).for_each(|_| request()));
    println!("a record takes {:?}", start.elapsed() / 1000);
    assert_eq!(allocations.total(), 0);
}

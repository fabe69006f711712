//! Callers that ask too often, or too much at once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use palisade::{
    Context, SecurityConfig, ToolRoute,
    security::{
        AllowedOrigins, Authenticator, AuthnError, Challenge, Credentials, Limits, ManualClock,
        Outcome, Principal, Rate, RateLimits, TrustedProxies, UnixMillis,
    },
};
use palisade_testkit::{RawRequest, RawResponse, guard::PATIENCE, within};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{ALICE, BOB, ORIGIN, Target, call_add};

/// A clock that the test moves.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(UnixMillis::from_secs(1_800_000_000)))
}

async fn target_with(limits: RateLimits, clock: &Arc<ManualClock>) -> Target {
    let clock = Arc::clone(clock);
    Target::start_with(
        |rules| {
            rules
                .with_rate_limits(limits)
                .with_clock(clock)
                .with_trusted_proxies(TrustedProxies::x_forwarded(["127.0.0.2"]).unwrap())
        },
        |server, _| server,
    )
    .await
}

fn call_of(token: &str) -> RawRequest {
    call_add().with_header("Authorization", format!("Bearer {token}"))
}

/// The response is a refusal for the rate, and the last record says so.
async fn check_limited(target: &Target, response: &RawResponse, after: &str) {
    let found = (response.status(), response.error_code(), response.header("retry-after"));
    assert_eq!(found, (429, Some(-31429), Some(after)), "{}", response.text());
    assert_eq!(response.json()["error"]["data"]["code"], "rate_limited");
    let entries = target.audit.entries();
    let last = entries.last().unwrap();
    assert_eq!(
        (last.outcome, last.code.as_str(), last.http_status),
        (Outcome::Denied, "rate_limited", Some(429))
    );
}

#[tokio::test]
async fn rate_of_a_principal() {
    let clock = clock();
    let limits = RateLimits::new().with_per_principal(Rate::per_minute(6).with_burst(3));
    let target = target_with(limits, &clock).await;
    for _ in 0..3 {
        assert_eq!(target.send(&call_of(ALICE)).await.status(), 200);
    }
    check_limited(&target, &target.send(&call_of(ALICE)).await, "10").await;
    assert_eq!(target.send(&call_of(BOB)).await.status(), 200, "another's budget");
    assert_eq!(target.runs.count(), 4);
    // Whoever is refused pays nothing, and a refusal for another reason is another one.
    assert_eq!(target.send(&call_add().without_header("Authorization")).await.status(), 401);
    clock.advance(Duration::from_secs(9));
    check_limited(&target, &target.send(&call_of(ALICE)).await, "1").await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(target.send(&call_of(ALICE)).await.status(), 200);
    check_limited(&target, &target.send(&call_of(ALICE)).await, "10").await;
}

#[tokio::test]
async fn rate_of_an_address_before_anybody_is_known() {
    let clock = clock();
    let limits = RateLimits::new().with_per_address(Rate::per_second(4));
    let target = target_with(limits, &clock).await;
    // Whatever is sent counts, and no header, name or token makes it another's.
    let requests = [
        call_add().with_header("Authorization", "Bearer wrong"),
        call_add().with_header("Host", "evil.example").with_header("X-Forwarded-For", "192.0.2.1"),
        RawRequest::new("GET", "/"),
        RawRequest::new("OPTIONS", "/mcp").with_header("Origin", ORIGIN),
    ];
    for request in &requests {
        assert_ne!(target.send(request).await.status(), 429);
    }
    for request in requests.iter().chain([&call_of(ALICE), &call_of(BOB)]) {
        let request = request.clone().with_header("X-Forwarded-For", "192.0.2.9");
        check_limited(&target, &target.send(&request).await, "1").await;
    }
    assert_eq!(target.runs.count(), 0);
    clock.advance(Duration::from_millis(250));
    assert_eq!(target.send(&call_of(ALICE)).await.status(), 200);
}

/// Behind a proxy each client has its own budget, and cannot take another's.
#[tokio::test]
async fn rate_of_an_address_behind_a_proxy() {
    let limits = RateLimits::new().with_per_address(Rate::per_minute(1));
    let proxies = TrustedProxies::x_forwarded(["127.0.0.1"]).unwrap();
    let (clock, proxies) = (clock(), proxies);
    let target = Target::start_with(
        |rules| rules.with_rate_limits(limits).with_clock(clock).with_trusted_proxies(proxies),
        |server, _| server,
    )
    .await;
    let of = |client: &str| {
        call_add().with_header("X-Forwarded-For", client).with_header("X-Forwarded-Proto", "https")
    };
    assert_eq!(target.send(&of("192.0.2.1")).await.status(), 200);
    check_limited(&target, &target.send(&of("192.0.2.1")).await, "60").await;
    check_limited(&target, &target.send(&of("192.0.2.2, 192.0.2.1")).await, "60").await;
    assert_eq!(target.send(&of("192.0.2.2")).await.status(), 200);
}

#[tokio::test]
async fn rate_of_a_tool() {
    let clock = clock();
    let limits = RateLimits::new().with_tool("add", Rate::per_minute(2));
    let target = target_with(limits, &clock).await;
    let list = RawRequest::tools_list().with_token(ALICE);
    for _ in 0..2 {
        assert_eq!(target.send(&call_of(ALICE)).await.status(), 200);
    }
    let refused = target.send(&call_of(ALICE).with_id(json!("mine"))).await;
    check_limited(&target, &refused, "30").await;
    assert_eq!(refused.json()["id"], "mine");
    let last = target.audit.entries().pop().unwrap();
    assert_eq!(last.method.as_deref(), Some("tools/call"));
    assert_eq!(target.runs.count(), 2);
    for _ in 0..5 {
        assert_eq!(target.send(&list).await.status(), 200, "other requests go on");
    }
    assert_eq!(target.send(&call_of(BOB)).await.status(), 200, "and other callers");
    clock.advance(Duration::from_secs(30));
    assert_eq!(target.send(&call_of(ALICE)).await.status(), 200);
}

#[tokio::test]
async fn requests_of_all_together() {
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = ToolRoute::dynamic("slow", json!({"type": "object"}), {
        let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
        move |_, _: Context| {
            let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
            async move {
                begun.notify_one();
                end.notified().await;
                "done"
            }
        }
    });
    let limits = Limits::new().with_max_in_flight(1);
    let target =
        Target::start_with(|rules| rules.with_limits(limits), |server, _| server.with_tool(slow))
            .await;
    let mut waiting = target.connect().await;
    let slow = RawRequest::tools_call("slow", json!({})).with_token(ALICE);
    waiting.write_request(&slow).await.unwrap();
    within(PATIENCE, begun.notified()).await;
    let refused = target.send(&call_of(BOB)).await;
    let found = (refused.status(), refused.error_code(), refused.header("retry-after"));
    assert_eq!(found, (503, Some(-31503), Some("1")));
    assert_eq!(target.audit.entries().pop().unwrap().code, "overloaded");
    end.notify_one();
    assert_eq!(waiting.read_response().await.unwrap().status(), 200);
    target.check_healthy().await;
}

#[tokio::test]
async fn connections_of_one_address() {
    let limits = Limits::new().with_max_connections_per_address(2);
    let target = Target::start_within(limits).await;
    let (mut first, mut second) = (target.connect().await, target.connect().await);
    for connection in [&mut first, &mut second] {
        assert_eq!(connection.send(&call_of(ALICE)).await.unwrap().status(), 200);
    }
    target.audit.forget();
    let mut third = target.connect().await;
    assert_eq!(third.read_to_close().await.unwrap(), b"", "closed without a word");
    let entries = target.audit.wait_for(1).await;
    assert_eq!(
        (entries[0].code.as_str(), entries[0].outcome),
        ("too_many_connections", Outcome::Denied)
    );
    assert_eq!(second.send(&call_of(ALICE)).await.unwrap().status(), 200);
    drop((first, second));
}

/// Waits for a key server that never answers.
#[derive(Debug)]
struct Hanging;

#[async_trait]
impl Authenticator for Hanging {
    async fn authenticate(&self, _: &Credentials<'_>) -> Result<Principal, AuthnError> {
        std::future::pending().await
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        Challenge::bearer(error)
    }
}

#[tokio::test]
async fn authentication_that_never_ends() {
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Hanging)
        .without_tls()
        .with_limits(Limits::new().with_authentication_timeout(Duration::from_millis(100)));
    let target = Target::start_under(rules, |server, _| server).await;
    let response = target.send(&call_of(ALICE)).await;
    assert_eq!((response.status(), response.error_code()), (503, Some(-31503)));
    let entries = target.audit.wait_for(1).await;
    assert_eq!(entries[0].code, "authentication_unavailable");
}

//! How many sessions and streams there may be, and for how long.

use std::{sync::Arc, time::Duration};

use palisade::{
    Context, RawArguments, ToolRoute,
    security::{Limits, ManualClock, SessionLimits, UnixMillis},
    server::ServerBuilder,
};
use palisade_testkit::{RawRequest, guard::PATIENCE, within};
use serde_json::{Value, json};

use super::client::{Client, NEWEST, Stream, add, bare, call, initialize, refusal, status};
use crate::support::{ALICE, BOB, Refusal, Target};

async fn target(sessions: SessionLimits) -> (Target, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(1_800_000_000)));
    let hand = Arc::clone(&clock);
    let change = |rules: palisade::security::config::ServerConfigBuilder<_>| {
        rules.with_clock(clock).with_limits(Limits::new().with_sessions(sessions))
    };
    (Target::start_with(change, |server, _| server).await, hand)
}

#[tokio::test]
async fn n6_session_flood() {
    let limits = SessionLimits::new().with_max_per_principal(3).with_max_sessions(5);
    let (target, clock) = target(limits.with_idle_timeout(Duration::from_secs(60))).await;
    let full = Refusal::with_reason(429, -31429, "too_many_sessions");
    let mut mine = Vec::new();
    for _ in 0..3 {
        mine.push(Client::open(&target, NEWEST).await);
    }
    for _ in 0..20 {
        let refused = target.refuses(&bare(ALICE, &initialize(NEWEST)), &full).await;
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("mcp-session-id"), None);
    }
    // Others have places still, until all are taken.
    for _ in 0..2 {
        Client::open_as(&target, BOB, NEWEST).await;
    }
    target.refuses(&bare(BOB, &initialize(NEWEST)), &full).await;
    // One that ends gives its place back.
    assert_eq!(target.send(&mine.remove(0).delete()).await.status(), 204);
    target.audit.forget();
    mine.push(Client::open(&target, NEWEST).await);

    // So does one in which nothing happens. One that is used goes on.
    clock.advance(Duration::from_secs(59));
    let used = &mine[0];
    assert_eq!(target.send(&used.post(&add(1))).await.status(), 200);
    clock.advance(Duration::from_secs(59));
    assert_eq!(target.send(&used.post(&add(1))).await.status(), 200);
    target.audit.forget();
    target.runs.forget();
    target
        .refuses(&mine[1].post(&add(1)), &Refusal::with_reason(404, -31400, "session_not_found"))
        .await;
    for _ in 0..2 {
        Client::open_as(&target, BOB, NEWEST).await;
    }
}

#[tokio::test]
async fn n6_an_open_stream_keeps_its_session() {
    let limits = SessionLimits::new().with_idle_timeout(Duration::from_secs(60));
    let (target, clock) = target(limits).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.get()).await;
    assert!(stream.next().await.is_some());
    clock.advance(Duration::from_secs(600));
    assert_eq!(target.send(&client.post(&add(1))).await.status(), 200);
    stream.abort();
    // The place of the reader is free once the server knows.
    within(PATIENCE, async { while status(&target, &client.get()).await == 409 {} }).await;
    let json = client.get().with_header("Accept", "application/json");
    assert_eq!(target.send(&json).await.status(), 406);
}

#[tokio::test]
async fn h4_streams_of_sessions_are_counted() {
    let limits = Limits::new().with_max_subscriptions_per_principal(2);
    let target = Target::start_within(limits).await;
    // Rests longer than all others, and has no stream to give up.
    Client::open(&target, NEWEST).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let client = Client::open(&target, NEWEST).await;
        streams.push(Stream::open(&target, &client.get()).await);
    }
    let client = Client::open(&target, NEWEST).await;
    let refused = target.send(&client.get()).await;
    assert_eq!(refusal(&refused), (429, "too_many_subscriptions".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Bob has his own.
    let bob = Client::open_as(&target, BOB, NEWEST).await;
    drop(Stream::open(&target, &bob.get_as(BOB)).await);
    // A stream that its reader left gives way, once the server knows that it was left.
    streams.remove(0).abort();
    within(PATIENCE, async { while status(&target, &client.get()).await == 429 {} }).await;
}

#[tokio::test]
async fn h4_streams_count_as_requests() {
    let target = Target::start_within(Limits::new().with_max_in_flight_per_principal(1)).await;
    let client = Client::open(&target, NEWEST).await;
    let stream = Stream::open(&target, &client.get()).await;
    let full = target.send(&client.post(&add(1))).await;
    assert_eq!(refusal(&full), (429, "too_many_in_flight".to_owned()));
    assert_eq!(full.header("retry-after"), Some("1"));
    stream.abort();
    let free = async { while target.send(&client.post(&add(1))).await.status() == 429 {} };
    within(PATIENCE, free).await;
}

#[tokio::test]
async fn h4_answers_that_nobody_reads_count_as_requests() {
    let large = |server: ServerBuilder| {
        let large = async |_: RawArguments, _: Context| "x".repeat(1 << 20);
        server.with_tool(ToolRoute::dynamic("large", json!({"type": "object"}), large))
    };
    let limits = Limits::new().with_max_in_flight_per_principal(4).with_sse_queue(1);
    let target = Target::start_legacy_sse(limits, large).await;
    let get = RawRequest::new("GET", "/mcp").with_header("Accept", "text/event-stream");
    let mut stream = Stream::open(&target, &get.with_token(ALICE)).await;
    let url = stream.next().await.unwrap().data.unwrap();
    let post = |message: &Value| bare(ALICE, message).with_target(&url);
    assert_eq!(target.send(&post(&initialize("2024-11-05"))).await.status(), 202);
    assert!(stream.next().await.is_some());
    // From here on nothing is read: what the system does not hold for the reader waits.
    let mut refused = None;
    for id in 1..=64 {
        target.audit.forget();
        let answer = target.send(&post(&call(id, "large", json!({})))).await;
        if answer.status() != 202 {
            refused = Some(refusal(&answer));
            break;
        }
        // The handler is done, so it is not what takes the place.
        target.audit.wait_for(1).await;
    }
    assert_eq!(refused, Some((429, "too_many_in_flight".to_owned())));
    let free = async {
        while target.send(&post(&add(100))).await.status() == 429 {
            assert!(stream.next().await.is_some());
        }
    };
    within(PATIENCE, free).await;
}

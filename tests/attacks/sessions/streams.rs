//! Who listens, and until when.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use palisade::{
    http::{EventId, EventStore, MemoryEventStore},
    security::{Limits, ManualClock, Outcome, SessionLimits, UnixMillis},
};
use palisade_testkit::{RawRequest, guard::PATIENCE, within};
use serde_json::json;
use tokio::sync::Semaphore;

use super::client::{Client, NEWEST, Stream, add, refusal, status};
use crate::support::Target;

fn trigger(
    server: palisade::server::ServerBuilder,
    _: &crate::support::Runs,
) -> palisade::server::ServerBuilder {
    server.with_tool(palisade::ToolRoute::dynamic(
        "trigger",
        json!({"type": "object"}),
        async |_, context: palisade::Context| {
            context.notifier().tools_changed();
            "told"
        },
    ))
}

fn trigger_call(client: &Client, id: i64) -> RawRequest {
    client.post(&super::client::call(id, "trigger", json!({})))
}

#[tokio::test]
async fn n4_second_sse_attach() {
    let target = Target::start_with(|rules| rules, trigger).await;
    let client = Client::open(&target, NEWEST).await;
    let mut victim = Stream::open(&target, &client.get()).await;
    let primed = victim.next().await.unwrap();
    assert_eq!(primed.data.as_deref(), Some(""));
    let id = primed.id.unwrap();
    for request in [client.get(), client.get().with_header("Last-Event-ID", &id)] {
        let refused = target.send(&request).await;
        assert_eq!(refusal(&refused), (409, "stream_taken".to_owned()));
    }
    let called = target.send(&trigger_call(&client, 1)).await;
    assert_eq!(called.json()["result"]["content"][0]["text"], "told", "{}", called.text());
    let told = victim.message().await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
    // In this revision no notification speaks of subscriptions.
    assert_eq!(told.pointer("/params/_meta"), None, "{told}");
}

#[tokio::test]
async fn what_changes_while_nobody_listens_is_told_later() {
    let target = Target::start_with(|rules| rules, trigger).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.get()).await;
    let last = stream.next().await.unwrap().id.unwrap();
    stream.abort();
    assert_eq!(target.send(&trigger_call(&client, 1)).await.status(), 200);
    let get = client.get().with_header("Last-Event-ID", &last);
    let told = Stream::open_when_free(&target, &get).await.message().await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn n7_token_expires_during_a_stream() {
    #[derive(Debug, Clone)]
    struct Expiring(Arc<Mutex<UnixMillis>>);

    #[async_trait::async_trait]
    impl palisade::security::Authenticator for Expiring {
        async fn authenticate(
            &self,
            _: &palisade::security::Credentials<'_>,
        ) -> Result<palisade::security::Principal, palisade::security::AuthnError> {
            let until = *self.0.lock().unwrap();
            Ok(palisade::security::Principal::new("alice", "bearer").with_expires_at(until))
        }

        fn challenge(
            &self,
            _: Option<&palisade::security::AuthnError>,
        ) -> palisade::security::Challenge {
            palisade::security::Challenge::new("Bearer")
        }
    }

    let now = UnixMillis::from_secs(1_800_000_000);
    let later = UnixMillis::from_secs(1_800_003_600);
    let until = Arc::new(Mutex::new(later));
    let rules = palisade::SecurityConfig::server()
        .with_allowed_origins(palisade::security::AllowedOrigins::none())
        .with_authenticator(Expiring(Arc::clone(&until)))
        .without_tls()
        .with_clock(Arc::new(ManualClock::new(now)));
    let target = Target::start_under(rules, |server, _| server).await;
    let client = Client::open(&target, NEWEST).await;
    // 300 ms are left.
    *until.lock().unwrap() = UnixMillis::new(now.as_millis() + 300);
    let mut stream = Stream::open(&target, &client.get()).await;
    let ended = async { while stream.next().await.is_some() {} };
    within(PATIENCE, ended).await;
    // With a new token the session goes on.
    *until.lock().unwrap() = later;
    assert_eq!(target.send(&client.post(&add(1))).await.status(), 200);
    drop(Stream::open(&target, &client.get()).await);
}

#[tokio::test]
async fn streams_end_with_their_session() {
    let target = Target::start_within(Limits::new()).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.get()).await;
    assert!(stream.next().await.is_some());
    target.audit.forget();
    assert_eq!(target.send(&client.delete()).await.status(), 204);
    target.check_trace(Outcome::Allowed, "session_closed", Some(204)).await;
    assert_eq!(within(PATIENCE, stream.next()).await, None);
}

/// Takes its time to say what it has kept.
#[derive(Debug)]
struct Slow {
    kept: MemoryEventStore,
    asked: Semaphore,
    go: Semaphore,
}

#[async_trait::async_trait]
impl EventStore for Slow {
    async fn append(&self, session: &[u8; 32], id: EventId, data: Bytes) {
        self.kept.append(session, id, data).await;
    }

    async fn after(&self, session: &[u8; 32], id: EventId) -> Option<Vec<(EventId, Bytes)>> {
        let found = self.kept.after(session, id).await;
        self.asked.add_permits(1);
        self.go.acquire().await.unwrap().forget();
        found
    }

    async fn remove(&self, session: &[u8; 32]) {
        self.kept.remove(session).await;
    }
}

#[tokio::test]
async fn a_session_that_ends_while_a_stream_is_opened_has_none() {
    let kept = MemoryEventStore::new(SessionLimits::new());
    let slow = Arc::new(Slow { kept, asked: Semaphore::new(0), go: Semaphore::new(0) });
    let events = Arc::clone(&slow);
    let how = |http: palisade::http::HttpServer| http.with_event_store(events);
    let target = Target::start_http(Limits::new(), |server| server, how).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.get()).await;
    let last = stream.next().await.unwrap().id.unwrap();
    stream.abort();
    // The place of the reader is free once the server knows.
    within(PATIENCE, async { while status(&target, &client.get()).await == 409 {} }).await;
    let get = client.get().with_header("Last-Event-ID", &last);
    let end = async {
        slow.asked.acquire().await.unwrap().forget();
        assert_eq!(target.send(&client.delete()).await.status(), 204);
        slow.go.add_permits(1);
    };
    let (opened, ()) = tokio::join!(status(&target, &get), end);
    assert_eq!(opened, 404);
}

//! Connections that are lost, and clients that come back.

use std::sync::Arc;

use palisade::{
    Context, RawArguments, ToolRoute,
    protocol::{ElicitRequestFormParams, ElicitSchema, StringSchema},
    security::{Limits, Outcome},
    server::ServerBuilder,
};
use palisade_testkit::{guard::PATIENCE, within};
use serde_json::json;
use tokio::sync::Semaphore;

use super::client::{Client, NEWEST, Stream, add, call, refusal};
use crate::support::{Runs, Target};

/// A tool that says something, lets its connection go if it is told to, waits, and answers.
fn patient(gate: &Arc<Semaphore>) -> impl FnOnce(ServerBuilder, &Runs) -> ServerBuilder + use<> {
    let gate = Arc::clone(gate);
    move |server, runs| {
        let runs = runs.clone();
        let schema = json!({"type": "object"});
        server.with_tool(ToolRoute::dynamic(
            "patient",
            schema,
            move |arguments: RawArguments, context: Context| {
                let (gate, runs) = (Arc::clone(&gate), runs.clone());
                async move {
                    if !arguments.get().contains("silent") {
                        context.progress(1.0, None, None).await;
                    }
                    if arguments.get().contains("go") {
                        context.close_stream();
                    }
                    gate.acquire().await.unwrap().forget();
                    runs.note();
                    "done"
                }
            },
        ))
    }
}

#[tokio::test]
async fn h11_a_lost_connection_cancels_nothing_and_leaks_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let limits = Limits::new().with_max_in_flight_per_principal(2);
    let target = Target::start_with(|rules| rules.with_limits(limits), patient(&gate)).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.post(&call(5, "patient", json!({})))).await;
    let primed = stream.next().await.unwrap();
    assert_eq!((primed.data.as_deref(), primed.retry.as_deref()), (Some(""), Some("1000")));
    let first = primed.id.unwrap();
    assert_eq!(stream.message().await["method"], "notifications/progress");
    stream.abort();
    gate.add_permits(1);
    // The request ends by itself, with one record.
    let entries = target.audit.wait_for(1).await;
    assert_eq!((entries[0].outcome, entries[0].code.as_str()), (Outcome::Allowed, "completed"));
    assert_eq!(target.runs.count(), 1);
    let mut stream =
        Stream::open(&target, &client.get().with_header("Last-Event-ID", &first)).await;
    assert_eq!(stream.message().await["method"], "notifications/progress");
    let reply = stream.message().await;
    assert_eq!((&reply["id"], &reply["result"]["content"][0]["text"]), (&json!(5), &json!("done")));
    assert_eq!(stream.next().await, None, "and that is all");
    // Both places are free again.
    let mut streams = Vec::new();
    for id in 0..2 {
        streams.push(Stream::open(&target, &client.post(&call(id, "patient", json!({})))).await);
    }
    gate.add_permits(2);
}

#[tokio::test]
async fn a_handler_lets_its_connection_go() {
    let gate = Arc::new(Semaphore::new(0));
    let target = Target::start_with(|rules| rules, patient(&gate)).await;
    let client = Client::open(&target, NEWEST).await;
    for arguments in [json!({"go": 1}), json!({"go": 1, "silent": 1})] {
        let mut stream =
            Stream::open(&target, &client.post(&call(5, "patient", arguments.clone()))).await;
        let first = stream.next().await.unwrap().id.unwrap();
        if arguments.get("silent").is_none() {
            assert_eq!(stream.message().await["method"], "notifications/progress");
        }
        assert_eq!(within(PATIENCE, stream.next()).await, None, "the connection is closed");
        let mut stream =
            Stream::open_when_free(&target, &client.get().with_header("Last-Event-ID", &first))
                .await;
        gate.add_permits(1);
        let reply = loop {
            let message = within(PATIENCE, stream.message()).await;
            if message.get("id").is_some() {
                break message;
            }
        };
        assert_eq!(reply["result"]["content"][0]["text"], "done");
    }
    // Older revisions know no such thing: the stream stays.
    let client = Client::open(&target, "2025-06-18").await;
    let mut stream =
        Stream::open(&target, &client.post(&call(5, "patient", json!({"go": 1})))).await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.retry, None);
    assert_eq!(first.json()["method"], "notifications/progress");
    gate.add_permits(1);
    assert_eq!(stream.message().await["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn only_what_was_on_the_stream_is_replayed() {
    let gate = Arc::new(Semaphore::new(8));
    let target = Target::start_with(|rules| rules, patient(&gate)).await;
    let client = Client::open(&target, NEWEST).await;
    let mut firsts = Vec::new();
    for id in 1..4 {
        let mut stream = Stream::open(&target, &client.post(&call(id, "patient", json!({})))).await;
        firsts.push(stream.next().await.unwrap().id.unwrap());
        while stream.next().await.is_some() {}
    }
    for (at, first) in firsts.iter().enumerate() {
        let mut stream =
            Stream::open(&target, &client.get().with_header("Last-Event-ID", first)).await;
        let mut ids = Vec::new();
        while let Some(event) = stream.next().await {
            ids.extend(event.json().get("id").cloned());
        }
        assert_eq!(ids, [json!(at + 1)]);
    }
    for unknown in ["9-0", "1-9", "x", "", "1", "0-77", "18446744073709551616-0"] {
        let refused = target.send(&client.get().with_header("Last-Event-ID", unknown)).await;
        assert_eq!(refusal(&refused), (400, "event_not_found".to_owned()), "{unknown}");
    }
    // Of another session: unknown.
    let other = Client::open(&target, NEWEST).await;
    let refused = target.send(&other.get().with_header("Last-Event-ID", &firsts[0])).await;
    assert_eq!(refusal(&refused), (400, "event_not_found".to_owned()));
}

#[tokio::test]
async fn n4_a_running_stream_has_one_reader() {
    let gate = Arc::new(Semaphore::new(0));
    let target = Target::start_with(|rules| rules, patient(&gate)).await;
    let client = Client::open(&target, NEWEST).await;
    let mut victim = Stream::open(&target, &client.post(&call(5, "patient", json!({})))).await;
    let first = victim.next().await.unwrap().id.unwrap();
    let refused = target.send(&client.get().with_header("Last-Event-ID", &first)).await;
    assert_eq!(refusal(&refused), (409, "stream_taken".to_owned()));
    gate.add_permits(1);
    let mut last = victim.message().await;
    while last.get("id").is_none() {
        last = victim.message().await;
    }
    assert_eq!(last["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_client_cancels_by_a_notification() {
    let gate = Arc::new(Semaphore::new(0));
    let target = Target::start_with(|rules| rules, patient(&gate)).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.post(&call(5, "patient", json!({})))).await;
    assert_eq!(stream.message().await["method"], "notifications/progress");
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}});
    assert_eq!(target.send(&client.post(&cancel)).await.status(), 202);
    assert_eq!(within(PATIENCE, stream.next()).await, None, "no response");
    let mut codes: Vec<_> =
        target.audit.wait_for(2).await.into_iter().map(|entry| entry.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["cancelled", "notification_accepted"]);
    assert_eq!(target.runs.count(), 0);
}

#[tokio::test]
async fn a_handler_asks_its_client() {
    let ask = |server: ServerBuilder, _: &Runs| {
        server.with_tool(ToolRoute::dynamic(
            "ask",
            json!({"type": "object"}),
            async |_: RawArguments, context: Context| {
                let schema = ElicitSchema::new().with_string("name", StringSchema::new());
                let form = ElicitRequestFormParams::new("Who?", schema.with_required(["name"]));
                let answer = context.elicit("name", form).await?;
                Ok::<_, palisade::HandlerError>(format!("{:?}", answer.field("name")))
            },
        ))
    };
    let target = Target::start_with(|rules| rules, ask).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.post(&call(5, "ask", json!({})))).await;
    let question = stream.message().await;
    assert_eq!(question["method"], "elicitation/create");
    let answer = |id: &serde_json::Value| json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "content": {"name": "me"}}});
    // An answer in another session of the same client is nobody's.
    let other = Client::open(&target, NEWEST).await;
    assert_eq!(target.send(&other.post(&answer(&question["id"]))).await.status(), 202);
    let answered = target.send(&client.post(&answer(&question["id"]))).await;
    assert_eq!(answered.status(), 202);
    let reply = stream.message().await;
    assert!(reply["result"]["content"][0]["text"].as_str().unwrap().contains("me"), "{reply}");
    assert_eq!(target.send(&client.post(&add(6))).await.status(), 200);
}

//! Calls that become tasks, on a paused clock.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use palisade_client::{
    CallOptions, Client, ClientBuilder, StartedCall, SubscriptionEvent, TaskHandle,
};
use palisade_protocol::{ElicitResult, InputResponses, RawJson, SubscriptionFilter, TaskStatus};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::fake::{Seen, Step, client, connect};

const SECOND: Duration = Duration::from_secs(1);

fn task(status: &str, more: Value) -> Value {
    let mut task = json!({
        "taskId": "t-1", "status": status, "createdAt": "2026-07-28T09:30:00Z",
        "lastUpdatedAt": "2026-07-28T09:30:00Z", "ttlMs": 60000, "pollIntervalMs": 2000,
    });
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

fn done() -> Value {
    task("completed", json!({ "result": { "content": [{ "type": "text", "text": "42" }] } }))
}

fn asking(keys: &[&str]) -> Value {
    let form = json!({ "method": "elicitation/create", "params": { "message": "sure?",
        "requestedSchema": { "type": "object", "properties": {} } } });
    let requests: serde_json::Map<_, _> =
        keys.iter().map(|key| ((*key).to_owned(), form.clone())).collect();
    task("input_required", json!({ "inputRequests": requests }))
}

/// Answers a call with a task, and `tasks/get` with these, one after the other, the last one for ever.
fn script(states: Vec<Value>) -> impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static {
    let asked = AtomicUsize::new(0);
    move |seen| {
        let result = match seen.method() {
            "tools/call" => task("working", json!({ "resultType": "task" })),
            "tasks/get" => {
                let at = asked.fetch_add(1, Ordering::SeqCst).min(states.len() - 1);
                states[at].clone()
            }
            _ => json!({ "resultType": "complete" }),
        };
        vec![seen.result(result)]
    }
}

/// A client that knows tasks and agrees to every form, and how often it did.
fn agreeing() -> (ClientBuilder, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let builder = Client::builder().with_tasks().with_elicitation_handler(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(ElicitResult::accept(serde_json::Map::new())) }
    });
    (builder, asked)
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_task_as_often_as_the_server_wants() {
    let states = vec![
        task("working", json!({})),
        task("working", json!({ "pollIntervalMs": 0 })),
        task("working", json!({ "pollIntervalMs": u64::MAX })),
        done(),
    ];
    let (client, control) = connect(Client::builder().with_tasks(), script(states)).await;
    let start = Instant::now();
    let options = CallOptions::new().with_meta("com.example/a", 1);
    let answer: u32 = client.call_with("t", &json!({}), options).await.unwrap();
    // 2 s, 2 s, then no flood, and no sleep for ever.
    assert_eq!((answer, start.elapsed().as_millis()), (42, 2000 + 2000 + 100 + 60_000));
    let seen = control.seen();
    assert_eq!(control.methods()[1..], ["tasks/get"; 4]);
    for seen in &seen {
        let capabilities = &seen.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(capabilities["extensions"], json!({ "io.modelcontextprotocol/tasks": {} }));
        assert_eq!(seen.params()["_meta"]["com.example/a"], 1);
    }
    assert_eq!(seen[1].params()["taskId"], "t-1");
    assert_eq!(seen[1].outbound.name.as_deref(), Some("t-1"), "the header mirrors the task");
}

#[tokio::test(start_paused = true)]
async fn how_a_task_ends_is_how_the_call_ends() {
    let error = json!({ "error": { "code": 7, "message": "seven" } });
    let failed = json!({ "result": { "content": [], "isError": true } });
    for (end, code) in [
        (task("failed", error), "rpc_error"),
        (task("cancelled", json!({})), "task_cancelled"),
        (task("completed", failed), "ok"),
        (task("completed", json!({})), "invalid_response"),
        (task("failed", json!({})), "invalid_response"),
        (
            task("completed", json!({ "taskId": "t-2", "result": { "content": [] } })),
            "invalid_response",
        ),
        (task("gone", json!({})), "invalid_response"),
    ] {
        let (client, _) = connect(Client::builder().with_tasks(), script(vec![end.clone()])).await;
        let outcome = client.call_tool("t", &json!({})).await;
        assert_eq!(outcome.as_ref().map_or_else(|error| error.code(), |_| "ok"), code, "{end}");
        assert!(outcome.is_err() || outcome.unwrap().is_error());
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_answer_what_a_task_asks_once() {
    let (builder, asked) = agreeing();
    // The server may be slow to show that it has got an answer.
    let states = vec![asking(&["a"]), asking(&["a", "b"]), asking(&["a", "b"]), done()];
    let (client, control) = connect(builder, script(states)).await;
    client.call_tool("t", &json!({})).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let updates: Vec<_> = control
        .seen()
        .iter()
        .filter(|seen| seen.method() == "tasks/update")
        .map(|seen| seen.params()["inputResponses"].clone())
        .collect();
    let yes = json!({ "action": "accept", "content": {} });
    assert_eq!(updates, [json!({ "a": yes }), json!({ "b": yes })]);
}

#[tokio::test(start_paused = true)]
async fn a_server_can_neither_ask_nor_work_for_ever() {
    let (builder, asked) = agreeing();
    let rounds = AtomicUsize::new(0);
    let endless = move |seen: &Seen| {
        let key = format!("k{}", rounds.fetch_add(1, Ordering::SeqCst));
        script(vec![asking(&[&key])])(seen)
    };
    let (client, _) = connect(builder.with_max_rounds(3), endless).await;
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!((error.code(), asked.load(Ordering::SeqCst)), ("too_many_rounds", 3));

    let builder = Client::builder().with_tasks().with_max_task_time(5 * SECOND);
    let (client, control) = connect(builder, script(vec![task("working", json!({}))])).await;
    let start = Instant::now();
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!((error.code(), start.elapsed()), ("timeout", 5 * SECOND));
    assert_eq!(control.methods()[1..], ["tasks/get"; 3]);
}

#[tokio::test]
async fn what_was_not_declared_is_not_understood() {
    let (client, control) = client(script(vec![done()])).await;
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!((error.code(), control.methods().len()), ("invalid_response", 1));
    let builder = Client::builder().with_tasks();
    let task_for_all =
        |seen: &Seen| vec![seen.result(task("working", json!({ "resultType": "task" })))];
    let (client, _) = connect(builder, task_for_all).await;
    let error = client.read_resource("test://a").await.unwrap_err();
    assert_eq!(error.code(), "invalid_response", "only a call of a tool becomes a task");
}

#[tokio::test(start_paused = true)]
async fn a_handle_is_stored_and_used_again() {
    let states = vec![asking(&["a"]), task("working", json!({})), asking(&["a", "b"]), done()];
    let shared = Arc::new(script(states));
    let again = Arc::clone(&shared);
    let (builder, asked) = agreeing();
    let short = builder.with_max_task_time(2 * SECOND);
    let (client, _) = connect(short, move |seen| shared(seen)).await;
    let started = client.start_tool("t", &json!({}), CallOptions::new()).await.unwrap();
    let StartedCall::Task(mut handle) = started else { panic!("{started:?}") };
    assert_eq!((handle.task_id(), handle.task().status), ("t-1", TaskStatus::Working));
    assert_eq!(client.wait_for_task(&mut handle).await.unwrap_err().code(), "timeout");
    assert!(!format!("{handle:?}").contains("t-1"), "its id is not for logs");
    let stored = serde_json::to_string(&handle).unwrap();

    let mut handle: TaskHandle = serde_json::from_str(&stored).unwrap();
    let (builder, asked_again) = agreeing();
    let (client, control) = connect(builder, move |seen| again(seen)).await;
    let result = client.wait_for_task(&mut handle).await.unwrap();
    assert_eq!(result.content[0].as_text(), Some("42"));
    let counts = (asked.load(Ordering::SeqCst), asked_again.load(Ordering::SeqCst));
    assert_eq!(counts, (1, 1), "`a` before, `b` after");
    client.cancel_task(handle.task_id()).await.unwrap();
    let responses = InputResponses::from_iter([("c".to_owned(), RawJson::from(json!({})))]);
    client.update_task(handle.task_id(), &responses).await.unwrap();
    assert_eq!(client.get_task("t-1").await.unwrap().task.status, TaskStatus::Completed);
    let seen = control.seen();
    let last = &seen[seen.len() - 2];
    assert_eq!(
        (last.method(), &last.params()["inputResponses"]),
        ("tasks/update", &json!({ "c": {} }))
    );
    assert!(seen.iter().all(|seen| seen.outbound.name.as_deref() == Some("t-1")));
}

#[tokio::test]
async fn subscriptions_tell_of_tasks() {
    let told = Mutex::new(vec!["t-2", "t-1"]);
    let (client, _) = client(move |seen| {
        let agreed = json!({ "notifications": { "taskIds": ["t-1"] } });
        let mut steps = vec![seen.event("notifications/subscriptions/acknowledged", agreed)];
        for id in told.lock().unwrap().drain(..) {
            let mut task = done();
            task["taskId"] = id.into();
            steps.push(seen.event("notifications/tasks", task));
        }
        steps.push(Step::Hang);
        steps
    })
    .await;
    let mut subscription = client.listen(SubscriptionFilter::new().with_task("t-1")).await.unwrap();
    let Some(Ok(SubscriptionEvent::TaskChanged(task))) = subscription.next().await else {
        panic!("an event");
    };
    assert_eq!((task.task.task_id.as_str(), task.result.is_some()), ("t-1", true));
}

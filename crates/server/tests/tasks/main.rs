//! Tools that run as tasks: from their beginning to what is left of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod peer;
mod subscriptions;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use palisade_protocol::{
    ElicitRequestFormParams, ElicitSchema, ErrorCode, ErrorObject, StringSchema,
};
use palisade_security::{DenyReason, Limits, Outcome, RulePolicy, TaskLimits};
use palisade_server::{Context, HandlerError, RawArguments, TaskSupport, ToolRoute};
use palisade_transport::Dispatcher as _;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use crate::peer::{Peer, declared};

fn tool<F, Fut>(name: &str, support: TaskSupport, handler: F) -> ToolRoute
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, HandlerError>> + Send + 'static,
{
    let schema = json!({ "type": "object" });
    ToolRoute::dynamic(name, schema, move |_: RawArguments, context| handler(context))
        .with_task_support(support)
}

fn name_form() -> ElicitRequestFormParams {
    let schema = ElicitSchema::new().with_string("name", StringSchema::new());
    ElicitRequestFormParams::new("Who?", schema.with_required(["name"]))
}

/// What a client answers to [`name_form`].
fn named(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

async fn ask(context: &Context, key: &str) -> Result<String, HandlerError> {
    let answer = context.elicit(key, name_form()).await?;
    Ok(answer.field("name").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// The only question that a task has open.
fn question(task: &Value) -> String {
    let open = task["inputRequests"].as_object().unwrap();
    assert_eq!((open.len(), &task["status"]), (1, &json!("input_required")), "{task}");
    open.keys().next().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_task_is_created_at_work_and_completed() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let peer = Peer::new(tool("slow", TaskSupport::Optional, move |context| {
        let gate = Arc::clone(&gate);
        async move {
            context.progress(1.0, Some(2.0), None).await;
            gate.notified().await;
            context.progress(2.0, Some(2.0), Some("done")).await;
            Ok("result".to_owned())
        }
    }));
    let created = peer.call("slow").await;
    let task = &created["result"];
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")));
    assert_eq!((&task["ttlMs"], &task["pollIntervalMs"]), (&json!(3_600_000), &json!(1000)));
    assert_eq!(task["createdAt"], "2027-01-15T08:00:00.000Z");
    let id = task["taskId"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    peer.settle().await;
    let task = peer.get(id).await;
    assert_eq!((&task["status"], &task["statusMessage"]), (&json!("working"), &json!("1 of 2")));
    assert_eq!(task["resultType"], "complete");

    peer.clock.advance(Duration::from_secs(1));
    opened.notify_one();
    let task = peer.ended(id).await;
    assert_eq!(
        (&task["status"], &task["lastUpdatedAt"]),
        (&json!("completed"), &json!("2027-01-15T08:00:01.000Z"))
    );
    assert_eq!(task["result"]["content"][0]["text"], "result");
    assert_eq!(task["result"]["resultType"], "complete");
    assert!(task.get("inputRequests").is_none() && task.get("error").is_none(), "{task}");
    let records = peer.audit.entries();
    let ends: Vec<_> = records.iter().map(|entry| (entry.transport, entry.code.as_str())).collect();
    assert_eq!(ends, [("task", "task_completed")], "of what the engine records itself");
    assert_eq!(
        (records[0].outcome, records[0].target.as_deref()),
        (Outcome::Allowed, Some("slow"))
    );
}

#[tokio::test(start_paused = true)]
async fn how_a_handler_ends_is_how_its_task_ends() {
    let peer = Peer::with([
        tool("tool_error", TaskSupport::Required, async |_| Err(HandlerError::tool("no"))),
        tool("protocol_error", TaskSupport::Required, async |_| {
            let error = ErrorObject::new(ErrorCode::new(7), "seven");
            Err(HandlerError::protocol(error))
        }),
        tool("denied", TaskSupport::Required, async |_| {
            Err(HandlerError::denied(DenyReason::PathNotAuthorized))
        }),
        tool("panic", TaskSupport::Required, async |_| panic!("with a secret")),
        tool("large", TaskSupport::Required, async |_| Ok("x".repeat(300 * 1024))),
        tool("large_error", TaskSupport::Required, async |_| {
            let error = ErrorObject::new(ErrorCode::new(7), "seven");
            Err(HandlerError::protocol(error.with_data(json!("x".repeat(300 * 1024)))))
        }),
    ]);
    for (name, status, error) in [
        ("tool_error", "completed", Value::Null),
        ("protocol_error", "failed", json!({ "code": 7, "message": "seven" })),
        (
            "denied",
            "failed",
            json!({ "code": -31403, "message": "path is not authorized",
                    "data": { "code": "path_not_authorized" } }),
        ),
        ("panic", "failed", json!({ "code": -32603, "message": "internal error" })),
        ("large", "failed", json!({ "code": -32603, "message": "internal error" })),
        ("large_error", "failed", json!({ "code": -32603, "message": "internal error" })),
    ] {
        let id = peer.begin(name).await;
        let task = peer.ended(&id).await;
        assert_eq!((&task["status"], &task["error"]), (&json!(status), &error), "{name}");
        assert_eq!(task["result"]["isError"] == true, name == "tool_error", "{name}: {task}");
    }
    let codes: Vec<_> = peer.audit.entries().into_iter().map(|entry| entry.code).collect();
    let failed = "task_failed";
    assert_eq!(codes, ["task_tool_failed", failed, "path_not_authorized", failed, failed, failed]);
}

#[tokio::test(start_paused = true)]
async fn questions_are_answered_one_by_one_while_the_handler_waits() {
    let peer = Peer::new(tool("ask", TaskSupport::Required, async |context| {
        let (one, two) = tokio::join!(ask(&context, "name"), ask(&context, "name"));
        let (one, two) = (one?, two?);
        Ok(format!("{one}, {two}, {}", ask(&context, "name").await?))
    }));
    let id = peer.begin("ask").await;
    let task = peer.until(&id, "input_required").await;
    let open = task["inputRequests"].as_object().unwrap();
    assert_eq!(open.len(), 2, "{task}");
    assert_eq!(open.values().next().unwrap()["method"], "elicitation/create");
    let keys: Vec<_> = open.keys().cloned().collect();

    // What is not asked is ignored; what is, counts once.
    for responses in
        [json!({}), json!({ "name": named("x"), "y": 1 }), json!({ &keys[1]: named("b") })]
    {
        assert_eq!(peer.update(&id, &responses).await, json!("complete"));
    }
    assert_eq!(peer.update(&id, &json!({ &keys[1]: named("again") })).await, json!("complete"));
    assert_eq!(question(&peer.get(&id).await), keys[0]);
    peer.update(&id, &json!({ &keys[0]: named("a") })).await;
    peer.settle().await;
    let third = question(&peer.get(&id).await);
    assert!(!keys.contains(&third), "no key is used twice");
    peer.update(&id, &json!({ third: named("c") })).await;
    let task = peer.ended(&id).await;
    assert_eq!(task["result"]["content"][0]["text"], "a, b, c");
    // What is over takes answers, and does nothing with them.
    assert_eq!(peer.update(&id, &json!({ "name.1": named("x") })).await, json!("complete"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_told_to_the_handler_and_a_dropped_question_is_taken_back() {
    let peer = Peer::new(tool("ask", TaskSupport::Required, async |context| {
        tokio::select! {
            _ = ask(&context, "dropped") => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
        ask(&context, "kept").await
    }));
    let id = peer.begin("ask").await;
    let first = question(&peer.until(&id, "input_required").await);
    tokio::time::advance(Duration::from_secs(5)).await;
    peer.settle().await;
    let second = question(&peer.get(&id).await);
    assert!(first.starts_with("dropped") && second.starts_with("kept"), "{first}, {second}");
    peer.update(&id, &json!({ second: { "action": "accept", "content": { "name": 1 } } })).await;
    let task = peer.ended(&id).await;
    assert_eq!(task["result"]["content"][0]["text"], "the client answered something else");
}

#[tokio::test(start_paused = true)]
async fn cancellation_drops_the_handler_and_settles() {
    let (dropped, was_dropped) = oneshot::channel::<()>();
    let guard = Arc::new(Mutex::new(Some(dropped)));
    let peer = Peer::new(tool("slow", TaskSupport::Required, move |context| {
        let guard = guard.lock().unwrap().take();
        async move {
            let _guard = guard;
            ask(&context, "name").await
        }
    }));
    let id = peer.begin("slow").await;
    peer.until(&id, "input_required").await;
    for _ in 0..2 {
        let cancelled = peer.send("tasks/cancel", json!({ "taskId": id })).await;
        let result = cancelled["result"].as_object().unwrap();
        assert_eq!(result.keys().collect::<Vec<_>>(), ["_meta", "resultType"], "an acknowledgment");
        let task = peer.get(&id).await;
        assert_eq!((&task["status"], task.get("inputRequests")), (&json!("cancelled"), None));
    }
    assert!(was_dropped.await.is_err(), "the sender went with the handler");
    peer.settle().await;
    assert_eq!(peer.audit.entries()[0].code, "task_cancelled");
}

#[tokio::test(start_paused = true)]
async fn input_comes_first_and_the_task_when_the_handler_says_so() {
    let runs = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&runs);
    let route = tool("late", TaskSupport::Optional, move |context| {
        *counted.lock().unwrap() += 1;
        async move {
            let name = ask(&context, "name").await?;
            if name == "nobody" {
                return Ok("nothing to do".to_owned());
            }
            context.start_task().await?;
            // The answer at hand is not asked for again.
            let (again, other) = (ask(&context, "name").await?, ask(&context, "other").await?);
            Ok(format!("{name} {again} {other}"))
        }
    });
    let peer = Peer::new(route.with_late_task());
    let asked = peer.call("late").await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let retry = |name: &str| {
        json!({ "name": "late", "requestState": asked["result"]["requestState"],
                "inputResponses": { "name": named(name) } })
    };
    let done = peer.send("tools/call", retry("nobody")).await;
    assert_eq!(done["result"]["content"][0]["text"], "nothing to do", "{done}");
    let created = peer.send("tools/call", retry("Ann")).await;
    assert_eq!(created["result"]["resultType"], "task", "{created}");
    assert!(created["result"].get("requestState").is_none());
    let id = created["result"]["taskId"].as_str().unwrap().to_owned();
    let other = question(&peer.until(&id, "input_required").await);
    peer.update(&id, &json!({ other: named("Bob") })).await;
    assert_eq!(peer.ended(&id).await["result"]["content"][0]["text"], "Ann Ann Bob");
    assert_eq!(*runs.lock().unwrap(), 3, "once for each request, and no more as a task");

    let without = peer.send_with("tools/call", retry("Ann"), json!({ "elicitation": {} })).await;
    assert_eq!(without["result"]["resultType"], "input_required", "within the request: {without}");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_tasks_gets_none() {
    let peer = Peer::with([
        tool("optional", TaskSupport::Optional, async |_| Ok("within the request".to_owned())),
        tool("required", TaskSupport::Required, async |_| Ok("as a task".to_owned())),
        tool("forbidden", TaskSupport::Forbidden, async |_| Ok("never a task".to_owned())),
    ]);
    let forbidden = peer.call("forbidden").await;
    assert_eq!(forbidden["result"]["content"][0]["text"], "never a task");
    let plain = peer.send_with("tools/call", json!({ "name": "optional" }), json!({})).await;
    assert_eq!(plain["result"]["content"][0]["text"], "within the request", "{plain}");
    for (method, params) in [
        ("tools/call", json!({ "name": "required" })),
        ("tasks/get", json!({ "taskId": "x" })),
        ("tasks/update", json!({ "taskId": "x", "inputResponses": {} })),
        ("tasks/cancel", json!({ "taskId": "x" })),
        ("subscriptions/listen", json!({ "notifications": { "taskIds": ["x"] } })),
    ] {
        for capabilities in
            [json!({}), json!({ "tasks": {} }), json!({ "extensions": { "a/b": {} } })]
        {
            let refused = peer.send_with(method, params.clone(), capabilities).await;
            assert_eq!(refused["error"]["code"], -32021, "{method}: {refused}");
            let required = &refused["error"]["data"]["requiredCapabilities"];
            assert_eq!(*required, json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } }));
        }
    }
    let discovered = peer.send("server/discover", json!({})).await;
    let extensions = &discovered["result"]["capabilities"]["extensions"];
    assert_eq!(*extensions, json!({ "io.modelcontextprotocol/tasks": {} }));

    let none = Peer::new(tool("forbidden", TaskSupport::Forbidden, async |_| Ok(String::new())));
    let unknown = none.send("tasks/get", json!({ "taskId": "x" })).await;
    assert_eq!(unknown["error"]["code"], -32601, "a server without tasks has no such method");
    let discovered = none.send("server/discover", json!({})).await;
    assert!(discovered["result"]["capabilities"].get("extensions").is_none());
}

#[tokio::test(start_paused = true)]
async fn n8_a_foreign_task_is_like_none() {
    let peer =
        Peer::new(tool("ask", TaskSupport::Required, async |context| ask(&context, "name").await));
    let id = peer.begin("ask").await;
    let name = question(&peer.until(&id, "input_required").await);
    let before = peer.get(&id).await;
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let params = |id: &str| json!({ "taskId": id, "inputResponses": { &name: named("Eve") } });
        let foreign = peer.send_as("eve", method, params(&id), declared()).await;
        let unknown = peer.send_as("eve", method, params(&"0".repeat(32)), declared()).await;
        assert_eq!(foreign["error"], json!({ "code": -32602, "message": "unknown task" }));
        assert_eq!(foreign["error"], unknown["error"], "{method}");
        let long = peer.send(method, params(&"0".repeat(10_000))).await;
        assert_eq!(long["error"]["code"], -32602);
    }
    assert_eq!(peer.get(&id).await, before, "nothing of it has changed");
    assert_eq!(peer.update(&id, &json!({ name: named("Ann") })).await, json!("complete"));
    assert_eq!(peer.ended(&id).await["result"]["content"][0]["text"], "Ann");
}

#[tokio::test(start_paused = true)]
async fn who_may_no_longer_call_the_tool_may_not_follow_its_task() {
    let slow = || tool("slow", TaskSupport::Required, async |_| std::future::pending().await);
    let peer = Peer::new(slow());
    let id = peer.begin("slow").await;
    let refused = peer
        .under(RulePolicy::new().allow_tool("other"))
        .send("tasks/get", json!({ "taskId": id }))
        .await;
    assert_eq!(refused["error"]["data"]["code"], "tool_not_authorized", "{refused}");
    assert_eq!(
        peer.under(RulePolicy::new().allow_tool("slow")).get(&id).await["status"],
        "working"
    );
}

#[tokio::test(start_paused = true)]
async fn tasks_are_bounded_in_number_and_in_time() {
    let limits = TaskLimits::new()
        .with_max_per_principal(2)
        .with_max_tasks(3)
        .with_max_bytes(400)
        .with_ttl(Duration::from_secs(60));
    let peer =
        Peer::new(tool("ask", TaskSupport::Required, async |context| ask(&context, "name").await))
            .within(Limits::new().with_tasks(limits));
    let id = peer.begin("ask").await;
    peer.begin("ask").await;
    let refused = peer.call("ask").await;
    assert_eq!(refused["error"]["data"]["code"], "too_many_tasks", "{refused}");
    let params = json!({ "name": "ask" });
    let other = peer.send_as("bob", "tools/call", params.clone(), declared()).await;
    assert_eq!(other["result"]["resultType"], "task");
    let full = peer.send_as("carol", "tools/call", params, declared()).await;
    assert_eq!(full["error"]["data"]["code"], "overloaded", "{full}");

    let name = question(&peer.until(&id, "input_required").await);
    let large = json!({ "taskId": id, "inputResponses": { name: named(&"x".repeat(500)) } });
    let refused = peer.send("tasks/update", large).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    assert_eq!(peer.get(&id).await["status"], "input_required");
    for params in [json!({ "taskId": id }), json!({ "inputResponses": {} }), json!({})] {
        let refused = peer.send("tasks/update", params.clone()).await;
        assert_eq!(refused["error"]["code"], -32602, "{params}");
    }

    tokio::time::advance(Duration::from_secs(60)).await;
    peer.settle().await;
    assert_eq!(peer.get(&id).await["status"], "cancelled", "its time to run is up");
    peer.clock.advance(Duration::from_secs(60));
    let gone = peer.send("tasks/get", json!({ "taskId": id })).await;
    assert_eq!(gone["error"]["code"], -32602, "{gone}");
    assert_eq!(peer.call("ask").await["result"]["resultType"], "task", "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_what_runs() {
    let peer =
        Peer::new(tool("slow", TaskSupport::Required, async |_| std::future::pending().await));
    let id = peer.begin("slow").await;
    peer.server.shutdown();
    let task = peer.ended(&id).await;
    let seen = (&task["status"], &task["statusMessage"]);
    assert_eq!(seen, (&json!("cancelled"), &json!("the server shuts down")));
    assert_eq!(peer.call("slow").await["error"]["data"]["code"], "shutting_down");
}

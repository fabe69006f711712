//! Subscriptions to tasks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use palisade_security::{
    AccessRequest, AllowAuthenticated, Decision, DenyReason, Policy, PolicyError,
};
use palisade_server::TaskSupport;
use palisade_transport::Dispatcher as _;
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    ask, named,
    peer::{Peer, declared},
    question, tool,
};

#[tokio::test(start_paused = true)]
async fn subscribers_are_told_how_their_tasks_stand() {
    let peer =
        Peer::new(tool("ask", TaskSupport::Required, async |context| ask(&context, "name").await));
    let id = peer.begin("ask").await;
    let foreign = peer.send_as("eve", "tools/call", json!({ "name": "ask" }), declared()).await;
    let foreign = foreign["result"]["taskId"].as_str().unwrap();
    let name = question(&peer.until(&id, "input_required").await);

    let listening = peer.listen(json!({ "taskIds": [id, foreign, "none", id] }));
    let acknowledged = listening.next().await;
    assert_eq!(acknowledged["params"]["notifications"], json!({ "taskIds": [id] }));
    let told = listening.next().await;
    assert_eq!(
        (&told["method"], &told["params"]["taskId"]),
        (&json!("notifications/tasks"), &json!(id))
    );
    assert_eq!(told["params"]["status"], "input_required");
    assert!(told["params"]["inputRequests"].get(&name).is_some());
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 9);
    peer.update(&id, &json!({ name: named("Ann") })).await;
    let end = loop {
        let told = listening.next().await;
        if told["params"]["status"] != "working" {
            break told;
        }
    };
    assert_eq!(end["params"]["result"]["content"][0]["text"], "Ann", "{end}");
    peer.server.shutdown();
    assert_eq!(listening.end().await["result"]["resultType"], "complete");
}

/// Allows everything until it is told otherwise.
#[derive(Clone, Debug, Default)]
struct Revocable(Arc<AtomicBool>);

impl Policy for Revocable {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        match self.0.load(Ordering::SeqCst) {
            true => Ok(Decision::Deny(DenyReason::ToolNotAuthorized)),
            false => AllowAuthenticated::new().decide(request),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subscribers_are_told_nothing_that_they_may_no_longer_ask() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let policy = Revocable::default();
    let peer = Peer::new(tool("slow", TaskSupport::Required, move |context| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            context.progress(1.0, None, Some("canary")).await;
            gate.notified().await;
            Ok("canary".to_owned())
        }
    }))
    .under(policy.clone());
    let id = peer.begin("slow").await;
    let listening = peer.listen(json!({ "taskIds": [id], "toolsListChanged": true }));
    listening.next().await;
    assert_eq!(listening.next().await["params"]["status"], "working");
    policy.0.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        opened.notify_one();
        peer.settle().await;
    }
    peer.server.notifier().tools_changed();
    let told = listening.next().await;
    assert_eq!(told["method"], "notifications/tools/list_changed", "{told}");
}

//! Tasks of others: who has the id of a task has nothing if it is not the task's owner.

use std::collections::HashSet;

use palisade::{
    Context, HandlerError, RawArguments, ToolRoute,
    protocol::{ElicitRequestFormParams, ElicitSchema},
    security::{Limits, TaskLimits},
    server::TaskSupport,
};
use palisade_testkit::{RawRequest, guard::PATIENCE, within};
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, Refusal, Target};

const MOST: usize = 8;

/// A task that waits for a yes.
fn careful() -> ToolRoute {
    let schema = json!({"type": "object"});
    ToolRoute::dynamic("careful", schema, async |_: RawArguments, ctx: Context| {
        let form = ElicitRequestFormParams::new("Are you sure?", ElicitSchema::new());
        let answer = ctx.elicit("sure", form).await?;
        Ok::<_, HandlerError>(format!("{:?}", answer.action))
    })
    .with_task_support(TaskSupport::Required)
}

async fn start() -> Target {
    let limits = Limits::new().with_tasks(TaskLimits::new().with_max_per_principal(MOST));
    Target::start_with(|rules| rules.with_limits(limits), |server, _| server.with_tool(careful()))
        .await
}

fn declaring(request: RawRequest, token: &str) -> RawRequest {
    request.with_token(token).with_capabilities(
        json!({"elicitation": {"form": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}}}),
    )
}

async fn begin(target: &Target, token: &str) -> String {
    let call = declaring(RawRequest::tools_call("careful", json!({})), token);
    let response = target.send(&call).await;
    let id = &response.json()["result"]["taskId"];
    target.audit.wait_for(1).await;
    target.audit.forget();
    id.as_str().unwrap_or_else(|| panic!("{}", response.text())).to_owned()
}

fn about(method: &str, id: &str, responses: Value, token: &str) -> RawRequest {
    let params = json!({"taskId": id, "inputResponses": responses});
    declaring(RawRequest::mcp(method, params), token)
}

async fn get(target: &Target, id: &str) -> Value {
    let response = target.send(&about("tasks/get", id, json!({}), ALICE)).await;
    target.audit.wait_for(1).await;
    target.audit.forget();
    response.json()["result"].clone()
}

/// Alice's task, once it asks.
async fn asking(target: &Target, id: &str) -> Value {
    within(PATIENCE, async {
        loop {
            let task = get(target, id).await;
            if task["status"] == "input_required" {
                return task;
            }
        }
    })
    .await
}

#[tokio::test]
async fn n8_foreign_task() {
    let target = start().await;
    let id = begin(&target, ALICE).await;
    let before = asking(&target, &id).await;
    let name = before["inputRequests"].as_object().unwrap().keys().next().unwrap();
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let yes = json!({ name: {"action": "accept", "content": {}} });
        let foreign = Refusal::of_envelope(200, -32602, "foreign_task");
        let stolen = target.refuses(&about(method, &id, yes.clone(), BOB), &foreign).await;
        for none in ["0".repeat(32), id[1..].to_owned(), format!("{id}0")] {
            let unknown = about(method, &none, yes.clone(), BOB);
            let unknown = target.refuses(&unknown, &refusal("invalid_params")).await;
            // Nobody learns from the answer that there is such a task.
            assert_eq!(unknown.text(), stolen.text(), "{method}");
        }
    }
    assert_eq!(get(&target, &id).await, before, "nothing of it has changed");
}

#[tokio::test]
async fn n8_ids_of_tasks_cannot_be_guessed() {
    let target = start().await;
    let mut ids = HashSet::new();
    for _ in 0..MOST {
        let id = begin(&target, ALICE).await;
        // 128 bits, of which no half is ever the same: neither a counter nor a time is in them.
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(ids.insert(id[..16].to_owned()) && ids.insert(id[16..].to_owned()));
    }
    let more = declaring(RawRequest::tools_call("careful", json!({})), ALICE);
    target.refuses(&more, &Refusal::with_reason(429, -31429, "too_many_tasks")).await;
    // What Alice has does not count against Bob.
    begin(&target, BOB).await;
}

fn refusal(audit_code: &'static str) -> Refusal {
    Refusal::of_request(200, -32602, audit_code)
}

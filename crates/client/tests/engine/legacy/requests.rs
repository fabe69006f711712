//! Requests of the server: the same handlers answer them as answer the questions in results.

use std::time::Duration;

use palisade_client::{Client, ClientBuilder, InputError};
use palisade_protocol::{
    CreateMessageRequestParams, CreateMessageResult, ElicitAction, ElicitResult, ListRootsResult,
    Root, SamplingContent, SamplingMessageContentBlock,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{asked, connected, in_session};
use crate::fake::{Control, Seen, Step, try_connect};

fn form() -> Value {
    json!({ "message": "who?", "requestedSchema": { "type": "object",
        "properties": { "name": { "type": "string" } }, "required": ["name"] } })
}

fn sampling() -> Value {
    json!({ "messages": [], "maxTokens": 9, "includeContext": "thisServer" })
}

async fn say(params: CreateMessageRequestParams) -> Result<CreateMessageResult, InputError> {
    // Nothing was offered, so nothing may be asked for.
    assert!(params.include_context.is_none_or(|it| it == Default::default()));
    let blocks = ["a", "b"].map(SamplingMessageContentBlock::text).to_vec();
    Ok(CreateMessageResult::new("m", SamplingContent::Multiple(blocks)))
}

fn everything() -> ClientBuilder {
    Client::builder()
        .with_elicitation_handler(|_| async { Ok(ElicitResult::accept([("name", "Ada")])) })
        .with_url_elicitation_handler(|_| async { Ok(ElicitAction::Decline) })
        .with_sampling_handler(say)
        .with_roots_handler(|| async { Ok(ListRootsResult::new(vec![Root::new("file:///w")])) })
}

/// A call during which the server asks this.
async fn call(
    builder: ClientBuilder,
    version: &'static str,
    questions: Vec<Value>,
) -> (Result<(), String>, Control) {
    let script = move |seen: &Seen| {
        let asked = questions.iter().cloned().map(Step::Message);
        asked.chain([seen.result(json!({ "content": [] }))]).collect()
    };
    let (client, control) = connected(builder, version, script).await;
    let outcome = client.call_tool("t", &json!({})).await;
    (outcome.map(drop).map_err(|error| error.code().to_owned()), control)
}

/// What the server gets for it.
#[track_caller]
fn check_reply(control: &Control, expected: &Value) {
    assert_eq!(control.sent().last().unwrap(), expected);
}

async fn check(version: &'static str, method: &str, params: Value, expected: Value) {
    let (outcome, control) = call(everything(), version, vec![asked(7, method, params)]).await;
    outcome.unwrap();
    check_reply(&control, &json!({ "jsonrpc": "2.0", "id": 7, "result": expected }));
}

#[tokio::test]
async fn handlers_answer_on_the_stream_of_a_request() {
    let accepted = json!({ "action": "accept", "content": { "name": "Ada" } });
    check("2025-11-25", "elicitation/create", form(), accepted.clone()).await;
    check("2025-06-18", "elicitation/create", form(), accepted).await;
    let url =
        json!({ "mode": "url", "message": "m", "url": "https://a.example/", "elicitationId": "e" });
    check("2025-11-25", "elicitation/create", url, json!({ "action": "decline" })).await;
    let roots = json!({ "roots": [{ "uri": "file:///w" }] });
    check("2024-11-05", "roots/list", json!({}), roots).await;
    check("2025-03-26", "ping", json!({}), json!({})).await;
}

#[tokio::test]
async fn a_models_answer_is_one_block_before_2025_11_25() {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let said = |content: Value| json!({ "role": "assistant", "content": content, "model": "m" });
    let method = "sampling/createMessage";
    check("2025-06-18", method, sampling(), said(text("a\nb"))).await;
    check("2025-11-25", method, sampling(), said(json!([text("a"), text("b")]))).await;
}

#[track_caller]
fn check_error(control: &Control, code: i32) {
    let sent = control.sent().pop().unwrap();
    assert_eq!((&sent["id"], &sent["error"]["code"]), (&json!("x"), &json!(code)), "{sent}");
}

#[tokio::test]
async fn what_was_not_offered_ends_the_request_as_it_does_with_newer_servers() {
    let question = || vec![asked("x", "elicitation/create", form())];
    let (outcome, control) = call(Client::builder(), "2025-11-25", question()).await;
    assert_eq!(outcome.unwrap_err(), "input_refused");
    check_error(&control, -32602);
    let failing = Client::builder()
        .with_elicitation_handler(|_| async { Err(InputError::new("no canary for the server")) });
    let (outcome, control) = call(failing, "2025-11-25", question()).await;
    assert_eq!(outcome.unwrap_err(), "input_failed");
    check_error(&control, -1);
    assert!(!control.sent().pop().unwrap().to_string().contains("canary"));
}

#[tokio::test]
async fn e3_forms_for_secrets_are_refused_in_a_session_too() {
    let secret = json!({ "message": "m", "requestedSchema": { "type": "object",
        "properties": { "password": { "type": "string" } } } });
    let question = vec![asked("x", "elicitation/create", secret)];
    let (outcome, control) = call(everything(), "2025-11-25", question).await;
    assert_eq!(outcome.unwrap_err(), "input_refused");
    check_error(&control, -32602);
}

#[tokio::test]
async fn what_nobody_knows_is_refused_and_costs_nothing_else() {
    for (question, code) in [
        (asked("x", "vendor/thing", json!({})), -32601),
        (asked("x", "tools/call", json!({ "name": "t" })), -32601),
        (asked("x", "elicitation/create", json!({ "message": 1 })), -32602),
    ] {
        let (outcome, control) = call(everything(), "2025-11-25", vec![question]).await;
        outcome.unwrap();
        check_error(&control, code);
    }
}

#[tokio::test]
async fn n8_a_server_does_not_ask_for_ever() {
    let ask = |count: u32| (0..count).map(|id| asked(id, "elicitation/create", form())).collect();
    let limited = || everything().with_max_rounds(3);
    let (outcome, _) = call(limited(), "2025-11-25", ask(3)).await;
    outcome.unwrap();
    let (outcome, control) = call(limited(), "2025-11-25", ask(4)).await;
    assert_eq!(outcome.unwrap_err(), "too_many_rounds");
    assert_eq!(control.sent().len(), 1 + 3);
    let pings = (0..50).map(|id| asked(id, "ping", json!({}))).collect();
    call(limited(), "2025-11-25", pings).await.0.unwrap();
}

/// Everything but `initialized`, once there are so many.
async fn replies(control: &Control, count: usize) -> Vec<Value> {
    while control.sent().len() <= count {
        tokio::task::yield_now().await;
    }
    control.sent().split_off(1)
}

#[tokio::test]
async fn handlers_answer_where_there_is_no_request() {
    let (_client, control) = connected(everything(), "2025-11-25", super::done).await;
    control.say(asked(1, "ping", json!({}))).await;
    assert_eq!(replies(&control, 1).await[0], json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    control.say(asked(2, "elicitation/create", form())).await;
    assert_eq!(replies(&control, 2).await[1]["result"]["content"]["name"], "Ada");
}

fn slow(time: Duration) -> ClientBuilder {
    everything().with_elicitation_handler(move |_| async move {
        sleep(time).await;
        Ok(ElicitResult::accept([("name", "Ada")]))
    })
}

#[tokio::test(start_paused = true)]
async fn one_form_does_not_hold_up_the_rest() {
    let builder = slow(Duration::from_secs(60));
    let (_client, control) = connected(builder, "2025-11-25", super::done).await;
    control.say(asked(1, "elicitation/create", form())).await;
    control.say(asked(2, "ping", json!({}))).await;
    assert_eq!(replies(&control, 1).await[0]["id"], 2);
    control
        .say(json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": 1 } }))
        .await;
    control.say(asked(3, "ping", json!({}))).await;
    assert_eq!(replies(&control, 2).await[1]["id"], 3);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(control.sent().len(), 3, "nobody waits for the form any more");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_handlers_does_not_count() {
    let builder = slow(Duration::from_secs(50)).with_request_timeout(Duration::from_secs(20));
    let questions = vec![asked(1, "elicitation/create", form())];
    call(builder, "2025-11-25", questions).await.0.unwrap();

    // Also where the server asks on the other stream, while the request waits.
    let builder = slow(Duration::from_secs(50)).with_request_timeout(Duration::from_secs(20));
    let script = |seen: &Seen| {
        vec![Step::After(Duration::from_secs(60)), seen.result(json!({ "content": [] }))]
    };
    let (client, control) = connected(builder, "2025-11-25", script).await;
    let arguments = json!({});
    let (outcome, ()) = tokio::join!(
        client.call_tool("t", &arguments),
        control.say(asked(1, "elicitation/create", form()))
    );
    outcome.unwrap();
    // Without a question nothing is excused.
    assert_eq!(client.call_tool("t", &json!({})).await.unwrap_err().code(), "timeout");
}

#[tokio::test]
async fn roots_are_announced_to_those_who_can_be_told() {
    let (client, control) = connected(everything(), "2025-11-25", super::done).await;
    client.roots_changed().await.unwrap();
    let sent = control.sent().pop().unwrap();
    assert_eq!(sent["method"], "notifications/roots/list_changed");
    let (client, control) = connected(Client::builder(), "2025-11-25", super::done).await;
    client.roots_changed().await.unwrap();
    assert_eq!(control.sent().len(), 1, "who has none has nothing to announce");
}

#[tokio::test(start_paused = true)]
async fn n8_a_server_that_is_slow_to_take_answers_gains_no_time() {
    // One answer that is never taken, and many questions that no handler is needed for.
    for (questions, seconds) in [(1, 3600), (100, 9)] {
        let script = move |seen: &Seen| {
            let pings = (0..questions).map(|id| Step::Message(asked(id, "ping", json!({}))));
            pings.chain([seen.result(json!({ "content": [] }))]).collect()
        };
        let (client, control) = connected(everything(), "2025-11-25", script).await;
        control.take_messages_in(Duration::from_secs(seconds));
        let begin = tokio::time::Instant::now();
        assert_eq!(client.call_tool("t", &json!({})).await.unwrap_err().code(), "timeout");
        assert_eq!(begin.elapsed().as_secs(), 60);
    }
}

#[tokio::test(start_paused = true)]
async fn n8_a_server_that_takes_no_message_holds_nobody() {
    let limit = Duration::from_secs(3600);
    let control = Control::default().with_voice();
    control.take_messages_in(limit);
    let server = in_session("2025-11-25", super::done);
    let refused = timeout(limit, try_connect(everything(), &control, server)).await.unwrap();
    assert_eq!(refused.unwrap_err().code(), "timeout", "nobody waits for `initialized`");

    let (client, control) = connected(everything(), "2025-11-25", super::done).await;
    control.take_messages_in(limit);
    let refused = timeout(limit, client.roots_changed()).await.unwrap();
    assert_eq!(refused.unwrap_err().code(), "timeout");
}

#[tokio::test(start_paused = true)]
async fn n8_answers_that_are_not_taken_do_not_hold_up_the_rest_for_ever() {
    let (_client, control) = connected(everything(), "2025-11-25", super::done).await;
    control.take_messages_in(Duration::from_secs(3600));
    for id in 0..8 {
        control.say(asked(id, "ping", json!({}))).await;
    }
    sleep(Duration::from_secs(1)).await;
    control.take_messages_in(Duration::ZERO);
    control.say(asked(8, "ping", json!({}))).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(control.sent().last().unwrap()["id"], 8);
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_wait_for_a_server_that_waits_for_them() {
    let builder = slow(Duration::from_secs(50));
    let (_client, control) = connected(builder, "2025-11-25", super::done).await;
    control.say(asked(1, "elicitation/create", form())).await;
    control.be_silent(true);
    control.hang_up();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(control.sent().pop().unwrap()["result"]["content"]["name"], "Ada");
}

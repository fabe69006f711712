//! The session: how it begins, what is the same as with a newer server, how it is replaced and ends.

use std::sync::{Arc, Mutex};

use palisade_client::{CallOptions, Client};
use palisade_protocol::{CompleteRequestParams, ListRootsResult, LoggingLevel};
use palisade_transport::TransportError;
use serde_json::{Value, json};

use super::{connected, done, unknown};
use crate::fake::{Seen, Step, notification};

#[tokio::test]
async fn a_session_begins_with_a_handshake() {
    let builder = Client::builder()
        .with_info("c", "1")
        .with_roots_handler(|| async { Ok(ListRootsResult::default()) })
        .with_extension("com.example/x", serde_json::Map::new());
    let (client, control) = connected(builder, "2025-06-18", done).await;
    let seen = control.seen();
    assert_eq!(
        seen[1].text,
        r#"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true}},"clientInfo":{"name":"c","version":"1"}}}"#
    );
    assert_eq!(
        control.sent(),
        [json!({ "jsonrpc": "2.0", "method": "notifications/initialized", "params": {} })]
    );
    let server = client.server().unwrap();
    assert_eq!(server.supported_versions, ["2025-06-18"]);
    assert_eq!(server.instructions.as_deref(), Some("be kind"));
    assert_eq!(server.meta.server_info.as_ref().unwrap().name, "old");
    assert!(server.capabilities.tools.is_some() && server.capabilities.logging.is_some());
    assert_eq!(&client.discover().await.unwrap(), server);
    assert_eq!(control.seen().len(), 2, "what it is was said once");
}

#[tokio::test]
async fn a_client_without_a_name_has_one_that_says_nothing() {
    let (_client, control) = connected(Client::builder().without_info(), "2025-11-25", done).await;
    let info = &control.seen()[1].body["params"]["clientInfo"];
    assert_eq!(info, &json!({ "name": "unknown", "version": "0" }));
}

#[tokio::test]
async fn lists_take_tools_as_they_are() {
    let script = |seen: &Seen| {
        let mirrored = json!({ "type": "object", "properties": {
            "a": { "type": "object", "x-mcp-header": "no good" } } });
        vec![seen.result(json!({ "tools": [{ "name": "t", "inputSchema": mirrored }] }))]
    };
    let (client, _) = connected(Client::builder(), "2025-11-25", script).await;
    assert_eq!(client.list_tools().collect_all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn parameters_are_those_of_the_revision() {
    let script = |seen: &Seen| vec![seen.result(json!({ "completion": { "values": [] } }))];
    let params: CompleteRequestParams = serde_json::from_value(json!({
        "ref": { "type": "ref/prompt", "name": "p" },
        "argument": { "name": "a", "value": "v" },
        "context": { "arguments": { "b": "c" } }
    }))
    .unwrap();
    for (version, known) in [("2025-03-26", false), ("2025-06-18", true)] {
        let (client, control) = connected(Client::builder(), version, script).await;
        client.complete(&params).await.unwrap();
        let sent = control.seen().pop().unwrap();
        assert_eq!(sent.params().get("context").is_some(), known, "{version}");
    }
}

#[tokio::test]
async fn a_resource_that_does_not_exist_has_the_code_of_the_newest_revision() {
    let script = |seen: &Seen| vec![seen.error(-32002, json!({ "uri": "u:v" }))];
    let (client, _) = connected(Client::builder(), "2025-11-25", script).await;
    let error = client.read_resource("u:v").await.unwrap_err();
    assert_eq!(error.rpc().unwrap().code.get(), -32602);
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!(error.rpc().unwrap().code.get(), -32002, "of nothing else");
}

#[tokio::test]
async fn a_session_that_is_gone_is_begun_anew_once() {
    let (client, control) = connected(Client::builder(), "2025-11-25", done).await;
    control.expire(1);
    client.call_tool("t", &json!({})).await.unwrap();
    let expected = ["server/discover", "initialize", "tools/call", "initialize", "tools/call"];
    assert_eq!(control.methods(), expected);
    assert_eq!(control.sent().len(), 2, "initialized twice");
    assert_eq!(control.listened(), 2, "the new session is listened to");
    control.expire(2);
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!(error.code(), "session_expired");
    assert_eq!(control.methods().len(), 8, "one more handshake and one more try, not for ever");
}

#[tokio::test(start_paused = true)]
async fn a_new_session_is_listened_to_although_the_one_before_is_silent() {
    let (client, control) = connected(Client::builder(), "2025-11-25", done).await;
    control.be_silent(true);
    control.hang_up();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    control.be_silent(false);
    control.expire(1);
    client.call_tool("t", &json!({})).await.unwrap();
    assert_eq!(control.listened(), 2);
}

#[tokio::test]
async fn what_the_server_has_begun_with_is_not_asked_again_in_a_new_session() {
    let script = |_: &Seen| vec![Step::Fail(TransportError::SessionExpired)];
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let error = client.call_tool("pay", &json!({})).await.unwrap_err();
    assert_eq!(error.code(), "interrupted");
    assert_eq!(control.methods(), ["server/discover", "initialize", "tools/call"]);
}

#[tokio::test]
async fn many_requests_begin_one_new_session() {
    let (client, control) = connected(Client::builder(), "2025-11-25", done).await;
    control.expire(1);
    let arguments = json!({});
    let call = || client.call_tool("t", &arguments);
    let (a, b, c) = tokio::join!(call(), call(), call());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let handshakes = control.methods().iter().filter(|it| *it == "initialize").count();
    assert_eq!(handshakes, 2);
}

#[tokio::test]
async fn the_listener_ends_with_the_client() {
    let (client, control) = connected(Client::builder(), "2025-11-25", done).await;
    drop(client);
    control.unheard().await;
}

#[tokio::test]
async fn the_level_of_log_messages_is_set_once_and_only_lowered() {
    let (client, control) = connected(Client::builder(), "2025-11-25", done).await;
    for level in
        [LoggingLevel::Warning, LoggingLevel::Error, LoggingLevel::Warning, LoggingLevel::Debug]
    {
        let options = CallOptions::new().with_log(level, |_| {});
        client.call_tool_with("t", &json!({}), options).await.unwrap();
    }
    let levels: Vec<Value> = control
        .seen()
        .iter()
        .filter(|seen| seen.method() == "logging/setLevel")
        .map(|seen| seen.params().clone())
        .collect();
    assert_eq!(levels, [json!({ "level": "warning" }), json!({ "level": "debug" })]);
}

#[tokio::test]
async fn a_server_that_sets_no_level_is_called_all_the_same() {
    let script = |seen: &Seen| match seen.method() {
        "logging/setLevel" => unknown(seen),
        _ => done(seen),
    };
    let (client, _) = connected(Client::builder(), "2025-11-25", script).await;
    let options = CallOptions::new().with_log(LoggingLevel::Info, |_| {});
    client.call_tool_with("t", &json!({}), options).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn progress_and_logs_are_heard_on_any_stream() {
    let script = |seen: &Seen| match seen.method() {
        "tools/call" => vec![
            notification("notifications/message", json!({ "level": "error", "data": 1 })),
            Step::After(std::time::Duration::from_secs(1)),
            seen.result(json!({ "content": [] })),
        ],
        _ => vec![seen.result(json!({}))],
    };
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (progress, logs) = (Arc::clone(&heard), Arc::clone(&heard));
    let options = CallOptions::new()
        .with_progress(move |it| progress.lock().unwrap().push(json!(it.progress)))
        .with_log(LoggingLevel::Info, move |it| {
            logs.lock().unwrap().push(it.data.decode().unwrap());
        });
    let arguments = json!({});
    let (result, ()) = tokio::join!(client.call_tool_with("t", &arguments, options), async {
        while !control.methods().contains(&"tools/call".to_owned()) {
            tokio::task::yield_now().await;
        }
        let token = control.seen().pop().unwrap().id();
        for (method, params) in [
            ("notifications/progress", json!({ "progressToken": token, "progress": 0.5 })),
            ("notifications/progress", json!({ "progressToken": token + 1, "progress": 9 })),
            ("notifications/message", json!({ "level": "debug", "data": 9 })),
            ("notifications/message", json!({ "level": "info", "data": 2 })),
        ] {
            control.say(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
        }
    });
    result.unwrap();
    assert_eq!(*heard.lock().unwrap(), [json!(1), json!(0.5), json!(2)]);
}

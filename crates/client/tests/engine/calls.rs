//! Calls: what is sent, what is accepted in return.

use std::collections::HashSet;

use palisade_client::{CallError, CallOptions, Client, ClientError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fake::{Seen, Step, client, connect, notification};

fn text(seen: &Seen, text: &str) -> Vec<Step> {
    vec![
        seen.result(
            json!({ "resultType": "complete", "content": [{ "type": "text", "text": text }] }),
        ),
    ]
}

#[tokio::test]
async fn a_call_carries_its_metadata_and_what_headers_mirror() {
    let builder = Client::builder().with_info("test", "9");
    let (client, control) = connect(builder, |seen| text(seen, "3")).await;
    let sum: i64 = client.call("add", &json!({ "a": 1, "b": 2 })).await.unwrap();
    assert_eq!(sum, 3);
    let seen = &control.seen()[0];
    assert_eq!(
        *seen.params(),
        json!({
            "name": "add",
            "arguments": { "a": 1, "b": 2 },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "9" },
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        })
    );
    assert_eq!(seen.outbound.method, "tools/call");
    assert_eq!(seen.outbound.name.as_deref(), Some("add"));
    assert_eq!(seen.outbound.protocol_version.as_str(), "2026-07-28");
    assert!(seen.outbound.param_headers.is_empty());
}

#[derive(Debug, PartialEq, Deserialize)]
struct Weather {
    degrees: f64,
}

#[tokio::test]
async fn results_decode_to_what_the_caller_wants() {
    let (client, _) = client(|seen| {
        let result = match seen.params()["name"].as_str().unwrap() {
            "structured" => json!({ "content": [], "structuredContent": { "degrees": 21.5 } }),
            "json" => json!({ "content": [{ "type": "text", "text": "{\"degrees\":3}" }] }),
            "nothing" => json!({ "content": [] }),
            "failure" => json!({ "content": [{ "type": "text", "text": "no" }], "isError": true }),
            _ => json!({ "content": [{ "type": "text", "text": "plain" }] }),
        };
        vec![seen.result(result)]
    })
    .await;
    let none = json!({});
    let weather: Weather = client.call("structured", &none).await.unwrap();
    assert_eq!(weather, Weather { degrees: 21.5 });
    let weather: Weather = client.call("json", &none).await.unwrap();
    assert_eq!(weather, Weather { degrees: 3.0 });
    let plain: String = client.call("text", &none).await.unwrap();
    assert_eq!(plain, "plain");
    let () = client.call("nothing", &()).await.unwrap();
    let Err(CallError::Tool(result)) = client.call::<String>("failure", &none).await else {
        panic!()
    };
    assert_eq!(result.content[0].as_text(), Some("no"));
    let error = client.call::<Weather>("text", &none).await.unwrap_err();
    assert_eq!(error.code(), "unexpected_result");
    let raw = client.call_tool("failure", &none).await.unwrap();
    assert!(raw.is_error());
    let error = client.call_tool("text", &json!([1])).await.unwrap_err();
    assert_eq!(error.code(), "invalid_request");
}

#[tokio::test]
async fn responses_that_break_the_protocol_are_refused() {
    for (message, code) in [
        (r#"{"jsonrpc":"2.0","id":99,"result":{"content":[]}}"#, "invalid_response"),
        (r#"{"jsonrpc":"2.0","id":"1","result":{"content":[]}}"#, "invalid_response"),
        (r#"{"jsonrpc":"2.0","result":{"content":[]}}"#, "invalid_response"),
        (r#"{"jsonrpc":"2.0","id":1,"id":1,"result":{"content":[]}}"#, "invalid_response"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]},"Result":{}}"#, "invalid_response"),
        (r#"[{"jsonrpc":"2.0","id":1,"result":{"content":[]}}]"#, "invalid_response"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#,
            "invalid_response",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","content":[]}}"#,
            "invalid_response",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"result":{"content":1}}"#, "invalid_response"),
        (r#"{"jsonrpc":"2.0","id":1,"result":[]}"#, "invalid_response"),
        ("nonsense", "invalid_response"),
        (r#"{"jsonrpc":"2.0","id":98,"error":{"code":-32602,"message":"no"}}"#, "invalid_response"),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}"#, "rpc_error"),
        (r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}}"#, "rpc_error"),
    ] {
        let (client, _) = client(move |_| vec![Step::Text(message)]).await;
        let error = client.call_tool("t", &json!({})).await.unwrap_err();
        assert_eq!(error.code(), code, "{message}: {error}");
    }
    let (client, _) = client(|_| vec![]).await;
    assert_eq!(client.call_tool("t", &json!({})).await.unwrap_err().code(), "interrupted");
}

#[tokio::test]
async fn a_result_without_a_type_is_complete() {
    let (client, _) = client(|seen| vec![seen.result(json!({ "content": [] }))]).await;
    client.call_tool("t", &json!({})).await.unwrap();
}

#[tokio::test]
async fn n5_no_two_requests_share_an_id() {
    let (client, control) = client(|seen| text(seen, "")).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..50 {
                client.call_tool("t", &json!({})).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let ids: HashSet<i64> = control.seen().iter().map(Seen::id).collect();
    assert_eq!(ids.len(), 400);
}

#[tokio::test]
async fn a_refused_version_is_tried_once_more_if_the_server_lists_it() {
    let (client, control) = client(|seen| match seen.id() {
        1 => vec![
            seen.error(-32022, json!({ "supported": ["2026-07-28"], "requested": "2026-07-28" })),
        ],
        _ => text(seen, "ok"),
    })
    .await;
    assert_eq!(client.call::<String>("t", &json!({})).await.unwrap(), "ok");
    assert_eq!(control.seen().iter().map(Seen::id).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_server_without_a_common_version_is_named_with_what_it_supports() {
    for (supported, listed, requests) in [
        (json!(["2025-11-25", "\u{1b}[31m"]), vec!["2025-11-25"], 1),
        (json!("2026-07-28"), vec![], 1),
        (json!(["2026-07-28"]), vec!["2026-07-28"], 2),
    ] {
        let data = json!({ "supported": supported });
        let (client, control) = client(move |seen| vec![seen.error(-32022, data.clone())]).await;
        let error = client.call_tool("t", &json!({})).await.unwrap_err();
        match &error {
            ClientError::UnsupportedVersion { supported } => assert_eq!(*supported, listed),
            // Refused twice although it is listed: the server's own error is the best explanation.
            ClientError::Rpc(error) => assert_eq!((error.code.get(), requests), (-32022, 2)),
            other => panic!("{other}"),
        }
        assert_eq!(control.seen().len(), requests);
    }
}

#[tokio::test]
async fn connecting_discovers() {
    let supports = |version: &'static str| {
        move |seen: &Seen| {
            vec![seen.result(json!({
                "resultType": "complete", "supportedVersions": [version, "\u{1b}[31m", "x".repeat(33)],
                "capabilities": { "tools": {} },
                "ttlMs": 1000, "cacheScope": "public", "instructions": "be kind",
            }))]
        }
    };
    let (client, control) = client(supports("2026-07-28")).await;
    assert!(client.server().is_none());
    client.discover().await.unwrap();
    client.discover().await.unwrap();
    assert_eq!(control.methods(), ["server/discover"], "the second answer is cached");
    assert_eq!(client.server().unwrap().instructions.as_deref(), Some("be kind"));
    let (client, _) = crate::fake::client(supports("2025-11-25")).await;
    let error = client.discover().await.unwrap_err();
    assert_eq!(error.code(), "unsupported_protocol_version");
    assert!(error.to_string().ends_with("only 2025-11-25"), "what cannot be shown is left out");
}

fn tools(seen: &Seen, header: &str) -> Vec<Step> {
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": header } } });
    vec![seen.result(json!({ "tools": [{ "name": "t", "inputSchema": schema }], "ttlMs": 60_000 }))]
}

#[tokio::test]
async fn arguments_of_listed_tools_are_mirrored() {
    let (client, control) = client(|seen| match seen.method() {
        "tools/list" => tools(seen, "Region"),
        _ => text(seen, ""),
    })
    .await;
    client.list_tools().collect_all().await.unwrap();
    for arguments in [json!({ "region": "eu" }), json!({ "region": null }), json!({})] {
        client.call_tool("t", &arguments).await.unwrap();
    }
    client.call_tool("other", &json!({ "region": "eu" })).await.unwrap();
    let mirrored: Vec<_> =
        control.seen().into_iter().skip(1).map(|s| s.outbound.param_headers).collect();
    let region = vec![("Region".to_owned(), "eu".to_owned())];
    assert_eq!(mirrored, [region, vec![], vec![], vec![]]);
}

#[tokio::test]
async fn a_header_mismatch_lists_the_tools_anew_and_tries_once_more() {
    let (client, control) =
        client(|seen| match (seen.method(), seen.outbound.param_headers.is_empty()) {
            ("tools/list", _) => tools(seen, "Region"),
            (_, true) => vec![seen.error(-32020, Value::Null)],
            (_, false) => text(seen, "ok"),
        })
        .await;
    let reply: String = client.call("t", &json!({ "region": "eu" })).await.unwrap();
    assert_eq!(reply, "ok");
    assert_eq!(control.methods(), ["tools/call", "tools/list", "tools/call"]);
    // Without the argument there is nothing to mirror, and the server's refusal stands.
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!(error.rpc().unwrap().code.get(), -32020);
    assert_eq!(control.methods()[3..], ["tools/call", "tools/list", "tools/call"]);
}

#[tokio::test]
async fn progress_and_logs_reach_their_callbacks_and_nothing_else_does() {
    let (client, control) = client(|seen| {
        let progress = |token: Value, progress: f64| {
            notification(
                "notifications/progress",
                json!({ "progressToken": token, "progress": progress }),
            )
        };
        let log = |level: &str| {
            notification("notifications/message", json!({ "level": level, "data": level }))
        };
        vec![
            progress(json!(seen.id()), 0.0),
            progress(json!(seen.id()), 50.0),
            progress(json!(seen.id()), 50.0),
            progress(json!(seen.id()), 20.0),
            progress(json!(seen.id() + 1), 90.0),
            progress(json!("1"), 90.0),
            progress(json!(seen.id()), 100.0),
            log("debug"),
            log("info"),
            log("error"),
            log("loud"),
            notification("notifications/unheard_of", json!({})),
            seen.result(json!({ "content": [] })),
        ]
    })
    .await;
    let (progress_to, progress) = std::sync::mpsc::channel();
    let (log_to, logs) = std::sync::mpsc::channel();
    let options = CallOptions::new()
        .with_progress(move |params| progress_to.send(params.progress).unwrap())
        .with_log(palisade_protocol::LoggingLevel::Info, move |params| {
            log_to.send(params.level).unwrap()
        });
    client.call_tool_with("t", &json!({}), options).await.unwrap();
    assert_eq!(progress.try_iter().collect::<Vec<_>>(), [0.0, 50.0, 100.0]);
    assert_eq!(
        logs.try_iter().map(|level| level.to_string()).collect::<Vec<_>>(),
        ["info", "error"]
    );
    let seen = &control.seen()[0];
    assert_eq!(seen.params()["_meta"]["progressToken"], seen.id());
    assert_eq!(seen.params()["_meta"]["io.modelcontextprotocol/logLevel"], "info");
    // Without callbacks nothing is asked for, and what comes all the same is dropped.
    client.call_tool("t", &json!({})).await.unwrap();
    assert!(control.seen()[1].params()["_meta"].get("progressToken").is_none());
}

#[tokio::test]
async fn prompts_and_completions() {
    let (client, control) = client(|seen| match seen.method() {
        "prompts/get" => vec![seen.result(json!({ "messages": [
            { "role": "user", "content": { "type": "text", "text": "hi" } }] }))],
        _ => vec![seen.result(json!({ "completion": { "values": ["a"] } }))],
    })
    .await;
    let prompt = client.get_prompt("greet", [("name", "Ada")]).await.unwrap();
    assert_eq!(prompt.messages.len(), 1);
    let reference = palisade_protocol::CompletionReference::prompt("greet");
    let params = palisade_protocol::CompleteRequestParams::new(reference, "name", "A");
    assert_eq!(client.complete(&params).await.unwrap().completion.values, ["a"]);
    let seen = control.seen();
    assert_eq!(seen[0].outbound.name.as_deref(), Some("greet"));
    assert_eq!(seen[0].params()["arguments"], json!({ "name": "Ada" }));
    assert_eq!(seen[1].outbound.name, None);
}

/// Every future can be moved to another thread; a build failure is the test.
#[test]
fn futures_are_send() {
    fn send<T: Send>(_: &T) {}
    let _ = |client: Client, mut list: palisade_client::Paged<palisade_protocol::Tool>| {
        send(&client.discover());
        send(&client.call::<String>("t", &1));
        send(&client.read_resource("u"));
        send(&client.get_prompt("p", [("a", "b")]));
        send(&client.listen(palisade_protocol::SubscriptionFilter::new()));
        send(&list.next());
        send(&list.collect_all());
    };
}

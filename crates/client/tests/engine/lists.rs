//! Lists and the response cache.

use std::time::Duration;

use palisade_client::{CallOptions, Client, ClientError, EndlessList};
use palisade_protocol::ElicitResult;
use serde_json::{Value, json};

use crate::fake::{Seen, Step, client, connect, notification};

fn page(seen: &Seen, names: &[String], next: Option<&str>) -> Vec<Step> {
    let prompts: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let mut result = json!({ "prompts": prompts, "ttlMs": 0, "cacheScope": "private" });
    if let Some(next) = next {
        result["nextCursor"] = next.into();
    }
    vec![seen.result(result)]
}

fn cursor(seen: &Seen) -> Option<String> {
    seen.params().get("cursor").map(|cursor| cursor.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn pages_follow_their_cursors_the_empty_one_included() {
    let (client, control) = client(|seen| match cursor(seen).as_deref() {
        None => page(seen, &["a".into(), "b".into()], Some("")),
        Some("") => page(seen, &[], Some("last")),
        Some(_) => page(seen, &["c".into()], None),
    })
    .await;
    let names = |prompts: Vec<palisade_protocol::Prompt>| {
        prompts.into_iter().map(|prompt| prompt.name).collect::<Vec<_>>()
    };
    assert_eq!(names(client.list_prompts().collect_all().await.unwrap()), ["a", "b", "c"]);
    let mut list = client.list_prompts();
    assert_eq!(list.next().await.unwrap().unwrap().name, "a");
    assert_eq!(control.seen().len(), 4, "fetched no further than read");
    assert_eq!(names(list.next_page().await.unwrap().unwrap()), ["b"]);
    assert_eq!(list.next().await.unwrap().unwrap().name, "c");
    assert!(list.next().await.is_none());
    assert!(list.next_page().await.is_none());
}

#[tokio::test]
async fn d5_a_list_that_does_not_end_is_given_up() {
    let endless = |seen: &Seen| page(seen, &["x".into()], Some(&seen.id().to_string()));
    let (client, control) = client(endless).await;
    let error = client.list_prompts().collect_all().await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooManyPages(EndlessList::Pages { limit: 64 })),
        "{error}"
    );
    assert_eq!(control.seen().len(), 64);
    let (client, control) = connect(Client::builder().with_max_pages(2), endless).await;
    let mut list = client.list_prompts();
    let mut seen = 0;
    let error = loop {
        match list.next().await.unwrap() {
            Ok(_) => seen += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.code(), seen, control.seen().len()), ("too_many_pages", 2, 2));
    assert!(list.next().await.is_none(), "an error ends the list");
}

#[tokio::test]
async fn d5_a_cursor_that_comes_back_ends_the_list() {
    let (client, control) = client(|seen| match cursor(seen).as_deref() {
        Some("a") => page(seen, &[], Some("b")),
        _ => page(seen, &[], Some("a")),
    })
    .await;
    let error = client.list_prompts().collect_all().await.unwrap_err();
    assert!(matches!(error, ClientError::TooManyPages(EndlessList::RepeatedCursor)), "{error}");
    assert_eq!(control.seen().len(), 3);
}

#[tokio::test]
async fn d3_tools_with_invalid_annotations_are_dropped_and_the_rest_served() {
    let (client, _) = client(|seen| {
        let tool = |name: &str, property: Value| {
            json!({ "name": name, "inputSchema": { "type": "object", "properties": { "p": property } } })
        };
        let annotated = json!({ "type": "string", "x-mcp-header": "P" });
        let twice = json!({ "type": "object", "properties": { "a": annotated, "b": annotated } });
        vec![seen.result(json!({ "tools": [
            tool("plain", json!({ "type": "string" })),
            tool("crlf", json!({ "type": "string", "x-mcp-header": "A\r\nB" })),
            tool("empty", json!({ "type": "string", "x-mcp-header": "" })),
            tool("number", json!({ "type": "number", "x-mcp-header": "N" })),
            tool("items", json!({ "type": "array", "items": annotated })),
            tool("any_of", json!({ "anyOf": [annotated] })),
            json!({ "name": "ref", "inputSchema": { "type": "object", "$defs": { "d": annotated },
                "properties": { "p": { "$ref": "#/$defs/d" } } } }),
            json!({ "name": "twice", "inputSchema": twice }),
            tool("valid", annotated),
        ] }))]
    })
    .await;
    let tools = client.list_tools().collect_all().await.unwrap();
    assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["plain", "valid"]);
}

/// Answers every list and read with these hints.
fn hinted(ttl: Value, scope: &'static str) -> impl Fn(&Seen) -> Vec<Step> + Send + Sync {
    move |seen| {
        let mut result = match seen.method() {
            "prompts/list" => json!({ "prompts": [] }),
            "resources/read" => json!({ "contents": [] }),
            "resources/list" => json!({ "resources": [] }),
            "resources/templates/list" => json!({ "resourceTemplates": [] }),
            _ => json!({ "tools": [] }),
        };
        result["ttlMs"] = ttl.clone();
        result["cacheScope"] = scope.into();
        vec![seen.result(result)]
    }
}

#[tokio::test(start_paused = true)]
async fn responses_are_kept_as_long_as_the_server_allows() {
    let (client, control) = client(hinted(json!(1000), "public")).await;
    for _ in 0..2 {
        client.list_tools().collect_all().await.unwrap();
        client.list_resources().collect_all().await.unwrap();
        client.list_resource_templates().collect_all().await.unwrap();
        client.read_resource("a:1").await.unwrap();
        client.read_resource("a:2").await.unwrap();
    }
    assert_eq!(control.seen().len(), 5);
    tokio::time::advance(Duration::from_millis(1000)).await;
    client.read_resource("a:1").await.unwrap();
    assert_eq!(control.seen().len(), 6);
    client.read_resource_with("a:1", CallOptions::new().without_cache()).await.unwrap();
    client
        .read_resource_with("a:1", CallOptions::new().with_meta("com.example/x", 1))
        .await
        .unwrap();
    assert_eq!(control.seen().len(), 8);
    client.clear_cache();
    client.read_resource("a:1").await.unwrap();
    assert_eq!(control.seen().len(), 9);
}

#[tokio::test]
async fn what_the_server_does_not_allow_is_not_kept() {
    for ttl in [json!(0), json!(-5), Value::Null] {
        let (client, control) = client(hinted(ttl, "public")).await;
        client.list_tools().collect_all().await.unwrap();
        client.list_tools().collect_all().await.unwrap();
        assert_eq!(control.seen().len(), 2);
    }
}

#[tokio::test]
async fn n9_private_responses_are_not_served_to_other_credentials() {
    for (scope, requests) in [("private", 2), ("everyone", 2), ("public", 1)] {
        let (client, control) = client(hinted(json!(60_000), scope)).await;
        control.become_user(1);
        client.read_resource("a:1").await.unwrap();
        client.read_resource("a:1").await.unwrap();
        assert_eq!(control.seen().len(), 1, "{scope}");
        control.become_user(2);
        client.read_resource("a:1").await.unwrap();
        assert_eq!(control.seen().len(), requests, "{scope}");
        control.become_user(1);
        client.read_resource("a:1").await.unwrap();
        assert_eq!(control.seen().len(), requests, "{scope}");
    }
}

#[tokio::test]
async fn n9_what_an_answer_to_input_brought_is_not_kept() {
    let builder =
        Client::builder().with_elicitation_handler(|_| async { Ok(ElicitResult::decline()) });
    let (client, control) = connect(builder, |seen| match seen.params().get("requestState") {
        None => vec![seen.result(json!({ "resultType": "input_required", "requestState": "s" }))],
        Some(_) => {
            vec![seen.result(json!({ "contents": [], "ttlMs": 60_000, "cacheScope": "public" }))]
        }
    })
    .await;
    client.read_resource("a:1").await.unwrap();
    client.read_resource("a:1").await.unwrap();
    assert_eq!(control.seen().len(), 4);
}

#[tokio::test]
async fn a_change_makes_kept_responses_stale() {
    let list = hinted(json!(60_000), "public");
    let (client, control) = client(move |seen| match seen.method() {
        "tools/call" => vec![
            notification("notifications/tools/list_changed", json!({})),
            notification("notifications/resources/updated", json!({ "uri": "a:1" })),
            seen.result(json!({ "content": [] })),
        ],
        _ => list(seen),
    })
    .await;
    for _ in 0..2 {
        client.list_tools().collect_all().await.unwrap();
        client.list_prompts().collect_all().await.unwrap();
        client.read_resource("a:1").await.unwrap();
        client.read_resource("a:2").await.unwrap();
        client.call_tool("t", &json!({})).await.unwrap();
    }
    let expected = ["tools/list", "prompts/list", "resources/read", "resources/read", "tools/call"];
    assert_eq!(control.methods()[..5], expected);
    assert_eq!(control.methods()[5..], ["tools/list", "resources/read", "tools/call"]);
    assert_eq!(control.seen()[6].params()["uri"], "a:1");
}

#[tokio::test]
async fn a_cursor_that_became_invalid_drops_the_kept_pages() {
    let (client, control) = client(|seen| match cursor(seen) {
        None => vec![seen.result(json!({ "prompts": [], "nextCursor": "x", "ttlMs": 60_000 }))],
        Some(_) => vec![seen.error(-32602, Value::Null)],
    })
    .await;
    for _ in 0..2 {
        let error = client.list_prompts().collect_all().await.unwrap_err();
        assert_eq!(error.rpc().unwrap().code.get(), -32602);
    }
    assert_eq!(control.seen().len(), 4);
}

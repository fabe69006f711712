//! Traces: what a span says of a request, and what a peer may say of where it stands.

use palisade::{
    Client, Context, RawArguments, ToolRoute, auth::BearerToken, client::CallOptions,
    http::HttpTransport, protocol::TraceContext, security::Origin,
};
use palisade_testkit::{CapturedLogs, RawRequest};
use serde_json::{Value, json};

use crate::support::{ALICE, Refusal, Target, call_add};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

/// Answers with what it is told of its trace.
fn traced() -> ToolRoute {
    let schema = json!({"type": "object"});
    ToolRoute::dynamic("traced", schema, async |_: RawArguments, ctx: Context| {
        let Some(trace) = ctx.trace_context() else { return "null".to_owned() };
        json!([trace.traceparent(), trace.tracestate(), trace.baggage()]).to_string()
    })
}

async fn start() -> Target {
    Target::start_with(|rules| rules, |server, _| server.with_tool(traced())).await
}

/// The line that ends the span of the only request since the last look.
fn span(logs: &CapturedLogs) -> String {
    let text = logs.text();
    logs.clear();
    let closed = text.lines().filter(|line| line.contains("request{") && line.contains("close"));
    let closed: Vec<_> = closed.filter(|line| line.contains("outcome=")).collect();
    assert!(!closed.is_empty(), "{text}");
    closed.last().map(|line| (*line).to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn l2_spans_say_who_asks_for_what_and_cannot_be_forged() {
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let target = start().await;
    target.send(&call_add().with_meta("traceparent", json!(PARENT))).await;
    let line = span(&logs);
    for field in [
        "transport=\"http\"",
        "principal=alice",
        "method=tools/call",
        "tool=add",
        "version=\"2026-07-28\"",
        "era=\"modern\"",
        "trace_id=\"0af7651916cd43dd8448eb211c80319c\"",
        "outcome=\"allowed\"",
        "code=\"completed\"",
    ] {
        assert!(line.contains(field), "{field} in {line}");
    }
    target.audit.forget();
    target.runs.forget();

    let hostile = "add\nrequest{outcome=\"allowed\"} \u{1b}[2J\u{202e}";
    let forged = RawRequest::tools_call(hostile, json!({})).with_token(ALICE);
    target.refuses(&forged, &Refusal::of_request(200, -32602, "invalid_params")).await;
    for line in logs.text().lines() {
        assert!(!line.starts_with("request{"), "{line}");
        assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line:?}");
    }
}

#[tokio::test]
async fn l2_a_trace_that_is_none_changes_nothing() {
    let target = start().await;
    let call = |key: &str, value: Value| {
        RawRequest::tools_call("traced", json!({})).with_token(ALICE).with_meta(key, value)
    };
    let text = |response: &palisade_testkit::RawResponse| {
        assert_eq!(response.status(), 200, "{}", response.text());
        response.json()["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    };
    for (key, value) in [
        ("traceparent", json!("00-0-0-0")),
        ("traceparent", json!(format!("{PARENT}\n"))),
        ("traceparent", json!({"a": 1})),
        ("traceparent", json!(null)),
        ("traceparent", json!("x".repeat(100_000))),
        ("tracestate", json!("a=1")),
        ("baggage", json!(format!("a={}", "x".repeat(10_000)))),
        ("Traceparent", json!(PARENT)),
    ] {
        let response = target.send(&call(key, value.clone())).await;
        assert_eq!(text(&response), "null", "{key}: {value}");
    }
    let escaped = call("traceparent", json!(PARENT)).with_edited_body(|_| {});
    let body = String::from_utf8(escaped.body().to_vec()).unwrap();
    let escaped = escaped.with_body(body.replace("00-0af7", "0\\u0030-0af7"));
    assert_eq!(text(&target.send(&escaped).await), json!([PARENT, null, null]).to_string());
}

#[tokio::test]
async fn clients_say_where_their_requests_stand() {
    let target = start().await;
    let url = format!("http://{}/mcp", target.address);
    let origin: Origin = format!("http://{}", target.address).parse().unwrap();
    let credentials = BearerToken::new(origin, ALICE).unwrap();
    let transport = HttpTransport::builder(&url).unwrap().with_credentials(credentials).build();
    let current = || TraceContext::new(Some(PARENT), Some("a=1"), Some("b=2"));
    let client = Client::builder().with_trace_context_provider(current);
    let client = client.connect(transport.unwrap()).await.unwrap();
    let seen: Value = client.call("traced", &json!({})).await.unwrap();
    assert_eq!(seen, json!([PARENT, "a=1", "b=2"]));
    let other = PARENT.replace("-01", "-00");
    let options =
        CallOptions::new().with_trace_context(TraceContext::new(Some(&other), None, None).unwrap());
    let seen: Value = client.call_with("traced", &json!({}), options).await.unwrap();
    assert_eq!(seen, json!([other, null, null]), "what is said for one request counts");
}

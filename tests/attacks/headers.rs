//! Headers that say something else than the body, or that two readers read differently.

use palisade::{
    Context, PromptArguments, PromptRoute, RawArguments, ResourceRoute, ToolRoute,
    protocol::{CallToolResult, Prompt, Resource},
    security::{AccessRequest, Decision, DenyReason, Policy, PolicyError},
};
use palisade_testkit::{RawRequest, sse::SseReader};
use serde_json::{Value, json};

use crate::support::{ALICE, Refusal, Runs, Target, call_add};

fn mismatch() -> Refusal {
    Refusal::of_envelope(400, -32020, "header_mismatch")
}

/// Notes that it was asked, and denies everything but `add`.
#[derive(Debug)]
struct Asked(Runs);

impl Policy for Asked {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        self.0.note();
        Ok(match request.target.name() {
            Some("add") => Decision::Allow,
            _ => Decision::Deny(DenyReason::ToolNotAuthorized),
        })
    }
}

/// A tool that mirrors its arguments into headers.
fn transfer(runs: &Runs) -> ToolRoute {
    let runs = runs.clone();
    let schema = json!({
        "type": "object",
        "properties": {
            "account": { "type": "string", "x-mcp-header": "Account" },
            "amount": { "type": "integer", "x-mcp-header": "Amount" },
            "final": { "type": "boolean", "x-mcp-header": "Final" },
        },
    });
    ToolRoute::dynamic("transfer", schema, move |_: RawArguments, _: Context| {
        runs.note();
        std::future::ready("done")
    })
}

#[tokio::test]
async fn h12_header_differs_from_body() {
    let asked = Runs::default();
    let policy = Asked(asked.clone());
    let target = Target::start_with(
        |rules| rules.with_policy(policy),
        |server, runs| {
            let prompt = PromptRoute::new(
                Prompt::new("greet"),
                async |_: PromptArguments, _: Context| "hello",
            );
            let readme = ResourceRoute::new(
                Resource::new("test://readme", "readme"),
                async |_: Context| "text",
            );
            server.with_tool(transfer(runs)).with_prompt(prompt).with_resource(readme)
        },
    )
    .await;
    let refused = async |request: RawRequest| {
        let before = asked.count();
        let response = target.send(&request).await;
        // Before authorization: the policy is not asked, about neither of the two.
        assert_eq!(asked.count(), before, "the policy was asked");
        target.check_refused(&response, &mismatch()).await;
        assert_eq!(response.json()["id"], 1);
    };

    for (name, value) in [
        ("MCP-Protocol-Version", "2025-11-25"),
        ("MCP-Protocol-Version", ""),
        ("Mcp-Method", "tools/list"),
        ("Mcp-Method", "Tools/Call"),
        ("Mcp-Method", ""),
        ("Mcp-Name", "transfer"),
        ("Mcp-Name", "ADD"),
        ("Mcp-Name", "add,transfer"),
        ("Mcp-Name", ""),
    ] {
        refused(call_add().with_header(name, value)).await;
    }
    for name in ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"] {
        refused(call_add().without_header(name)).await;
        // Two values, though one of them is right, and even if both are.
        refused(call_add().with_added_header(name, "other")).await;
    }
    refused(call_add().with_added_header("Mcp-Name", "add")).await;
    refused(call_add().with_edited_body(|body| body["params"]["name"] = json!("transfer"))).await;
    refused(call_add().with_edited_body(|body| body["method"] = json!("tools/list"))).await;
    refused(call_add().with_meta("io.modelcontextprotocol/protocolVersion", json!("2025-06-18")))
        .await;
    for request in [
        RawRequest::mcp("prompts/get", json!({"name": "greet"})),
        RawRequest::mcp("resources/read", json!({"uri": "test://readme"})),
    ] {
        let request = request.with_token(ALICE);
        refused(request.clone().with_header("Mcp-Name", "other")).await;
        refused(request.without_header("Mcp-Name")).await;
    }

    let transfer =
        |arguments: Value| RawRequest::tools_call("transfer", arguments).with_token(ALICE);
    for (arguments, headers) in [
        (json!({"account": "mallory"}), &[("Mcp-Param-Account", "alice")][..]),
        (json!({"account": "mallory"}), &[]),
        (json!({}), &[("Mcp-Param-Account", "alice")]),
        (json!({"account": null}), &[("Mcp-Param-Account", "alice")]),
        (json!({"account": "a"}), &[("Mcp-Param-Account", "a"), ("Mcp-Param-Account", "a")]),
        (json!({"amount": 1000}), &[("Mcp-Param-Amount", "1")]),
        (json!({"amount": 1000}), &[("Mcp-Param-Amount", "1000 ,1")]),
        // The same number to whoever reads it as a float.
        (json!({"amount": 9_007_199_254_740_993_i64}), &[("Mcp-Param-Amount", "9007199254740992")]),
        (json!({"final": true}), &[("Mcp-Param-Final", "false")]),
        (json!({"account": ["alice"]}), &[("Mcp-Param-Account", "alice")]),
    ] {
        let request = headers.iter().fold(transfer(arguments), |request, (name, value)| {
            request.with_added_header(name, value)
        });
        refused(request).await;
    }

    // In agreement, it is up to the policy.
    let agreed =
        transfer(json!({"account": "mallory"})).with_header("Mcp-Param-Account", "mallory");
    let denied = Refusal::with_reason(403, -31403, "tool_not_authorized");
    target.refuses(&agreed, &denied).await;
}

#[tokio::test]
async fn h13_unknown_version_or_method() {
    let target = Target::start().await;
    for version in ["2025-11-25", "2024-11-05", "2099-01-01", "2026-07-28 ", "", "x"] {
        let request = call_add()
            .with_header("MCP-Protocol-Version", version)
            .with_meta("io.modelcontextprotocol/protocolVersion", json!(version.trim()));
        if version.trim() == "2026-07-28" {
            assert_eq!(target.send(&request).await.status(), 200, "blanks are no part of a value");
            target.audit.forget();
            target.runs.forget();
            continue;
        }
        let response = target.send(&request).await;
        assert_eq!((response.status(), response.error_code()), (400, Some(-32022)), "{version:?}");
        let supported = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
        assert_eq!(
            response.json()["error"]["data"],
            json!({"supported": supported, "requested": version})
        );
        let entries = target.audit.take();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].code, "unsupported_protocol_version");
        assert_eq!(target.runs.count(), 0);
        target.check_healthy().await;
    }

    let refusal = Refusal::of_request(404, -32601, "method_not_found");
    for method in [
        "tools/execute",
        "Tools/call",
        "tools/call ",
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        // Of features that this server does not offer.
        "prompts/list",
        "resources/read",
        "completion/complete",
        "rpc.discover",
        "",
    ] {
        let encoded = palisade::protocol::header::encode_value(method).into_owned();
        let request =
            RawRequest::mcp(method, json!({})).with_token(ALICE).with_header("Mcp-Method", encoded);
        target.refuses(&request, &refusal).await;
    }
}

#[tokio::test]
async fn h14_bad_sentinel() {
    let target = Target::start().await;
    for value in [
        "=?base64?!!!!?=",
        "=?base64?YWRk",
        "=?base64?YWRk?",
        "?base64?YWRk?=",
        "=?BASE64?YWRk?=",
        "=?base64?YWRk=?=",
        "=?base64?YWR?=",
        "=?base64?YW Rk?=",
        // Not canonical: bits that belong to no byte.
        "=?base64?YWQ=YWQ=?=",
        "=?base64?/w==?=",
        "=?base64??=",
        // Twice: what comes out once is another text.
        "=?base64?PT9iYXNlNjQ/WVdSaz89?=",
        "=?base64?YWRk?= ?=",
        "=?base64?YWRk?=,=?base64?YWRk?=",
    ] {
        target.refuses(&call_add().with_header("Mcp-Name", value), &mismatch()).await;
    }
    for (name, value) in [
        ("Mcp-Method", "=?base64?dG9vbHMvY2FsbA?="),
        ("MCP-Protocol-Version", "=?base64?MjAyNi0wNy0yOA?="),
        ("Mcp-Name", "\u{e4}dd"),
    ] {
        target.refuses(&call_add().with_header(name, value), &mismatch()).await;
    }
    let decoded = call_add().with_header("Mcp-Name", "=?base64?YWRk?=");
    assert_eq!(target.send(&decoded).await.status(), 200);
}

#[tokio::test]
async fn h18_line_breaks_in_events_and_headers() {
    // JSON is valid with line breaks in it, and a tool passes it on as it got it.
    let forged = "{\"a\":\r\n\r\nnull,\n\n\r\"data\"\r\r:1}";
    let target = Target::start_with(
        |rules| rules,
        |server, _| {
            let pretty = |_: RawArguments, ctx: Context| {
                let text = "1\r\n\r\nevent: forged\r\ndata: {}\r\n\r\n";
                let mut result = CallToolResult::text(text);
                result.structured_content = serde_json::from_str(forged).ok();
                async move {
                    // From here on the reply is a stream.
                    ctx.progress(1.0, None, Some(text)).await;
                    result
                }
            };
            server.with_tool(ToolRoute::dynamic("pretty", json!({"type": "object"}), pretty))
        },
    )
    .await;
    let request = RawRequest::tools_call("pretty", json!({}))
        .with_token(ALICE)
        .with_meta("progressToken", json!("t\r\ndata: 1\r\n\r\n"));
    let response = target.send(&request).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    let mut reader = SseReader::new();
    let events = reader.push(response.body());
    assert_eq!((events.len(), reader.pending()), (2, &b""[..]), "{}", response.text());
    for event in &events {
        assert_eq!((event.event.as_deref(), event.id.as_deref()), (None, None));
        assert_eq!(event.unknown, [""; 0], "a line of data became a field");
    }
    let [progress, result] = [events[0].json(), events[1].json()];
    assert_eq!(progress["params"]["progressToken"], "t\r\ndata: 1\r\n\r\n");
    assert_eq!(result["result"]["structuredContent"], json!({"a": null, "data": 1}));
    let lines = events[1].data.as_ref().map(|data| data.lines().count());
    assert_eq!(lines, Some(8), "the breaks were on the wire, each within the event");

    // The names of events and ids are refused where they would break the line.
    for field in ["a\nb", "a\rb", "a\0b", "\r\n\r\n"] {
        let mut out = Vec::new();
        let (name, id) = (Some(field), Some("1"));
        assert!(palisade::http::sse::encode_event(&mut out, name, id, b"{}").is_err());
        assert!(palisade::http::sse::encode_event(&mut out, id, name, b"{}").is_err());
        assert_eq!(out, b"");
    }

    // A header that carries a line break is no header. Nothing of it reaches the engine.
    target.audit.forget();
    for value in ["add\rX-Forged: 1", "add\r\n X-Folded: 1", "add\0"] {
        let mut connection = target.connect().await;
        let response = connection.send(&call_add().with_header("Mcp-Name", value)).await.unwrap();
        assert_eq!(response.status(), 400, "{value:?}");
        connection.read_to_close().await.unwrap();
        let denied = target.audit.take();
        assert!(denied.len() <= 1, "{denied:?}");
        assert_eq!(target.runs.count(), 0, "{value:?}");
        target.check_healthy().await;
    }
}

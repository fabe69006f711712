//! What must not be said: secrets in logs, forged lines in logs, details of a panic to a peer.

use std::{env, io, panic::panic_any, process::Command, sync::Arc};

use palisade::{
    Context, HandlerError, PromptArguments, PromptRoute, RawArguments, ResourceRoute,
    SecurityConfig, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    protocol::{Prompt, Resource},
    security::{
        AllowedOrigins, FailMode, JsonLinesAudit, Limits, Outcome, Secret,
        audit::{AuditKey, verify},
        config::{Ready, ServerConfigBuilder},
    },
    server::ServerBuilder,
};
use palisade_testkit::{
    Canary, CapturedLogs, RawRequest, canary::assert_no_canary, guard::PATIENCE,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    audit_log::Log,
    support::{ALICE, Refusal, Target, rules},
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Text {
    text: String,
}

/// Fails in the way that it is told.
async fn fail(how: &str, detail: String) -> Result<String, HandlerError> {
    match how {
        "panic before" => panic!("{detail}"),
        "panic after" => {
            tokio::task::yield_now().await;
            panic_any(detail)
        }
        "tool error" => Err(HandlerError::tool(detail)),
        "error" => Err(io::Error::other(detail).into()),
        _ => Ok(detail),
    }
}

const WAYS: [&str; 5] = ["panic before", "panic after", "tool error", "error", "none"];

fn rules_for(carol: &Canary) -> ServerConfigBuilder<Ready> {
    let tokens = [TokenEntry::new("alice", ALICE), TokenEntry::new("carol", carol.secret())];
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries(tokens))
        .without_tls()
        .with_limits(Limits::new().with_max_body_bytes(8192))
}

#[tokio::test]
async fn l1_canaries_in_everything() {
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let [token, wrong, argument, inner, answer, url, key] =
        ["token", "wrong token", "argument", "handler", "answer", "url", "key"].map(Canary::new);
    let all = [&token, &wrong, &argument, &inner, &answer, &url, &key].map(Clone::clone);

    let secret = inner.secret().to_owned();
    let rules = rules_for(&token);
    let mut shown = format!("{:?}", TokenEntry::new("carol", token.secret()));
    shown += &format!("{rules:?}");
    shown += &format!("{:?}", rules.build());
    let options = JsonLinesAudit::options(FailMode::Closed)
        .with_key(AuditKey::from_secret(&Secret::new(key.secret())).unwrap());
    shown += &format!("{options:?}");
    let log = Log::default();
    let file = Arc::new(options.write_to(log.clone()).unwrap());
    shown += &format!("{file:?}");
    assert_no_canary(&shown, &all);

    let rules = rules_for(&token);
    let more = |server: ServerBuilder, _: &_| {
        let of_tool = secret.clone();
        let tool = ToolRoute::typed("fail", move |args: Text, ctx: Context| {
            let detail = of_tool.clone();
            async move {
                tracing::debug!(?ctx, principal = ?ctx.principal(), "the context of a handler");
                fail(&args.text, detail).await
            }
        });
        let of_prompt = secret.clone();
        let prompt =
            PromptRoute::new(Prompt::new("fail"), move |args: PromptArguments, _: Context| {
                let detail = of_prompt.clone();
                async move { fail(args.get("how").unwrap_or_default(), detail).await }
            });
        let resources = WAYS.map(|how| {
            let detail = secret.clone();
            let uri = format!("test://{}", how.replace(' ', "-"));
            ResourceRoute::new(Resource::new(uri, how), move |_: Context| {
                let detail = detail.clone();
                async move { fail(how, detail).await }
            })
        });
        let server = server.with_tool(tool).with_prompt(prompt);
        resources.into_iter().fold(server, |server, resource| server.with_resource(resource))
    };
    let target = Target::start_audited(rules, more, Arc::clone(&file)).await;

    let send = async |request: RawRequest| {
        let response = target.send(&request).await;
        // No answer repeats a credential.
        assert_no_canary(&response.text(), &[token.clone(), wrong.clone()]);
        response
    };
    for how in WAYS {
        for token in [token.secret(), wrong.secret()] {
            let sent = json!({"text": how, "more": argument.secret()});
            send(RawRequest::tools_call("fail", sent).with_token(token)).await;
            let sent = json!({"name": "fail", "arguments": {"how": how, "x": argument.secret()}});
            send(RawRequest::mcp("prompts/get", sent).with_token(token)).await;
            let uri = format!("test://{}", how.replace(' ', "-"));
            send(RawRequest::mcp("resources/read", json!({"uri": uri})).with_token(token)).await;
        }
    }
    let uri = format!("https://alice:{}@example.com/x", wrong.secret());
    let read = RawRequest::mcp("resources/read", json!({"uri": uri})).with_token(token.secret());
    target.send(&read).await;
    assert_eq!(
        target.audit.wait_for(1).await.last().unwrap().target.as_deref(),
        Some("https://***@example.com/x")
    );
    // Whatever is wrong with a request, its contents are not told.
    let call = RawRequest::tools_call("fail", json!({"text": argument.secret()}))
        .with_token(token.secret());
    let with_state = |state: &str| {
        call.clone().with_edited_body(|body| {
            body["params"]["requestState"] = json!(state);
            body["params"]["inputResponses"] = json!({"x": answer.secret()});
        })
    };
    for request in [
        with_state(argument.secret()),
        call.clone().with_header("Mcp-Name", argument.secret()),
        call.clone().with_header("Content-Type", argument.secret()),
        call.clone().with_header("Host", argument.secret()),
        call.clone().with_header("Origin", format!("https://{}", argument.secret())),
        call.clone().with_header("Cookie", wrong.secret()),
        call.clone().with_header("Mcp-Session-Id", wrong.secret()),
        call.clone().with_target(&format!("/mcp?x={}", url.secret())),
        call.clone().with_target(&format!("/mcp?access_token={}", token.secret())),
        call.clone().with_target(&format!("/{}", url.secret())),
        call.clone().with_added_header("Authorization", format!("Bearer {}", wrong.secret())),
        call.clone().with_header("Authorization", format!("Basic {}", wrong.secret())),
        call.clone().with_header("Authorization", token.secret()),
        call.clone().with_header("X-API-Key", wrong.secret()),
        call.clone().with_header("X-API-Key", wrong.secret()).without_header("Authorization"),
        call.clone().with_header(token.secret(), wrong.secret()),
        call.clone().with_body(format!("{{\"{}\"", argument.secret())),
        call.clone().with_body(format!("[{:?}]", argument.secret())),
        call.clone()
            .with_edited_body(|body| body["params"]["arguments"] = json!(argument.secret())),
        call.clone().with_edited_body(|body| {
            body["params"]["arguments"] = json!({"text": [argument.secret()]})
        }),
        call.clone().with_meta(argument.secret(), json!(argument.secret())),
        call.clone().with_meta("io.modelcontextprotocol/protocolVersion", json!(argument.secret())),
        call.clone().with_body(argument.secret().repeat(1000)),
    ] {
        send(request).await;
    }
    let mut broken = target.connect().await;
    broken
        .write(format!("POST /mcp HTTP/1.1\r\n{}\r\n\r\n", wrong.secret()).as_bytes())
        .await
        .unwrap();
    broken.read_to_close().await.unwrap();

    let audit = target.audit.take();
    assert!(audit.len() > 40, "{} records", audit.len());
    assert_no_canary(&format!("{audit:?}"), &all);
    let records = audit.len() as u64;
    file.flush(PATIENCE).unwrap();
    let key = AuditKey::from_secret(&Secret::new(key.secret())).unwrap();
    assert_eq!(verify(log.text().as_bytes(), Some(&key)).unwrap().records, records);
    assert_no_canary(&log.text(), &all);
    for expected in ["handler panicked", "handler failed", "palisade::audit", "the context of"] {
        assert!(logs.text().contains(expected), "{expected} was logged");
    }
    logs.assert_no_canary(&all);
}

/// What a process prints of its own accord: nothing, if it was told to hide the panics of its handlers. Another
/// process, because the hook and standard error belong to a whole one.
#[test]
fn l1_standard_output_and_error() {
    const CANARY: &str = "PALISADE_TEST_L1_CANARY";
    if let Ok(secret) = env::var(CANARY) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(panic_with(secret));
        // Other panics are still reported.
        std::thread::spawn(|| panic!("no handler")).join().unwrap_err();
        return;
    }
    let canary = Canary::new("panic");
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "logging::l1_standard_output_and_error", "--nocapture"])
        .env(CANARY, canary.secret())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{text:?}");
    assert!(text[0].contains("1 passed") && text[1].contains("no handler"), "{text:?}");
    assert_no_canary(&text.concat(), &[canary]);
}

/// Has handlers panic with a secret, and a caller that sends it as every kind of credential.
async fn panic_with(secret: String) {
    palisade::server::hide_handler_panics();
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let detail = secret.clone();
    let target = Target::start_with(
        |rules| rules,
        |server, _| {
            server.with_tool(ToolRoute::typed("fail", move |args: Text, _: Context| {
                let detail = detail.clone();
                async move { fail(&args.text, detail).await }
            }))
        },
    )
    .await;
    for how in &WAYS[..2] {
        let call = RawRequest::tools_call("fail", json!({"text": how, "more": secret}));
        let response = target.send(&call.clone().with_token(ALICE)).await;
        assert_eq!(response.json()["error"]["code"], -32603);
        for header in ["Authorization", "X-API-Key"] {
            target.send(&call.clone().with_header(header, &secret)).await;
        }
        target.send(&call.clone().with_token(&secret)).await;
        target.send(&call.with_target(&format!("/mcp?access_token={secret}"))).await;
    }
    let places = logs.text().matches("its message is not shown").count();
    assert_eq!(places, 2, "{}", logs.text());
    assert!(!logs.text().contains(&secret));
}

#[tokio::test]
async fn l2_escapes_and_line_breaks_in_fields() {
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let log = Log::default();
    let file = JsonLinesAudit::options(FailMode::Closed).write_to(log.clone()).unwrap();
    let file = Arc::new(file);
    let target =
        Target::start_audited(rules().without_tls(), |server, _| server, Arc::clone(&file)).await;
    let hostile = "x\u{1b}[2J\u{1b}]0;owned\u{7}\r\n2026-01-01T00:00:00Z  INFO palisade::audit: FORGED\u{85}\u{2028}\u{202e}\u{9b}31m";
    let encoded = palisade::protocol::header::encode_value(hostile).into_owned();
    let call = RawRequest::tools_call(hostile, json!({}));
    for request in [
        call.clone().with_token(ALICE),
        call,
        RawRequest::mcp(hostile, json!({})).with_token(ALICE).with_header("Mcp-Method", &encoded),
        RawRequest::mcp("prompts/get", json!({"name": hostile})).with_token(ALICE),
        RawRequest::mcp("resources/read", json!({"uri": hostile})).with_token(ALICE),
    ] {
        assert_ne!(target.send(&request).await.json()["error"], json!(null));
    }
    assert_eq!(target.audit.take().len(), 5);

    let text = logs.text();
    let of_audit = |line: &&str| line.contains(": palisade::audit: time=");
    let lines: Vec<_> = text.lines().filter(of_audit).collect();
    assert_eq!(lines.len(), 5, "one line a record: {text}");
    assert!(lines.iter().filter(|line| line.contains("FORGED")).count() >= 2, "{text}");
    file.flush(PATIENCE).unwrap();
    let written = log.text();
    assert_eq!(verify(written.as_bytes(), None).unwrap().records, 5);
    // Nothing is lost by it: a reader of the JSON gets what was sent.
    let names = written.lines().filter(|line| {
        let value: Value = serde_json::from_str(line).unwrap();
        value["target"] == hostile || value["method"] == hostile
    });
    assert_eq!(names.count(), 4, "{written}");
    for line in text.lines().chain(written.lines()) {
        assert!(!line.starts_with("2026-01-01"), "a forged line: {line}");
        let strange = |c: char| {
            c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(line.find(strange), None, "{line:?}");
    }
}

#[tokio::test]
async fn l4_handler_that_panics() {
    let detail = Canary::new("panic");
    let secret = detail.secret().to_owned();
    let target = Target::start_with(
        |rules| rules,
        |server, _| {
            let tool = |name: &str, stream: bool, how: &'static str| {
                let secret = secret.clone();
                ToolRoute::dynamic(
                    name,
                    json!({"type": "object"}),
                    move |_: RawArguments, ctx: Context| {
                        // Before there is a future at all.
                        assert!(how != "at once", "{secret}");
                        let secret = secret.clone();
                        async move {
                            if stream {
                                ctx.progress(1.0, None, None).await;
                            }
                            fail(how, secret).await
                        }
                    },
                )
            };
            server
                .with_tool(tool("at_once", false, "at once"))
                .with_tool(tool("before", false, "panic before"))
                .with_tool(tool("after", false, "panic after"))
                .with_tool(tool("stream_before", true, "panic before"))
                .with_tool(tool("stream_after", true, "panic after"))
                .with_prompt(PromptRoute::new(Prompt::new("before"), {
                    let secret = secret.clone();
                    move |_: PromptArguments, _: Context| {
                        let secret = secret.clone();
                        async move { fail("panic before", secret).await }
                    }
                }))
                .with_resource(ResourceRoute::new(Resource::new("test://after", "after"), {
                    let secret = secret.clone();
                    move |_: Context| {
                        let secret = secret.clone();
                        async move { fail("panic after", secret).await }
                    }
                }))
        },
    )
    .await;
    let mut connection = target.connect().await;
    for (method, params) in [
        ("tools/call", json!({"name": "at_once"})),
        ("tools/call", json!({"name": "before"})),
        ("tools/call", json!({"name": "after"})),
        ("tools/call", json!({"name": "stream_before"})),
        ("tools/call", json!({"name": "stream_after"})),
        ("prompts/get", json!({"name": "before"})),
        ("resources/read", json!({"uri": "test://after"})),
    ] {
        let request = RawRequest::mcp(method, params.clone())
            .with_token(ALICE)
            .with_meta("progressToken", json!(1));
        // On one connection: it survives too.
        let response = connection.send(&request).await.unwrap();
        let answer = response.messages().pop().unwrap();
        let expected = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "internal error"}});
        assert_eq!((response.status(), answer), (200, expected), "{params}");
        assert_no_canary(&response.text(), std::slice::from_ref(&detail));
        target.check_trace(Outcome::Failed, "internal_error", Some(200)).await;
        // The same again: nothing was left broken behind.
        let again = target.send(&request).await;
        assert_eq!(again.messages().pop().unwrap()["error"]["code"], -32603);
        target.check_healthy().await;
    }
    let refusal = Refusal::of_request(200, -32602, "invalid_params");
    let unknown = RawRequest::tools_call("none", json!({})).with_token(ALICE);
    target.refuses(&unknown, &refusal).await;
}

/// What a peer quotes is found in the audit log and in whatever was logged meanwhile, also if it was refused.
#[tokio::test]
async fn one_id_ties_answer_audit_and_logs_together() {
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let target = Target::start_with(
        |rules| rules,
        |server, _| {
            server.with_tool(ToolRoute::typed("log", async |_: Text, ctx: Context| {
                tracing::info!("within the handler");
                ctx.progress(1.0, None, None).await;
            }))
        },
    )
    .await;
    let call =
        RawRequest::tools_call("log", json!({"text": ""})).with_header("X-Request-Id", "mine");
    let mut seen = Vec::new();
    for request in [
        call.clone().with_token(ALICE),
        call.clone().with_token(ALICE).with_meta("progressToken", json!(1)),
        call,
    ] {
        logs.clear();
        let response = target.send(&request).await;
        let id = response.header("x-request-id").unwrap().to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(target.audit.take()[0].correlation_id.to_string(), id);
        let span = format!("request{{correlation_id={id} ");
        let text = logs.text();
        let logged =
            |what: &str| text.lines().any(|line| line.contains(&span) && line.contains(what));
        assert_eq!(logged("the handler"), response.status() == 200, "{text}");
        assert!(logged(": palisade::audit: time="), "{text}");
        seen.push(id);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

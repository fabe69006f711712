//! Servers as attackers: a client against a server that says whatever the test wants.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::HeaderMap;
use palisade::{
    Client, Context, HandlerError, ToolRoute,
    auth::BearerToken,
    client::{ClientError, EndlessList},
    http::HttpTransport,
    protocol::{ElicitRequestFormParams, ElicitResult},
    security::{ClientTls, CredentialError, CredentialProvider, Limits, Origin},
};
use palisade_testkit::{
    Canary, CapturedLogs, Reply, ScriptedServer, TestCa, canary::assert_no_canary, guard::PATIENCE,
    scripted::Received, within,
};
use serde_json::{Map, Value, json};

use crate::support::{ALICE, BOB, Target};

fn transport(server: &ScriptedServer) -> HttpTransport {
    HttpTransport::new(&server.url()).unwrap()
}

async fn connect(server: &ScriptedServer) -> Client {
    Client::builder().without_discovery().connect(transport(server)).await.unwrap()
}

fn tool(name: &str, property: Value) -> Value {
    json!({"name": name, "inputSchema": {"type": "object", "properties": {"a": property}}})
}

fn tools(to: &Received, tools: &[Value], scope: Option<&str>) -> Reply {
    let mut result = json!({"resultType": "complete", "tools": tools, "ttlMs": 3_600_000});
    if let Some(scope) = scope {
        result["cacheScope"] = json!(scope);
    }
    Reply::result(to, result)
}

/// A client whose user changes: one token after the other, for the same server.
#[derive(Clone, Debug)]
struct Switch(Arc<Mutex<BearerToken>>);

impl Switch {
    fn new(server: &ScriptedServer) -> Self {
        Self(Arc::new(Mutex::new(Self::token(server, ALICE))))
    }

    fn token(server: &ScriptedServer, token: &str) -> BearerToken {
        let origin = Origin::parse(&format!("http://{}", server.address())).unwrap();
        BearerToken::new(origin, token).unwrap()
    }

    fn to(&self, server: &ScriptedServer, token: &str) {
        *self.0.lock().unwrap() = Self::token(server, token);
    }

    fn now(&self) -> BearerToken {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl CredentialProvider for Switch {
    async fn apply(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        self.now().apply(origin, headers).await
    }

    fn context_key(&self) -> [u8; 32] {
        self.now().context_key()
    }
}

#[tokio::test]
async fn n9_private_cache_entry_of_another_token() {
    // What is private, what a server forgets to call private, and the control: what it says is for all.
    for (scope, shared) in [(Some("private"), false), (None, false), (Some("public"), true)] {
        let server = ScriptedServer::start(move |request| {
            let token = request.header("authorization").unwrap_or_default();
            let name = if token.ends_with(ALICE) { "of_alice" } else { "of_bob" };
            tools(request, &[tool(name, json!({}))], scope)
        })
        .await;
        let switch = Switch::new(&server);
        let transport = HttpTransport::builder(&server.url()).unwrap();
        let transport = transport.with_credentials(switch.clone()).build().unwrap();
        let client = Client::builder().without_discovery().connect(transport).await.unwrap();
        let list = async || {
            let tools = within(PATIENCE, client.list_tools().collect_all()).await.unwrap();
            tools.into_iter().map(|tool| tool.name).collect::<Vec<_>>()
        };

        assert_eq!(list().await, ["of_alice"]);
        assert_eq!(list().await, ["of_alice"]);
        assert_eq!(server.received().len(), 1, "the second list came from the cache");
        switch.to(&server, BOB);
        assert_eq!(list().await, [if shared { "of_alice" } else { "of_bob" }], "{scope:?}");
        let asked = if shared { 1 } else { 2 };
        assert_eq!(server.received().len(), asked, "{scope:?}");
        switch.to(&server, ALICE);
        assert_eq!(list().await, ["of_alice"]);
        assert_eq!(server.received().len(), asked, "hers is still there");
    }
}

/// Asks for input, and again, whatever it is given.
fn insatiable(request: &Received, ask: bool) -> Reply {
    let form = json!({"mode": "form", "message": "more", "requestedSchema": {"type": "object", "properties": {}}});
    let mut result =
        json!({"resultType": "input_required", "requestState": request.number.to_string()});
    if ask {
        let question = json!({"method": "elicitation/create", "params": form});
        result["inputRequests"] = json!({ format!("q{}", request.number): question });
    }
    Reply::result(request, result)
}

#[tokio::test]
async fn r4_input_required_for_ever() {
    for ask in [true, false] {
        for (limit, rounds) in [(None, 10), (Some(3), 3), (Some(0), 0)] {
            let server = ScriptedServer::start(move |request| insatiable(request, ask)).await;
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let builder = Client::builder().without_discovery().with_elicitation_handler(
                move |_: ElicitRequestFormParams| {
                    count.fetch_add(1, Ordering::SeqCst);
                    std::future::ready(Ok(ElicitResult::accept([("", ""); 0])))
                },
            );
            let builder = match limit {
                Some(limit) => builder.with_max_rounds(limit),
                None => builder,
            };
            let client = builder.connect(transport(&server)).await.unwrap();
            let outcome = within(PATIENCE, client.call_tool("any", &json!({}))).await;
            let Err(ClientError::TooManyRounds { limit }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(limit, rounds);
            // The user is not asked more often than that, and the server not called.
            let questions = if ask { rounds as usize } else { 0 };
            assert_eq!(asked.load(Ordering::SeqCst), questions);
            assert_eq!(server.received().len(), rounds as usize + 1);
            // Each call carried the newest state and no other.
            for (number, request) in server.received().iter().enumerate().skip(1) {
                let state = &request.json()["params"]["requestState"];
                assert_eq!(*state, (number - 1).to_string());
            }
        }
    }
}

#[tokio::test]
async fn d3_header_annotations_that_are_invalid() {
    let annotated = |name: Value| json!({"type": "string", "x-mcp-header": name});
    let definitions = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d"}}, "$defs": {"d": annotated(json!("D"))}});
    let twice = json!({"type": "object", "properties": {"a": annotated(json!("X")), "b": annotated(json!("x"))}});
    let of_schema = |name: &str, schema: &Value| json!({"name": name, "inputSchema": schema});
    let hostile = [
        tool("line_break", annotated(json!("X\r\nAuthorization: Bearer stolen"))),
        tool("bare_cr", annotated(json!("X\rY"))),
        tool("colon", annotated(json!("X: 1"))),
        tool("blank", annotated(json!("X Y"))),
        tool("empty", annotated(json!(""))),
        tool("not_ascii", annotated(json!("\u{fc}"))),
        tool("not_text", annotated(json!(7))),
        tool("null", annotated(json!(null))),
        tool("number", json!({"type": "number", "x-mcp-header": "N"})),
        tool("object", json!({"type": "object", "x-mcp-header": "O"})),
        tool("untyped", json!({"x-mcp-header": "U"})),
        tool("item", json!({"type": "array", "items": annotated(json!("I"))})),
        tool("branch", json!({"anyOf": [annotated(json!("B"))]})),
        of_schema("reference", &definitions),
        of_schema("duplicate", &twice),
    ];
    let good = tool("good", annotated(json!("Good")));
    let plain = tool("plain", json!({"type": "string"}));
    let listed: Vec<_> = [good].into_iter().chain(hostile).chain([plain]).collect();
    let server = ScriptedServer::start(move |request| match request.rpc_method().as_str() {
        "tools/list" => tools(request, &listed, None),
        _ => Reply::result(request, json!({"resultType": "complete", "content": []})),
    })
    .await;
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let client = connect(&server).await;
    let tools = within(PATIENCE, client.list_tools().collect_all()).await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["good", "plain"]);
    assert_eq!(logs.text().matches("a tool was dropped from the list").count(), 15);
    assert!(!logs.text().contains("\nAuthorization"), "names are escaped");

    // The rest is served, and a value that is hostile stays one.
    let value = "x\r\nX-Forged: 1";
    for name in ["good", "plain", "line_break", "bare_cr"] {
        within(PATIENCE, client.call_tool(name, &json!({"a": value}))).await.unwrap();
    }
    let calls = server.received().split_off(1);
    let mirrored: Vec<_> = calls.iter().map(|call| call.header("mcp-param-good")).collect();
    assert_eq!(mirrored, [Some("=?base64?eA0KWC1Gb3JnZWQ6IDE=?="), None, None, None]);
    for call in calls {
        let names: Vec<_> = call.headers().iter().map(|(name, _)| name.to_lowercase()).collect();
        assert!(!names.iter().any(|name| name.contains("forged") || name == "authorization"));
    }
}

#[tokio::test]
async fn d5_cursor_that_never_ends() {
    let page = |request: &Received, cursor: &str, tools: Vec<Value>| {
        Reply::result(
            request,
            json!({"resultType": "complete", "tools": tools, "nextCursor": cursor}),
        )
    };
    let listed = async |server: &ScriptedServer, client: &Client| {
        let outcome = within(PATIENCE * 3, client.list_tools().collect_all()).await;
        let Err(ClientError::TooManyPages(why)) = outcome else { panic!("{outcome:?}") };
        (why, server.received().len())
    };

    // Always another one; empty pages do not make it any better.
    let endless = ScriptedServer::start(move |request| {
        let entries = match request.number % 2 {
            0 => vec![tool(&format!("t{}", request.number), json!({}))],
            _ => Vec::new(),
        };
        page(request, &format!("cursor {}", request.number), entries)
    })
    .await;
    let client = connect(&endless).await;
    assert_eq!(listed(&endless, &client).await, (EndlessList::Pages { limit: 64 }, 64));
    let few = Client::builder().without_discovery().with_max_pages(3);
    let few = few.connect(transport(&endless)).await.unwrap();
    assert_eq!(listed(&endless, &few).await, (EndlessList::Pages { limit: 3 }, 64 + 3));

    // The same one, at once and after a while.
    for period in [1, 4] {
        let circle = ScriptedServer::start(move |request| {
            page(request, &format!("cursor {}", request.number % period), Vec::new())
        })
        .await;
        let client = connect(&circle).await;
        let (why, asked) = listed(&circle, &client).await;
        assert_eq!((why, asked), (EndlessList::RepeatedCursor, period + 1));
    }

    // Few pages, but long ones.
    let filler = "x".repeat(4 << 20);
    let heavy = ScriptedServer::start(move |request| {
        let mut entry = tool("heavy", json!({}));
        entry["description"] = json!(filler);
        page(request, &format!("cursor {}", request.number), vec![entry])
    })
    .await;
    let client = connect(&heavy).await;
    let (why, asked) = listed(&heavy, &client).await;
    assert!(matches!(why, EndlessList::Bytes { .. }), "{why:?}");
    assert!(asked < 20, "{asked} pages of 4 MiB");
}

#[tokio::test]
async fn l1_canaries_of_a_client() {
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let [argument, answer] = ["argument", "answer"].map(Canary::new);
    // Over TLS the two speak HTTP/2, whose library logs every frame.
    let ca = TestCa::new();
    let secret = answer.secret().to_owned();
    let target = Target::start_tls(&ca, Limits::new(), |server, _| {
        server.with_tool(ToolRoute::typed("fail", move |args: Map<String, Value>, _: Context| {
            let secret = secret.clone();
            async move {
                match args.contains_key("panic") {
                    true => panic!("{secret}"),
                    false => Err::<(), _>(HandlerError::tool(secret)),
                }
            }
        }))
    })
    .await;
    let url = format!("https://localhost:{}/mcp", target.address.port());
    let origin = Origin::parse(url.trim_end_matches("/mcp")).unwrap();
    let mut shown = String::new();
    let wrong = Canary::new("wrong token");
    for token in [ALICE, wrong.secret()] {
        let credentials = BearerToken::new(origin.clone(), token).unwrap();
        let transport = HttpTransport::builder(&url)
            .unwrap()
            .with_tls(ClientTls::from_ca_pem(ca.pem().as_bytes()).unwrap())
            .with_credentials(credentials.clone());
        shown += &format!("{credentials:?} {transport:?}");
        let transport = transport.build().unwrap();
        shown += &format!("{transport:?}");
        let client = Client::builder()
            .without_discovery()
            .with_request_timeout(Duration::from_secs(9))
            .connect(transport)
            .await
            .unwrap();
        shown += &format!("{client:?}");
        for arguments in [json!({"a": argument.secret()}), json!({"panic": argument.secret()})] {
            let outcome = within(PATIENCE, client.call_tool("fail", &arguments)).await;
            // The answer is the caller's, but a failure shows neither it nor what was sent.
            if let Err(error) = outcome {
                shown += &format!("{error:?} {error}");
            }
        }
        client.close().await;
    }
    let outcomes: Vec<_> = target.audit.take().into_iter().map(|entry| entry.code).collect();
    let refused = "invalid_credentials";
    assert_eq!(outcomes, ["tool_failed", "internal_error", refused, refused]);
    assert!(shown.contains(&origin.to_string()), "{shown}");
    assert!(!shown.contains(ALICE) && !logs.text().contains(ALICE), "a token that is in use");
    let all = [argument, answer, wrong];
    assert_no_canary(&shown, &all);
    assert!(logs.text().contains("h2::"), "frames of HTTP/2 were logged");
    logs.assert_no_canary(&all);
}

//! `tools/call` through the tower service: bearer token, rules, audit, JSON reply.

use std::{
    convert::Infallible,
    fs,
    path::Path,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use palisade::{
    Context, SecurityConfig, Server, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    http::{HttpBody, HttpService},
    security::{
        AllowedOrigins, PeerInfo, Rate, RateLimits, Role, Rule, RulePolicy, Scope, ServerSecurity,
        audit::{FailMode, JsonLinesAudit},
        config::{Ready, ServerConfigBuilder},
    },
    server::TaskSupport,
};
use palisade_testkit::{
    RawRequest,
    alloc::{Allocations, count_async},
    spawns::{CountingRuntime, Spawns},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_service::Service as _;

/// The limit that was promised.
const PROMISED: u64 = 25;
/// What a call takes today, and a little more: a change that takes more should be a decision.
const TODAY: u64 = 12 + 2;

const TOKEN: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

fn add(name: String) -> ToolRoute {
    ToolRoute::typed(name, async |args: Add, _: Context| args.a + args.b)
        .with_description("Adds two numbers.")
}

/// Everything that a deployment has in place: several tokens, rules for everyone and for some, the default audit.
fn security() -> ServerSecurity {
    config().build().unwrap()
}

/// The same with all that there is: a hundred rules, rates for everything, records in a file.
fn full_security(audit: &Path) -> ServerSecurity {
    let rate = Rate::per_second(1000);
    let rules = (0..96).fold(rules(), |rules, at| {
        let team = Role::new(format!("team {at}")).with_subjects([&*format!("member-{at}")]);
        rules.with_rule(Rule::allow().with_roles([team]).with_tools([&*format!("tool_{at}")]))
    });
    config()
        .with_policy(rules)
        .with_rate_limits(
            RateLimits::new()
                .with_per_address(rate)
                .with_per_principal(rate)
                .with_tool("add", rate),
        )
        .with_audit(JsonLinesAudit::options(FailMode::Closed).open(audit).unwrap())
        .build()
        .unwrap()
}

fn scope() -> Scope {
    Scope::parse("files:write").unwrap()
}

fn rules() -> RulePolicy {
    RulePolicy::new()
        .allow_methods(["server/discover", "tools/list", "subscriptions/listen"])
        .allow_tool("sub")
        .allow_resource("test://readme")
        .with_rule(
            Rule::allow()
                .with_roles([Role::new("writer").with_scopes([scope()])])
                .with_tools(["add", "file_write"]),
        )
}

fn config() -> ServerConfigBuilder<Ready> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only(["https://app.example.com"]).unwrap())
        .with_authenticator(Bearer::entries([
            TokenEntry::new("bob", "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l"),
            TokenEntry::new("alice", TOKEN).with_scopes([scope()]),
        ]))
        .without_tls()
        .with_policy(rules())
}

/// A service with so many tools; `add` is the one in the middle.
fn service(tools: usize, security: ServerSecurity) -> HttpService {
    let name = |n: usize| if n == tools / 2 { "add".into() } else { format!("tool_{n}") };
    let server = (0..tools)
        .fold(Server::new("calculator", "1.0.0"), |server, n| server.with_tool(add(name(n))));
    HttpService::new(server.build().unwrap(), security)
}

/// The request as the listener hands it over.
fn request() -> Request<Full<Bytes>> {
    let call = RawRequest::tools_call("add", json!({"a": 40, "b": 2}));
    let body = Bytes::copy_from_slice(call.body());
    let mut request = Request::post("/mcp")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header(header::CONTENT_LENGTH, body.len())
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "add")
        .body(Full::new(body))
        .unwrap();
    request.extensions_mut().insert(PeerInfo::new(([127, 0, 0, 1], 4711).into()));
    request
}

/// Makes the call and the future within what is counted, and reads the body there too.
async fn call(service: &mut HttpService, request: Request<Full<Bytes>>) -> (u16, Bytes) {
    let response: Result<Response<HttpBody>, Infallible> = service.call(request).await;
    let Ok(response) = response;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let Some(Ok(frame)) = body.frame().await else { panic!("a reply has a body") };
    assert!(body.frame().await.is_none(), "one frame");
    (status, frame.into_data().unwrap())
}

fn measure(tools: usize) -> (Allocations, Spawns) {
    measure_under(tools, security())
}

fn measure_under(tools: usize, security: ServerSecurity) -> (Allocations, Spawns) {
    let runtime = CountingRuntime::new();
    let mut service = service(tools, security);
    // The first call fills what is filled once.
    for _ in 0..3 {
        runtime.run(call(&mut service, request()));
    }
    let request = request();
    let (((status, body), allocations), spawns) =
        runtime.count(count_async(call(&mut service, request)));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["result"]["content"][0]["text"]), (200, &json!("42")), "{body}");
    (allocations, spawns)
}

#[test]
fn a_call_takes_few_allocations_and_no_task() {
    let (allocations, spawns) = measure(1);
    println!("tools/call: {allocations:?}, {spawns:?}");
    assert!(allocations.total() <= PROMISED, "{allocations:?}");
    assert!(allocations.total() <= TODAY, "more than it was: {allocations:?}");
    assert_eq!(spawns, Spawns::default());
}

#[test]
fn a_call_with_all_security_takes_few_allocations_and_no_task() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("budgets");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("full.jsonl");
    let _ = fs::remove_file(&file);
    let (allocations, spawns) = measure_under(1, full_security(&file));
    println!("tools/call with all security: {allocations:?}, {spawns:?}");
    assert!(allocations.total() <= PROMISED, "{allocations:?}");
    // The queue of records may have to grow.
    assert!(allocations.total() <= TODAY + 1, "more than it was: {allocations:?}");
    assert_eq!(spawns, Spawns::default());
    // The service is gone, so the file is whole: the first line and the last, and a line for each call.
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), 1 + 4 + 1, "{written}");
}

#[test]
fn a_call_costs_the_same_among_a_thousand_tools() {
    assert_eq!(measure(1), measure(1000));
}

/// The counter counts: a reply of another kind takes something else.
#[test]
fn a_refused_call_is_counted_too() {
    let runtime = CountingRuntime::new();
    let mut service = service(1, security());
    let mut stranger = request();
    stranger.headers_mut().remove(header::AUTHORIZATION);
    let ((status, _), allocations) = runtime.run(count_async(call(&mut service, stranger)));
    assert_eq!(status, 401);
    assert!((1..=PROMISED).contains(&allocations.total()), "{allocations:?}");
}

/// A service that yields is polled again, and still no task is made for it.
#[test]
fn a_call_that_waits_takes_no_task_either() {
    let waiting = ToolRoute::typed("add", async |args: Add, _: Context| {
        tokio::task::yield_now().await;
        Yield::default().await;
        args.a + args.b
    });
    let server = Server::new("calculator", "1.0.0").with_tool(waiting).build().unwrap();
    let mut service = HttpService::new(server, security());
    let runtime = CountingRuntime::new();
    runtime.run(call(&mut service, request()));
    let ((status, _), spawns) = runtime.count(call(&mut service, request()));
    assert_eq!((status, spawns), (200, Spawns::default()));
}

/// What runs as a task takes one task of the runtime; the same tool without one takes none.
#[test]
fn a_task_takes_one_task_and_nothing_else_does() {
    let tool = add("add".into()).with_task_support(TaskSupport::Optional);
    let server = Server::new("calculator", "1.0.0").with_tool(tool).build().unwrap();
    let mut service = HttpService::new(server, security());
    let runtime = CountingRuntime::new();
    let task = || {
        let declared = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
        let call = RawRequest::tools_call("add", json!({"a": 40, "b": 2}));
        let mut request = request();
        *request.body_mut() =
            Full::new(Bytes::copy_from_slice(call.with_capabilities(declared).body()));
        request.headers_mut().remove(header::CONTENT_LENGTH);
        request
    };
    for request in [request(), task()] {
        runtime.run(call(&mut service, request));
    }
    let (_, spawns) = runtime.count(call(&mut service, request()));
    assert_eq!(spawns, Spawns::default());
    let ((status, body), spawns) = runtime.count(call(&mut service, task()));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["result"]["resultType"]), (200, &json!("task")), "{body}");
    assert_eq!(spawns.tasks, 1);
}

/// Pending once.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

//! `@modelcontextprotocol/server-everything`, which uses all that revision 2025-11-25 has.

use std::{
    net::TcpListener,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use palisade::{
    Client,
    client::{CallOptions, InputError, SubscriptionEvent},
    http::HttpTransport,
    protocol::{
        CallToolResult, CompleteRequestParams, CreateMessageRequestParams, CreateMessageResult,
        ElicitRequestFormParams, ElicitResult, ListRootsResult, ProtocolVersion, Root,
        SubscriptionFilter,
    },
    stdio::StdioTransport,
    transport::ClientTransport,
};
use palisade_testkit::within;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

use crate::install::Language;

/// One step, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

const PROGRAM: &str = "@modelcontextprotocol/server-everything/dist/index.js";

/// Starts the server with this transport; it says on stderr when it listens.
async fn start(transport: &str) -> Option<(Child, u16)> {
    let installed = Language::TypeScriptV1.installed().await?;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = installed.package(PROGRAM);
    command.arg(transport).env("PORT", port.to_string()).stderr(Stdio::piped());
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    within(LIMIT, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.ends_with(&format!("port {port}")) {
                return;
            }
        }
        panic!("it ended before it listened");
    })
    .await;
    // Whatever else it says must go somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((process, port))
}

async fn fill_in(form: ElicitRequestFormParams) -> Result<ElicitResult, InputError> {
    let mut content = form.requested_schema.defaults();
    content.insert("name".to_owned(), "Ada".into());
    Ok(ElicitResult::accept(content))
}

async fn say(params: CreateMessageRequestParams) -> Result<CreateMessageResult, InputError> {
    let asked = params.messages.first().and_then(|it| it.content.as_text()).unwrap_or_default();
    Ok(CreateMessageResult::new("interop-model", format!("echo of {asked}")))
}

async fn roots() -> Result<ListRootsResult, InputError> {
    Ok(ListRootsResult::new(vec![Root::new("file:///interop").with_name("interop")]))
}

async fn connect(transport: impl ClientTransport + 'static) -> Client {
    let client = Client::builder()
        .with_elicitation_handler(fill_in)
        .with_sampling_handler(say)
        .with_roots_handler(roots)
        .connect(transport);
    within(LIMIT, client).await.unwrap()
}

async fn call(client: &Client, tool: &str, arguments: Value) -> CallToolResult {
    let result = within(LIMIT, client.call_tool(tool, &arguments)).await.unwrap();
    assert!(!result.is_error(), "{tool}: {result:?}");
    result
}

/// All text of a result.
fn text(result: &CallToolResult) -> String {
    result.content.iter().filter_map(|block| block.as_text()).collect()
}

#[derive(Debug, Deserialize)]
struct Weather {
    conditions: String,
}

async fn tools(client: &Client) {
    assert_eq!(text(&call(client, "echo", json!({ "message": "hi" })).await), "Echo: hi");
    assert!(text(&call(client, "get-sum", json!({ "a": 40, "b": 2 })).await).contains("42"));
    let weather: Weather =
        client.call("get-structured-content", &json!({ "location": "New York" })).await.unwrap();
    assert!(!weather.conditions.is_empty());
    let links = call(client, "get-resource-links", json!({ "count": 2 })).await;
    assert_eq!(links.content.len(), 3, "{links:?}");
    call(client, "get-tiny-image", json!({})).await;

    let steps = Arc::new(AtomicUsize::new(0));
    let noted = Arc::clone(&steps);
    let options = CallOptions::new().with_progress(move |_| {
        noted.fetch_add(1, Ordering::SeqCst);
    });
    let arguments = json!({ "duration": 0.2, "steps": 4 });
    client.call_tool_with("trigger-long-running-operation", &arguments, options).await.unwrap();
    assert_eq!(steps.load(Ordering::SeqCst), 4);
}

async fn questions(client: &Client) {
    let sampled = call(client, "trigger-sampling-request", json!({ "prompt": "Paris?" })).await;
    assert!(text(&sampled).contains("echo of") && text(&sampled).contains("Paris?"), "{sampled:?}");
    let elicited = text(&call(client, "trigger-elicitation-request", json!({})).await);
    assert!(elicited.contains("- Name: Ada") && elicited.contains("Integer: 42"), "{elicited}");
    let listed = text(&call(client, "get-roots-list", json!({})).await);
    assert!(listed.contains("file:///interop"), "{listed}");
}

async fn resources(client: &Client) {
    let all = within(LIMIT, client.list_resources().collect_all()).await.unwrap();
    let uri = &all.first().unwrap().uri;
    assert!(!within(LIMIT, client.read_resource(uri)).await.unwrap().contents.is_empty());
    let missing = within(LIMIT, client.read_resource("demo://nowhere")).await.unwrap_err();
    assert_eq!(missing.rpc().unwrap().code.get(), -32602);
    assert!(
        !within(LIMIT, client.list_resource_templates().collect_all()).await.unwrap().is_empty()
    );

    let filter = SubscriptionFilter::new().with_resource(uri);
    let mut changes = within(LIMIT, client.listen(filter)).await.unwrap();
    call(client, "toggle-subscriber-updates", json!({})).await;
    let change = within(LIMIT, changes.next()).await.unwrap().unwrap();
    assert!(matches!(&change, SubscriptionEvent::ResourceUpdated(it) if it.uri == *uri));
    drop(changes);
    call(client, "toggle-subscriber-updates", json!({})).await;
}

async fn prompts(client: &Client) {
    let all = within(LIMIT, client.list_prompts().collect_all()).await.unwrap();
    assert!(all.iter().any(|prompt| prompt.name == "args-prompt"), "{all:?}");
    let prompt = client.get_prompt("args-prompt", [("city", "Paris")]);
    assert!(!within(LIMIT, prompt).await.unwrap().messages.is_empty());
    let params: CompleteRequestParams = serde_json::from_value(json!({
        "ref": { "type": "ref/prompt", "name": "completable-prompt" },
        "argument": { "name": "name", "value": "A" },
        "context": { "arguments": { "department": "Engineering" } }
    }))
    .unwrap();
    let completed = within(LIMIT, client.complete(&params)).await.unwrap();
    assert_eq!(completed.completion.values, ["Alice"]);
}

/// A walk through all of it.
async fn check(transport: impl ClientTransport + 'static) {
    let client = connect(transport).await;
    assert_eq!(client.protocol_version(), ProtocolVersion::V2025_11_25);
    tools(&client).await;
    questions(&client).await;
    resources(&client).await;
    prompts(&client).await;
    client.close().await;
}

async fn check_over_http(transport: &str, path: &str) {
    let Some((mut process, port)) = start(transport).await else { return };
    check(HttpTransport::new(&format!("http://127.0.0.1:{port}/{path}")).unwrap()).await;
    process.kill().await.unwrap();
}

#[tokio::test]
async fn palisade_client_with_server_everything() {
    check_over_http("streamableHttp", "mcp").await;
}

#[tokio::test]
async fn palisade_client_with_server_everything_over_http_sse() {
    check_over_http("sse", "sse").await;
}

#[tokio::test]
async fn palisade_client_with_server_everything_over_stdio() {
    let Some(installed) = Language::TypeScriptV1.installed().await else { return };
    let command = installed.stdio_package(PROGRAM).with_arg("stdio");
    check(StdioTransport::launch(command).unwrap()).await;
}

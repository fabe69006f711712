//! Clients of older revisions, and of the newest beside them, on one stream each.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use palisade_protocol::{ElicitRequestFormParams, ElicitSchema};
use palisade_security::{Principal, SecurityConfig};
use palisade_server::{Context, RawArguments, Server, ToolRoute};
use palisade_testkit::{guard::PATIENCE, within};
use palisade_transport_stdio::StdioServer;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex,
    split,
};

struct Client {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    server: Server,
}

async fn ask(_: RawArguments, context: Context) -> Result<String, palisade_server::HandlerError> {
    context.progress(1.0, None, Some("asking")).await;
    let form = ElicitRequestFormParams::new("Sure?", ElicitSchema::new());
    let answer = context.elicit("sure", form).await?;
    Ok(format!("{:?}", answer.action))
}

async fn echo(arguments: RawArguments, _: Context) -> String {
    arguments.get().to_owned()
}

async fn wait(_: RawArguments, _: Context) -> String {
    std::future::pending().await
}

impl Client {
    fn start() -> Self {
        let schema = || json!({ "type": "object" });
        let server = Server::new("server", "1.0.0")
            .with_tool(ToolRoute::dynamic("ask", schema(), ask))
            .with_tool(ToolRoute::dynamic("echo", schema(), echo))
            .with_tool(ToolRoute::dynamic("wait", schema(), wait))
            .build()
            .unwrap();
        let security = SecurityConfig::stdio().build().unwrap();
        let (ours, theirs) = duplex(64 << 10);
        let (reader, writer) = split(theirs);
        let owner = Principal::new("uid:1", "process");
        tokio::spawn(StdioServer::new(server.clone(), security).serve(reader, writer, owner));
        let (reader, writer) = split(ours);
        Self { lines: BufReader::new(reader).lines(), writer, server }
    }

    /// A client that has shaken hands in this revision.
    async fn initialized(version: &str) -> Self {
        let mut client = Self::start();
        let params = json!({
            "protocolVersion": version,
            "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "client", "version": "1.0.0" },
        });
        let told = client.ask("hello", "initialize", params).await;
        assert_eq!(told["result"]["protocolVersion"], version, "{told}");
        assert_eq!(told["result"]["serverInfo"]["name"], "server", "{told}");
        client.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        client
    }

    async fn send(&mut self, message: Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id = id.into();
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(message).await;
    }

    async fn next(&mut self) -> Value {
        let line = within(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Asks, and is answered before anything else is said.
    async fn ask(&mut self, id: impl Into<Value>, method: &str, params: Value) -> Value {
        let id = id.into();
        self.request(id.clone(), method, params).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn echo(&mut self, id: impl Into<Value>) -> Value {
        let params = json!({ "name": "echo", "arguments": { "a": 1 } });
        self.ask(id, "tools/call", params).await
    }
}

#[tokio::test]
async fn older_clients_are_served_in_their_words() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::initialized(version).await;
        let result = client.echo(1).await["result"].clone();
        assert_eq!(result["content"][0]["text"], r#"{"a":1}"#, "{version}: {result}");
        assert_eq!(result.get("resultType"), None, "{version}: a word of the newest revision");
        assert_eq!(client.ask(2, "ping", json!({})).await["result"], json!({}));
        let again = client.ask(3, "initialize", json!({})).await;
        assert_eq!(again["error"]["code"], -32600, "{again}");
        client.server.notifier().tools_changed();
        let told = client.next().await;
        assert_eq!(told["method"], "notifications/tools/list_changed", "{version}: {told}");
        assert_eq!(told.pointer("/params/_meta"), None, "{version}: {told}");
    }
}

#[tokio::test]
async fn handlers_ask_where_they_are() {
    let mut client = Client::initialized("2025-06-18").await;
    let params = json!({ "name": "ask", "arguments": {}, "_meta": { "progressToken": "p" } });
    client.request(1, "tools/call", params).await;
    assert_eq!(client.next().await["params"]["progressToken"], "p");
    let question = client.next().await;
    assert_eq!(question["method"], "elicitation/create", "{question}");
    // Whatever else is going on.
    client.send(json!({ "jsonrpc": "2.0", "id": 999, "result": {} })).await;
    client.echo("beside").await;
    let answer = json!({ "action": "accept", "content": {} });
    client.send(json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer })).await;
    let result = client.next().await;
    assert_eq!(result["id"], 1);
    assert_eq!(result["result"]["content"][0]["text"], "Accept", "{result}");
}

#[tokio::test]
async fn requests_are_cancelled_in_sessions_too() {
    let mut client = Client::initialized("2025-11-25").await;
    client.request(1, "tools/call", json!({ "name": "wait", "arguments": {} })).await;
    let params = json!({ "requestId": 1 });
    let cancelled =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    client.send(cancelled).await;
    client.echo(1).await;
}

#[tokio::test]
async fn both_eras_share_a_stream() {
    let mut client = Client::initialized("2025-06-18").await;
    let newest = json!({ "name": "echo", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    let answer = client.ask(1, "tools/call", newest).await;
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    assert_eq!(client.echo(2).await["result"].get("resultType"), None);
    // Without a handshake, a request must say its version.
    let mut stranger = Client::start();
    assert_eq!(stranger.echo(1).await["error"]["code"], -32602);
}

#[tokio::test]
async fn what_is_asked_in_a_batch_is_cancelled_too() {
    let call = |id: i64, name: &str| {
        let params = json!({ "name": name, "arguments": {} });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let params = json!({ "requestId": 1 });
    let cancelled =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    let mut client = Client::initialized("2025-03-26").await;
    client.send(json!([call(1, "wait"), call(2, "echo")])).await;
    client.send(cancelled.clone()).await;
    let answers = client.next().await;
    assert_eq!(answers.as_array().map(Vec::len), Some(1), "{answers}");
    assert_eq!(answers[0]["id"], 2, "{answers}");
    client.send(json!([call(1, "wait"), call(1, "echo"), cancelled])).await;
    let answers = client.next().await;
    assert_eq!(answers.as_array().map(Vec::len), Some(1), "{answers}");
    assert_eq!(answers[0]["error"]["code"], -32600, "an id twice: {answers}");
    client.echo(1).await;
}

#[tokio::test]
async fn a_batch_that_ends_the_handshake_is_answered() {
    let mut client = Client::start();
    let params = json!({
        "protocolVersion": "2025-03-26",
        "capabilities": {},
        "clientInfo": { "name": "client", "version": "1.0.0" },
    });
    client.ask("hello", "initialize", params).await;
    let ping = |id: i64| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    client.send(json!([ping(1), initialized, ping(2)])).await;
    let answers = client.next().await;
    assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
    client.server.notifier().tools_changed();
    assert_eq!(client.next().await["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn batches_are_for_the_revision_that_has_them() {
    let call = |id: i64| {
        let params = json!({ "name": "echo", "arguments": { "id": id } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let batch = json!([
        call(1),
        { "jsonrpc": "2.0", "method": "notifications/roots/list_changed" },
        call(2),
        { "jsonrpc": "2.0", "id": 3, "method": "none" },
        7,
    ]);
    let mut client = Client::initialized("2025-03-26").await;
    client.send(batch.clone()).await;
    let answers = client.next().await;
    let answers = answers.as_array().unwrap();
    let codes: Vec<_> = answers.iter().map(|answer| answer["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [None, None, Some(-32601), Some(-32600)], "{answers:?}");
    assert_eq!(answers[1]["result"]["content"][0]["text"], r#"{"id":2}"#);
    client.send(json!([{ "jsonrpc": "2.0", "method": "n" }])).await;
    client.echo("after").await;
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let mut client = Client::initialized(version).await;
        client.send(batch.clone()).await;
        assert_eq!(client.next().await["error"]["code"], -32600, "{version}");
        client.echo("after").await;
    }
}

//! A transport over streams in memory, whose other end is written by hand.

use std::future::poll_fn;

use palisade_testkit::{guard::PATIENCE, within};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, split};

use super::*;

const VERSION: ProtocolVersion = ProtocolVersion::LATEST;

type Stream = Pin<Box<dyn MessageStream>>;

/// The server's end.
struct Server {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: tokio::io::WriteHalf<DuplexStream>,
}

impl Server {
    fn connect(builder: StdioTransportBuilder) -> (StdioTransport, Self) {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (reader, writer) = split(ours);
        let transport = builder.over(reader, writer).unwrap();
        let (reader, writer) = split(theirs);
        (transport, Self { lines: BufReader::new(reader).lines(), writer })
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }

    async fn say(&mut self, message: Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
}

async fn request(transport: &StdioTransport, id: i64, meta: Value) -> Stream {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": "m", "params": { "_meta": meta } });
    let request = OutboundRequest::new(body.to_string().into(), VERSION, "m");
    Box::into_pin(transport.request(request).await.unwrap())
}

async fn next(stream: &mut Stream) -> Option<Result<Value, &'static str>> {
    let next = poll_fn(|cx| stream.as_mut().poll_next(cx)).await?;
    Some(next.map(|it| serde_json::from_slice(&it).unwrap()).map_err(|error| error.code()))
}

fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

#[tokio::test]
async fn messages_reach_whom_they_are_for() {
    let (transport, mut server) = Server::connect(StdioTransport::builder());
    let mut listening = Box::into_pin(transport.listen(VERSION).await.unwrap());
    let log = json!({ "io.modelcontextprotocol/logLevel": "info" });
    let (mut first, mut second) =
        (request(&transport, 1, json!({})).await, request(&transport, 2, log).await);
    for id in [1, 2] {
        assert_eq!(server.next().await["id"], id);
    }
    let progress = |id| notification("notifications/progress", json!({ "progressToken": id }));
    let change = notification(
        "notifications/tools/list_changed",
        json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": 1 } }),
    );
    let logged = notification("notifications/message", json!({ "level": "info" }));
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let answer = |id| json!({ "jsonrpc": "2.0", "id": id, "result": {} });
    let strangers = [progress(9), answer(9), json!([1, "x"]), json!("x")];
    for message in strangers {
        server.say(message).await;
    }
    for message in [progress(2), logged.clone(), change.clone(), ping.clone(), answer(2), answer(1)]
    {
        server.say(message).await;
    }
    assert_eq!(next(&mut second).await, Some(Ok(progress(2))));
    assert_eq!(next(&mut second).await, Some(Ok(logged)));
    assert_eq!(next(&mut second).await, Some(Ok(answer(2))));
    assert_eq!(next(&mut second).await, None);
    assert_eq!(next(&mut first).await, Some(Ok(change)));
    assert_eq!(next(&mut first).await, Some(Ok(answer(1))));
    assert_eq!(next(&mut listening).await, Some(Ok(ping)));
    drop((first, second));
    transport.send(answer(1).to_string().into(), VERSION).await.unwrap();
    assert_eq!(server.next().await, answer(1), "nothing was cancelled that had ended");
}

#[tokio::test]
async fn a_stream_that_is_dropped_cancels_its_request() {
    let (transport, mut server) = Server::connect(StdioTransport::builder());
    drop(request(&transport, 1, json!({})).await);
    assert_eq!(server.next().await["id"], 1);
    let cancelled = server.next().await;
    assert_eq!(cancelled, notification("notifications/cancelled", json!({ "requestId": 1 })));
    let hello = OutboundRequest::new(r#"{"id":2}"#.into(), VERSION, "initialize");
    drop(transport.request(hello).await.unwrap());
    assert_eq!(server.next().await["id"], 2);
    drop(request(&transport, 3, json!({})).await);
    assert_eq!(server.next().await["id"], 3, "the handshake is not cancelled");
    let again = request(&transport, 4, json!({})).await;
    let taken = OutboundRequest::new(r#"{"id":4}"#.into(), VERSION, "m");
    assert_eq!(transport.request(taken).await.err().unwrap().code(), "invalid_request");
    drop(again);
}

#[tokio::test]
async fn a_stream_that_has_ended_does_not_cancel_the_next_request_with_its_id() {
    let (transport, mut server) = Server::connect(StdioTransport::builder());
    let mut ended = request(&transport, 1, json!({})).await;
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    server.say(answer.clone()).await;
    assert_eq!(next(&mut ended).await, Some(Ok(answer.clone())));
    let mut again = request(&transport, 1, json!({})).await;
    drop(ended);
    server.say(answer.clone()).await;
    assert_eq!(within(PATIENCE, next(&mut again)).await, Some(Ok(answer)));
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_its_own_messages_alone() {
    let (transport, mut server) = Server::connect(StdioTransport::builder());
    let mut slow = request(&transport, 1, json!({})).await;
    let mut quick = request(&transport, 2, json!({})).await;
    let change = notification(
        "notifications/resources/updated",
        json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": 1 } }),
    );
    for _ in 0..=link::MAX_MESSAGES {
        server.say(change.clone()).await;
    }
    let answer = json!({ "jsonrpc": "2.0", "id": 2, "result": {} });
    server.say(answer.clone()).await;
    assert_eq!(next(&mut quick).await, Some(Ok(answer)));
    for _ in 0..link::MAX_MESSAGES {
        assert_eq!(next(&mut slow).await, Some(Ok(change.clone())));
    }
    assert_eq!(next(&mut slow).await, Some(Err("unread_messages")));
    assert_eq!(next(&mut slow).await, None);
}

#[tokio::test]
async fn what_is_lost_ends_who_waits_for_it() {
    let builder = StdioTransport::builder().with_max_message_bytes(100);
    let (transport, mut server) = Server::connect(builder);
    let mut only = request(&transport, 1, json!({})).await;
    server.say(json!({ "id": 1, "result": "x".repeat(200) })).await;
    assert_eq!(next(&mut only).await, Some(Err("response_too_large")));
    let mut only = request(&transport, 1, json!({})).await;
    server.say(vec![0; 33].into()).await;
    assert_eq!(within(PATIENCE, next(&mut only)).await, Some(Err("invalid_response")));
    let (mut one, mut other) =
        (request(&transport, 2, json!({})).await, request(&transport, 3, json!({})).await);
    server.say(json!({ "id": 2, "result": "x".repeat(200) })).await;
    server.say(json!({ "id": 3, "result": {} })).await;
    assert!(next(&mut other).await.unwrap().is_ok(), "whose it was nobody knows");
    drop(server);
    assert_eq!(next(&mut one).await, Some(Err("interrupted")));
    let late = OutboundRequest::new(r#"{"id":4}"#.into(), VERSION, "m");
    assert_eq!(transport.request(late).await.err().unwrap().code(), "interrupted");
}

#[tokio::test]
async fn what_waits_to_be_sent_is_not_shown() {
    let (transport, _server) = Server::connect(StdioTransport::builder());
    let _waiting = request(&transport, 1, json!({ "text": "canary" })).await;
    let shown = format!("{transport:?}");
    assert!(shown.contains("waiting: 1"), "{shown}");
    for leak in ["canary".to_owned(), format!("{:?}", b"canary")] {
        let leak = leak.trim_matches(['[', ']']);
        assert!(!shown.contains(leak), "{shown}");
    }
}

#[tokio::test]
async fn a_closed_transport_fails_whoever_waits() {
    let (transport, server) = Server::connect(StdioTransport::builder());
    let mut waiting = request(&transport, 1, json!({})).await;
    let mut listening = Box::into_pin(transport.listen(VERSION).await.unwrap());
    transport.close().await;
    assert_eq!(next(&mut waiting).await, Some(Err("closed")));
    assert_eq!(next(&mut listening).await, Some(Err("closed")));
    assert_eq!(transport.listen(VERSION).await.err().unwrap().code(), "closed");
    drop(server);
}

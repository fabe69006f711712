//! HTTP+SSE of revision 2024-11-05, as the last thing to try.

use std::sync::{Arc, Mutex};

use palisade_protocol::ProtocolVersion;
use palisade_testkit::{Feed, Reply, ScriptedServer, within};
use palisade_transport::{ClientTransport, OutboundRequest, TransportError};
use palisade_transport_http::HttpTransport;
use serde_json::{Value, json};

use crate::support::{LIMIT, Messages, next};

const VERSION: ProtocolVersion = ProtocolVersion::V2024_11_05;
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

/// A server that names `endpoint`, does nothing about messages there, and is fed by the test.
async fn server(endpoint: &str) -> (ScriptedServer, Feed) {
    let (reply, feed) = Reply::fed(format!("{HEAD}event: endpoint\ndata: {endpoint}\n\n"));
    let answers = feed.clone();
    let server = ScriptedServer::start(move |received| match received.method.as_str() {
        "GET" => reply.clone(),
        _ if received.target == "/mcp" => Reply::with_content(405, "text/plain", "no"),
        _ if received.rpc_method() == "initialize" => {
            let id = received.json()["id"].clone();
            answers.send(event(&json!({ "jsonrpc": "2.0", "id": id, "result": { "begun": 1 } })));
            Reply::with_content(202, "text/plain", "Accepted")
        }
        _ => Reply::with_content(202, "text/plain", "Accepted"),
    })
    .await;
    (server, feed)
}

async fn request(
    transport: &HttpTransport,
    id: u32,
    method: &'static str,
) -> Result<Messages, TransportError> {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": {} });
    let request = OutboundRequest::new(body.to_string().into(), VERSION, method);
    within(LIMIT, transport.request(request)).await.map(Box::into_pin)
}

async fn begun(endpoint: &str) -> (ScriptedServer, Feed, HttpTransport) {
    let (server, feed) = server(endpoint).await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    let mut stream = request(&transport, 0, "initialize").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap()["result"], json!({ "begun": 1 }));
    assert!(next(&mut stream).await.is_none());
    (server, feed, transport)
}

#[tokio::test]
async fn a_server_that_takes_no_post_may_have_a_stream() {
    let (server, _feed, transport) = begun("/messages?session=1").await;
    transport.send("{}".into(), VERSION).await.unwrap();
    let seen: Vec<_> =
        server.received().into_iter().map(|it| format!("{} {}", it.method, it.target)).collect();
    let messages = "POST /messages?session=1";
    assert_eq!(seen, ["POST /mcp", "GET /mcp", messages, messages]);
}

#[tokio::test]
async fn each_request_gets_its_own_answers() {
    let (_server, feed, transport) = begun("messages").await;
    let mut heard = Box::into_pin(transport.listen(VERSION).await.unwrap());
    let mut first = request(&transport, 1, "tools/call").await.unwrap();
    let mut second = request(&transport, 2, "tools/call").await.unwrap();
    let progress = |token: u32| {
        let params = json!({ "progressToken": token, "progress": 1 });
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
    };
    let result = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "result": { "n": id } });
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for message in [result(9), progress(2), question.clone(), result(2), progress(1), progress(7)] {
        feed.send(event(&message));
    }
    feed.send("data: no json\n\n");
    feed.send(event(&result(1)));
    assert_eq!(next(&mut second).await.unwrap().unwrap(), progress(2));
    assert_eq!(next(&mut second).await.unwrap().unwrap(), result(2));
    assert!(next(&mut second).await.is_none());
    assert_eq!(next(&mut first).await.unwrap().unwrap(), progress(1));
    assert_eq!(next(&mut first).await.unwrap().unwrap(), result(1));
    assert_eq!(next(&mut heard).await.unwrap().unwrap(), question);
    assert_eq!(next(&mut heard).await.unwrap().unwrap(), progress(7));
}

#[tokio::test]
async fn n8_what_nobody_reads_is_bounded_in_bytes() {
    let (server, feed) = server("messages").await;
    let builder = HttpTransport::builder(&server.url()).unwrap().with_max_message_bytes(1000);
    let transport = builder.build().unwrap();
    next(&mut request(&transport, 0, "initialize").await.unwrap()).await.unwrap().unwrap();
    let mut heard = Box::into_pin(transport.listen(VERSION).await.unwrap());
    let mut slow = request(&transport, 1, "tools/call").await.unwrap();
    let mut quick = request(&transport, 2, "tools/call").await.unwrap();
    let large = |token: u32| {
        let params = json!({ "progressToken": token, "progress": 1, "message": "x".repeat(300) });
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
    };
    let result = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "result": { "n": id } });
    for _ in 0..10 {
        feed.send(event(&large(1)));
        feed.send(event(&large(9)));
    }
    feed.send(event(&result(1)));
    feed.send(event(&result(2)));
    assert_eq!(next(&mut quick).await.unwrap().unwrap(), result(2));
    for _ in 0..2 {
        assert_eq!(next(&mut slow).await.unwrap().unwrap(), large(1));
        assert_eq!(next(&mut heard).await.unwrap().unwrap(), large(9));
    }
    assert_eq!(next(&mut slow).await.unwrap().unwrap(), result(1), "which is never lost");
}

#[tokio::test]
async fn credentials_follow_no_endpoint_to_another_origin() {
    for endpoint in ["http://127.0.0.2:9/messages", "//evil.example/m", "https://127.0.0.1/m"] {
        let (server, _feed) = server(endpoint).await;
        let transport = HttpTransport::new(&server.url()).unwrap();
        let refused = request(&transport, 0, "initialize").await.err().unwrap();
        assert!(matches!(refused, TransportError::Status { status: 405 }), "{refused:?}");
        assert_eq!(server.received().len(), 2, "{endpoint}");
    }
}

#[tokio::test]
async fn a_stream_of_something_else_is_not_one() {
    for body in ["data: {}\n\n", "event: other\ndata: /messages\n\n"] {
        let server = ScriptedServer::start(move |received| match received.method.as_str() {
            "GET" => Reply::with_content(200, "text/event-stream", body),
            _ => Reply::with_content(404, "text/plain", "no"),
        })
        .await;
        let transport = HttpTransport::new(&server.url()).unwrap();
        let refused = request(&transport, 0, "initialize").await.err().unwrap();
        assert!(matches!(refused, TransportError::Status { status: 404 }), "{refused:?}");
    }
}

#[tokio::test]
async fn the_end_of_the_stream_ends_every_wait() {
    let gets = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::clone(&gets);
    let server = ScriptedServer::start(move |received| match received.method.as_str() {
        "GET" => {
            let (reply, feed) = Reply::fed(format!("{HEAD}event: endpoint\ndata: /messages\n\n"));
            begun.lock().unwrap().push(feed);
            reply
        }
        _ if received.target == "/mcp" => Reply::with_content(404, "text/plain", "no"),
        _ => Reply::with_content(202, "text/plain", "Accepted"),
    })
    .await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    let mut waiting = request(&transport, 0, "initialize").await.unwrap();
    let mut heard = Box::into_pin(transport.listen(VERSION).await.unwrap());
    // The script holds the reply, and with it nothing that would keep the stream open.
    gets.lock().unwrap().clear();
    for stream in [&mut waiting, &mut heard] {
        assert_eq!(next(stream).await.unwrap().unwrap_err().code(), "interrupted");
        assert!(next(stream).await.is_none());
    }
    let gone = request(&transport, 1, "tools/call").await.err().unwrap();
    assert_eq!(gone.code(), "session_expired", "and can be begun anew");
    assert_eq!(transport.listen(VERSION).await.err().unwrap().code(), "session_expired");
    request(&transport, 2, "initialize").await.unwrap();
}

#[tokio::test]
async fn a_new_session_ends_the_waits_of_the_one_before() {
    let (_server, _feed, transport) = begun("/messages").await;
    let mut heard = Box::into_pin(transport.listen(VERSION).await.unwrap());
    let mut waiting = request(&transport, 1, "tools/call").await.unwrap();
    request(&transport, 2, "initialize").await.unwrap();
    for stream in [&mut waiting, &mut heard] {
        assert_eq!(next(stream).await.unwrap().unwrap_err().code(), "interrupted");
        assert!(next(stream).await.is_none());
    }
}

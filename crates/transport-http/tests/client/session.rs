//! Sessions of revisions up to 2025-11-25: ids, resumption, cancellation, listening, the end.

use std::{future::poll_fn, time::Duration};

use palisade_protocol::ProtocolVersion;
use palisade_testkit::{Received, Reply, ScriptedServer, within};
use palisade_transport::{ClientTransport, OutboundRequest, TransportError};
use palisade_transport_http::HttpTransport;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{LIMIT, Messages, next};

const VERSION: ProtocolVersion = ProtocolVersion::V2025_11_25;

fn outbound(id: u32, method: &'static str) -> OutboundRequest {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": {} });
    OutboundRequest::new(body.to_string().into(), VERSION, method).with_name("add")
}

async fn request(
    transport: &HttpTransport,
    id: u32,
    method: &'static str,
) -> Result<Messages, TransportError> {
    within(LIMIT, transport.request(outbound(id, method))).await.map(Box::into_pin)
}

fn result(id: u32) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": {} })
}

fn events(body: &str) -> Reply {
    Reply::with_content(200, "text/event-stream", body)
}

/// A server that gives out a session, and a transport in it.
async fn begun(
    script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> (ScriptedServer, HttpTransport) {
    let server = ScriptedServer::start(move |received| match received.rpc_method().as_str() {
        "initialize" => {
            Reply::result(received, json!({})).with_header("Mcp-Session-Id", "session-1")
        }
        _ => script(received),
    })
    .await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    let mut stream = request(&transport, 0, "initialize").await.unwrap();
    next(&mut stream).await.unwrap().unwrap();
    (server, transport)
}

#[tokio::test]
async fn everything_after_the_handshake_names_session_and_revision() {
    let (server, transport) = begun(|received| match received.method.as_str() {
        "POST" if received.rpc_method() == "tools/call" => Reply::result(received, json!({})),
        "POST" => Reply::with_content(202, "text/plain", ""),
        _ => Reply::with_content(405, "text/plain", ""),
    })
    .await;
    request(&transport, 1, "tools/call").await.unwrap();
    transport.send("{}".into(), VERSION).await.unwrap();
    assert_eq!(transport.listen(VERSION).await.err().unwrap().code(), "not_offered");
    transport.close().await;
    let received = server.received();
    let methods: Vec<_> = received.iter().map(|it| it.method.as_str()).collect();
    assert_eq!(methods, ["POST", "POST", "POST", "GET", "DELETE"]);
    for (number, request) in received.iter().enumerate() {
        let after = number > 0;
        assert_eq!(request.header("mcp-session-id"), after.then_some("session-1"), "{number}");
        assert_eq!(request.header("mcp-protocol-version"), after.then_some("2025-11-25"));
        // What the newest revision mirrors means nothing here.
        assert_eq!((request.header("mcp-method"), request.header("mcp-name")), (None, None));
    }
    assert_eq!(received[3].header("accept"), Some("text/event-stream"));
    assert_eq!(received[3].header("content-type"), None);
}

#[tokio::test]
async fn without_an_id_there_is_nothing_to_name_or_to_end() {
    let server = ScriptedServer::start(|received| Reply::result(received, json!({}))).await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    request(&transport, 0, "initialize").await.unwrap();
    request(&transport, 1, "tools/call").await.unwrap();
    transport.close().await;
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[1].header("mcp-session-id"), None);
}

#[tokio::test]
async fn n1_an_id_that_is_none_is_refused() {
    for id in ["", "a b", "a\tb", "caf\u{e9}", &"x".repeat(1025)] {
        let id = id.to_owned();
        let server = ScriptedServer::start(move |received| {
            Reply::result(received, json!({})).with_header("Mcp-Session-Id", &id)
        })
        .await;
        let transport = HttpTransport::new(&server.url()).unwrap();
        let refused = request(&transport, 0, "initialize").await.err().unwrap();
        assert_eq!(refused.code(), "invalid_response");
    }
}

#[tokio::test]
async fn a_session_that_is_gone_says_so_whatever_the_body() {
    let (_server, transport) = begun(|received| match received.method.as_str() {
        "POST" => Reply::error(received, 404, -32001, "session not found"),
        _ => Reply::with_content(404, "text/html", "gone"),
    })
    .await;
    let gone = request(&transport, 1, "tools/call").await.err().unwrap();
    assert_eq!(gone.code(), "session_expired");
    assert_eq!(transport.send("{}".into(), VERSION).await.unwrap_err().code(), "session_expired");
    assert_eq!(transport.listen(VERSION).await.err().unwrap().code(), "session_expired");
    request(&transport, 2, "initialize").await.expect("a new one begins without the old id");
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off() {
    let (server, transport) =
        begun(|received| match (received.method.as_str(), received.header("last-event-id")) {
            ("POST", _) => events("id: 1\nretry: 30\ndata:\n\nid: 2\ndata: {\"first\":1}\n\n"),
            ("GET", Some("2")) => events("id: 3\ndata: {\"second\":2}\n\n"),
            ("GET", Some("3")) => events(&format!("data: {}\n\n", result(1))),
            _ => Reply::with_content(500, "text/plain", ""),
        })
        .await;
    let begin = Instant::now();
    let mut stream = request(&transport, 1, "tools/call").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), json!({ "first": 1 }));
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), json!({ "second": 2 }));
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), result(1));
    assert!(next(&mut stream).await.is_none());
    assert!(begin.elapsed() >= Duration::from_millis(60), "it waited as it was told, twice");
    let received = server.received();
    assert_eq!(received.len(), 4, "nothing was asked for after the response");
    assert!(received[2..].iter().all(|it| it.header("mcp-session-id") == Some("session-1")));
}

#[tokio::test]
async fn batches_are_several_messages_in_the_one_revision_that_has_them() {
    let both = format!("[{{\"first\":1}}, {}]", result(1));
    let body = both.clone();
    let (_server, transport) = begun(move |received| match received.rpc_method().as_str() {
        "tools/call" => events(&format!("data: {body}\n\n")),
        "tools/list" => Reply::with_content(200, "application/json", &body),
        _ => events("data: [{}, {}\n\n"),
    })
    .await;
    let ask = async |method, version| {
        let mut asked = outbound(1, method);
        asked.protocol_version = version;
        Box::into_pin(within(LIMIT, transport.request(asked)).await.unwrap())
    };
    for method in ["tools/call", "tools/list"] {
        let mut stream = ask(method, ProtocolVersion::V2025_03_26).await;
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), json!({ "first": 1 }));
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), result(1));
        assert!(next(&mut stream).await.is_none());
        // Elsewhere it is one message, which the engine refuses.
        let mut stream = ask(method, ProtocolVersion::V2025_06_18).await;
        let whole: Value = serde_json::from_str(&both).unwrap();
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), whole);
    }
    let mut stream = ask("ping", ProtocolVersion::V2025_03_26).await;
    assert_eq!(next(&mut stream).await.unwrap().unwrap_err().code(), "invalid_response");
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn a_stream_without_ids_ends_with_its_connection() {
    let (server, transport) = begun(|_| events("data: {\"first\":1}\n\n")).await;
    let mut stream = request(&transport, 1, "tools/call").await.unwrap();
    next(&mut stream).await.unwrap().unwrap();
    assert!(next(&mut stream).await.is_none());
    assert_eq!(server.received().iter().filter(|it| it.method == "GET").count(), 0);
}

#[tokio::test]
async fn n8_resumption_is_tried_a_few_times() {
    let (server, transport) = begun(|received| match received.method.as_str() {
        "POST" => events("id: 1\nretry: 0\ndata:\n\n"),
        _ => Reply::with_content(503, "text/plain", ""),
    })
    .await;
    let mut stream = request(&transport, 1, "tools/call").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap_err().code(), "interrupted");
    assert!(next(&mut stream).await.is_none());
    let tries = server.received().iter().filter(|it| it.method == "GET").count();
    assert_eq!(tries, 8);
}

#[tokio::test]
async fn ids_without_a_stream_to_resume_are_an_interruption() {
    let (_server, transport) = begun(|received| match received.method.as_str() {
        "POST" => events("id: 1\nretry: 0\ndata:\n\n"),
        _ => Reply::with_content(405, "text/plain", ""),
    })
    .await;
    let mut stream = request(&transport, 1, "tools/call").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap_err().code(), "interrupted");
}

/// The notifications that came in, once there is one.
async fn cancellation(server: &ScriptedServer) -> Value {
    let cancelled = |it: &Received| it.rpc_method() == "notifications/cancelled";
    within(LIMIT, async {
        loop {
            if let Some(found) = server.received().into_iter().find(cancelled) {
                break found.json();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_request_that_is_dropped_is_cancelled_by_a_message() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let script = move |received: &Received| match received.rpc_method().as_str() {
        "tools/call" => Reply::hanging(head),
        "tools/list" => Reply::hanging(""),
        _ => Reply::with_content(202, "text/plain", ""),
    };
    let (server, transport) = begun(script).await;
    drop(request(&transport, 7, "tools/call").await.unwrap());
    assert_eq!(cancellation(&server).await["params"], json!({ "requestId": 7 }));

    // Also before anything was answered.
    let (server, transport) = begun(script).await;
    let mut request = transport.request(outbound(8, "tools/list"));
    within(LIMIT, async {
        poll_fn(|cx| {
            assert!(request.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        while server.received().len() < 2 {
            tokio::select! {
                biased;
                _ = &mut request => panic!("it hangs"),
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
    drop(request);
    assert_eq!(cancellation(&server).await["params"], json!({ "requestId": 8 }));
}

#[tokio::test]
async fn an_answered_request_is_not_cancelled() {
    let (server, transport) = begun(|received| match received.rpc_method().as_str() {
        "tools/call" => events(&format!("id: 1\ndata: {}\n\n", result(1))),
        "tools/list" => Reply::result(received, json!({})),
        _ => Reply::with_content(202, "text/plain", ""),
    })
    .await;
    let mut stream = request(&transport, 1, "tools/call").await.unwrap();
    next(&mut stream).await.unwrap().unwrap();
    drop(stream);
    drop(request(&transport, 2, "tools/list").await.unwrap());
    // Whatever was spawned would have its turn before this comes back.
    transport.send("{}".into(), VERSION).await.unwrap();
    let methods: Vec<_> = server.received().iter().map(Received::rpc_method).collect();
    assert_eq!(methods, ["initialize", "tools/call", "tools/list", ""]);
}

#[tokio::test]
async fn what_belongs_to_no_request_is_heard_over_as_many_connections_as_it_takes() {
    let (server, transport) = begun(|received| match received.header("last-event-id") {
        None => events("id: a\nretry: 10\ndata: {\"n\":1}\n\n"),
        Some("a") => events("data: {\"n\":2}\n\nid: b\ndata: {\"n\":3}\n\n"),
        Some(_) => Reply::with_content(404, "text/plain", ""),
    })
    .await;
    let mut heard = Box::into_pin(within(LIMIT, transport.listen(VERSION)).await.unwrap());
    for n in 1..=3 {
        assert_eq!(next(&mut heard).await.unwrap().unwrap(), json!({ "n": n }));
    }
    assert_eq!(next(&mut heard).await.unwrap().unwrap_err().code(), "session_expired");
    drop(heard);
    assert!(server.received().iter().skip(1).all(|it| it.method == "GET"), "nothing to cancel");
}

#[tokio::test]
async fn a_refused_message_is_an_error() {
    let (_server, transport) = begun(|received| match received.json()["n"].as_u64() {
        Some(status) => Reply::with_content(u16::try_from(status).unwrap(), "text/plain", ""),
        None => Reply::error(received, 400, -32600, "no"),
    })
    .await;
    for (message, code) in [
        (json!({ "n": 200 }), None),
        (json!({ "n": 202 }), None),
        (json!({ "n": 204 }), None),
        (json!({ "n": 400 }), Some("http_status")),
        (json!({ "n": 401 }), Some("unauthorized")),
        (json!({}), Some("http_status")),
    ] {
        let outcome = within(LIMIT, transport.send(message.to_string().into(), VERSION)).await;
        assert_eq!(outcome.err().map(|error| error.code()), code, "{message}");
    }
}

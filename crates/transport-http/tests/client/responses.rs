//! What is sent, and what each kind of response becomes.

use palisade_testkit::{Reply, ScriptedServer, within};
use palisade_transport::{ClientTransport, TransportError};
use palisade_transport_http::HttpTransport;
use serde_json::{Value, json};

use crate::support::{LIMIT, all, next, request, send};

fn result() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": {} })
}

fn error(code: i32) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": "no" } })
}

async fn against(reply: Reply) -> (Vec<Value>, Option<TransportError>) {
    let server = ScriptedServer::start(move |_| reply.clone()).await;
    let outcome = all(&HttpTransport::new(&server.url()).unwrap()).await;
    assert_eq!(server.received().len(), 1, "one request, whatever comes back");
    outcome
}

#[tokio::test]
async fn a_request_is_one_post_with_the_headers_that_mirror_it() {
    let server = ScriptedServer::start(|_| Reply::json(200, &result())).await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    let mirrored = request().with_param_headers(vec![("Region".to_owned(), "é".to_owned())]);
    within(LIMIT, transport.request(mirrored)).await.unwrap();
    let received = &server.received()[0];
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/mcp"));
    assert_eq!(received.body(), request().body);
    for (name, value) in [
        ("host", Some(server.address().to_string())),
        ("accept", Some("application/json, text/event-stream".to_owned())),
        ("content-type", Some("application/json".to_owned())),
        ("mcp-protocol-version", Some("2026-07-28".to_owned())),
        ("mcp-method", Some("tools/call".to_owned())),
        ("mcp-name", Some("add".to_owned())),
        ("mcp-param-region", Some("=?base64?w6k=?=".to_owned())),
        ("authorization", None),
        ("accept-encoding", None),
        ("cookie", None),
    ] {
        assert_eq!(received.header(name), value.as_deref(), "{name}");
    }
}

#[tokio::test]
async fn one_json_body_is_one_message() {
    assert!(
        matches!(against(Reply::json(200, &result())).await, (messages, None) if messages == [result()])
    );
    let typed = Reply::with_content(200, "Application/JSON; charset=utf-8", &result().to_string());
    assert!(matches!(against(typed).await, (messages, None) if messages == [result()]));
}

#[tokio::test]
async fn an_event_stream_is_its_messages() {
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/progress" });
    let body = format!(
        ": keep-alive\r\n\r\nid: 1\r\ndata:\r\n\r\ndata: {notification}\r\n\r\nevent: other\ndata: {{}}\n\n\
         event: message\ndata: {}\n\n",
        result()
    );
    let (messages, failure) = against(Reply::with_content(200, "text/event-stream", &body)).await;
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(messages, [notification, result()]);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_interrupted() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (messages, failure) = against(Reply::raw(format!("{head}9\r\ndata: 1\n\n\r\n"))).await;
    assert_eq!((messages, failure.unwrap().code()), (vec![json!(1)], "interrupted"));
    let (messages, failure) = against(Reply::raw(format!("{head}9\r\ndata: 12"))).await;
    assert_eq!((messages, failure.unwrap().code()), (vec![], "interrupted"));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    let (_, failure) = against(Reply::raw(format!("{head}{{"))).await;
    assert_eq!(failure.unwrap().code(), "interrupted");
    let (_, failure) = against(Reply::raw("")).await;
    assert_eq!(failure.unwrap().code(), "interrupted");
    let (_, failure) = against(Reply::raw("SSH-2.0-OpenSSH_9\r\n")).await;
    assert_eq!(failure.unwrap().code(), "invalid_response");
}

#[tokio::test]
async fn a_json_rpc_error_of_any_status_is_a_message() {
    for (status, code) in
        [(400, -32020), (404, -32601), (403, -32600), (429, -32000), (500, -32603)]
    {
        let (messages, failure) = against(Reply::json(status, &error(code))).await;
        assert!(failure.is_none(), "{status}: {failure:?}");
        assert_eq!(messages, [error(code)], "{status}");
    }
}

#[tokio::test]
async fn other_statuses_are_errors() {
    for (reply, code) in [
        (
            Reply::json(401, &error(-32600)).with_header("WWW-Authenticate", "Bearer"),
            "unauthorized",
        ),
        (Reply::with_content(403, "text/plain", "no"), "forbidden"),
        (Reply::json(403, &error(-32600)).with_header("WWW-Authenticate", "Bearer"), "forbidden"),
        (Reply::with_content(404, "text/html", "<p>"), "http_status"),
        (Reply::json(400, &result()), "http_status"),
        (Reply::json(400, &json!({ "error": "no" })), "http_status"),
        (Reply::with_content(400, "text/plain", &error(-32600).to_string()), "http_status"),
        (Reply::with_content(503, "text/plain", ""), "http_status"),
        (Reply::json(201, &result()), "http_status"),
        (Reply::with_content(200, "text/html", "{}"), "invalid_response"),
        (Reply::with_content(200, "application/json-seq", "{}"), "invalid_response"),
        (
            Reply::json(200, &result()).with_header("Content-Type", "text/event-stream"),
            "invalid_response",
        ),
        (Reply::json(200, &result()).with_header("Content-Encoding", "gzip"), "invalid_response"),
    ] {
        let shown = format!("{reply:?}");
        let (messages, failure) = against(reply).await;
        assert_eq!((messages, failure.unwrap().code()), (vec![], code), "{shown}");
    }
    let challenge = r#"Bearer resource_metadata="https://example.com/x", scope="a""#;
    let reply = Reply::json(401, &json!({})).with_header("WWW-Authenticate", challenge);
    let (_, failure) = against(reply).await;
    let Some(TransportError::Unauthorized { challenge: seen }) = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(seen.as_deref(), Some(challenge));
}

#[tokio::test]
async fn an_accepted_message_has_no_response() {
    let reply = Reply::raw("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(against(reply).await, (messages, None) if messages.is_empty()));
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let elsewhere = ScriptedServer::start(|_| Reply::json(200, &result())).await;
    for status in [301, 302, 303, 307, 308] {
        let reply =
            Reply::with_content(status, "text/plain", "").with_header("Location", &elsewhere.url());
        let (_, failure) = against(reply).await;
        assert!(matches!(failure, Some(TransportError::Status { status: seen }) if seen == status));
    }
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn nobody_there_is_a_refused_connection() {
    let server = ScriptedServer::start(|_| Reply::json(200, &result())).await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    let origin = format!("http://{}", server.address());
    drop(server);
    // The listener goes with its task, which ends at the latest when it is next polled.
    tokio::task::yield_now().await;
    let (_, failure) = all(&transport).await;
    match failure.unwrap() {
        TransportError::ConnectionRefused { origin: seen, .. } => assert_eq!(seen, origin),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_closed_transport_ends_what_is_under_way_and_starts_nothing() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let started = format!("{head}9\r\ndata: 1\n\n\r\n");
    let server = ScriptedServer::start(move |_| Reply::hanging(started.clone())).await;
    let transport = HttpTransport::new(&server.url()).unwrap();
    let mut stream = send(&transport).await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), json!(1));
    transport.close().await;
    assert_eq!(next(&mut stream).await.unwrap().unwrap_err().code(), "closed");
    assert!(next(&mut stream).await.is_none());
    assert_eq!(all(&transport).await.1.unwrap().code(), "closed");
    assert_eq!(server.received().len(), 1);
}

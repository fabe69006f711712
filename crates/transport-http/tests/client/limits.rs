//! Servers that send more than they should.

use palisade_security::{ClientLimits, Origin, SecurityConfig};
use palisade_testkit::{Reply, ScriptedServer};
use palisade_transport_http::HttpTransport;
use serde_json::json;

use crate::support::all;

const LIMIT: usize = 1000;

async fn check(reply: Reply, messages: usize, code: Option<&str>) {
    let shown: String = format!("{reply:?}").chars().take(200).collect();
    let server = ScriptedServer::start(move |_| reply.clone()).await;
    let transport = HttpTransport::builder(&server.url())
        .unwrap()
        .with_max_message_bytes(LIMIT)
        .build()
        .unwrap();
    let (seen, failure) = all(&transport).await;
    assert_eq!((seen.len(), failure.map(|error| error.code())), (messages, code), "{shown}");
}

/// A JSON string of this many bytes.
fn string(bytes: usize) -> String {
    json!("x".repeat(bytes - 2)).to_string()
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit() {
    let json = |bytes| Reply::with_content(200, "application/json", &string(bytes));
    check(json(LIMIT), 1, None).await;
    check(json(LIMIT + 1), 0, Some("response_too_large")).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let claimed = format!("{head}Content-Length: 1000000000000\r\n\r\n");
    check(Reply::hanging(claimed), 0, Some("response_too_large")).await;
    // No length and no end: the limit alone ends it.
    let chunk = format!("100\r\n{}\r\n", "x".repeat(256));
    let endless = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(5));
    check(Reply::hanging(endless), 0, Some("response_too_large")).await;
}

#[tokio::test]
async fn each_event_is_read_up_to_the_limit() {
    let events = |lines: &[String]| Reply::with_content(200, "text/event-stream", &lines.concat());
    let fits = format!("data: {}\n\n", string(LIMIT));
    check(events(&[fits.clone(), fits.clone(), fits.clone()]), 3, None).await;
    let large = format!("data: {}\n\n", string(LIMIT + 1));
    check(events(&[fits.clone(), large]), 1, Some("response_too_large")).await;
    let lines = format!("data: {}\n", "x".repeat(300)).repeat(4);
    check(events(&[fits, lines]), 1, Some("response_too_large")).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let endless_line = format!("{head}: {}", "x".repeat(2000));
    check(Reply::hanging(endless_line), 0, Some("response_too_large")).await;
}

#[tokio::test]
async fn headers_are_read_up_to_a_limit() {
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    check(Reply::raw(format!("HTTP/1.1 200 OK\r\n{many}\r\n")), 0, Some("invalid_response")).await;
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    check(Reply::raw(long), 0, Some("invalid_response")).await;
}

#[tokio::test]
async fn an_error_with_a_huge_body_is_its_status() {
    let error =
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": 1, "message": "x".repeat(LIMIT) } });
    check(Reply::json(400, &error), 0, Some("http_status")).await;
}

#[tokio::test]
async fn a_huge_challenge_is_not_passed_on() {
    let server = ScriptedServer::start(|_| {
        Reply::json(401, &json!({})).with_header("WWW-Authenticate", &"x".repeat(5000))
    })
    .await;
    let (_, failure) = all(&HttpTransport::new(&server.url()).unwrap()).await;
    let shown = format!("{:?}", failure.unwrap());
    assert!(shown.contains("Unauthorized { challenge: None }"), "{shown}");
}

/// The same limit, out of a configuration.
#[tokio::test]
async fn a_configuration_sets_the_limits_and_the_server() {
    let server =
        ScriptedServer::start(|_| Reply::with_content(200, "application/json", &string(LIMIT + 1)))
            .await;
    let security = |origin: &str| {
        SecurityConfig::client()
            .with_server(Origin::parse(origin).unwrap())
            .without_credentials()
            .with_limits(ClientLimits::new().with_max_message_bytes(LIMIT))
            .build()
            .unwrap()
    };
    let builder = || HttpTransport::builder(&server.url()).unwrap();
    let origin = builder().build().unwrap().endpoint().origin().to_owned();
    let transport = builder().with_security(&security(&origin)).unwrap().build().unwrap();
    let (_, failure) = all(&transport).await;
    assert_eq!(failure.map(|error| error.code()), Some("response_too_large"));
    let other = builder().with_security(&security("https://other.example")).unwrap_err();
    assert_eq!(other.code(), "other_server");
}

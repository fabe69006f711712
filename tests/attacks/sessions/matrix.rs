//! The compatibility matrix: every era of a client against every era of a server.

use palisade::{protocol::Eras, security::Limits};
use palisade_testkit::{RawRequest, guard::PATIENCE, within};
use serde_json::{Value, json};

use super::client::{Client, NEWEST, Stream, add, bare, initialize, request};
use crate::support::{ALICE, Target, call_add};

async fn target(eras: Eras) -> Target {
    Target::start_with(|rules| rules, move |server, _| server.with_eras(eras)).await
}

const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// A client of the newest revision alone.
async fn modern_client(target: &Target) -> Result<(), Value> {
    let response = target.send(&call_add()).await;
    match response.status() {
        200 => {
            assert_eq!(response.json()["result"]["content"][0]["text"], "3");
            Ok(())
        }
        status => {
            assert!((400..500).contains(&status), "{status}");
            Err(response.json()["error"].clone())
        }
    }
}

/// A client that begins with `initialize`.
async fn legacy_client(target: &Target, version: &'static str) -> Result<(), Value> {
    let opened = target.send(&bare(ALICE, &initialize(version))).await;
    if opened.status() != 200 {
        assert_eq!(opened.status(), 400);
        return Err(opened.json()["error"].clone());
    }
    let client = Client::open(target, version).await;
    let response = target.send(&client.post(&add(1))).await;
    let reply = response.json();
    assert_eq!(reply["result"]["content"][0]["text"], "3", "{reply}");
    assert_eq!(reply["result"].get("resultType"), None, "a word of the newest revision");
    Ok(())
}

/// A client of both: the newest first, `initialize` if the server is none of it.
async fn dual_client(target: &Target) -> &'static str {
    match modern_client(target).await {
        Ok(()) => "modern",
        Err(error) => {
            if error["code"] == -32022 {
                let served = error["data"]["supported"].as_array().unwrap();
                assert_eq!(served.first(), Some(&json!(NEWEST)));
            }
            legacy_client(target, NEWEST).await.unwrap();
            "legacy"
        }
    }
}

#[tokio::test]
async fn modern_client_modern_server() {
    modern_client(&target(Eras::ModernOnly).await).await.unwrap();
}

#[tokio::test]
async fn modern_client_dual_server() {
    modern_client(&target(Eras::Both).await).await.unwrap();
}

#[tokio::test]
async fn modern_client_legacy_server() {
    let error = modern_client(&target(Eras::LegacyOnly).await).await.unwrap_err();
    assert_eq!(error["code"], -32022);
    assert_eq!(error["data"]["supported"], json!(LEGACY));
}

#[tokio::test]
async fn dual_client_modern_server() {
    assert_eq!(dual_client(&target(Eras::ModernOnly).await).await, "modern");
}

#[tokio::test]
async fn dual_client_dual_server() {
    assert_eq!(dual_client(&target(Eras::Both).await).await, "modern");
}

#[tokio::test]
async fn dual_client_legacy_server() {
    assert_eq!(dual_client(&target(Eras::LegacyOnly).await).await, "legacy");
}

#[tokio::test]
async fn legacy_client_modern_server() {
    let target = target(Eras::ModernOnly).await;
    for version in LEGACY {
        let error = legacy_client(&target, version).await.unwrap_err();
        assert!([-32020, -32602].contains(&error["code"].as_i64().unwrap()), "{error}");
    }
    let get = RawRequest::new("GET", "/mcp").with_token(ALICE);
    assert_eq!(target.send(&get).await.status(), 405, "HTTP+SSE begins so");
}

#[tokio::test]
async fn legacy_client_dual_server() {
    let target = target(Eras::Both).await;
    for version in LEGACY {
        legacy_client(&target, version).await.unwrap();
    }
}

#[tokio::test]
async fn legacy_client_legacy_server() {
    let target = target(Eras::LegacyOnly).await;
    for version in LEGACY {
        legacy_client(&target, version).await.unwrap();
    }
    // What nobody knows is answered with the newest that is served.
    let opened = target.send(&bare(ALICE, &initialize("2019-01-01"))).await;
    assert_eq!(opened.json()["result"]["protocolVersion"], NEWEST);
}

/// Both at once, on one connection.
#[tokio::test]
async fn both_eras_on_one_connection() {
    let target = target(Eras::Both).await;
    let client = Client::open(&target, NEWEST).await;
    let mut connection = target.connect().await;
    for _ in 0..3 {
        assert_eq!(connection.send(&call_add()).await.unwrap().status(), 200);
        assert_eq!(connection.send(&client.post(&add(1))).await.unwrap().status(), 200);
    }
    // A session does not make an old request of a new one.
    let both = call_add().with_header("Mcp-Session-Id", &client.id);
    assert_eq!(connection.send(&both).await.unwrap().json()["result"]["resultType"], "complete");
}

#[tokio::test]
async fn h6_batches_in_the_one_revision_that_has_them() {
    let target = target(Eras::Both).await;
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let batch = json!([add(1), initialized, request(2, "ping", json!({})), add(3)]);
    for version in LEGACY {
        let client = Client::open(&target, version).await;
        let response = target.send(&client.post(&batch)).await;
        if version != "2025-03-26" {
            assert_eq!(
                (response.status(), response.error_code()),
                (400, Some(-32600)),
                "{version}"
            );
            continue;
        }
        let replies = response.json();
        let mut ids: Vec<_> =
            replies.as_array().unwrap().iter().map(|reply| reply["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3], "{replies}");
        let only = target.send(&client.post(&json!([initialized]))).await;
        assert_eq!((only.status(), only.body()), (202, &b""[..]));
        let broken = target.send(&client.post(&json!([1]))).await;
        assert_eq!(broken.json()[0]["error"]["code"], -32600, "{}", broken.text());
        assert_eq!(target.send(&client.post(&json!([]))).await.error_code(), Some(-32600));
    }
}

/// HTTP+SSE, the transport of 2024-11-05.
#[tokio::test]
async fn legacy_client_http_sse_server() {
    let target = Target::start_legacy_sse(Limits::new(), |server| server).await;
    let get = RawRequest::new("GET", "/mcp").with_header("Accept", "text/event-stream");
    let mut stream = Stream::open(&target, &get.clone().with_token(ALICE)).await;
    let endpoint = stream.next().await.unwrap();
    assert_eq!(endpoint.event.as_deref(), Some("endpoint"));
    let url = endpoint.data.unwrap();
    let post = |message: &Value| bare(ALICE, message).with_target(&url);
    let early = target.send(&post(&add(1))).await;
    assert_eq!(early.status(), 400, "not before `initialize`");
    for (message, id) in [(initialize("2024-11-05"), 0), (add(1), 1)] {
        let accepted = target.send(&post(&message)).await;
        assert_eq!((accepted.status(), accepted.body()), (202, &b""[..]));
        let event = within(PATIENCE, stream.next()).await.unwrap();
        assert_eq!((event.event.as_deref(), &event.json()["id"]), (Some("message"), &json!(id)));
    }
    // N3: the URL is no credential, and no session of the other transport.
    let bob = bare(crate::support::BOB, &add(1)).with_target(&url);
    assert_eq!(target.send(&bob).await.status(), 404);
    let header = url.split_once("sessionId=").unwrap().1;
    let mixed = bare(ALICE, &add(1)).with_header("Mcp-Session-Id", header);
    assert_eq!(target.send(&mixed).await.status(), 404);
    assert_eq!(target.send(&get).await.status(), 401);
    // The session ends with its stream.
    stream.abort();
    let gone = async { while target.send(&post(&add(2))).await.status() != 404 {} };
    within(PATIENCE, gone).await;
}

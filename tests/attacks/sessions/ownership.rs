//! Whose a session is.

use std::collections::BTreeSet;

use palisade::{
    Context, RawArguments, SecurityConfig, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    security::{AllowedOrigins, Outcome, Scope},
};
use palisade_testkit::RawRequest;
use serde_json::json;

use super::client::{Client, NEWEST, Stream, add, bare, call, initialize, request};
use crate::support::{ALICE, BOB, Refusal, Target};

fn unknown() -> Refusal {
    Refusal::with_reason(404, -31400, "session_not_found")
}

#[tokio::test]
async fn n1_predictable_session_id() {
    let target = Target::start().await;
    let mut ids = BTreeSet::new();
    for _ in 0..64 {
        let id = Client::open(&target, NEWEST).await.id;
        assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id}");
        // Four bits a digit, each of them random.
        assert!(id.len() >= 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        ids.insert(id);
    }
    assert_eq!(ids.len(), 64);
    let common = |at: usize| ids.iter().map(|id| id.as_bytes()[at]).collect::<BTreeSet<_>>().len();
    assert!(
        (0..ids.first().unwrap().len()).all(|at| common(at) > 4),
        "a place hardly changes: {ids:?}"
    );
}

#[tokio::test]
async fn n2_caller_chosen_session_id() {
    let target = Target::start().await;
    let chosen = "0123456789abcdef".repeat(4);
    for id in [chosen.as_str(), "1", "", "../../etc/passwd", &"x".repeat(4096)] {
        for message in [initialize(NEWEST), add(1)] {
            let request = bare(ALICE, &message).with_header("Mcp-Session-Id", id);
            let refused = target.refuses(&request, &unknown()).await;
            assert_eq!(refused.header("mcp-session-id"), None);
        }
    }
    // Nor is one of two taken.
    let client = Client::open(&target, NEWEST).await;
    let two = client.post(&add(1)).with_added_header("Mcp-Session-Id", &chosen);
    target.refuses(&two, &unknown()).await;
    // Another case is another id.
    let shouted = client.post(&add(1)).with_header("Mcp-Session-Id", client.id.to_uppercase());
    target.refuses(&shouted, &unknown()).await;
}

#[tokio::test]
async fn n3_another_principals_session() {
    let target = Target::start().await;
    let client = Client::open(&target, NEWEST).await;
    let made_up = Client::open(&target, NEWEST).await.post_as(BOB, &add(1));
    let made_up = made_up.with_header("Mcp-Session-Id", "0123456789abcdef".repeat(4));
    let unknown_text = target.refuses(&made_up, &unknown()).await;
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    for message in [add(1), answer, cancelled, initialize(NEWEST), request(1, "ping", json!({}))] {
        let refused = target.refuses(&client.post_as(BOB, &message), &unknown()).await;
        assert_eq!(refused.text(), unknown_text.text(), "the same as one that is not there");
    }
    for request in [
        client.get_as(BOB),
        client.delete().with_token(BOB),
        client.get_as(BOB).with_header("Last-Event-ID", "0-0"),
    ] {
        target.refuses(&request, &unknown()).await;
    }
    // A session is no credential.
    let stolen = client.post(&add(1)).without_header("Authorization");
    assert_eq!(target.send(&stolen).await.status(), 401);
    let mine = target.send(&client.post(&add(1))).await;
    assert_eq!(mine.json()["result"]["content"][0]["text"], "3", "{}", mine.text());
}

/// What is told depends on what a token grants, and so does what is told once more.
#[tokio::test]
async fn n3_the_same_principal_with_another_grant() {
    let scope = |name| [Scope::parse(name).unwrap()];
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries([
            TokenEntry::new("alice", ALICE).with_scopes(scope("all")),
            TokenEntry::new("alice", BOB).with_scopes(scope("little")),
        ]))
        .without_tls();
    let announce = |_: RawArguments, context: Context| async move {
        context.notifier().tools_changed();
        "announced"
    };
    let tool = ToolRoute::dynamic("announce", json!({"type": "object"}), announce);
    let target = Target::start_under(rules, |server, _| server.with_tool(tool)).await;
    let client = Client::open(&target, NEWEST).await;
    let mut stream = Stream::open(&target, &client.get()).await;
    let primed = stream.next().await.unwrap().id.unwrap();
    stream.abort();
    // Each change of the grant begins anew; under the same one it goes on.
    let mut told = BTreeSet::new();
    for (token, again) in [(ALICE, 0), (ALICE, 1), (BOB, 0), (BOB, 1), (BOB, 2), (ALICE, 0)] {
        let resumed = client.get_as(token).with_header("Last-Event-ID", &primed);
        let mut stream = Stream::open_when_free(&target, &resumed).await;
        let announced = target.send(&client.post(&call(1, "announce", json!({})))).await;
        assert_eq!(announced.status(), 200);
        let mut replayed = 0;
        while !told.insert(stream.next().await.unwrap().id.unwrap()) {
            replayed += 1;
        }
        assert_eq!(replayed, again, "{token}");
        stream.abort();
    }
}

#[tokio::test]
async fn n3_a_session_that_was_ended() {
    let target = Target::start().await;
    let client = Client::open(&target, NEWEST).await;
    let ended = target.send(&client.delete()).await;
    assert_eq!((ended.status(), ended.body()), (204, &b""[..]));
    target.check_trace(Outcome::Allowed, "session_closed", Some(204)).await;
    for request in [client.post(&add(1)), client.get(), client.delete()] {
        target.refuses(&request, &unknown()).await;
    }
    // Without a session there is nothing to end, nor to listen to.
    let required = Refusal::with_reason(400, -31400, "session_required");
    for method in ["DELETE", "GET"] {
        target.refuses(&RawRequest::new(method, "/mcp").with_token(ALICE), &required).await;
    }
    target.refuses(&bare(ALICE, &add(1)), &required).await;
    let other = client.post(&add(1)).with_header("MCP-Protocol-Version", "2024-11-05");
    target.refuses(&other, &unknown()).await;
}

#[tokio::test]
async fn h12_headers_that_older_revisions_lack_must_not_lie() {
    let target = Target::start().await;
    let client = Client::open(&target, NEWEST).await;
    let differs = Refusal::of_envelope(400, -32020, "header_mismatch");
    let call = || client.post(&add(1)).with_header("Mcp-Method", "tools/call");
    for lie in [
        call().with_header("Mcp-Method", "tools/list"),
        call().with_header("Mcp-Method", ""),
        call().with_added_header("Mcp-Method", "tools/call"),
        call().with_header("Mcp-Name", "other"),
        client.post(&request(1, "tools/list", json!({}))).with_header("Mcp-Name", "add"),
        client.post(&add(1)).with_header("Mcp-Method", "ping"),
    ] {
        target.refuses(&lie, &differs).await;
    }
    let truth = call().with_header("Mcp-Name", "add");
    assert_eq!(target.send(&truth).await.json()["result"]["content"][0]["text"], "3");
}

#[tokio::test]
async fn versions_that_are_none() {
    let target = Target::start().await;
    let client = Client::open(&target, NEWEST).await;
    for version in ["2030-01-01", "", "x"] {
        let odd = client.post(&add(1)).with_header("MCP-Protocol-Version", version);
        assert_eq!(target.send(&odd).await.status(), 400, "{version}");
    }
    let twice = client.post(&add(1)).with_added_header("MCP-Protocol-Version", NEWEST);
    target.audit.forget();
    target
        .refuses(&twice, &Refusal::with_reason(400, -31400, "unsupported_protocol_version"))
        .await;
    let none = target.send(&client.post(&add(1)).without_header("MCP-Protocol-Version")).await;
    assert_eq!(none.status(), 200, "the version of the session");
}

//! Requests without a credential, with two, or with one in the wrong place.

use palisade::{
    SecurityConfig,
    auth::{Bearer, bearer::TokenEntry},
    security::{AllowedOrigins, Backoff, ProtectedResource, ResourceId, Scope},
};
use palisade_testkit::{Canary, CapturedLogs, RawRequest};
use serde_json::json;

use crate::support::{ALICE, BOB, Refusal, Target, call_add};

fn anonymous_add() -> RawRequest {
    RawRequest::tools_call("add", json!({"a": 1, "b": 2}))
}

#[tokio::test]
async fn rs1_no_token() {
    let missing = Refusal::with_reason(401, -31401, "missing_credentials");
    let invalid = Refusal::with_reason(401, -31401, "invalid_credentials");
    let metadata = r#"scope="tools:call files:read", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#;

    let scopes = ["tools:call", "files:read"].map(|scope| Scope::parse(scope).unwrap());
    let id = ResourceId::parse("https://mcp.example.com/mcp").unwrap();
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries([TokenEntry::new("alice", ALICE)]))
        .without_tls()
        .with_protected_resource(ProtectedResource::new(id).with_scopes_supported(scopes))
        .with_backoff(Backoff::new().with_free_failures(10));
    let target = Target::start_under(rules, |server, _| server).await;
    for request in [
        anonymous_add(),
        // Another scheme is no token, however much the rest looks like one.
        anonymous_add().with_header("Authorization", format!("Basic {ALICE}")),
        anonymous_add().with_header("Authorization", ALICE),
        anonymous_add().with_header("Authorization", format!("BearerX {ALICE}")),
        anonymous_add().with_header("Cookie", format!("access_token={ALICE}")),
        anonymous_add().with_header("X-Authorization", format!("Bearer {ALICE}")),
        RawRequest::discover(),
        RawRequest::tools_list(),
        // What the body holds is not looked at.
        anonymous_add().with_body("{"),
    ] {
        let response = target.refuses(&request, &missing).await;
        let challenge = response.header("www-authenticate").unwrap();
        // Nothing was wrong with a token that was not sent, so no error is named.
        assert_eq!(challenge, format!(r#"Bearer realm="mcp", {metadata}"#));
    }
    for token in ["", "x", BOB, &ALICE.to_lowercase(), &ALICE[1..], &format!("{ALICE}=")] {
        let response = target.refuses(&anonymous_add().with_token(token), &invalid).await;
        let challenge = response.header("www-authenticate").unwrap();
        let expected = format!(r#"Bearer realm="mcp", error="invalid_token", {metadata}"#);
        assert_eq!(challenge, expected, "{token:?}");
    }
    let spelled = anonymous_add().with_header("Authorization", format!("bEARER  {ALICE}"));
    assert_eq!(target.send(&spelled).await.status(), 200, "the scheme has no case");
}

#[tokio::test]
async fn rs3_token_in_query_or_two_credentials() {
    let (logs, _guard) = CapturedLogs::for_this_thread();
    let token = Canary::new("token in the query");
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries([
            TokenEntry::new("alice", ALICE),
            TokenEntry::new("bob", BOB),
            TokenEntry::new("carol", token.secret()),
        ]))
        .without_tls();
    let target = Target::start_under(rules, |server, _| server).await;

    let in_query = Refusal::with_reason(400, -31401, "credentials_in_query");
    for query in ["access_token=", "a=b&access_token=", "%61ccess%5ftoken=", "a;access_token="] {
        let place = format!("/mcp?{query}{}", token.secret());
        // Even beside a good credential.
        for request in [anonymous_add(), call_add()] {
            let response = target.refuses(&request.with_target(&place), &in_query).await;
            assert_eq!(token.find_in(&response.text()), None);
        }
    }

    let two = Refusal::with_reason(400, -31401, "multiple_credentials");
    for other in [BOB, ALICE, token.secret(), "invalid-token-0000"] {
        let request = call_add().with_added_header("Authorization", format!("Bearer {other}"));
        target.refuses(&request, &two).await;
    }
    let basic = call_add().with_added_header("Authorization", "Basic YWxpY2U6eA==");
    target.refuses(&basic, &two).await;
    // In one line they are no token either.
    let listed =
        anonymous_add().with_header("Authorization", format!("Bearer {ALICE}, Bearer {BOB}"));
    let invalid = Refusal::with_reason(401, -31401, "invalid_credentials");
    target.refuses(&listed, &invalid).await;

    for entry in target.audit.take() {
        assert_eq!(token.find_in(&format!("{entry:?}")), None);
    }
    // Something is logged, so that the silence about the token means something.
    tracing::info!("end of the test");
    logs.assert_no_canary(&[token]);
}

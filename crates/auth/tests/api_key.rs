//! API keys, on both sides.
#![cfg(feature = "api-key")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_auth::{ApiKey, ApiKeyCredential, api_key::KeyEntry};
use palisade_security::{
    Authenticator, AuthnError, CredentialError, CredentialHeader, CredentialProvider, Credentials,
    Origin, PeerInfo, Principal, Severity, build_auth_headers,
};

const ALICE: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
const BOB: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

fn keys() -> ApiKey {
    ApiKey::entries([KeyEntry::new("alice", ALICE), KeyEntry::new("bob", BOB)])
}

async fn authenticate(
    keys: &ApiKey,
    headers: &[(&'static str, &str)],
) -> Result<Principal, AuthnError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        map.append(HeaderName::from_static(name), value);
    }
    keys.authenticate(&Credentials::new(&map, &PeerInfo::in_process())).await
}

#[tokio::test]
async fn keys_lead_to_their_principals() {
    let alice = authenticate(&keys(), &[("x-api-key", ALICE)]).await.unwrap();
    assert_eq!((alice.subject(), alice.scheme()), ("alice", "api_key"));
    let bob = authenticate(&keys(), &[("x-api-key", BOB)]).await.unwrap();
    assert_eq!(bob.subject(), "bob");
    let team = keys().with_header("X-Team-Key");
    assert!(authenticate(&team, &[("x-team-key", ALICE)]).await.is_ok());
    let usual = authenticate(&team, &[("x-api-key", ALICE)]).await;
    assert_eq!(usual, Err(AuthnError::MissingCredentials));
}

#[tokio::test]
async fn anything_else_is_refused() {
    let keys = keys();
    let missing = Err(AuthnError::MissingCredentials);
    let bearer = format!("Bearer {ALICE}");
    assert_eq!(authenticate(&keys, &[]).await, missing);
    assert_eq!(authenticate(&keys, &[("authorization", &bearer)]).await, missing);
    let long = "a".repeat(8193);
    for wrong in ["", "x", &ALICE[1..], &ALICE.to_lowercase(), "\u{e4}", "a b", &bearer, &long] {
        let found = authenticate(&keys, &[("x-api-key", wrong)]).await;
        assert_eq!(found, Err(AuthnError::InvalidCredentials), "{wrong}");
    }
    let two = authenticate(&keys, &[("x-api-key", ALICE), ("x-api-key", ALICE)]).await;
    assert_eq!(two, Err(AuthnError::MultipleCredentials));
    let map = HeaderMap::new();
    let peer = PeerInfo::in_process();
    let in_query = Credentials::new(&map, &peer).with_query(Some("X-Team-Key=x"));
    let found = keys.with_header("x-team-key").authenticate(&in_query).await;
    assert_eq!(found, Err(AuthnError::CredentialsInQuery));
}

#[track_caller]
fn check_findings(keys: &ApiKey, expected: &[(&str, Severity, &str)]) {
    let findings = keys.findings();
    let found: Vec<_> = findings.iter().map(|it| (it.path(), it.severity(), it.code())).collect();
    assert_eq!(found, expected);
    assert!(findings.iter().all(|finding| !finding.fix().is_empty()));
}

#[tokio::test]
async fn k6_weak_keys_and_reserved_headers_let_nobody_in() {
    let weak = ApiKey::entries([
        KeyEntry::new("alice", ALICE),
        KeyEntry::new("weather-service", "weather-service-2026"),
        KeyEntry::new("c", "changeme"),
        KeyEntry::new("d", "my-test-api-key-for-dev"),
        KeyEntry::new("e", "a b"),
        KeyEntry::new("f", ALICE),
    ]);
    check_findings(
        &weak,
        &[
            ("keys[1]", Severity::Error, "secret_derived"),
            ("keys[2]", Severity::Error, "secret_too_short"),
            ("keys[3]", Severity::Error, "secret_well_known"),
            ("keys[4]", Severity::Error, "malformed_key"),
            ("keys[5]", Severity::Error, "duplicate_key"),
        ],
    );
    let refused = authenticate(&weak, &[("x-api-key", ALICE)]).await;
    assert_eq!(refused, Err(AuthnError::Unavailable));
    check_findings(&ApiKey::entries([]), &[("keys", Severity::Error, "key_required")]);
    for name in ["Host", "Content-Length", "Mcp-Session-Id", "Authorization", "Cookie"] {
        let keys = keys().with_header(name);
        check_findings(&keys, &[("header", Severity::Error, "reserved_header")]);
        let refused = authenticate(&keys, &[("x-api-key", ALICE)]).await;
        assert_eq!(refused, Err(AuthnError::Unavailable), "{name}");
    }
    let malformed = keys().with_header("a b");
    check_findings(&malformed, &[("header", Severity::Error, "malformed_header_name")]);
    let dangerous = ApiKey::dangerous().weak_keys([KeyEntry::new("a", "changeme")]);
    check_findings(&dangerous, &[("keys[0]", Severity::Warning, "secret_too_short")]);
    assert!(authenticate(&dangerous, &[("x-api-key", "changeme")]).await.is_ok());
    // What can be guessed has to wait, even if it is right.
    let headers = HeaderMap::new();
    let peer = PeerInfo::in_process();
    assert!(dangerous.claims(&Credentials::new(&headers, &peer)).is_some());
    assert!(keys().claims(&Credentials::new(&headers, &peer)).is_none());
}

#[tokio::test]
async fn a_key_goes_to_its_origin_only() {
    let origin = |text: &str| Origin::parse(text).unwrap();
    let key = ApiKeyCredential::new(origin("https://mcp.example.com"), ALICE).unwrap();
    let sent = build_auth_headers(&key, &origin("https://MCP.example.com:443")).await.unwrap();
    assert_eq!(sent["x-api-key"], ALICE);
    assert!(sent["x-api-key"].is_sensitive());
    let team = key.clone().with_header(CredentialHeader::parse("X-Team-Key").unwrap());
    let sent = build_auth_headers(&team, &origin("https://mcp.example.com")).await.unwrap();
    assert_eq!((sent.len(), &sent["x-team-key"]), (1, &HeaderValue::from_static(ALICE)));
    assert_ne!(key.context_key(), team.context_key());
    for other in ["https://mcp.example.com:444", "http://mcp.example.com", "https://example.com"] {
        let refused = CredentialError::OtherOrigin { origin: origin(other) };
        assert_eq!(build_auth_headers(&key, &origin(other)).await, Err(refused));
    }
    let mut taken = HeaderMap::new();
    taken.insert("x-api-key", HeaderValue::from_static("x"));
    let again = key.apply(key.origin(), &mut taken).await;
    assert_eq!(again, Err(CredentialError::AlreadyPresent));
    let plain = ApiKeyCredential::new(origin("http://mcp.example.com"), ALICE).unwrap_err();
    assert_eq!(plain.code(), "credentials_not_sent");
    assert!(ApiKeyCredential::new(origin("http://127.0.0.1:1"), ALICE).is_ok());
    for malformed in ["", "a b", "a\r\nHost: b", "\u{e4}"] {
        let error = ApiKeyCredential::new(origin("https://a.example"), malformed).unwrap_err();
        assert_eq!(error, CredentialError::Malformed, "{malformed:?}");
    }
}

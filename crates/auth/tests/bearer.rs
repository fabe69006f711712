//! Bearer tokens, on both sides.
#![cfg(feature = "bearer")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use palisade_auth::{Bearer, BearerToken, bearer::TokenEntry};
use palisade_security::{
    Authenticator, AuthnError, CredentialError, CredentialProvider, Credentials, Origin, PeerInfo,
    Principal, Scope, Severity, UnixMillis,
};

const ALICE: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
const BOB: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

async fn authenticate(bearer: &Bearer, authorization: &str) -> Result<Principal, AuthnError> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(authorization.as_bytes()).unwrap());
    bearer.authenticate(&Credentials::new(&headers, &PeerInfo::in_process())).await
}

#[tokio::test]
async fn tokens_lead_to_their_principals() {
    let bearer = Bearer::entries([
        TokenEntry::new("alice", ALICE).with_scopes([Scope::parse("admin").unwrap()]),
        TokenEntry::new("bob", BOB).with_expires_at(UnixMillis::new(5)),
    ]);
    assert_eq!(bearer.findings(), []);
    let alice = authenticate(&bearer, &format!("Bearer {ALICE}")).await.unwrap();
    assert_eq!((alice.subject(), alice.scheme()), ("alice", "bearer"));
    assert!(alice.has_scope("admin") && alice.expires_at().is_none());
    let bob = authenticate(&bearer, &format!("bearer  {BOB}")).await.unwrap();
    assert_eq!((bob.subject(), bob.expires_at()), ("bob", Some(UnixMillis::new(5))));
    assert!(!bob.has_scope("admin"));
}

#[tokio::test]
async fn anything_else_is_refused() {
    let bearer = Bearer::tokens([ALICE, BOB]);
    for invalid in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {}", &ALICE[1..]),
        format!("Bearer {ALICE}="),
        format!("Bearer {ALICE} "),
        format!("Bearer {ALICE}, {BOB}"),
        format!("Bearer {}", ALICE.to_lowercase()),
        format!("Bearer \"{ALICE}\""),
        format!("Bearer \u{e4}{ALICE}"),
        // j10: refused for its length, before any cryptography.
        format!("Bearer {}", "a".repeat(8193)),
    ] {
        assert_eq!(
            authenticate(&bearer, &invalid).await,
            Err(AuthnError::InvalidCredentials),
            "{invalid}"
        );
    }
    for missing in [ALICE.to_owned(), format!("Basic {ALICE}"), format!("Bearer{ALICE}")] {
        assert_eq!(
            authenticate(&bearer, &missing).await,
            Err(AuthnError::MissingCredentials),
            "{missing}"
        );
    }
}

#[tokio::test]
async fn rs3_query_and_second_header() {
    let bearer = Bearer::tokens([ALICE]);
    let mut headers = HeaderMap::new();
    let peer = PeerInfo::in_process();
    let query = format!("access_token={ALICE}");
    let found =
        bearer.authenticate(&Credentials::new(&headers, &peer).with_query(Some(&query))).await;
    assert_eq!(found, Err(AuthnError::CredentialsInQuery));
    for _ in 0..2 {
        headers.append(AUTHORIZATION, format!("Bearer {ALICE}").parse().unwrap());
    }
    let found = bearer.authenticate(&Credentials::new(&headers, &peer)).await;
    assert_eq!(found, Err(AuthnError::MultipleCredentials));
}

#[tokio::test]
async fn principals_are_told_apart_by_token_or_by_name() {
    let key = async |bearer: &Bearer, token: &str| {
        authenticate(bearer, &format!("Bearer {token}")).await.unwrap().context_key()
    };
    let unnamed = Bearer::tokens([ALICE, BOB]);
    let swapped = Bearer::tokens([BOB, ALICE]);
    assert_ne!(key(&unnamed, ALICE).await, key(&unnamed, BOB).await);
    assert_eq!(key(&unnamed, ALICE).await, key(&swapped, ALICE).await, "not by place in the list");
    let rotating =
        Bearer::entries([TokenEntry::new("alice", ALICE), TokenEntry::new("alice", BOB)]);
    assert_eq!(key(&rotating, ALICE).await, key(&rotating, BOB).await);
}

#[track_caller]
fn check_findings(bearer: &Bearer, expected: &[(&str, Severity, &str)]) {
    let findings = bearer.findings();
    let found: Vec<_> = findings.iter().map(|it| (it.path(), it.severity(), it.code())).collect();
    assert_eq!(found, expected);
    assert!(findings.iter().all(|finding| !finding.fix().is_empty()));
}

#[tokio::test]
async fn k6_weak_tokens_let_nobody_in() {
    let bearer = Bearer::tokens([
        ALICE,
        "short",
        "aaaaaaaaaaaaaaaaaaaa",
        "my-secret-token-2026",
        "a b",
        ALICE,
    ]);
    check_findings(
        &bearer,
        &[
            ("tokens[1]", Severity::Error, "secret_too_short"),
            ("tokens[2]", Severity::Error, "secret_low_entropy"),
            ("tokens[3]", Severity::Error, "secret_well_known"),
            ("tokens[4]", Severity::Error, "malformed_token"),
            ("tokens[5]", Severity::Error, "duplicate_token"),
        ],
    );
    assert_eq!(
        authenticate(&bearer, &format!("Bearer {ALICE}")).await,
        Err(AuthnError::Unavailable)
    );
    check_findings(&Bearer::tokens([""; 0]), &[("tokens", Severity::Error, "token_required")]);
}

#[tokio::test]
async fn k6_weak_tokens_need_dangerous() {
    let bearer = Bearer::dangerous().weak_tokens([TokenEntry::new("test", "short")]);
    check_findings(&bearer, &[("tokens[0]", Severity::Warning, "secret_too_short")]);
    assert_eq!(authenticate(&bearer, "Bearer short").await.unwrap().subject(), "test");
    let bearer = Bearer::dangerous().weak_tokens([TokenEntry::new("test", "not a token")]);
    check_findings(&bearer, &[("tokens[0]", Severity::Error, "malformed_token")]);
}

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

#[tokio::test]
async fn a_token_goes_to_its_origin_only() {
    let token = BearerToken::new(origin("https://mcp.example.com"), ALICE).unwrap();
    let mut headers = HeaderMap::new();
    for other in ["https://mcp.example.com:444", "http://mcp.example.com", "https://example.com"] {
        let refused = CredentialError::OtherOrigin { origin: origin(other) };
        assert_eq!(token.apply(&origin(other), &mut headers).await, Err(refused));
        assert!(headers.is_empty(), "{other}");
    }
    token.apply(&origin("https://MCP.example.com:443"), &mut headers).await.unwrap();
    assert_eq!(headers[AUTHORIZATION], format!("Bearer {ALICE}"));
    assert!(headers[AUTHORIZATION].is_sensitive());
    let again = token.apply(&origin("https://mcp.example.com"), &mut headers).await;
    assert_eq!(again, Err(CredentialError::AlreadyPresent));
}

#[test]
fn a_token_is_not_sent_in_the_clear() {
    for plain in ["http://mcp.example.com", "http://10.0.0.1", "http://localhost.evil.example"] {
        let error = BearerToken::new(origin(plain), ALICE).unwrap_err();
        assert_eq!(error.code(), "credentials_not_sent", "{plain}");
    }
    for local in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]"] {
        assert!(BearerToken::new(origin(local), ALICE).is_ok(), "{local}");
    }
    for malformed in ["", "a b", "a\r\nHost: b", "\u{e4}"] {
        let error = BearerToken::new(origin("https://a.example"), malformed).unwrap_err();
        assert_eq!(error, CredentialError::Malformed, "{malformed:?}");
    }
}

#[test]
fn n9_context_keys_differ_by_token_and_origin() {
    let key = |at: &str, token: &str| BearerToken::new(origin(at), token).unwrap().context_key();
    assert_eq!(key("https://a.example", ALICE), key("https://a.example:443", ALICE));
    assert_ne!(key("https://a.example", ALICE), key("https://a.example", BOB));
    assert_ne!(key("https://a.example", ALICE), key("https://b.example", ALICE));
}

//! Secrets that begin, end, and are exchanged while a server runs.
#![cfg(all(feature = "api-key", feature = "bearer"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_auth::{ApiKey, Bearer, SecretEntry};
use palisade_security::{
    AllowedOrigins, Authenticator, Credentials, ManualClock, PeerInfo, SecurityConfig,
    ServerSecurity, UnixMillis,
};

const OLD: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
const NEW: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

fn server(authenticator: impl Authenticator + 'static, clock: &Arc<ManualClock>) -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(authenticator)
        .without_tls()
        .with_clock(Arc::clone(clock))
        .build()
        .unwrap()
}

async fn ask(server: &ServerSecurity, name: &'static str, value: &str) -> &'static str {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    match server.authenticate(&Credentials::new(&headers, &PeerInfo::in_process())).await {
        Ok(principal) if principal.subject() == "alice" => "alice",
        Ok(_) => "another",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn a_key_is_valid_from_its_begin_to_its_end() {
    let clock = Arc::new(ManualClock::default());
    let at = UnixMillis::new;
    let keys = ApiKey::entries([
        SecretEntry::new("alice", OLD).with_expires_at(at(200)),
        SecretEntry::new("alice", NEW).with_not_before(at(100)),
    ]);
    let server = server(keys, &clock);
    for (now, old, new) in [
        (0, "alice", "invalid_credentials"),
        (99, "alice", "invalid_credentials"),
        (100, "alice", "alice"),
        (199, "alice", "alice"),
        (200, "expired_credentials", "alice"),
    ] {
        clock.set(at(now));
        assert_eq!(ask(&server, "x-api-key", OLD).await, old, "the old one at {now}");
        assert_eq!(ask(&server, "x-api-key", NEW).await, new, "the new one at {now}");
    }
}

#[tokio::test]
async fn without_a_clock_what_has_a_begin_is_not_valid() {
    let entry = SecretEntry::new("alice", OLD).with_not_before(UnixMillis::new(0));
    let keys = ApiKey::entries([entry]);
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static(OLD));
    let found = keys.authenticate(&Credentials::new(&headers, &PeerInfo::in_process())).await;
    assert_eq!(found.unwrap_err().code(), "invalid_credentials");
}

#[test]
fn a_key_that_ends_before_it_begins_is_a_finding() {
    let at = UnixMillis::new;
    let entry = SecretEntry::new("alice", OLD).with_not_before(at(2)).with_expires_at(at(2));
    let findings = ApiKey::entries([entry]).findings();
    assert_eq!(findings.first().map(|it| (it.path(), it.code())), Some(("keys[0]", "never_valid")));
}

#[tokio::test]
async fn secrets_of_a_running_server_are_exchanged() {
    let clock = Arc::default();
    let bearer = Bearer::entries([SecretEntry::new("alice", OLD)]);
    let keys = ApiKey::entries([SecretEntry::new("alice", OLD)]);
    let (tokens, keys_handle) = (bearer.handle(), keys.handle());
    let (bearers, keyed) = (server(bearer, &clock), server(keys, &clock));
    let (old, new) = (format!("Bearer {OLD}"), format!("Bearer {NEW}"));
    assert_eq!(ask(&bearers, "authorization", &old).await, "alice");
    assert_eq!(ask(&bearers, "authorization", &new).await, "invalid_credentials");

    // Both at once, then only the new one.
    tokens.replace([SecretEntry::new("alice", OLD), SecretEntry::new("alice", NEW)]).unwrap();
    assert_eq!(ask(&bearers, "authorization", &old).await, "alice");
    assert_eq!(ask(&bearers, "authorization", &new).await, "alice");
    tokens.replace([SecretEntry::new("alice", NEW)]).unwrap();
    assert_eq!(ask(&bearers, "authorization", &old).await, "invalid_credentials");
    assert_eq!(ask(&bearers, "authorization", &new).await, "alice");
    assert_eq!(ask(&keyed, "x-api-key", OLD).await, "alice", "another store");
    keys_handle.replace([SecretEntry::new("bob", OLD)]).unwrap();
    assert_eq!(ask(&keyed, "x-api-key", OLD).await, "another");

    // What no server would have started with changes nothing.
    for bad in [vec![], vec![SecretEntry::new("alice", "changeme")]] {
        let error = tokens.replace(bad).unwrap_err();
        assert_eq!((error.code(), error.findings().len()), ("invalid_auth_config", 1));
        assert!(!error.to_string().contains("changeme"));
        assert_eq!(ask(&bearers, "authorization", &new).await, "alice");
    }
    assert_eq!(format!("{tokens:?}"), r#"SecretsHandle { scheme: "bearer", secrets: 1, .. }"#);
}

#[tokio::test]
async fn a_server_that_admits_guessable_secrets_makes_all_wait() {
    let clock = Arc::default();
    let keys = ApiKey::dangerous().weak_keys([SecretEntry::new("alice", OLD)]);
    let handle = keys.handle();
    let server = server(keys, &clock);
    handle.replace([SecretEntry::new("alice", "a-short-one")]).unwrap();
    for _ in 0..5 {
        assert_eq!(ask(&server, "x-api-key", "x").await, "invalid_credentials");
    }
    assert_eq!(ask(&server, "x-api-key", "a-short-one").await, "too_many_failed_attempts");
    handle.replace([SecretEntry::new("alice", NEW)]).unwrap();
    assert_eq!(ask(&server, "x-api-key", NEW).await, "alice", "this one cannot be guessed");
}

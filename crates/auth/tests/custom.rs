//! Several headers of fixed values, on both sides.
#![cfg(feature = "custom")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use palisade_auth::{CustomHeaders, CustomHeadersCredential, custom::HeaderSet};
use palisade_security::{
    Authenticator, AuthnError, CredentialProvider, Credentials, Origin, PeerInfo, Principal,
    build_auth_headers,
};

const SECRET: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
const OTHER: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

fn set(subject: &str, id: &str, secret: &str) -> HeaderSet {
    HeaderSet::new(subject, [("X-Client-Secret", secret), ("X-Client-Id", id)])
}

async fn authenticate(
    headers: &CustomHeaders,
    sent: &[(&'static str, &str)],
) -> Result<Principal, AuthnError> {
    let mut map = HeaderMap::new();
    for (name, value) in sent {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers.authenticate(&Credentials::new(&map, &PeerInfo::in_process())).await
}

#[tokio::test]
async fn all_headers_must_match() {
    let headers = CustomHeaders::sets([set("alice", "a", SECRET), set("bob", "b", OTHER)]);
    assert_eq!(headers.findings(), []);
    let alice = [("x-client-id", "a"), ("x-client-secret", SECRET)];
    let found = authenticate(&headers, &alice).await.unwrap();
    assert_eq!((found.subject(), found.scheme()), ("alice", "custom"));
    let bob = [("x-client-secret", OTHER), ("x-client-id", "b"), ("x-more", "x")];
    assert_eq!(authenticate(&headers, &bob).await.unwrap().subject(), "bob");
    let joined = format!("a{SECRET}");
    for invalid in [
        &[("x-client-id", "a")][..],
        &[("x-client-secret", SECRET)],
        &[("x-client-id", "b"), ("x-client-secret", SECRET)],
        &[("x-client-id", "A"), ("x-client-secret", SECRET)],
        &[("x-client-id", "a"), ("x-client-secret", "")],
        &[("x-client-id", ""), ("x-client-secret", &joined)],
    ] {
        let found = authenticate(&headers, invalid).await;
        assert_eq!(found, Err(AuthnError::InvalidCredentials), "{invalid:?}");
    }
    assert_eq!(authenticate(&headers, &[]).await, Err(AuthnError::MissingCredentials));
    let two = [("x-client-id", "a"), ("x-client-id", "a"), ("x-client-secret", SECRET)];
    assert_eq!(authenticate(&headers, &two).await, Err(AuthnError::MultipleCredentials));
}

#[track_caller]
fn check_findings(headers: &CustomHeaders, expected: &[(&str, &str)]) {
    let findings = headers.findings();
    let found: Vec<_> = findings.iter().map(|it| (it.path(), it.code())).collect();
    assert_eq!(found, expected);
    assert!(findings.iter().all(|finding| !finding.fix().is_empty()));
}

#[tokio::test]
async fn k6_what_is_wrong_with_a_set_is_found() {
    let weak = CustomHeaders::sets([set("alice", "a", "changeme")]);
    check_findings(&weak, &[("sets[0].headers", "secret_too_short")]);
    let sent = [("x-client-id", "a"), ("x-client-secret", "changeme")];
    assert_eq!(authenticate(&weak, &sent).await, Err(AuthnError::Unavailable));
    let dangerous = CustomHeaders::dangerous().weak_sets([set("alice", "a", "changeme")]);
    assert!(authenticate(&dangerous, &sent).await.is_ok());

    let one = |name: &str, value: &str| CustomHeaders::sets([HeaderSet::new("a", [(name, value)])]);
    check_findings(&one("Host", SECRET), &[("sets[0].headers[0]", "reserved_header")]);
    check_findings(&one("Mcp-Name", SECRET), &[("sets[0].headers[0]", "reserved_header")]);
    check_findings(&one("a b", SECRET), &[("sets[0].headers[0]", "malformed_header_name")]);
    let padded = format!(" {SECRET}");
    check_findings(&one("X-Key", &padded), &[("sets[0].headers[0]", "malformed_header_value")]);
    let twice = HeaderSet::new("a", [("X-Key", SECRET), ("x-KEY", OTHER)]);
    check_findings(&CustomHeaders::sets([twice]), &[("sets[0].headers", "duplicate_header")]);
    check_findings(&CustomHeaders::sets([]), &[("sets", "set_required")]);
    let none = HeaderSet::new("a", [("", ""); 0]);
    check_findings(&CustomHeaders::sets([none]), &[("sets[0].headers", "header_required")]);
    let differ = [set("a", "a", SECRET), HeaderSet::new("b", [("X-Key", OTHER)])];
    check_findings(&CustomHeaders::sets(differ), &[("sets[1]", "headers_differ")]);
    let twice = [set("a", "a", SECRET), set("b", "a", SECRET)];
    check_findings(&CustomHeaders::sets(twice), &[("sets[1]", "duplicate_set")]);
}

#[test]
fn a_set_that_ends_before_it_begins_is_a_finding() {
    let at = palisade_security::UnixMillis::new;
    let set = set("billing", "billing", SECRET).with_not_before(at(2)).with_expires_at(at(1));
    check_findings(&CustomHeaders::sets([set]), &[("sets[0]", "never_valid")]);
}

#[tokio::test]
async fn headers_go_to_their_origin_only() {
    let origin = || Origin::parse("https://mcp.example.com").unwrap();
    let headers = CustomHeadersCredential::new(origin(), [("X-Id", "a"), ("X-Key", SECRET)]);
    let headers = headers.unwrap();
    let sent = build_auth_headers(&headers, &origin()).await.unwrap();
    assert!(sent["x-id"] == "a" && sent["x-key"] == SECRET);
    assert!(sent.values().all(HeaderValue::is_sensitive));
    let other = Origin::parse("https://mcp.example.com:8443").unwrap();
    let refused = build_auth_headers(&headers, &other).await.unwrap_err();
    assert_eq!(refused.code(), "credentials_for_other_origin");
    let scheme = CustomHeadersCredential::new(origin(), [("Authorization", "Token abc")]).unwrap();
    let sent = build_auth_headers(&scheme, &origin()).await.unwrap();
    assert_eq!(sent[AUTHORIZATION], "Token abc");
    assert_ne!(scheme.context_key(), headers.context_key());
    for (pairs, code) in [
        (vec![("Host", "x")], "reserved_header"),
        (vec![("mcp-method", "x")], "reserved_header"),
        (vec![("a b", "x")], "malformed_header_name"),
        (vec![("X-Key", "x"), ("x-key", "x")], "duplicate_header"),
        (vec![("X-Key", "a\r\nb")], "malformed_credentials"),
        (vec![("X-Key", "")], "malformed_credentials"),
        (vec![], "malformed_credentials"),
    ] {
        let error = CustomHeadersCredential::new(origin(), pairs.clone()).unwrap_err();
        assert_eq!(error.code(), code, "{pairs:?}");
    }
    let plain = Origin::parse("http://mcp.example.com").unwrap();
    let error = CustomHeadersCredential::new(plain, [("X-Key", SECRET)]).unwrap_err();
    assert_eq!(error.code(), "credentials_not_sent");
}

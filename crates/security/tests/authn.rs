//! Authenticators put together, and what failed attempts cost.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_security::{
    AllOf, AllowedOrigins, AnyOf, Authenticator, AuthnError, Backoff, Challenge, CredentialHeader,
    CredentialId, Credentials, Finding, ManualClock, PeerInfo, Principal, RejectError,
    SecurityConfig, ServerSecurity, Severity, UnixMillis,
};

/// Takes `good` in a header, for a subject that the header may name.
#[derive(Clone, Debug)]
struct InHeader {
    header: &'static str,
    subject: &'static str,
    expires_at: u64,
    claims: bool,
    checks: Arc<AtomicUsize>,
}

fn in_header(header: &'static str, subject: &'static str) -> InHeader {
    let checks = Arc::default();
    InHeader { header, subject, expires_at: 1000, claims: false, checks }
}

impl InHeader {
    fn find<'a>(
        &self,
        credentials: &Credentials<'a>,
    ) -> Result<Option<&'a HeaderValue>, AuthnError> {
        credentials.header(&CredentialHeader::parse(self.header).unwrap())
    }
}

#[async_trait]
impl Authenticator for InHeader {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let value = self.find(credentials)?.ok_or(AuthnError::MissingCredentials)?;
        self.checks.fetch_add(1, Ordering::SeqCst);
        match value.as_bytes() {
            b"good" => Ok(Principal::new(self.subject, self.header)
                .with_expires_at(UnixMillis::new(self.expires_at))),
            b"down" => Err(AuthnError::Unavailable),
            _ => Err(AuthnError::InvalidCredentials),
        }
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        Challenge::new(self.header)
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(self.find(credentials)?.is_some())
    }

    fn claims(&self, _: &Credentials<'_>) -> Option<CredentialId> {
        self.claims.then(|| CredentialId::of_name("test", self.subject))
    }
}

/// A server at millisecond 0 that asks this authenticator.
fn server(authenticator: impl Authenticator + 'static, clock: &Arc<ManualClock>) -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(authenticator)
        .dangerous()
        .plain_http_behind_proxy()
        .with_clock(Arc::clone(clock))
        .build()
        .unwrap()
}

async fn ask(
    server: &ServerSecurity,
    from: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Principal, RejectError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let peer = PeerInfo::new(SocketAddr::new(from.parse().unwrap(), 1));
    server.authenticate(&Credentials::new(&map, &peer)).await
}

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";
const INVALID: RejectError = RejectError::Unauthenticated(AuthnError::InvalidCredentials);

const fn wait(secs: u64) -> RejectError {
    let retry_after = Duration::from_secs(secs);
    RejectError::Unauthenticated(AuthnError::Throttled { retry_after })
}

/// Goes by certificates.
#[derive(Clone, Debug)]
struct ByCertificate;

#[async_trait]
impl Authenticator for ByCertificate {
    async fn authenticate(&self, _: &Credentials<'_>) -> Result<Principal, AuthnError> {
        Err(AuthnError::MissingCredentials)
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        Challenge::new("certificate")
    }

    fn claims(&self, _: &Credentials<'_>) -> Option<CredentialId> {
        Some(CredentialId::of_name("test", "certificate"))
    }

    fn findings(&self) -> Vec<Finding> {
        vec![Finding::new("certificates", Severity::Warning, "test", "it is a test")]
    }

    fn uses_client_certificates(&self) -> bool {
        true
    }
}

#[test]
fn combinations_claim_and_find_what_their_parts_do() {
    let both = AllOf::new(in_header("a-key", "alice")).and(ByCertificate);
    let headers = HeaderMap::new();
    let peer = PeerInfo::in_process();
    assert!(both.claims(&Credentials::new(&headers, &peer)).is_some());
    let any = AnyOf::new(in_header("a-key", "alice")).or(ByCertificate);
    let paths = |findings: Vec<Finding>| -> Vec<_> {
        findings.iter().map(|finding| finding.path().to_owned()).collect()
    };
    assert_eq!(paths(both.findings()), ["all_of[1].certificates"]);
    assert_eq!(paths(any.findings()), ["any_of[1].certificates"]);
}

#[test]
fn combinations_use_certificates_if_a_part_does() {
    let key = || in_header("a-key", "alice");
    for (combined, uses) in [
        (Arc::new(AnyOf::new(key()).or(key())) as Arc<dyn Authenticator>, false),
        (Arc::new(AnyOf::new(key()).or(ByCertificate)), true),
        (Arc::new(AllOf::new(key()).and(key())), false),
        (Arc::new(AllOf::new(ByCertificate).and(key())), true),
    ] {
        assert_eq!(combined.uses_client_certificates(), uses, "{combined:?}");
    }
}

#[tokio::test]
async fn a_choice_within_a_choice_is_one_kind() {
    let inner = AnyOf::new(in_header("a-key", "alice")).or(in_header("b-key", "bob"));
    let server = server(AnyOf::new(inner).or(in_header("c-key", "carol")), &Arc::default());
    for (key, subject) in [("a-key", "alice"), ("b-key", "bob"), ("c-key", "carol")] {
        let found = ask(&server, HERE, &[(key, "good")]).await.unwrap();
        assert_eq!(found.subject(), subject);
    }
    let two = ask(&server, HERE, &[("a-key", "good"), ("c-key", "good")]).await.unwrap_err();
    assert_eq!(two.code(), "multiple_credentials");
}

#[tokio::test]
async fn several_together_within_a_choice_are_one_kind_if_any_of_them_is_there() {
    let both = AllOf::new(in_header("a-key", "alice")).and(in_header("b-key", "bob"));
    let server = server(AnyOf::new(both).or(in_header("c-key", "carol")), &Arc::default());
    for (keys, expected) in [
        (&["a-key", "b-key"][..], Ok("alice")),
        (&["c-key"], Ok("carol")),
        (&["a-key"], Err("missing_credentials")),
        (&["b-key"], Err("missing_credentials")),
        (&[], Err("missing_credentials")),
        (&["a-key", "c-key"], Err("multiple_credentials")),
        (&["b-key", "c-key"], Err("multiple_credentials")),
        (&["a-key", "b-key", "c-key"], Err("multiple_credentials")),
    ] {
        let headers: Vec<_> = keys.iter().map(|key| (*key, "good")).collect();
        let found = ask(&server, HERE, &headers).await;
        let found = found.as_ref().map(Principal::subject).map_err(RejectError::code);
        assert_eq!(found, expected, "{keys:?}");
    }
}

#[tokio::test]
async fn any_of_takes_one_kind_and_only_one() {
    let (a, b) = (in_header("a-key", "alice"), in_header("b-key", "bob"));
    let server = server(AnyOf::new(a.clone()).or(b.clone()), &Arc::default());
    let subject = |found: Result<Principal, _>| found.map(|it| it.subject().to_owned());
    assert_eq!(subject(ask(&server, HERE, &[("a-key", "good")]).await), Ok("alice".into()));
    assert_eq!(subject(ask(&server, HERE, &[("b-key", "good")]).await), Ok("bob".into()));
    assert_eq!(ask(&server, HERE, &[("b-key", "bad")]).await, Err(INVALID));
    let missing = ask(&server, HERE, &[("c-key", "good")]).await.unwrap_err();
    assert_eq!(missing.code(), "missing_credentials");
    let checked = a.checks.load(Ordering::SeqCst) + b.checks.load(Ordering::SeqCst);
    for two in [
        [("a-key", "good"), ("b-key", "good")],
        [("a-key", "good"), ("b-key", "bad")],
        [("a-key", "bad"), ("b-key", "good")],
        [("a-key", "good"), ("a-key", "good")],
    ] {
        let refused = ask(&server, HERE, &two).await.unwrap_err();
        assert_eq!((refused.code(), refused.http_status()), ("multiple_credentials", 400));
    }
    let now = a.checks.load(Ordering::SeqCst) + b.checks.load(Ordering::SeqCst);
    assert_eq!(now, checked, "nothing was checked");
    let challenge = server.challenge(&AuthnError::MissingCredentials).unwrap();
    assert_eq!(challenge, r#"a-key realm="mcp", b-key realm="mcp""#);
}

#[tokio::test]
async fn all_of_demands_each() {
    let clock = Arc::default();
    let a = InHeader { expires_at: 500, ..in_header("a-key", "alice") };
    let both = server(AllOf::new(in_header("b-key", "bob")).and(a.clone()), &clock);
    let found = ask(&both, HERE, &[("a-key", "good"), ("b-key", "good")]).await.unwrap();
    assert_eq!((found.subject(), found.expires_at()), ("bob", Some(UnixMillis::new(500))));
    assert_ne!(found.context_key(), Principal::new("bob", "b-key").context_key());
    for (headers, code) in [
        (&[("a-key", "good")][..], "missing_credentials"),
        (&[("b-key", "good")], "missing_credentials"),
        (&[("a-key", "bad"), ("b-key", "good")], "invalid_credentials"),
        (&[("a-key", "good"), ("b-key", "bad")], "invalid_credentials"),
        (&[("a-key", "good"), ("b-key", "down")], "authentication_unavailable"),
    ] {
        assert_eq!(ask(&both, HERE, headers).await.unwrap_err().code(), code, "{headers:?}");
    }
    let same = AllOf::new(in_header("b-key", "bob")).and(a).with_same_subject();
    let headers = [("a-key", "good"), ("b-key", "good")];
    assert_eq!(ask(&server(same, &clock), HERE, &headers).await, Err(INVALID));
    let same =
        AllOf::new(in_header("b-key", "bob")).and(in_header("a-key", "bob")).with_same_subject();
    assert!(ask(&server(same, &clock), HERE, &headers).await.is_ok());
}

#[test]
fn one_credential_for_two_authenticators_is_a_finding() {
    let twice = AnyOf::new(in_header("a-key", "a")).or(in_header("a-key", "b"));
    let findings = Arc::new(twice).findings();
    let found: Vec<_> = findings.iter().map(|it| (it.path(), it.code(), it.is_error())).collect();
    assert_eq!(found, [("any_of[1]", "duplicate_authenticator", true)]);
}

#[tokio::test]
async fn k3_unknown_credentials_are_counted_by_address() {
    let clock = Arc::new(ManualClock::default());
    let server = server(in_header("a-key", "alice"), &clock);
    for _ in 0..5 {
        assert_eq!(ask(&server, HERE, &[("a-key", "bad")]).await, Err(INVALID));
    }
    for _ in 0..3 {
        assert_eq!(ask(&server, HERE, &[("a-key", "bad")]).await, Err(wait(1)));
    }
    assert!(ask(&server, HERE, &[("a-key", "good")]).await.is_ok(), "a strong key is no guess");
    assert_eq!(ask(&server, HERE, &[("a-key", "bad")]).await, Err(wait(1)), "nor a pardon");
    assert_eq!(ask(&server, THERE, &[("a-key", "bad")]).await, Err(INVALID));
    for (headers, code) in [
        (&[][..], "missing_credentials"),
        (&[("a-key", "down")], "authentication_unavailable"),
        (&[("a-key", "bad"), ("a-key", "bad")], "multiple_credentials"),
    ] {
        for _ in 0..9 {
            let refused = ask(&server, "192.0.2.3", headers).await.unwrap_err();
            assert_eq!(refused.code(), code, "no guess either");
        }
    }
    let challenge = server.challenge(&AuthnError::Throttled { retry_after: Duration::ZERO });
    assert_eq!(challenge, None, "other credentials would not help");
}

#[tokio::test]
async fn k3_claimed_credentials_are_refused_unchecked() {
    let clock = Arc::new(ManualClock::default());
    let alice = InHeader { claims: true, ..in_header("a-key", "alice") };
    let server = server(AnyOf::new(alice.clone()).or(in_header("b-key", "bob")), &clock);
    for _ in 0..5 {
        assert_eq!(ask(&server, HERE, &[("a-key", "bad")]).await, Err(INVALID));
    }
    let checked = alice.checks.load(Ordering::SeqCst);
    for value in ["bad", "good"] {
        assert_eq!(ask(&server, HERE, &[("a-key", value)]).await, Err(wait(1)));
    }
    assert_eq!(alice.checks.load(Ordering::SeqCst), checked);
    assert!(ask(&server, THERE, &[("a-key", "good")]).await.is_ok(), "the victim elsewhere");
    assert!(ask(&server, HERE, &[("b-key", "good")]).await.is_ok(), "another kind");
    assert_eq!(ask(&server, HERE, &[("a-key", "good")]).await, Err(wait(1)), "still");

    clock.set(UnixMillis::new(1000 - 1));
    assert!(ask(&server, HERE, &[("a-key", "good")]).await.is_err());
}

#[tokio::test]
async fn k3_a_success_resets() {
    let clock = Arc::new(ManualClock::default());
    let alice = InHeader { claims: true, expires_at: u64::MAX, ..in_header("a-key", "alice") };
    let server = server(alice, &clock);
    for _ in 0..2 {
        for _ in 0..5 {
            assert_eq!(ask(&server, HERE, &[("a-key", "bad")]).await, Err(INVALID));
        }
        assert_eq!(ask(&server, HERE, &[("a-key", "good")]).await, Err(wait(1)));
        clock.advance(Duration::from_secs(1));
        assert!(ask(&server, HERE, &[("a-key", "good")]).await.is_ok());
    }
}

#[test]
fn a_weakened_backoff_is_searchable() {
    let build = |backoff| {
        SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .with_authenticator(in_header("a-key", "alice"))
            .without_tls()
            .with_backoff(backoff)
            .build()
    };
    let security = build(Backoff::dangerous().disabled()).unwrap();
    assert_eq!(security.dangerous_uses(), ["backoff_disabled"]);
    let error = build(Backoff::new().with_first_delay(Duration::ZERO)).unwrap_err();
    assert_eq!(error.findings().first().map(|it| it.path()), Some("backoff.first_delay"));
}

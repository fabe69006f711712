//! User names and passwords, on both sides.
#![cfg(feature = "basic")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{num::NonZeroUsize, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use palisade_auth::{Basic, BasicCredential, BasicHandle, PasswordHash, basic::UserEntry};
use palisade_security::{
    AllowedOrigins, Authenticator, AuthnError, CredentialProvider, Credentials, ManualClock,
    Origin, PeerInfo, SecurityConfig, ServerSecurity, Severity, UnixMillis, build_auth_headers,
};

/// Of `password`, and fast.
const FAST: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

fn fast() -> PasswordHash {
    PasswordHash::parse(FAST).unwrap()
}

fn users() -> Basic {
    Basic::dangerous()
        .weak_passwords([UserEntry::new("alice", fast()), UserEntry::new("zo\u{eb}", fast())])
}

async fn ask(basic: &Basic, plain: &str) -> Result<String, AuthnError> {
    ask_raw(basic, &format!("Basic {}", STANDARD.encode(plain))).await
}

async fn ask_raw(basic: &Basic, value: &str) -> Result<String, AuthnError> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    let peer = PeerInfo::in_process();
    let found = basic.authenticate(&Credentials::new(&headers, &peer)).await;
    found.map(|principal| principal.subject().to_owned())
}

#[tokio::test]
async fn names_and_passwords_lead_to_principals() {
    let basic = users();
    assert_eq!(ask(&basic, "alice:password").await.unwrap(), "alice");
    assert_eq!(ask(&basic, "zo\u{eb}:password").await.unwrap(), "zo\u{eb}");
    let invalid = Err(AuthnError::InvalidCredentials);
    for wrong in ["alice:Password", "alice:password ", "Alice:password", "bob:password", "alice:"] {
        assert_eq!(ask(&basic, wrong).await, invalid, "{wrong}");
    }
    for malformed in ["Basic", "Basic ", "Basic x", "Basic alice:password", "Basic YWxpY2U="] {
        assert_eq!(ask_raw(&basic, malformed).await, invalid, "{malformed}");
    }
    assert_eq!(ask_raw(&basic, "Bearer abc").await, Err(AuthnError::MissingCredentials));
    let spelled = format!("bASIC  {}", STANDARD.encode("alice:password"));
    assert_eq!(ask_raw(&basic, &spelled).await.unwrap(), "alice");
    let challenge = basic.challenge(None).with_realm("mcp").to_string();
    assert_eq!(challenge, r#"Basic realm="mcp", charset="UTF-8""#);
}

#[test]
fn without_a_runtime_nothing_is_decided() {
    let basic = users();
    let mut headers = HeaderMap::new();
    let value = format!("Basic {}", STANDARD.encode("alice:password"));
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    let peer = PeerInfo::in_process();
    let credentials = Credentials::new(&headers, &peer);
    let mut asked = std::pin::pin!(basic.authenticate(&credentials));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let found = asked.as_mut().poll(&mut cx);
    assert_eq!(found, std::task::Poll::Ready(Err(AuthnError::Unavailable)));
}

#[tokio::test]
async fn k5_each_attempt_computes_the_same_number_of_hashes() {
    let one = users();
    let two = Basic::dangerous().weak_passwords([
        UserEntry::new("alice", fast()),
        UserEntry::new("alice", PasswordHash::parse(&FAST.replace("$c29t", "$d29t")).unwrap()),
        UserEntry::new("bob", fast()),
    ]);
    for (basic, each) in [(one, 1), (two, 2)] {
        let handle = basic.handle();
        for attempt in ["alice:password", "alice:wrong", "bob:wrong", "nobody:password", "x:y"] {
            let before = handle.hashes_computed();
            let _ = ask(&basic, attempt).await;
            assert_eq!(handle.hashes_computed() - before, each, "{attempt}");
        }
        let before = handle.hashes_computed();
        let long = format!("alice:{}", "p".repeat(1025));
        assert_eq!(ask(&basic, &long).await, Err(AuthnError::InvalidCredentials));
        assert_eq!(handle.hashes_computed(), before, "k4: too long to be looked at");
    }
}

#[tokio::test]
async fn k4_few_are_hashed_at_once_and_few_wait() {
    let basic = users().with_max_at_once(NonZeroUsize::new(2).unwrap()).with_max_waiting(8);
    let handle = basic.handle();
    let mut attempts = tokio::task::JoinSet::new();
    let basic = Arc::new(basic);
    for _ in 0..50 {
        let basic = Arc::clone(&basic);
        attempts.spawn(async move { ask(&basic, "alice:password").await });
    }
    let outcomes = attempts.join_all().await;
    let count = |wanted: &Result<String, AuthnError>| {
        outcomes.iter().filter(|found| *found == wanted).count()
    };
    // Two at once, the quarter of eight places that one address may have, and whoever came when some were done.
    let (served, busy) = (count(&Ok("alice".to_owned())), count(&Err(AuthnError::Busy)));
    assert!(served >= 4 && busy > 0 && served + busy == 50, "{served} served, {busy} refused");
    assert!((1..=2).contains(&handle.most_at_once()), "{}", handle.most_at_once());
    assert_eq!(ask(&basic, "alice:password").await.unwrap(), "alice", "and serves on");
}

#[track_caller]
fn check_findings(basic: &Basic, expected: &[(&str, Severity, &str)]) {
    let findings = basic.findings();
    let found: Vec<_> = findings.iter().map(|it| (it.path(), it.severity(), it.code())).collect();
    assert_eq!(found, expected);
    assert!(findings.iter().all(|finding| !finding.fix().is_empty()));
}

#[tokio::test]
async fn k6_weak_passwords_let_nobody_in() {
    let strong = PasswordHash::new("alice", "7xqV-plum-Ember-42").unwrap();
    let good = Basic::users([UserEntry::new("alice", strong.clone())]);
    check_findings(&good, &[]);
    assert_eq!(ask(&good, "alice:7xqV-plum-Ember-42").await.unwrap(), "alice");

    let weak = Basic::users([
        UserEntry::new("alice", strong.clone()),
        UserEntry::new("bob", fast()),
        UserEntry::new("car:ol", strong.clone()),
        UserEntry::new("7xqV-plum-Ember-42", strong.clone()),
        UserEntry::new("", strong.clone()),
    ]);
    check_findings(
        &weak,
        &[
            ("users[1]", Severity::Error, "weak_password_hash"),
            ("users[1]", Severity::Error, "secret_well_known"),
            ("users[2]", Severity::Error, "invalid_user_name"),
            ("users[3]", Severity::Error, "secret_well_known"),
            ("users[4]", Severity::Error, "invalid_user_name"),
            ("users", Severity::Warning, "mixed_password_hashes"),
        ],
    );
    let refused = ask(&weak, "alice:7xqV-plum-Ember-42").await;
    assert_eq!(refused, Err(AuthnError::Unavailable));
    check_findings(&Basic::users([]), &[("users", Severity::Error, "user_required")]);
    let many = Basic::dangerous().weak_passwords((0..4).map(|_| UserEntry::new("a", fast())));
    assert!(many.findings().iter().any(|it| it.code() == "too_many_passwords"));
    assert_eq!(ask(&many, "a:password").await, Err(AuthnError::Unavailable));
}

#[tokio::test]
async fn users_of_a_running_server_are_exchanged() {
    let basic = users();
    let handle = basic.handle();
    handle.replace([UserEntry::new("bob", fast())]).unwrap();
    assert_eq!(ask(&basic, "alice:password").await, Err(AuthnError::InvalidCredentials));
    assert_eq!(ask(&basic, "bob:password").await.unwrap(), "bob");
    assert_eq!(handle.replace([]).unwrap_err().code(), "invalid_auth_config");
    assert_eq!(ask(&basic, "bob:password").await.unwrap(), "bob");
}

fn server(clock: &Arc<ManualClock>) -> (ServerSecurity, BasicHandle) {
    let at = UnixMillis::new;
    let users = [
        UserEntry::new("alice", fast()).with_not_before(at(100)).with_expires_at(at(200)),
        UserEntry::new("bob", fast()),
    ];
    let basic = Basic::dangerous().weak_passwords(users).with_max_at_once(NonZeroUsize::MIN);
    let handle = basic.handle();
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(basic)
        .without_tls()
        .with_clock(Arc::clone(clock))
        .build();
    (security.unwrap(), handle)
}

async fn code(server: &ServerSecurity, plain: &str) -> &'static str {
    let mut headers = HeaderMap::new();
    let value = format!("Basic {}", STANDARD.encode(plain));
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    let peer = PeerInfo::in_process();
    match server.authenticate(&Credentials::new(&headers, &peer)).await {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn a_password_is_valid_from_its_begin_to_its_end() {
    let clock = Arc::new(ManualClock::default());
    let (server, _) = server(&clock);
    for (now, expected) in
        [(99, "invalid_credentials"), (100, "ok"), (199, "ok"), (200, "expired_credentials")]
    {
        clock.set(UnixMillis::new(now));
        assert_eq!(code(&server, "alice:password").await, expected, "at {now}");
    }
}

#[tokio::test]
async fn k3_guesses_that_wait_for_each_other_do_not_all_count_as_the_first() {
    let (server, handle) = server(&Arc::default());
    let server = Arc::new(server);
    let guesses = (0..15).map(|n| {
        let server = Arc::clone(&server);
        // The last one is right.
        let guess = if n == 14 { "bob:password".to_owned() } else { format!("bob:guess {n}") };
        tokio::spawn(async move { code(&server, &guess).await })
    });
    let mut codes = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        codes.push(guess.await.unwrap());
    }
    assert_eq!(codes[..5], ["invalid_credentials"; 5]);
    assert_eq!(codes[5..], ["too_many_failed_attempts"; 10]);
    assert_eq!(handle.hashes_computed(), 5, "the others were not even looked at");
}

#[tokio::test]
async fn a_password_goes_to_its_origin_only() {
    let origin = |text: &str| Origin::parse(text).unwrap();
    let here = origin("https://mcp.example.com");
    let alice = BasicCredential::new(here.clone(), "alice", "open:sesame").unwrap();
    let sent = build_auth_headers(&alice, &here).await.unwrap();
    assert_eq!(sent[AUTHORIZATION], format!("Basic {}", STANDARD.encode("alice:open:sesame")));
    assert!(sent[AUTHORIZATION].is_sensitive());
    let refused = build_auth_headers(&alice, &origin("https://example.com")).await.unwrap_err();
    assert_eq!(refused.code(), "credentials_for_other_origin");
    let bob = BasicCredential::new(here.clone(), "bob", "open:sesame").unwrap();
    assert_ne!(alice.context_key(), bob.context_key());
    assert!(!format!("{alice:?}").contains("sesame"));
    for (at, user, password, code) in [
        ("https://a.example", "al:ice", "x", "invalid_user_name"),
        ("https://a.example", "", "x", "invalid_user_name"),
        ("https://a.example", "a\n", "x", "invalid_user_name"),
        ("https://a.example", "alice", "", "malformed_credentials"),
        ("https://a.example", "alice", "a\r\nb", "malformed_credentials"),
        ("http://a.example", "alice", "x", "credentials_not_sent"),
    ] {
        let error = BasicCredential::new(origin(at), user, password).unwrap_err();
        assert_eq!(error.code(), code, "{user:?} {password:?}");
    }
}

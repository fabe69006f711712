//! Whoever guesses: how long it takes, what an answer tells, and what it costs the others.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use palisade::{
    SecurityConfig,
    auth::{
        ApiKey, Basic, BasicHandle, Bearer, CustomHeaders, PasswordHash, SecretEntry,
        basic::UserEntry, custom::HeaderSet, secrets::Work,
    },
    security::{
        AllowedOrigins, AnyOf, Authenticator, Backoff, ManualClock,
        config::{Ready, ServerConfigBuilder},
    },
};
use palisade_testkit::{Canary, RawRequest, RawResponse, canary::assert_no_canary};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{ALICE, BOB, Target};

/// The hash of `password`, computed fast.
const FAST: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn anonymous_add() -> RawRequest {
    RawRequest::tools_call("add", json!({"a": 1, "b": 2}))
}

fn with_password(user: &str, password: &str) -> RawRequest {
    let credential = STANDARD.encode(format!("{user}:{password}"));
    anonymous_add().with_header("Authorization", format!("Basic {credential}"))
}

fn rules(authenticator: impl Authenticator + 'static) -> ServerConfigBuilder<Ready> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(authenticator)
        .without_tls()
}

fn tokens() -> Bearer {
    Bearer::entries([SecretEntry::new("alice", ALICE), SecretEntry::new("bob", BOB)])
}

fn carol() -> Basic {
    let hash = PasswordHash::parse(FAST).unwrap();
    Basic::dangerous().weak_passwords([UserEntry::new("carol", hash)])
}

/// A server that knows Alice's token and Carol's password.
async fn start(basic: Basic, backoff: Backoff, clock: &Arc<ManualClock>) -> (Target, BasicHandle) {
    let handle = basic.handle();
    let rules = rules(AnyOf::new(tokens()).or(basic)).with_backoff(backoff);
    let rules = rules.with_clock(Arc::clone(clock));
    (Target::start_under(rules, |server, _| server).await, handle)
}

/// Guesses that are wrong in different places, and some that are right.
fn guesses() -> Vec<String> {
    let mut guesses = vec![ALICE.to_owned(), BOB.to_owned()];
    for place in 0..ALICE.len() {
        let mut guess = ALICE.to_owned();
        guess.replace_range(place..=place, "_");
        guesses.push(guess);
    }
    guesses.extend((0..32).map(|n| Canary::new(&n.to_string()).secret().to_owned()));
    guesses
}

#[tokio::test]
async fn k1_work_does_not_depend_on_the_guess() {
    let (bearer, keys) = (
        tokens(),
        ApiKey::entries([SecretEntry::new("alice", ALICE), SecretEntry::new("bob", BOB)]),
    );
    let work: [Arc<Work>; 2] = [bearer.handle(), keys.handle()].map(|it| it.work().unwrap());
    let rules = rules(AnyOf::new(bearer).or(keys));
    let rules = rules.with_backoff(Backoff::new().with_free_failures(1000));
    let target = Target::start_under(rules, |server, _| server).await;
    let mut connection = target.connect().await;
    for guess in guesses() {
        let requests =
            [anonymous_add().with_token(&guess), anonymous_add().with_header("X-API-Key", &guess)];
        for (request, work) in requests.iter().zip(&work) {
            let before = (work.digests(), work.comparisons());
            let response = connection.send(request).await.unwrap();
            let expected = if guess == ALICE || guess == BOB { 200 } else { 401 };
            assert_eq!(response.status(), expected);
            let after = (work.digests() - before.0, work.comparisons() - before.1);
            assert_eq!(after, (1, 2), "one digest, compared with each that is known: {guess}");
        }
    }
}

#[tokio::test]
async fn k2_what_is_stored_are_hashes() {
    let [token, key, password, value] = ["token", "key", "password", "value"].map(Canary::new);
    let all = [&token, &key, &password, &value].map(Clone::clone);
    let hash = PasswordHash::new("carol", password.secret()).unwrap();
    assert_no_canary(&hash.to_phc_string(), &all);
    let entry = UserEntry::new("carol", hash);
    let bearer = Bearer::entries([SecretEntry::new("alice", token.secret())]);
    let keys = ApiKey::entries([SecretEntry::new("bob", key.secret())]);
    let custom = CustomHeaders::sets([HeaderSet::new("dan", [("X-Secret", value.secret())])]);
    let handles = format!("{:#?} {:#?} {entry:#?}", bearer.handle(), keys.handle());
    let any = AnyOf::new(bearer).or(keys).or(custom).or(Basic::users([entry]));
    let shown = format!("{any:#?} {handles} {:#?}", rules(any.clone()).build().unwrap());
    assert!(shown.contains("Basic") && shown.contains("CustomHeaders"));
    assert_no_canary(&shown, &all);
}

/// Sends guesses until one has to wait; gives how many had not.
async fn guess(target: &Target, request: &RawRequest) -> (usize, RawResponse) {
    for count in 0..100 {
        let response = target.send(request).await;
        if response.status() != 401 {
            return (count, response);
        }
    }
    panic!("nobody stops it");
}

fn check_waits(response: &RawResponse, seconds: &str) {
    assert_eq!((response.status(), response.error_code()), (429, Some(-31429)));
    assert_eq!(response.json()["error"]["data"]["code"], "too_many_failed_attempts");
    assert_eq!(response.header("retry-after"), Some(seconds));
    assert_eq!(response.header("www-authenticate"), None);
}

#[tokio::test]
async fn k3_guessing_a_password_and_locking_its_owner_out() {
    let clock = Arc::new(ManualClock::default());
    let (target, handle) = start(carol(), Backoff::new(), &clock).await;
    let elsewhere = target.peer.clone().with_source(ELSEWHERE);
    for (round, seconds) in ["1", "2", "4", "8"].iter().enumerate() {
        let (count, refused) = guess(&target, &with_password("carol", "wrong")).await;
        assert_eq!(count, if round == 0 { 5 } else { 1 }, "free attempts");
        check_waits(&refused, seconds);
        let hashes = handle.hashes_computed();
        // Right or wrong is not even looked at.
        check_waits(&target.send(&with_password("carol", "password")).await, seconds);
        assert_eq!(handle.hashes_computed(), hashes);
        // The owner is somewhere else.
        let owner = elsewhere.send(&with_password("carol", "password")).await.unwrap();
        assert_eq!(owner.status(), 200);
        clock.advance(Duration::from_secs(1 << round));
    }
    assert_eq!(target.runs.count(), 4, "the owner's");
    let refused: Vec<_> = target.audit.take().into_iter().map(|entry| entry.code).collect();
    assert_eq!(refused.iter().filter(|code| *code == "too_many_failed_attempts").count(), 8);
    // Success ends it.
    assert_eq!(target.send(&with_password("carol", "password")).await.status(), 200);
    let (count, _) = guess(&target, &with_password("carol", "wrong")).await;
    assert_eq!(count, 5);
}

#[tokio::test]
async fn k3_guessing_tokens_and_names() {
    let clock = Arc::new(ManualClock::default());
    let (target, handle) = start(carol(), Backoff::new(), &clock).await;
    let (count, refused) = guess(&target, &anonymous_add().with_token("wrong-token-00000")).await;
    assert_eq!(count, 5);
    check_waits(&refused, "1");
    // A token that cannot be guessed was not guessed.
    assert_eq!(target.send(&anonymous_add().with_token(ALICE)).await.status(), 200);
    check_waits(&target.send(&anonymous_add().with_token("another-wrong-one")).await, "1");
    let elsewhere = target.peer.clone().with_source(ELSEWHERE);
    let wrong = anonymous_add().with_token("wrong-token-00000");
    assert_eq!(elsewhere.send(&wrong).await.unwrap().status(), 401, "its own count");

    // Names without end: the first of an address count apart, then they wait for each other.
    let mut connection = elsewhere.connect().await.unwrap();
    for n in 0..40 {
        let request = with_password(&format!("user {n}"), "password");
        connection.send(&request).await.unwrap();
    }
    assert_eq!(handle.hashes_computed(), 16 + 4, "beside the token above");
}

#[tokio::test]
async fn k4_huge_passwords_and_many_at_once() {
    let limited = carol().with_max_at_once(NonZeroUsize::MIN).with_max_waiting(8);
    let (target, handle) = start(limited, Backoff::new(), &Arc::default()).await;
    for length in [1025, 4096, 20_000] {
        let response = target.send(&with_password("huge", &"p".repeat(length))).await;
        assert_eq!(response.status(), 401, "{length}");
    }
    let refused = target.send(&with_password("huge", &"p".repeat(60_000))).await;
    assert_eq!(refused.status(), 431);
    assert_eq!(handle.hashes_computed(), 0, "before any hash");

    let mut flood = JoinSet::new();
    for n in 0..40 {
        let peer = target.peer.clone();
        flood.spawn(async move {
            let response = peer.send(&with_password(&format!("user {n}"), "wrong")).await.unwrap();
            if response.status() == 503 {
                assert_eq!(response.error_code(), Some(-31503));
                assert_eq!(response.json()["error"]["data"]["code"], "authentication_busy");
                assert_eq!(response.header("retry-after"), Some("1"));
            }
            response.status()
        });
    }
    // Others are served meanwhile.
    assert_eq!(target.send(&anonymous_add().with_token(ALICE)).await.status(), 200);
    let statuses = flood.join_all().await;
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
    assert_eq!(handle.most_at_once(), 1);
    let hashed = handle.hashes_computed();
    assert!((1..=21).contains(&hashed), "{hashed} hashes for 40 attempts");
    let owner = target.peer.clone().with_source(ELSEWHERE);
    let owner = owner.send(&with_password("carol", "password")).await.unwrap();
    assert_eq!(owner.status(), 200, "and it serves on");
}

/// What an answer says, without what differs in every answer.
fn said(response: &RawResponse) -> (u16, Vec<(String, String)>, serde_json::Value) {
    let mut headers = response.headers().to_vec();
    headers.retain(|(name, _)| !["date", "x-request-id"].contains(&&*name.to_lowercase()));
    let mut body = response.json();
    if let Some(data) = body.pointer_mut("/error/data").and_then(|data| data.as_object_mut()) {
        data.retain(|key, _| key == "code");
    }
    (response.status(), headers, body)
}

#[tokio::test]
async fn k5_a_user_that_is_none() {
    let backoff = Backoff::new().with_free_failures(1000);
    let (target, handle) = start(carol(), backoff, &Arc::default()).await;
    let mut connection = target.connect().await;
    let mut answers = Vec::new();
    for round in 0..20 {
        for user in ["carol", "nobody", "Carol", &format!("user {round}")] {
            let before = handle.hashes_computed();
            let answer = connection.send(&with_password(user, "wrong")).await.unwrap();
            assert_eq!(handle.hashes_computed() - before, 1, "{user}");
            answers.push(said(&answer));
        }
    }
    let expected = answers.first().unwrap();
    assert_eq!(expected.0, 401);
    assert!(answers.iter().all(|answer| answer == expected), "one answer for all");
    // They wait alike, too.
    let (target, _) = start(carol(), Backoff::new(), &Arc::default()).await;
    let mut waits = Vec::new();
    for user in ["carol", "nobody"] {
        let (count, refused) = guess(&target, &with_password(user, "wrong")).await;
        waits.push((count, said(&refused)));
    }
    assert_eq!(waits.first(), waits.last());
}

#[tokio::test]
async fn k6_default_and_derived_secrets() {
    let refused = |authenticator: Box<dyn Authenticator>| {
        let error = rules(Arc::<dyn Authenticator>::from(authenticator)).build().unwrap_err();
        assert_eq!(error.code(), "security_config_invalid");
        assert!(error.findings().iter().any(|it| it.is_error() && !it.fix().is_empty()));
    };
    let weak = ["changeme", "secret", "test", "password", "weather", "weather-service-01"];
    for secret in
        weak.into_iter().chain(["my-test-token-for-dev", "0123456789abcdef", &"x".repeat(40)])
    {
        let entry = || SecretEntry::new("weather-service", secret);
        refused(Box::new(Bearer::entries([entry()])));
        refused(Box::new(ApiKey::entries([entry()])));
        let set = HeaderSet::new("weather-service", [("X-Secret", secret)]);
        refused(Box::new(CustomHeaders::sets([set])));
        assert!(PasswordHash::new("weather-service", secret).is_err(), "{secret}");
    }
    // A hash that somebody else made of a well-known password.
    let hash = PasswordHash::parse(FAST).unwrap();
    refused(Box::new(Basic::users([UserEntry::new("carol", hash)])));
    refused(Box::new(AnyOf::new(tokens()).or(ApiKey::entries([SecretEntry::new("x", "test")]))));
}

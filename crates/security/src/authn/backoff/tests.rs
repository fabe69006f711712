//! Guessers wait, their victims do not, and nobody fills the memory.
use std::net::SocketAddr;

use super::*;
use crate::clock::{ManualClock, UnixMillis};

fn at(address: &str) -> AddressBlock {
    AddressBlock::of(&PeerInfo::new(SocketAddr::new(address.parse().unwrap(), 1)))
}

fn name(name: &str) -> CredentialId {
    CredentialId::of_name("basic", name)
}

fn clock() -> ManualClock {
    ManualClock::new(UnixMillis::from_secs(1_000_000))
}

const fn secs(secs: u64) -> Option<Duration> {
    Some(Duration::from_secs(secs))
}

/// Fails so often, waiting as long as it takes.
fn fail(
    backoff: &Backoff,
    id: Option<CredentialId>,
    from: AddressBlock,
    clock: &ManualClock,
    times: u32,
) {
    for _ in 0..times {
        while let Some(wait) = backoff.failed(id.as_ref(), from, clock) {
            clock.advance(wait);
        }
    }
}

#[test]
fn as_many_failures_are_free_as_was_set() {
    for free in [0, 1, 7] {
        let (backoff, clock) = (Backoff::new().with_free_failures(free), clock());
        let (alice, here) = (name("alice"), at("192.0.2.1"));
        let mut failures = 0;
        while backoff.wait(&alice, here, &clock).is_none() {
            assert_eq!(backoff.failed(Some(&alice), here, &clock), None);
            failures += 1;
        }
        assert_eq!(failures, free.max(1));
    }
}

#[test]
fn k3_each_failure_doubles_the_wait() {
    let (backoff, clock) = (Backoff::new(), clock());
    let (alice, here) = (name("alice"), at("192.0.2.1"));
    for _ in 0..4 {
        assert_eq!(backoff.failed(Some(&alice), here, &clock), None);
        assert_eq!(backoff.wait(&alice, here, &clock), None, "these are free");
    }
    let mut waits = Vec::new();
    for _ in 0..12 {
        assert_eq!(backoff.failed(Some(&alice), here, &clock), None);
        let wait = backoff.wait(&alice, here, &clock).unwrap();
        assert_eq!(backoff.failed(Some(&alice), here, &clock), Some(wait), "not counted");
        assert_eq!(backoff.wait(&alice, here, &clock), Some(wait), "so it does not grow");
        clock.advance(wait - Duration::from_millis(1));
        assert_eq!(backoff.wait(&alice, here, &clock), Some(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(backoff.wait(&alice, here, &clock), None);
        waits.push(wait.as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(backoff.failed(Some(&alice), here, &clock), None);
    assert_eq!(backoff.wait(&alice, here, &clock), None, "forgotten, so free again");
}

#[test]
fn k3_a_victim_is_not_locked_out_from_elsewhere() {
    let (backoff, clock) = (Backoff::new(), clock());
    let (alice, bob, there) = (name("alice"), name("bob"), at("192.0.2.66"));
    fail(&backoff, None, there, &clock, 20);
    fail(&backoff, Some(alice), there, &clock, 20);
    assert!(backoff.wait(&alice, there, &clock).is_some());
    for elsewhere in ["192.0.2.1", "::1", "2001:db8::1"] {
        assert_eq!(backoff.wait(&alice, at(elsewhere), &clock), None, "{elsewhere}");
    }
    assert_eq!(backoff.wait(&bob, there, &clock), None, "another user of the address");
}

#[test]
fn k3_a_success_clears_its_own_count_only() {
    let (backoff, clock) = (Backoff::new(), clock());
    let (alice, mallory, here) = (name("alice"), name("mallory"), at("192.0.2.1"));
    fail(&backoff, Some(alice), here, &clock, 9);
    fail(&backoff, Some(mallory), here, &clock, 9);
    fail(&backoff, None, here, &clock, 9);
    backoff.succeeded(&mallory, here);
    assert_eq!(backoff.wait(&mallory, here, &clock), None);
    for id in [Some(alice), None] {
        fail(&backoff, id, here, &clock, 1);
        assert!(backoff.failed(id.as_ref(), here, &clock) > secs(9), "the tenth in a row");
    }
    backoff.succeeded(&alice, here);
    assert_eq!(backoff.wait(&alice, here, &clock), None);
    assert_eq!(backoff.tracked_addresses(), 1, "those of unknown credentials stay");

    let shared = CredentialId::of_all("bearer");
    fail(&backoff, Some(shared), here, &clock, 9);
    backoff.succeeded(&shared, here);
    assert!(backoff.wait(&shared, here, &clock).is_some(), "it could be the guesser's own");
}

#[test]
fn k3_names_without_end_share_one_count() {
    let (backoff, clock) = (Backoff::new(), clock());
    let here = at("192.0.2.1");
    let mut checked = 0;
    for n in 0..1000 {
        let id = name(&format!("user {n}"));
        if backoff.wait(&id, here, &clock).is_none() {
            checked += 1;
            let _ = backoff.failed(Some(&id), here, &clock);
        }
    }
    assert_eq!(checked, 16 + 5, "one free attempt for each name, then those of the address");
}

#[test]
fn k3_a_flood_of_addresses_does_not_clear_a_count() {
    let (backoff, clock) = (Backoff::new().with_max_addresses(640), clock());
    let alice = name("alice");
    let guessers: Vec<_> = (1..30).map(|n| at(&format!("203.0.113.{n}"))).collect();
    for _ in 0..12 {
        guessers.iter().for_each(|there| fail(&backoff, Some(alice), *there, &clock, 1));
    }
    for n in 0..50_000_u32 {
        let _ = backoff.failed(Some(&alice), at(&std::net::Ipv4Addr::from(n).to_string()), &clock);
    }
    assert_eq!(backoff.tracked_addresses(), 640, "bounded");
    for there in guessers {
        assert!(backoff.wait(&alice, there, &clock).is_some(), "{there:?} is still counted");
    }
    // When all are stale, they give way like any other.
    clock.advance(Duration::from_secs(3600));
    fail(&backoff, Some(alice), at("198.51.100.7"), &clock, 6);
    assert!(backoff.wait(&alice, at("198.51.100.7"), &clock).is_some());
}

#[test]
fn k3_an_ipv6_network_is_one_address() {
    let (backoff, clock) = (Backoff::new(), clock());
    let alice = name("alice");
    for n in 0..5 {
        let _ = backoff.failed(Some(&alice), at(&format!("2001:db8:1:2:{n}::{n}")), &clock);
    }
    assert_eq!(backoff.wait(&alice, at("2001:db8:1:2:ffff::9"), &clock), secs(1));
    assert_eq!(backoff.wait(&alice, at("2001:db8:1:3::1"), &clock), None, "another network");
    assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"), "one address in two forms");
    assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
}

#[test]
fn a_clock_that_is_set_back_does_not_lengthen_the_wait() {
    let (backoff, clock) = (Backoff::new(), clock());
    let (alice, here) = (name("alice"), at("192.0.2.1"));
    fail(&backoff, Some(alice), here, &clock, 5);
    clock.set(UnixMillis::from_secs(5));
    assert_eq!(backoff.wait(&alice, here, &clock), secs(1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(backoff.wait(&alice, here, &clock), None);
}

#[test]
fn nothing_is_counted_where_it_is_disabled() {
    let (backoff, clock) = (Backoff::dangerous().disabled(), clock());
    let (alice, here) = (name("alice"), at("192.0.2.1"));
    for _ in 0..100 {
        assert_eq!(backoff.failed(Some(&alice), here, &clock), None);
        assert_eq!(backoff.wait(&alice, here, &clock), None);
    }
    assert_eq!(backoff.tracked_addresses(), 0);
}

#[test]
fn impossible_settings_are_findings() {
    let check = |backoff: Backoff, expected: &[&str]| {
        let findings = backoff.findings();
        let paths: Vec<_> = findings.iter().map(Finding::path).collect();
        assert_eq!(paths, expected);
        assert!(findings.iter().all(|it| it.is_error() && !it.fix().is_empty()));
    };
    check(Backoff::new(), &[]);
    check(Backoff::new().with_first_delay(Duration::ZERO), &["backoff.first_delay"]);
    check(Backoff::new().with_max_delay(Duration::from_millis(1)), &["backoff.max_delay"]);
    check(Backoff::new().with_forget_after(Duration::from_secs(60)), &["backoff.forget_after"]);
    check(Backoff::new().with_max_addresses(0), &["backoff.max_addresses"]);
    check(Backoff::new().with_free_failures(0), &[]);
    let minute = Duration::from_secs(60);
    let always_the_same = Backoff::new().with_first_delay(minute).with_max_delay(minute);
    check(always_the_same.with_forget_after(minute), &[]);
}

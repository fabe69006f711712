//! The budgets of a server: addresses, principals, and principals with tools.

use std::collections::BTreeMap;

use super::{Rate, RateLimits, table::Table};
use crate::{
    authn::PeerInfo, clock::UnixMillis, principal::Principal, proxy::Network, reject::RejectError,
};

/// [`RateLimits`] with the budgets that they grant. What is not limited costs nothing, not even a look at
/// the clock.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    addresses: Option<(Rate, Table)>,
    principals: Option<(Rate, Table)>,
    tools: Option<(BTreeMap<Box<str>, Rate>, Table)>,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        let RateLimits { per_address, per_principal, tools, max_keys } = limits;
        let budgets = |rate: Rate| (rate, Table::new(max_keys));
        let tools = (!tools.is_empty()).then(|| (tools, Table::new(max_keys)));
        Self { addresses: per_address.map(budgets), principals: per_principal.map(budgets), tools }
    }

    pub(crate) fn address(
        &self,
        peer: &PeerInfo,
        now: impl FnOnce() -> UnixMillis,
    ) -> Result<(), RejectError> {
        let Some((rate, table)) = &self.addresses else { return Ok(()) };
        // Callers within this process have no address, and others without one are not served.
        let Some(address) = peer.address() else { return Ok(()) };
        spend(table, Network::of_subscriber(address.ip()), rate, now)
    }

    pub(crate) fn principal(
        &self,
        principal: &Principal,
        now: impl FnOnce() -> UnixMillis,
    ) -> Result<(), RejectError> {
        let Some((rate, table)) = &self.principals else { return Ok(()) };
        spend(table, short_key(principal), rate, now)
    }

    pub(crate) fn tool(
        &self,
        principal: &Principal,
        tool: &str,
        now: impl FnOnce() -> UnixMillis,
    ) -> Result<(), RejectError> {
        let Some((rates, table)) = &self.tools else { return Ok(()) };
        let Some(rate) = rates.get(tool) else { return Ok(()) };
        spend(table, (short_key(principal), tool), rate, now)
    }
}

/// Half of the context key, which is a digest: still more than anybody can find another one to.
fn short_key(principal: &Principal) -> u128 {
    principal.context_key().first_chunk().copied().map_or(0, u128::from_ne_bytes)
}

fn spend(
    table: &Table,
    caller: impl std::hash::Hash,
    rate: &Rate,
    now: impl FnOnce() -> UnixMillis,
) -> Result<(), RejectError> {
    let spent = table.spend(caller, rate, now());
    spent.map_err(|retry_after| RejectError::RateLimited { retry_after })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock as _, ManualClock, UnixMillis};

    fn clock() -> ManualClock {
        ManualClock::new(UnixMillis::from_secs(1_700_000_000))
    }

    #[test]
    fn nothing_is_limited_by_default() {
        let limiter = RateLimiter::new(RateLimits::new());
        let (alice, clock) = (Principal::new("alice", "bearer"), clock());
        for _ in 0..1000 {
            limiter.principal(&alice, || clock.now()).unwrap();
            limiter.tool(&alice, "add", || clock.now()).unwrap();
            limiter.address(&PeerInfo::new(([1, 2, 3, 4], 5).into()), || clock.now()).unwrap();
        }
    }

    #[test]
    fn addresses_count_by_what_one_subscriber_has() {
        let limiter = RateLimiter::new(RateLimits::new().with_per_address(Rate::per_second(1)));
        let clock = clock();
        let passes = |address: &str| {
            let peer = PeerInfo::new(address.parse().unwrap());
            limiter.address(&peer, || clock.now()).is_ok()
        };
        assert!(passes("192.0.2.1:1") && !passes("192.0.2.1:2"), "whatever the port");
        assert!(!passes("[::ffff:192.0.2.1]:1"), "in other clothes");
        assert!(passes("192.0.2.2:1"));
        assert!(passes("[2001:db8::1]:1") && !passes("[2001:db8::ffff:2]:1"), "one /64");
        assert!(passes("[2001:db8:0:1::1]:1"));
        for _ in 0..9 {
            limiter.address(&PeerInfo::in_process(), || clock.now()).unwrap();
        }
    }

    #[test]
    fn principals_and_tools_have_budgets_of_their_own() {
        let limits = RateLimits::new()
            .with_per_principal(Rate::per_minute(2))
            .with_tool("add", Rate::per_minute(1))
            .with_tool("sub", Rate::per_minute(1));
        let (limiter, clock) = (RateLimiter::new(limits), clock());
        let (alice, bob) = (Principal::new("alice", "bearer"), Principal::new("bob", "bearer"));
        for principal in [&alice, &bob] {
            assert!(limiter.tool(principal, "add", || clock.now()).is_ok());
            assert!(limiter.tool(principal, "sub", || clock.now()).is_ok());
            for _ in 0..9 {
                assert!(limiter.tool(principal, "other", || clock.now()).is_ok());
            }
            let spent = limiter.tool(principal, "add", || clock.now()).unwrap_err();
            assert_eq!(
                (spent.code(), spent.retry_after()),
                ("rate_limited", Some(Duration::from_secs(60)))
            );
            assert!(limiter.principal(principal, || clock.now()).is_ok());
            assert!(limiter.principal(principal, || clock.now()).is_ok());
            let spent = limiter.principal(principal, || clock.now()).unwrap_err();
            assert_eq!(
                (spent.http_status(), spent.retry_after()),
                (429, Some(Duration::from_secs(30)))
            );
        }
        clock.advance(Duration::from_secs(30));
        assert!(limiter.principal(&alice, || clock.now()).is_ok());
        assert!(limiter.tool(&alice, "add", || clock.now()).is_err());
        clock.advance(Duration::from_secs(30));
        assert!(limiter.tool(&alice, "add", || clock.now()).is_ok());
    }
}

//! Rate limits: how many requests a principal, an address or the caller of a tool may send in a time.

mod limiter;
mod table;

use std::{collections::BTreeMap, time::Duration};

pub(crate) use limiter::RateLimiter;

use crate::config::{Finding, Severity};

/// The longest time in which a spent budget may take to come back. It bounds what a clock that was set back
/// can do.
const MAX_REFILL: Duration = Duration::from_secs(24 * 60 * 60);

/// So many requests in a time, evenly: 60 in a minute come back one a second. A caller who was quiet may
/// send up to [`Self::with_burst`] at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    per: Duration,
    burst: u32,
}

impl Rate {
    /// So many requests in this time, all of them at once if need be.
    #[must_use]
    pub const fn new(requests: u32, per: Duration) -> Self {
        Self { requests, per, burst: requests }
    }

    /// So many requests a second.
    #[must_use]
    pub const fn per_second(requests: u32) -> Self {
        Self::new(requests, Duration::from_secs(1))
    }

    /// So many requests a minute.
    #[must_use]
    pub const fn per_minute(requests: u32) -> Self {
        Self::new(requests, Duration::from_secs(60))
    }

    /// Sets how many requests may come at once. Default: as many as in the whole time. Abuse: all at once is
    /// what overloads.
    #[must_use]
    pub const fn with_burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// The time after which one more request may come, in nanoseconds.
    fn interval(&self) -> u64 {
        let nanos = self.per.as_nanos() / u128::from(self.requests.max(1));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// How far ahead of its time a request may come, in nanoseconds.
    fn tolerance(&self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst.saturating_sub(1)))
    }

    fn findings(&self, path: &str) -> Option<Finding> {
        let error = |code, message| Finding::new(path.to_owned(), Severity::Error, code, message);
        if self.requests == 0 || self.burst == 0 || self.per.is_zero() {
            let message = "the rate is zero, so nothing would pass";
            return Some(error("limit_is_zero", message).with_fix("set a positive rate and burst"));
        }
        if self.interval() == 0 {
            let message = "the rate is above a request in a nanosecond";
            return Some(error("limit_too_large", message).with_fix("leave the rate out"));
        }
        let refill = self.interval().saturating_add(self.tolerance());
        (Duration::from_nanos(refill) > MAX_REFILL).then(|| {
            let message = "a spent budget would take more than a day to come back";
            error("limit_too_large", message).with_fix("set a shorter time or a smaller burst")
        })
    }
}

/// How often callers may ask. Default: no rate is limited, for what is usual depends on what is served; how
/// much runs at once is always bounded by [`Limits`](crate::Limits). A request beyond a rate is answered
/// with 429 `rate_limited` and `Retry-After`.
///
/// The memory is bounded, and no number of callers resets anyone's budget: where a new caller finds no room,
/// it takes over the debt of the one who owes least. Only while more than [`Self::with_max_keys`] callers
/// spend their budgets at once do newcomers find theirs spent. Budgets are those of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    per_address: Option<Rate>,
    per_principal: Option<Rate>,
    tools: BTreeMap<Box<str>, Rate>,
    max_keys: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl RateLimits {
    /// No rate is limited.
    #[must_use]
    pub const fn new() -> Self {
        Self { per_address: None, per_principal: None, tools: BTreeMap::new(), max_keys: 16_384 }
    }

    /// Limits the requests from one address, before anybody is authenticated. An IPv6 address stands for
    /// its /64 network, which one subscriber has. Abuse: requests that cost the most because they are
    /// refused. Behind a proxy, name it with
    /// [`TrustedProxies`](crate::TrustedProxies): otherwise all its clients count as one.
    #[must_use]
    pub const fn with_per_address(mut self, rate: Rate) -> Self {
        self.per_address = Some(rate);
        self
    }

    /// Limits the requests of one principal. Abuse: one caller that takes the time of all.
    #[must_use]
    pub const fn with_per_principal(mut self, rate: Rate) -> Self {
        self.per_principal = Some(rate);
        self
    }

    /// Limits the calls of a tool by one principal. A name that no tool has limits nothing. Abuse: a tool
    /// that is expensive, or that acts on the world.
    #[must_use]
    pub fn with_tool(mut self, tool: impl Into<Box<str>>, rate: Rate) -> Self {
        self.tools.insert(tool.into(), rate);
        self
    }

    /// Sets how many callers have a budget of their own at a time: for addresses, principals, and
    /// principals with tools each. Default: 16384, rounded up to a power of two; 17 bytes each. Abuse: a
    /// caller with many addresses that fills the memory.
    #[must_use]
    pub const fn with_max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }

    /// What is wrong with these rates.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let tools = self.tools.iter().map(|(name, rate)| {
            let name: String = name.chars().take(128).collect();
            (format!("rate_limits.tools.{}", name.escape_debug()), rate)
        });
        let address = self.per_address.iter().map(|rate| ("rate_limits.per_address".into(), rate));
        let principal =
            self.per_principal.iter().map(|rate| ("rate_limits.per_principal".into(), rate));
        let rates = address.chain(principal).chain(tools);
        let mut findings: Vec<_> = rates.filter_map(|(path, rate)| rate.findings(&path)).collect();
        if !(1..=MAX_KEYS).contains(&self.max_keys) {
            findings.push(
                Finding::new(
                    "rate_limits.max_keys",
                    Severity::Error,
                    if self.max_keys == 0 { "limit_is_zero" } else { "limit_too_large" },
                    "the number of budgets is zero, or above 2^24",
                )
                .with_fix("set a number from 1 to 16777216, or leave the default"),
            );
        }
        findings
    }
}

/// The most budgets of a kind: memory is taken for all of them at the start.
const MAX_KEYS: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limits: &RateLimits, expected: &[(&str, &str)]) {
        let findings = limits.findings();
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.path(), finding.code())).collect();
        assert_eq!(found, expected);
        assert!(findings.iter().all(|finding| !finding.fix().is_empty()));
    }

    #[test]
    fn rates_that_nothing_passes_or_nothing_stops_are_findings() {
        check(&RateLimits::default(), &[]);
        let fine = Rate::per_minute(60).with_burst(1440);
        check(&RateLimits::new().with_per_address(fine).with_tool("add", Rate::per_second(1)), &[]);
        // A budget that takes a whole day to come back.
        let longest = Rate::per_minute(60).with_burst(24 * 60 * 60);
        check(&RateLimits::new().with_per_principal(longest), &[]);
        let zero = RateLimits::new()
            .with_per_address(Rate::per_second(0))
            .with_per_principal(Rate::per_second(1).with_burst(0))
            .with_tool("a\n", Rate::new(1, Duration::ZERO))
            .with_max_keys(0);
        check(
            &zero,
            &[
                ("rate_limits.per_address", "limit_is_zero"),
                ("rate_limits.per_principal", "limit_is_zero"),
                ("rate_limits.tools.a\\n", "limit_is_zero"),
                ("rate_limits.max_keys", "limit_is_zero"),
            ],
        );
        let large = RateLimits::new()
            .with_per_address(Rate::new(u32::MAX, Duration::from_nanos(1)))
            .with_per_principal(Rate::per_minute(60).with_burst(24 * 60 * 60 + 1))
            .with_tool("b", Rate::new(1, Duration::MAX))
            .with_max_keys(MAX_KEYS + 1);
        check(
            &large,
            &[
                ("rate_limits.per_address", "limit_too_large"),
                ("rate_limits.per_principal", "limit_too_large"),
                ("rate_limits.tools.b", "limit_too_large"),
                ("rate_limits.max_keys", "limit_too_large"),
            ],
        );
    }
}

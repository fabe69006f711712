//! Budgets of many callers in memory that never grows.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Rate;
use crate::clock::UnixMillis;

/// How many budgets lie together. A caller's may be in any place of its bucket.
const PLACES: usize = 8;

/// A table of budgets. Each is one time, as the generic cell rate algorithm has it: when the caller will
/// owe nothing. A budget that owes nothing is as good as none, so its place is free.
///
/// Where all places of a bucket are taken, a newcomer takes over the one that owes least, debt included. So
/// the least debt of a bucket never shrinks but with time, and a caller who lost its place finds at least
/// what it owed when it comes back: no crowd of callers can reset a budget. Which callers share a bucket
/// depends on a key that is drawn at the start, so that nobody can choose its neighbours.
///
/// There is one lock a bucket, held for a few comparisons, and none for all.
pub(super) struct Table {
    buckets: Box<[Mutex<[Budget; PLACES]>]>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Default)]
struct Budget {
    /// A keyed hash of the caller. Two callers with the same one would share a budget.
    caller: u64,
    /// When the caller owes nothing, in nanoseconds since the epoch.
    free_at: u64,
}

impl Table {
    pub(super) fn new(max_keys: usize) -> Self {
        let buckets = max_keys.div_ceil(PLACES).next_power_of_two();
        Self {
            buckets: std::iter::repeat_with(Mutex::default).take(buckets).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Spends one request of a caller's budget.
    ///
    /// # Errors
    ///
    /// The time to wait, if the budget is spent; then the request costs nothing.
    pub(super) fn spend(
        &self,
        caller: impl Hash,
        rate: &Rate,
        now: UnixMillis,
    ) -> Result<(), Duration> {
        let caller = self.hasher.hash_one(caller);
        let now = now.as_millis().saturating_mul(1_000_000);
        let (interval, tolerance) = (rate.interval(), rate.tolerance());
        let at = usize::try_from(caller).unwrap_or(usize::MAX) & (self.buckets.len() - 1);
        let Some(bucket) = self.buckets.get(at) else { return Ok(()) };
        let mut places = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let own = places.iter().position(|budget| budget.caller == caller);
        let least = || places.iter().enumerate().min_by_key(|(_, budget)| budget.free_at);
        let Some(place) = own.or_else(|| least().map(|(place, _)| place)) else { return Ok(()) };
        let Some(budget) = places.get_mut(place) else { return Ok(()) };
        // More than a whole budget is owed only if the clock was set back, or to a slower rate.
        let most = now.saturating_add(tolerance).saturating_add(interval);
        let free_at = budget.free_at.clamp(now, most);
        if own.is_some() {
            budget.free_at = free_at;
        }
        let wait = free_at.saturating_sub(now).saturating_sub(tolerance);
        if wait > 0 {
            return Err(Duration::from_nanos(wait));
        }
        *budget = Budget { caller, free_at: free_at.saturating_add(interval) };
        Ok(())
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("buckets", &self.buckets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_700_000_000_000 + millis)
    }

    fn spent(table: &Table, caller: u64, rate: &Rate, millis: u64) -> bool {
        table.spend(caller, rate, at(millis)).is_err()
    }

    /// How many of these requests pass.
    fn passed(table: &Table, caller: u64, rate: &Rate, millis: u64, requests: usize) -> usize {
        (0..requests).filter(|_| !spent(table, caller, rate, millis)).count()
    }

    #[test]
    fn a_burst_then_an_even_rate() {
        let table = Table::new(64);
        let rate = Rate::per_second(10).with_burst(5);
        assert_eq!(passed(&table, 1, &rate, 0, 100), 5);
        assert_eq!(table.spend(1_u64, &rate, at(0)), Err(Duration::from_millis(100)));
        assert_eq!(table.spend(1_u64, &rate, at(60)), Err(Duration::from_millis(40)));
        assert_eq!(passed(&table, 1, &rate, 99, 100), 0);
        assert_eq!(passed(&table, 1, &rate, 100, 100), 1);
        assert_eq!(passed(&table, 1, &rate, 350, 100), 2);
        assert_eq!(passed(&table, 1, &rate, 10_000, 100), 5, "no more than a burst, however long");
        assert_eq!(passed(&table, 2, &rate, 350, 100), 5, "another caller");
        let fast = Rate::per_second(1_000_000).with_burst(3);
        assert_eq!((passed(&table, 3, &fast, 0, 9), passed(&table, 3, &fast, 1, 9)), (3, 3));
    }

    /// Over any time, however the requests fall, no more than the burst and the rate pass.
    #[test]
    fn no_pattern_gets_more_than_the_rate() {
        let rate = Rate::new(7, Duration::from_millis(100)).with_burst(3);
        let table = Table::new(8);
        let mut passed = 0;
        let mut now = 0;
        for step in 0..10_000_u64 {
            now += step * step % 13;
            passed += u64::from(!spent(&table, 1, &rate, now));
        }
        assert!(passed <= 3 + now * 7 / 100 + 1, "{passed} in {now} ms");
        assert!(passed >= now * 7 / 100 - 1, "{passed} in {now} ms");
    }

    /// The one bucket of this table is full of callers who owe more, and more who come.
    #[test]
    fn a_crowd_resets_no_budget() {
        let table = Table::new(PLACES);
        let rate = Rate::per_minute(60).with_burst(10);
        assert_eq!(passed(&table, 0, &rate, 0, 10), 10, "the victim, or the attacker, spends all");
        assert!(spent(&table, 0, &rate, 0));
        let crowd: usize = (1..10_000).map(|caller| passed(&table, caller, &rate, 0, 20)).sum();
        assert!(spent(&table, 0, &rate, 0), "the budget came back");
        // All places together, and no more, however many names there are.
        assert_eq!(crowd, 7 * 10);
        assert!(spent(&table, 0, &rate, 999));
        assert!(!spent(&table, 0, &rate, 1000), "its own rate goes on");
    }

    /// Callers who owe nothing leave their places.
    #[test]
    fn quiet_callers_make_room() {
        let table = Table::new(PLACES);
        let rate = Rate::per_second(1);
        for caller in 0..8 {
            assert!(!spent(&table, caller, &rate, 0));
        }
        assert!(spent(&table, 100, &rate, 0), "no room");
        for caller in 100..108 {
            assert!(!spent(&table, caller, &rate, 1000), "{caller}");
        }
        assert!(spent(&table, 0, &rate, 1000), "full again");
    }

    #[test]
    fn a_clock_set_back_costs_a_burst_at_most() {
        let table = Table::new(8);
        let rate = Rate::per_second(1).with_burst(2);
        assert_eq!(passed(&table, 1, &rate, 3_600_000, 9), 2);
        assert!(spent(&table, 1, &rate, 0));
        assert_eq!(passed(&table, 1, &rate, 1000, 9), 1);
    }

    #[test]
    fn memory_is_what_was_asked_for() {
        for (keys, buckets) in [(1, 1), (8, 1), (9, 2), (16_384, 2048)] {
            assert_eq!(Table::new(keys).buckets.len(), buckets);
        }
        assert!(size_of::<Mutex<[Budget; PLACES]>>() <= 17 * PLACES);
    }
}

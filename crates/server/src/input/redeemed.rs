//! [`Redeemed`]: request states that may not be used again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use palisade_security::UnixMillis;

/// Names the exchange that a state belongs to, through all its rounds: 128 random bits. A state that is
/// handed out twice, from two answers to the same question, has the same name both times.
pub(crate) type ExchangeId = [u8; 16];

/// The most exchanges that are remembered: 65,536, about 4 MiB. Abuse: exchanges that are redeemed only to
/// fill this. When it is full nothing can be redeemed until the time of some is up: what is not remembered
/// could be redeemed twice.
const MAX_REDEEMED: usize = 65_536;

/// After this many new ones, those whose time is up are forgotten.
const SWEEP_EVERY: usize = 1024;

/// The exchanges that were redeemed and whose states would still open, in this process.
#[derive(Debug, Default)]
pub(crate) struct Redeemed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: HashMap<ExchangeId, UnixMillis>,
    since_sweep: usize,
    /// Before this no time is up: a full table is not looked through for every request in vain.
    first: Option<UnixMillis>,
}

/// Why an exchange cannot be redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It was.
    Used,
    /// There is no room to remember it.
    Full,
}

impl Redeemed {
    /// Redeems an exchange, and remembers it. Of any number of callers at the same time, one succeeds.
    pub(crate) fn redeem(
        &self,
        id: ExchangeId,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        state.since_sweep = state.since_sweep.saturating_add(1);
        let due = state.since_sweep >= SWEEP_EVERY || state.until.len() >= MAX_REDEEMED;
        if due && state.first.is_some_and(|first| first <= now) {
            state.since_sweep = 0;
            state.until.retain(|_, until| *until > now);
            state.first = state.until.values().min().copied();
        }
        if state.until.get(&id).is_some_and(|until| *until > now) {
            return Err(Refused::Used);
        }
        if state.until.len() >= MAX_REDEEMED {
            return Err(Refused::Full);
        }
        state.until.insert(id, until);
        state.first = Some(state.first.map_or(until, |first| first.min(until)));
        Ok(())
    }

    /// Whether an exchange was redeemed.
    pub(crate) fn contains(&self, id: &ExchangeId) -> bool {
        self.lock().until.contains_key(id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ExchangeId {
        (number as u128).to_le_bytes()
    }

    #[test]
    fn r3_an_exchange_is_redeemed_once_until_its_time_is_up() {
        let redeemed = Redeemed::default();
        let redeem = |now| redeemed.redeem(id(1), UnixMillis::new(now), UnixMillis::new(now + 10));
        assert_eq!(
            (redeem(0), redeem(1), redeem(9)),
            (Ok(()), Err(Refused::Used), Err(Refused::Used))
        );
        assert!(redeemed.contains(&id(1)) && !redeemed.contains(&id(2)));
        assert_eq!((redeem(10), redeem(11)), (Ok(()), Err(Refused::Used)));
    }

    #[test]
    fn r3_what_cannot_be_remembered_is_not_redeemed() {
        let redeemed = Redeemed::default();
        let redeem = |number, now| {
            redeemed.redeem(id(number), UnixMillis::new(now), UnixMillis::new(now + 10))
        };
        for number in 0..MAX_REDEEMED {
            assert_eq!(redeem(number, 0), Ok(()));
        }
        let swept = redeemed.lock().since_sweep;
        assert_eq!(redeem(MAX_REDEEMED, 9), Err(Refused::Full));
        assert_eq!(redeem(0, 9), Err(Refused::Used));
        assert_eq!(redeemed.lock().since_sweep, swept + 2, "no look at all of them in vain");
        assert_eq!(redeem(MAX_REDEEMED, 10), Ok(()), "their time is up");
        assert_eq!(redeemed.lock().until.len(), 1);
    }
}

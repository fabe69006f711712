//! What failed from one address, and how long it has to wait for it.

use std::time::Duration;

use super::{CredentialId, Settings};
use crate::clock::UnixMillis;

/// The most names of one address that are counted apart. Abuse: an address that tries names without end
/// would fill the memory, and get free failures with each.
const MAX_NAMES: usize = 16;

/// Failures of one address.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Those of unknown credentials, and of names beyond [`MAX_NAMES`].
    unknown: Counter,
    names: Vec<(CredentialId, Counter)>,
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    failures: u32,
    last: UnixMillis,
}

impl Failures {
    /// The counter that decides about a credential; none if nothing of it failed.
    pub(super) fn counter(&mut self, id: Option<&CredentialId>) -> Option<&mut Counter> {
        let place = id.and_then(|id| self.names.iter().position(|(name, _)| name == id));
        match place {
            Some(place) => self.names.get_mut(place).map(|(_, counter)| counter),
            None if id.is_some() && self.names.len() < MAX_NAMES => None,
            None => Some(&mut self.unknown),
        }
    }

    /// The counter that counts a failure of a credential.
    pub(super) fn counter_to_count(
        &mut self,
        id: Option<&CredentialId>,
        settings: &Settings,
        now: UnixMillis,
    ) -> &mut Counter {
        if let Some(id) = id
            && !self.names.iter().any(|(name, _)| name == id)
        {
            self.names.retain(|(_, counter)| !counter.is_stale(settings, now));
            if self.names.len() < MAX_NAMES {
                self.names.push((*id, Counter::default()));
            }
        }
        let place = id.and_then(|id| self.names.iter().position(|(name, _)| name == id));
        match place.and_then(|place| self.names.get_mut(place)) {
            Some((_, counter)) => counter,
            None => &mut self.unknown,
        }
    }

    pub(super) fn clear(&mut self, id: &CredentialId) {
        if !id.shared {
            self.names.retain(|(name, _)| name != id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.unknown.failures == 0
    }

    /// What is lost if these failures are forgotten: how many there are, and how lately they happened.
    pub(super) fn weight(&self, settings: &Settings, now: UnixMillis) -> (u32, UnixMillis) {
        let counters = self.names.iter().map(|(_, counter)| counter).chain([&self.unknown]);
        counters.filter(|counter| !counter.is_stale(settings, now)).fold(
            (0, UnixMillis::default()),
            |(failures, last), counter| {
                (failures.saturating_add(counter.failures), last.max(counter.last))
            },
        )
    }
}

impl Counter {
    /// How long the next attempt has to wait.
    pub(super) fn wait(&mut self, settings: &Settings, now: UnixMillis) -> Option<Duration> {
        // A clock that was set back must not lengthen the wait.
        self.last = self.last.min(now);
        let beyond = self.failures.checked_sub(settings.free_failures)?;
        if self.is_stale(settings, now) || self.failures == 0 {
            return None;
        }
        let factor = 1_u32.checked_shl(beyond).unwrap_or(u32::MAX);
        let delay = settings.first_delay.saturating_mul(factor).min(settings.max_delay);
        let left = delay.saturating_sub(now.saturating_duration_since(self.last));
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn count(&mut self, settings: &Settings, now: UnixMillis) {
        if self.is_stale(settings, now) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = now;
    }

    fn is_stale(&self, settings: &Settings, now: UnixMillis) -> bool {
        now.saturating_duration_since(self.last) >= settings.forget_after
    }
}

//! [`Admission`]: how many requests run at once, of one principal and of all.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use palisade_security::{Limits, Principal, RejectError};

/// A place is free when a request ends, which nobody can foretell.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts requests in flight. Its memory is bounded by the requests that are in flight.
#[derive(Debug, Default)]
pub struct Admission(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    each: HashMap<[u8; 32], usize, BuildHasherDefault<DigestHasher>>,
}

/// The keys are digests: their first bytes are as good as any hash of them.
#[derive(Debug, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length, the same for every key.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Holds a place until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Place<'a> {
    admission: &'a Admission,
    key: [u8; 32],
}

impl Admission {
    /// Takes a place.
    ///
    /// # Errors
    ///
    /// [`RejectError::TooManyInFlight`] if the principal has none left: one caller with many slow
    /// requests must not use up what all share. [`RejectError::Overloaded`] if all have none left.
    pub fn admit(&self, principal: &Principal, limits: &Limits) -> Result<Place<'_>, RejectError> {
        let key = principal.context_key();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { all, each } = &mut *counts;
        // Nothing is noted for those who get no place: names without end must not fill the memory.
        if *all >= limits.max_in_flight() {
            return Err(RejectError::Overloaded { retry_after: RETRY_AFTER });
        }
        let count = each.entry(key).or_default();
        if *count >= limits.max_in_flight_per_principal() {
            return Err(RejectError::TooManyInFlight { retry_after: RETRY_AFTER });
        }
        *count += 1;
        *all += 1;
        Ok(Place { admission: self, key })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { all, each } = &mut *counts;
        *all = all.saturating_sub(1);
        if let Some(count) = each.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                each.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use palisade_security::{Limits, Principal};

    use super::Admission;

    #[test]
    fn places_are_per_principal_and_come_back() {
        let limits = Limits::new().with_max_in_flight_per_principal(2);
        let admission = Admission::default();
        let (alice, bob) = (Principal::new("alice", "bearer"), Principal::new("bob", "bearer"));
        let first = admission.admit(&alice, &limits).unwrap();
        let second = admission.admit(&alice, &limits).unwrap();
        assert_eq!(admission.admit(&alice, &limits).unwrap_err().http_status(), 429);
        assert!(admission.admit(&bob, &limits).is_ok());
        drop(first);
        assert!(admission.admit(&alice, &limits).is_ok());
        drop(second);
        let counts = admission.0.lock().unwrap();
        assert_eq!((counts.all, counts.each.len()), (0, 0));
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let limits = Limits::new().with_max_in_flight(3);
        let admission = Admission::default();
        let places: Vec<_> = (0..3)
            .map(|n| admission.admit(&Principal::new(n.to_string(), "bearer"), &limits).unwrap())
            .collect();
        for n in 0..9 {
            let refused = admission.admit(&Principal::new(n.to_string(), "bearer"), &limits);
            assert_eq!(refused.unwrap_err().code(), "overloaded");
        }
        assert_eq!(admission.0.lock().unwrap().each.len(), 3);
        drop(places);
        assert!(admission.admit(&Principal::anonymous(), &limits).is_ok());
    }
}

//! [`Admission`]: how many requests run at once, and how many sessions there are, of one principal and of all.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use palisade_security::{Limits, Principal, RejectError};

/// A place is free when a request ends, which nobody can foretell.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts requests in flight, or sessions. Its memory is bounded by what it counts.
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

/// How many places there are.
#[derive(Clone, Copy)]
struct Most {
    each: usize,
    all: usize,
}

/// Who has none left.
#[derive(Clone, Copy)]
enum Full {
    Each,
    All,
}

/// Holds a place until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Place<'a> {
    admission: Held<'a>,
    key: [u8; 32],
}

#[derive(Debug)]
enum Held<'a> {
    Here(&'a Admission),
    Anywhere(Arc<Admission>),
    Elsewhere,
}

impl Admission {
    /// Takes a place.
    ///
    /// # Errors
    ///
    /// [`RejectError::TooManyInFlight`] if the principal has none left: one caller with many slow
    /// requests must not use up what all share. [`RejectError::Overloaded`] if all have none left.
    pub fn admit(&self, principal: &Principal, limits: &Limits) -> Result<Place<'_>, RejectError> {
        let most = Most { each: limits.max_in_flight_per_principal(), all: limits.max_in_flight() };
        self.take(principal, most).map_err(|full| match full {
            Full::Each => RejectError::TooManyInFlight { retry_after: RETRY_AFTER },
            Full::All => RejectError::Overloaded { retry_after: RETRY_AFTER },
        })
    }

    /// Takes a place for a session.
    ///
    /// # Errors
    ///
    /// [`RejectError::TooManySessions`] if the principal has none left, or all have none left.
    pub fn admit_session(
        &self,
        principal: &Principal,
        limits: &Limits,
    ) -> Result<Place<'_>, RejectError> {
        let limits = limits.sessions();
        let most = Most { each: limits.max_per_principal(), all: limits.max_sessions() };
        self.take(principal, most)
            .map_err(|_| RejectError::TooManySessions { retry_after: RETRY_AFTER })
    }

    /// How many places are taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    fn take(&self, principal: &Principal, most: Most) -> Result<Place<'_>, Full> {
        let key = principal.context_key();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { all, each } = &mut *counts;
        // Nothing is noted for those who get no place: names without end must not fill the memory.
        if *all >= most.all {
            return Err(Full::All);
        }
        let count = each.entry(key).or_default();
        if *count >= most.each {
            return Err(Full::Each);
        }
        *count += 1;
        *all += 1;
        Ok(Place { admission: Held::Here(self), key })
    }
}

impl Place<'_> {
    /// The same place, for a request that outlives the exchange in which it came. `admission` is where it was
    /// taken.
    pub fn detach(mut self, admission: &Arc<Admission>) -> Place<'static> {
        self.admission = Held::Elsewhere;
        Place { admission: Held::Anywhere(Arc::clone(admission)), key: self.key }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let admission = match &self.admission {
            Held::Here(admission) => admission,
            Held::Anywhere(admission) => &**admission,
            Held::Elsewhere => return,
        };
        let mut counts = admission.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    use std::sync::Arc;

    use palisade_security::{Limits, Principal};

    use super::Admission;

    #[test]
    fn places_are_per_principal_and_come_back() {
        let limits = Limits::new().with_max_in_flight_per_principal(2);
        let admission = Arc::new(Admission::default());
        let (alice, bob) = (Principal::new("alice", "bearer"), Principal::new("bob", "bearer"));
        let first = admission.admit(&alice, &limits).unwrap().detach(&admission);
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

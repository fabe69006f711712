//! How many requests of one principal run at once.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use palisade_security::{Principal, RejectError};

/// Counts requests in flight. Its memory is bounded by the requests that are in flight.
#[derive(Debug, Default)]
pub(super) struct Admission(Mutex<HashMap<[u8; 32], usize, BuildHasherDefault<DigestHasher>>>);

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
pub(super) struct Place<'a> {
    admission: &'a Admission,
    key: [u8; 32],
}

impl Admission {
    /// Takes a place.
    ///
    /// # Errors
    ///
    /// [`RejectError::TooManyInFlight`] if the principal has none left: one caller with many slow
    /// requests must not use up what all share.
    pub(super) fn admit(
        &self,
        principal: &Principal,
        limit: usize,
    ) -> Result<Place<'_>, RejectError> {
        let key = principal.context_key();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= limit {
            return Err(RejectError::TooManyInFlight { retry_after: Duration::from_secs(1) });
        }
        *count += 1;
        Ok(Place { admission: self, key })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use palisade_security::Principal;

    use super::Admission;

    #[test]
    fn places_are_per_principal_and_come_back() {
        let admission = Admission::default();
        let (alice, bob) = (Principal::new("alice", "bearer"), Principal::new("bob", "bearer"));
        let first = admission.admit(&alice, 2).unwrap();
        let second = admission.admit(&alice, 2).unwrap();
        assert_eq!(admission.admit(&alice, 2).unwrap_err().http_status(), 429);
        assert!(admission.admit(&bob, 2).is_ok());
        drop(first);
        assert!(admission.admit(&alice, 2).is_ok());
        drop(second);
        assert!(admission.0.lock().unwrap().is_empty());
    }
}

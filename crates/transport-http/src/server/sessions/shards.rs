//! A map in parts, so that those who use different entries seldom wait for each other.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

/// How many parts; enough that a handful of threads seldom meet.
const PARTS: usize = 16;

/// A map from random or digested keys. No lock is held across an await: [`Self::with`] is not async.
pub(super) struct Shards<V>([Mutex<HashMap<[u8; 32], V>>; PARTS]);

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<V> Shards<V> {
    /// Works on the part that this key is in.
    pub(super) fn with<T>(
        &self,
        key: &[u8; 32],
        work: impl FnOnce(&mut HashMap<[u8; 32], V>) -> T,
    ) -> T {
        let [first, ..] = *key;
        let part = self.0.get(usize::from(first) % PARTS).unwrap_or(&self.0[0]);
        work(&mut part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on each part in turn.
    pub(super) fn for_each(&self, mut work: impl FnMut(&mut HashMap<[u8; 32], V>)) {
        for part in &self.0 {
            work(&mut part.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl<V> fmt::Debug for Shards<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries = 0;
        self.for_each(|part| entries += part.len());
        f.debug_struct("Shards").field("entries", &entries).finish()
    }
}

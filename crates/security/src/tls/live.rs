//! What is in force now, and its replacement while connections are open.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use super::error::TlsConfigError;

/// What came of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reload {
    /// Nothing has changed since what is in force was read.
    Unchanged,
    /// New connections use what was read now; open ones go on.
    Replaced,
}

/// A value that is replaced as a whole.
pub(super) struct Live<T> {
    current: RwLock<Arc<T>>,
    generation: AtomicU64,
    /// Two reloads at once could put the older one in force last.
    reloading: Mutex<()>,
}

impl<T: Loaded> Live<T> {
    pub(super) fn new(first: T) -> Self {
        Self {
            current: RwLock::new(Arc::new(first)),
            generation: AtomicU64::new(0),
            reloading: Mutex::new(()),
        }
    }

    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts the replacements.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Loads anew, and replaces what is in force unless that fails or it is the same.
    pub(super) fn reload(
        &self,
        load: impl FnOnce() -> Result<T, TlsConfigError>,
    ) -> Result<Reload, TlsConfigError> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let next = load()?;
        if next.digest() == self.current().digest() {
            return Ok(Reload::Unchanged);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(Reload::Replaced)
    }
}

/// A value that was loaded from bytes.
pub(super) trait Loaded {
    /// A digest of the bytes.
    fn digest(&self) -> [u8; 32];
}

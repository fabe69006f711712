//! [`Work`]: what verifying secrets took.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what verifying secrets took. For tests: a secret that is nearly right must not take more.
#[derive(Debug, Default)]
pub struct Work {
    digests: AtomicU64,
    comparisons: AtomicU64,
}

impl Work {
    /// Keyed digests that were computed.
    #[must_use]
    pub fn digests(&self) -> u64 {
        self.digests.load(Ordering::SeqCst)
    }

    /// Digests that were compared, each in constant time.
    #[must_use]
    pub fn comparisons(&self) -> u64 {
        self.comparisons.load(Ordering::SeqCst)
    }

    pub(super) fn note_digest(&self) {
        self.digests.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn note_comparison(&self) {
        self.comparisons.fetch_add(1, Ordering::SeqCst);
    }
}

//! An audit sink that remembers.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use super::{AuditEntry, AuditRecord, AuditSink};

/// Keeps the newest records in memory, for tests and for a view of what happens now. The oldest record
/// gives way when there are 4096.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<VecDeque<AuditEntry>>);

const CAPACITY: usize = 4096;

impl MemoryAudit {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The records, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Removes and returns the records, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

impl AuditSink for MemoryAudit {
    fn record(&self, record: &AuditRecord<'_>) {
        let entry = AuditEntry::from(record);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY {
            entries.pop_front();
        }
        entries.push_back(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{CorrelationId, Outcome},
        clock::UnixMillis,
    };

    #[test]
    fn keeps_the_newest() {
        let audit = MemoryAudit::new();
        for id in 0..=CAPACITY as u128 {
            let id = CorrelationId::from_u128(id);
            audit.record(&AuditRecord::new(UnixMillis::new(1), id, "http", Outcome::Denied, "x"));
        }
        let entries = audit.take();
        assert_eq!(entries.len(), CAPACITY);
        assert_eq!(entries[0].correlation_id, CorrelationId::from_u128(1));
        assert!(audit.entries().is_empty());
    }
}

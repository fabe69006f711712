//! An audit sink that remembers.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{AuditRecord, AuditSink, CorrelationId, Outcome};
use crate::clock::UnixMillis;

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

/// Shared sinks are sinks, so that a test can keep the one it configures.
impl<T: AuditSink + ?Sized> AuditSink for std::sync::Arc<T> {
    fn record(&self, record: &AuditRecord<'_>) {
        (**self).record(record);
    }
}

/// An [`AuditRecord`] that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// See [`AuditRecord::time`].
    pub time: UnixMillis,
    /// See [`AuditRecord::correlation_id`].
    pub correlation_id: CorrelationId,
    /// See [`AuditRecord::subject`].
    pub subject: Option<String>,
    /// See [`AuditRecord::transport`].
    pub transport: &'static str,
    /// See [`AuditRecord::method`].
    pub method: Option<String>,
    /// The name or URI of [`AuditRecord::target`].
    pub target: Option<String>,
    /// See [`AuditRecord::outcome`].
    pub outcome: Outcome,
    /// See [`AuditRecord::code`].
    pub code: String,
    /// See [`AuditRecord::http_status`].
    pub http_status: Option<u16>,
    /// See [`AuditRecord::duration`].
    pub duration: Duration,
}

impl From<&AuditRecord<'_>> for AuditEntry {
    fn from(record: &AuditRecord<'_>) -> Self {
        Self {
            time: record.time,
            correlation_id: record.correlation_id,
            subject: record.subject.map(str::to_owned),
            transport: record.transport,
            method: record.method.map(str::to_owned),
            target: record.target.name().map(str::to_owned),
            outcome: record.outcome,
            code: record.code.to_owned(),
            http_status: record.http_status,
            duration: record.duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

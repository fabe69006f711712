//! Several sinks as one.

use super::{AuditError, AuditRecord, AuditSink, Outcome};

/// Gives every record to several sinks. A request starts only if each of them has room for its record.
#[derive(Debug, Default)]
pub struct FanOut(Vec<Box<dyn AuditSink>>);

impl FanOut {
    /// No sinks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sink.
    #[must_use]
    pub fn with(mut self, sink: impl AuditSink + 'static) -> Self {
        self.0.push(Box::new(sink));
        self
    }
}

impl AuditSink for FanOut {
    fn record(&self, record: &AuditRecord<'_>) {
        for sink in &self.0 {
            sink.record(record);
        }
    }

    fn is_enabled(&self, outcome: Outcome) -> bool {
        self.0.iter().any(|sink| sink.is_enabled(outcome))
    }

    fn reserve(&self) -> Result<(), AuditError> {
        for (index, sink) in self.0.iter().enumerate() {
            if let Err(error) = sink.reserve() {
                for before in self.0.iter().take(index) {
                    before.release();
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn release(&self) {
        for sink in &self.0 {
            sink.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicIsize, Ordering},
    };

    use super::*;
    use crate::audit::{CorrelationId, MemoryAudit, Outcome};

    /// Counts reserved room, and refuses beyond its own.
    #[derive(Debug)]
    struct Counted {
        room: isize,
        reserved: AtomicIsize,
    }

    impl AuditSink for Counted {
        fn record(&self, record: &AuditRecord<'_>) {
            if record.reserved {
                self.release();
            }
        }

        fn reserve(&self) -> Result<(), AuditError> {
            if self.reserved.load(Ordering::SeqCst) >= self.room {
                return Err(AuditError::QueueFull);
            }
            self.reserved.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn release(&self) {
            self.reserved.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn one_sink_without_room_refuses_and_the_others_get_theirs_back() {
        let counted = |room| Arc::new(Counted { room, reserved: AtomicIsize::new(0) });
        let (large, small, memory) = (counted(9), counted(1), Arc::new(MemoryAudit::new()));
        let all = FanOut::new()
            .with(Arc::clone(&large))
            .with(Arc::clone(&small))
            .with(Arc::clone(&memory));
        let held = |expected: isize| {
            assert_eq!(large.reserved.load(Ordering::SeqCst), expected);
            assert_eq!(small.reserved.load(Ordering::SeqCst), expected);
        };
        all.reserve().unwrap();
        assert_eq!(all.reserve(), Err(AuditError::QueueFull));
        held(1);
        let id = CorrelationId::from_u128(1);
        let time = crate::clock::UnixMillis::new(1);
        let record = AuditRecord::new(time, id, "http", Outcome::Allowed, "completed");
        all.record(&record);
        held(1);
        all.record(&record.with_reserved(true));
        held(0);
        all.reserve().unwrap();
        all.release();
        held(0);
        assert_eq!(memory.entries().len(), 2);
    }
}

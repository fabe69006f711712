//! The sink that writes to `tracing`.

use super::{AuditRecord, AuditSink, Escaped, Outcome};

/// Writes audit records as `tracing` events with the target `palisade::audit`: refusals at `WARN`, failures
/// at `ERROR`, the rest at `INFO`. The default.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TracingAudit;

impl TracingAudit {
    /// A sink that writes to the subscriber of the process.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl AuditSink for TracingAudit {
    fn record(&self, record: &AuditRecord<'_>) {
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "palisade::audit",
                    tracing::Level::$level,
                    time = record.time.as_millis(),
                    correlation_id = %record.correlation_id,
                    subject = record.subject().map(Escaped::new).map(tracing::field::display),
                    scheme = record.scheme().map(Escaped::new).map(tracing::field::display),
                    transport = record.transport,
                    peer = record.peer.map(tracing::field::display),
                    method = record.method.map(Escaped::new).map(tracing::field::display),
                    target = record.target.name().map(Escaped::new).map(tracing::field::display),
                    outcome = record.outcome.as_str(),
                    code = %Escaped::new(record.code),
                    http_status = record.http_status,
                    jsonrpc_code = record.jsonrpc_code,
                    would_deny = record.would_deny,
                    duration_us = u64::try_from(record.duration.as_micros()).unwrap_or(u64::MAX),
                )
            };
        }
        match record.outcome {
            Outcome::Allowed | Outcome::Cancelled => event!(INFO),
            Outcome::Denied => event!(WARN),
            Outcome::Failed => event!(ERROR),
        }
    }

    fn is_enabled(&self, outcome: Outcome) -> bool {
        macro_rules! enabled {
            ($level:ident) => {
                tracing::event_enabled!(target: "palisade::audit", tracing::Level::$level)
            };
        }
        match outcome {
            Outcome::Allowed | Outcome::Cancelled => enabled!(INFO),
            Outcome::Denied => enabled!(WARN),
            Outcome::Failed => enabled!(ERROR),
        }
    }
}

//! An audit record to keep.

use std::{net::SocketAddr, time::Duration};

use super::{AuditRecord, CorrelationId, Outcome};
use crate::clock::UnixMillis;

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
    /// See [`AuditRecord::scheme`].
    pub scheme: Option<String>,
    /// See [`AuditRecord::peer`].
    pub peer: Option<SocketAddr>,
    /// See [`AuditRecord::transport`].
    pub transport: &'static str,
    /// See [`AuditRecord::method`].
    pub method: Option<String>,
    /// The kind of [`AuditRecord::target`]: see [`Target::kind`](crate::Target::kind).
    pub target_kind: Option<&'static str>,
    /// The name or URI of [`AuditRecord::target`].
    pub target: Option<String>,
    /// See [`AuditRecord::outcome`].
    pub outcome: Outcome,
    /// See [`AuditRecord::code`].
    pub code: String,
    /// See [`AuditRecord::http_status`].
    pub http_status: Option<u16>,
    /// See [`AuditRecord::jsonrpc_code`].
    pub jsonrpc_code: Option<i32>,
    /// See [`AuditRecord::would_deny`].
    pub would_deny: Option<&'static str>,
    /// See [`AuditRecord::duration`].
    pub duration: Duration,
}

impl From<&AuditRecord<'_>> for AuditEntry {
    fn from(record: &AuditRecord<'_>) -> Self {
        Self {
            time: record.time,
            correlation_id: record.correlation_id,
            subject: record.subject().map(str::to_owned),
            scheme: record.scheme().map(str::to_owned),
            peer: record.peer,
            transport: record.transport,
            method: record.method.map(str::to_owned),
            target_kind: record.target.kind(),
            target: record.target.name().map(str::to_owned),
            outcome: record.outcome,
            code: record.code.to_owned(),
            http_status: record.http_status,
            jsonrpc_code: record.jsonrpc_code,
            would_deny: record.would_deny,
            duration: record.duration,
        }
    }
}

//! The audit record: one for every outcome, and where it goes.

mod chain;
mod correlation;
mod entry;
mod escape;
mod fan_out;
pub mod json_lines;
mod line;
mod memory;
mod ocsf;
mod to_tracing;
mod userinfo;
mod verify;

use std::{fmt::Debug, net::SocketAddr, time::Duration};

pub use chain::{AuditKey, ChainHead};
pub use correlation::{CorrelationId, CorrelationIds};
pub use entry::AuditEntry;
pub use escape::Escaped;
pub use fan_out::FanOut;
pub use json_lines::{AuditFileError, FailMode, Flush, JsonLinesAudit, JsonLinesOptions};
pub use memory::MemoryAudit;
pub use ocsf::to_ocsf;
pub use to_tracing::TracingAudit;
pub use userinfo::mask_userinfo;
pub use verify::{ChainError, ChainReason, Summary, Verifier, verify};

use crate::{clock::UnixMillis, policy::Target, principal::Principal};

/// Takes audit records. Object-safe. Called once for every request, whatever came of it.
///
/// A transport asks [`Self::reserve`] before it looks at a request, so that a sink can refuse what it
/// would have no room to record. Neither method may block: a sink that writes to a slow place queues,
/// within a bound.
pub trait AuditSink: Debug + Send + Sync {
    /// Takes one record. One with [`AuditRecord::reserved`] has its room; any other may be lost, and
    /// then must be counted.
    fn record(&self, record: &AuditRecord<'_>);

    /// Whether it takes the record of such an outcome now. Asked before a record is made: where nobody reads
    /// it, nothing of it costs anything, and what [`Self::reserve`] made room for is released. Default: always.
    fn is_enabled(&self, outcome: Outcome) -> bool {
        let _ = outcome;
        true
    }

    /// Makes room for the record of a request that is about to start. After `Ok`, exactly one
    /// [`Self::record`] with [`AuditRecord::reserved`] follows, or one [`Self::release`]. Default: there
    /// is always room.
    ///
    /// # Errors
    ///
    /// [`AuditError`]: the request must be refused with
    /// [`RejectError::AuditUnavailable`](crate::RejectError::AuditUnavailable), before anything of it
    /// runs.
    fn reserve(&self) -> Result<(), AuditError> {
        Ok(())
    }

    /// Gives back the room of a request that is not going to start. Default: nothing to do.
    fn release(&self) {}
}

/// Shared sinks are sinks, so that whoever configures one can keep it.
impl<T: AuditSink + ?Sized> AuditSink for std::sync::Arc<T> {
    fn record(&self, record: &AuditRecord<'_>) {
        (**self).record(record);
    }

    fn is_enabled(&self, outcome: Outcome) -> bool {
        (**self).is_enabled(outcome)
    }

    fn reserve(&self) -> Result<(), AuditError> {
        (**self).reserve()
    }

    fn release(&self) {
        (**self).release();
    }
}

/// Why a sink takes no request. For the operator: the peer learns that its request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// As many records wait to be written, and as many requests run, as the sink has room for.
    #[error("the audit queue is full")]
    QueueFull,
    /// The last attempt to write failed.
    #[error("the audit log cannot be written: {kind}")]
    WriteFailed {
        /// What the operating system says.
        kind: std::io::ErrorKind,
    },
    /// The writer has ended.
    #[error("the audit log is closed")]
    Closed,
    /// What was waited for did not happen in time.
    #[error("the audit log was not written in time")]
    TimedOut,
}

impl AuditError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::QueueFull => "audit_queue_full",
            Self::WriteFailed { .. } => "audit_write_failed",
            Self::Closed => "audit_closed",
            Self::TimedOut => "audit_timed_out",
        }
    }
}

/// What happened to one request. Holds no arguments, no results and no credentials. Names come from the
/// request as sent, but for passwords in URIs ([`mask_userinfo`]): a sink that writes text passes them
/// through [`Escaped`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditRecord<'a> {
    /// When the request was decided.
    pub time: UnixMillis,
    /// What ties this record to logs and traces of the same request.
    pub correlation_id: CorrelationId,
    /// Who asked; none if nobody was authenticated.
    pub principal: Option<&'a Principal>,
    /// Where the request came from, if that is known.
    pub peer: Option<SocketAddr>,
    /// The wire: `http`, `stdio`, `cluster`, `in_process`.
    pub transport: &'static str,
    /// The method, once the envelope was decoded.
    pub method: Option<&'a str>,
    /// What the method was applied to.
    pub target: Target<'a>,
    /// What came of it.
    pub outcome: Outcome,
    /// The stable code of the outcome: `ok`, or the `code()` of the error.
    pub code: &'a str,
    /// The HTTP status, on HTTP.
    pub http_status: Option<u16>,
    /// The code of the JSON-RPC error, if it was answered with one.
    pub jsonrpc_code: Option<i32>,
    /// Why a policy on trial would have denied the request, had it been in force: the `code()` of the reason.
    pub would_deny: Option<&'static str>,
    /// From the head of the request to its outcome.
    pub duration: Duration,
    /// Whether [`AuditSink::reserve`] made room for this record. The record of a request that was refused
    /// for want of room has none.
    pub reserved: bool,
}

impl<'a> AuditRecord<'a> {
    /// A record of an outcome, of which nothing else is known yet.
    #[must_use]
    pub const fn new(
        time: UnixMillis,
        correlation_id: CorrelationId,
        transport: &'static str,
        outcome: Outcome,
        code: &'a str,
    ) -> Self {
        Self {
            time,
            correlation_id,
            principal: None,
            peer: None,
            transport,
            method: None,
            target: Target::None,
            outcome,
            code,
            http_status: None,
            jsonrpc_code: None,
            would_deny: None,
            duration: Duration::ZERO,
            reserved: false,
        }
    }

    /// Sets who asked.
    #[must_use]
    pub const fn with_principal(mut self, principal: Option<&'a Principal>) -> Self {
        self.principal = principal;
        self
    }

    /// Sets where the request came from.
    #[must_use]
    pub const fn with_peer(mut self, peer: Option<SocketAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// Sets what was asked.
    #[must_use]
    pub const fn with_request(mut self, method: Option<&'a str>, target: Target<'a>) -> Self {
        self.method = method;
        self.target = target;
        self
    }

    /// Sets the HTTP status.
    #[must_use]
    pub const fn with_http_status(mut self, http_status: Option<u16>) -> Self {
        self.http_status = http_status;
        self
    }

    /// Sets the code of the JSON-RPC error.
    #[must_use]
    pub const fn with_jsonrpc_code(mut self, jsonrpc_code: Option<i32>) -> Self {
        self.jsonrpc_code = jsonrpc_code;
        self
    }

    /// Sets why a policy on trial would have denied the request.
    #[must_use]
    pub const fn with_would_deny(mut self, would_deny: Option<&'static str>) -> Self {
        self.would_deny = would_deny;
        self
    }

    /// Sets how long it took.
    #[must_use]
    pub const fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Sets whether [`AuditSink::reserve`] made room for this record.
    #[must_use]
    pub const fn with_reserved(mut self, reserved: bool) -> Self {
        self.reserved = reserved;
        self
    }

    /// The name of who asked.
    #[must_use]
    pub fn subject(&self) -> Option<&'a str> {
        self.principal.map(Principal::subject)
    }

    /// How it was established who asked: `bearer` and so on.
    #[must_use]
    pub fn scheme(&self) -> Option<&'a str> {
        self.principal.map(Principal::scheme)
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was let through and answered.
    Allowed,
    /// It was refused: by the guard, authentication, a limit or the policy.
    Denied,
    /// It was let through and failed.
    Failed,
    /// The peer went away before the answer.
    Cancelled,
}

impl Outcome {
    /// The stable name of the outcome.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

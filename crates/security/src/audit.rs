//! The audit record: one for every outcome, and where it goes.

mod escape;
mod memory;

use std::{
    fmt::{self, Debug},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub use escape::Escaped;
pub use memory::{AuditEntry, MemoryAudit};

use crate::{
    clock::UnixMillis,
    digest::{RandomError, random_bytes},
    policy::Target,
};

/// Takes audit records. Object-safe. Called once for every request, whatever came of it.
pub trait AuditSink: Debug + Send + Sync {
    /// Takes one record. Must not block: a sink that writes to a slow place queues, within a bound.
    fn record(&self, record: &AuditRecord<'_>);
}

/// What happened to one request. Holds no arguments, no results and no credentials. Names come from the
/// request as sent: a sink that writes text passes them through [`Escaped`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditRecord<'a> {
    /// When the request was decided.
    pub time: UnixMillis,
    /// What ties this record to logs and traces of the same request.
    pub correlation_id: CorrelationId,
    /// Who asked; none if nobody was authenticated.
    pub subject: Option<&'a str>,
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
    /// From the first byte to the last.
    pub duration: Duration,
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
            subject: None,
            transport,
            method: None,
            target: Target::None,
            outcome,
            code,
            http_status: None,
            duration: Duration::ZERO,
        }
    }

    /// Sets who asked.
    #[must_use]
    pub const fn with_subject(mut self, subject: Option<&'a str>) -> Self {
        self.subject = subject;
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
    pub const fn with_http_status(mut self, http_status: u16) -> Self {
        self.http_status = Some(http_status);
        self
    }

    /// Sets how long it took.
    #[must_use]
    pub const fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
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

/// A random number that ties together what one request left in logs, audit records and traces. Made by the
/// server: an id that the peer chose could be chosen to match someone else's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CorrelationId(u128);

impl CorrelationId {
    /// A new random id.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if no random bytes can be had.
    pub fn random() -> Result<Self, RandomError> {
        random_bytes().map(|bytes| Self(u128::from_le_bytes(bytes)))
    }

    /// An id from a number, for tests and for ids of other systems.
    #[must_use]
    pub const fn from_u128(id: u128) -> Self {
        Self(id)
    }
}

/// Makes correlation ids: random where they begin, then counted. They correlate, and grant nothing, so
/// one draw of randomness serves a transport for as long as it runs.
///
/// The default begins at zero: for when there is no randomness, and records must still be written.
#[derive(Debug, Default)]
pub struct CorrelationIds {
    first: u128,
    made: AtomicU64,
}

impl CorrelationIds {
    /// A new, random beginning.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if no random bytes can be had.
    pub fn random() -> Result<Self, RandomError> {
        CorrelationId::random().map(|CorrelationId(first)| Self { first, made: AtomicU64::new(0) })
    }

    /// An id that this maker has not made before.
    pub fn next_id(&self) -> CorrelationId {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        CorrelationId(self.first.wrapping_add(u128::from(made)))
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
                    subject = record.subject.map(Escaped::new).map(tracing::field::display),
                    transport = record.transport,
                    method = record.method.map(Escaped::new).map(tracing::field::display),
                    target = record.target.name().map(Escaped::new).map(tracing::field::display),
                    outcome = record.outcome.as_str(),
                    code = %Escaped::new(record.code),
                    http_status = record.http_status,
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
}

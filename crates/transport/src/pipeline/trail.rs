//! [`Trail`]: the audit record of one request, written exactly once.

use std::{borrow::Cow, net::SocketAddr, time::Instant};

use bytes::Bytes;
use palisade_protocol::{ProtocolVersion, Request, RequestParams, TraceContext, method};
use palisade_security::{
    AuditRecord, CorrelationId, Moment, Outcome, Principal, RejectError, ServerSecurity, Target,
    audit::mask_userinfo,
};

use tracing::Span;

use super::span;
use crate::{Reply, ReplyOutcome, shared};

/// Collects what is known of one request. When it is dropped without an outcome, the peer has left: that
/// is recorded too.
#[derive(Debug)]
pub struct Trail<'s> {
    security: Cow<'s, ServerSecurity>,
    correlation_id: CorrelationId,
    transport: &'static str,
    /// When it came, by the clock on the wall.
    came: Moment,
    /// When it began. None if nobody reads records.
    started: Option<Instant>,
    peer: Option<SocketAddr>,
    /// Whether the audit sink has room for the record.
    reserved: bool,
    principal: Option<Principal>,
    method: Option<Bytes>,
    target: Option<Bytes>,
    would_deny: Option<&'static str>,
    finished: bool,
    /// The span of the request, if anybody traces.
    span: Span,
}

impl<'s> Trail<'s> {
    /// Begins the record of a request that came by `transport`: `http`, `stdio`, `cluster`. `peer` is its
    /// address, where the transport knows addresses.
    #[must_use]
    pub fn new(
        security: &'s ServerSecurity,
        correlation_id: CorrelationId,
        transport: &'static str,
        peer: Option<SocketAddr>,
    ) -> Self {
        let came = Moment::new();
        let started = security.audit().is_enabled(Outcome::Failed).then(Instant::now);
        if started.is_some() {
            // Both at once: the record tells the time at the end by what has passed since.
            came.get(security.clock());
        }
        Self {
            security: Cow::Borrowed(security),
            correlation_id,
            transport,
            came,
            started,
            peer,
            reserved: false,
            principal: None,
            method: None,
            target: None,
            would_deny: None,
            finished: false,
            span: Span::current(),
        }
    }

    /// The id of the request, in records that are written after this one too.
    #[must_use]
    pub fn correlation_id(&self) -> CorrelationId {
        self.correlation_id
    }

    /// When the request came, for what is decided by that.
    #[must_use]
    pub fn came(&self) -> &Moment {
        &self.came
    }

    /// Makes room for the record. What could not be recorded does not start, not even its refusal: the
    /// one refusal that may go unrecorded is counted by the sink.
    ///
    /// # Errors
    ///
    /// [`RejectError::AuditUnavailable`] if there is no room.
    pub fn reserve(&mut self) -> Result<(), RejectError> {
        self.security.audit().reserve().map_err(|_| RejectError::AuditUnavailable)?;
        self.reserved = true;
        Ok(())
    }

    /// The same record, for a request that outlives the exchange in which it came. This one is done with.
    pub fn detach(&mut self) -> Trail<'static> {
        let detached = Trail {
            security: Cow::Owned(self.security.clone().into_owned()),
            correlation_id: self.correlation_id,
            transport: self.transport,
            came: self.came.clone(),
            started: self.started,
            peer: self.peer,
            reserved: self.reserved,
            principal: self.principal.take(),
            method: self.method.take(),
            target: self.target.take(),
            would_deny: self.would_deny.take(),
            finished: self.finished,
            span: self.span.clone(),
        };
        self.finished = true;
        detached
    }

    /// Notes who asks.
    pub fn note_principal(&mut self, principal: &Principal) {
        self.principal = Some(principal.clone());
        span::note_principal(&self.span, principal);
    }

    /// Notes what is asked for, sharing the body's bytes.
    pub fn note_request(
        &mut self,
        body: &Bytes,
        request: &Request<'_>,
        params: &RequestParams<'_>,
    ) {
        self.method = Some(match &*request.method {
            // Most requests are this one, and what is constant needs no counting.
            method::TOOLS_CALL => Bytes::from_static(method::TOOLS_CALL.as_bytes()),
            _ => shared(body, &request.method),
        });
        let name = params.mirrored(&request.method);
        let masked = name.filter(|_| request.method == method::RESOURCES_READ);
        self.target = match masked.and_then(|uri| mask_userinfo(uri)) {
            Some(masked) => Some(Bytes::from(masked)),
            None => name.map(|name| shared(body, name)),
        };
        if !self.span.is_disabled() {
            span::note_request(&self.span, &request.method, self.target());
            let trace = params.meta.as_ref().and_then(|meta| meta.trace.check());
            if let Some(trace_id) = trace.as_ref().and_then(TraceContext::trace_id) {
                self.span.record("trace_id", trace_id);
            }
        }
    }

    /// Notes the version that the request is served in.
    pub fn note_version(&self, version: ProtocolVersion) {
        span::note_version(&self.span, version);
    }

    /// What is asked for, where the method says what kind of thing it is.
    fn target(&self) -> Target<'_> {
        let name = self.target.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        match (self.method(), name) {
            (Some(method::TOOLS_CALL), Some(name)) => Target::Tool(name),
            (Some(method::PROMPTS_GET), Some(name)) => Target::Prompt(name),
            (Some(method::RESOURCES_READ), Some(uri)) => Target::Resource(uri),
            _ => Target::None,
        }
    }

    fn method(&self) -> Option<&str> {
        self.method.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Writes the record of a request that was answered by the engine.
    pub fn finish_with(&mut self, reply: &Reply, http_status: Option<u16>) {
        self.would_deny = reply.would_deny;
        let (outcome, code) = match reply.outcome {
            ReplyOutcome::Completed => (Outcome::Allowed, "completed"),
            ReplyOutcome::InputRequired => (Outcome::Allowed, "input_required"),
            ReplyOutcome::TaskCreated => (Outcome::Allowed, "task_created"),
            ReplyOutcome::Cancelled => (Outcome::Cancelled, "cancelled"),
            ReplyOutcome::ToolFailed => (Outcome::Allowed, "tool_failed"),
            ReplyOutcome::Denied(code) => (Outcome::Denied, code),
            ReplyOutcome::Failed(code) => (Outcome::Failed, code),
        };
        self.finish(outcome, code, http_status, reply.error_code);
    }

    /// Writes the record.
    pub fn finish(
        &mut self,
        outcome: Outcome,
        code: &str,
        http_status: Option<u16>,
        jsonrpc_code: Option<i32>,
    ) {
        self.finished = true;
        span::note_end(&self.span, outcome.as_str(), code);
        let audit = self.security.audit();
        if !audit.is_enabled(outcome) {
            if self.reserved {
                audit.release();
            }
            return;
        }
        let duration = self.started.map(|started| started.elapsed()).unwrap_or_default();
        let record = AuditRecord::new(
            self.came.get(self.security.clock()).saturating_add(duration),
            self.correlation_id,
            self.transport,
            outcome,
            code,
        )
        .with_principal(self.principal.as_ref())
        .with_peer(self.peer)
        .with_request(self.method(), self.target())
        .with_http_status(http_status)
        .with_jsonrpc_code(jsonrpc_code)
        .with_would_deny(self.would_deny)
        .with_duration(duration)
        .with_reserved(self.reserved);
        audit.record(&record);
    }
}

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.finish(Outcome::Cancelled, "disconnected", None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use palisade_security::{
        AllowedOrigins, ManualClock, SecurityConfig, UnixMillis, audit::MemoryAudit,
    };

    use super::*;

    #[test]
    fn a_record_has_the_time_at_which_its_request_ended() {
        let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(1000)));
        let audit = Arc::new(MemoryAudit::new());
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_clock(Arc::clone(&clock))
            .with_audit(Arc::clone(&audit))
            .build()
            .unwrap();
        let mut trail = Trail::new(&security, CorrelationId::from_u128(1), "http", None);
        std::thread::sleep(Duration::from_millis(20));
        clock.advance(Duration::from_millis(20));
        trail.finish(Outcome::Allowed, "completed", None, None);
        let entries = audit.entries();
        assert!(entries[0].duration >= Duration::from_millis(20));
        let began = UnixMillis::from_secs(1000);
        assert_eq!(entries[0].time, began.saturating_add(entries[0].duration));
    }
}

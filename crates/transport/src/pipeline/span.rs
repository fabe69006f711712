//! The span of one request, for whoever traces.

use palisade_protocol::ProtocolVersion;
use palisade_security::{CorrelationId, Principal, Target, audit::Escaped};
use tracing::{Span, field};

/// The span that a transport runs a request in. Its fields:
///
/// | field | meaning |
/// |-|-|
/// | `correlation_id` | as in the audit record and in `X-Request-Id` |
/// | `transport` | `http`, `stdio` |
/// | `principal` | who asks |
/// | `method` | the method, escaped |
/// | `tool`, `target` | the tool that is called, or else the prompt or resource, escaped |
/// | `version`, `era` | the revision; `modern` or `legacy` |
/// | `trace_id` | of the `traceparent` that the request brings, if it is well-formed |
/// | `outcome`, `code` | how it ended, as in the audit record |
///
/// Without a subscriber that wants it, nothing of this costs anything.
#[must_use]
pub fn request_span(id: CorrelationId, transport: &'static str) -> Span {
    tracing::info_span!(
        "request",
        correlation_id = %id,
        transport,
        principal = field::Empty,
        method = field::Empty,
        tool = field::Empty,
        target = field::Empty,
        version = field::Empty,
        era = field::Empty,
        trace_id = field::Empty,
        outcome = field::Empty,
        code = field::Empty,
    )
}

pub(super) fn note_principal(span: &Span, principal: &Principal) {
    span.record("principal", field::display(Escaped::new(principal.subject())));
}

pub(super) fn note_version(span: &Span, version: ProtocolVersion) {
    span.record("version", version.as_str());
    span.record("era", if version.is_modern() { "modern" } else { "legacy" });
}

pub(super) fn note_request(span: &Span, method: &str, target: Target<'_>) {
    span.record("method", field::display(Escaped::new(method)));
    let Some(name) = target.name() else { return };
    let field = if matches!(target, Target::Tool(_)) { "tool" } else { "target" };
    span.record(field, field::display(Escaped::new(name)));
}

pub(super) fn note_end(span: &Span, outcome: &'static str, code: &str) {
    span.record("outcome", outcome);
    span.record("code", code);
}

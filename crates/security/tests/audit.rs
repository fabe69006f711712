//! What the `tracing` sink writes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use palisade_security::{
    AuditRecord, AuditSink, CorrelationId, Outcome, Principal, Target, TracingAudit, UnixMillis,
};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(record: &AuditRecord<'_>) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || TracingAudit::new().record(record));
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn l2_names_from_a_request_cannot_forge_a_line() {
    let principal = Principal::new("al\u{1b}[2Jice", "bea\nrer");
    let record = AuditRecord::new(
        UnixMillis::new(5),
        CorrelationId::from_u128(0xab),
        "http",
        Outcome::Denied,
        "tool_not_authorized",
    )
    .with_principal(Some(&principal))
    .with_peer(Some(([127, 0, 0, 1], 4711).into()))
    .with_request(Some("tools/call\r\nINFO forged"), Target::Tool("a\u{202e}dd\n"))
    .with_http_status(Some(403))
    .with_jsonrpc_code(Some(-31403))
    .with_duration(Duration::from_micros(7));
    let text = written(&record);
    assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    assert!(
        text.ends_with('\n') && text.trim_start().starts_with("WARN palisade::audit"),
        "{text:?}"
    );
    assert!(!text.chars().any(|c| c == '\u{1b}' || c == '\r' || c == '\u{202e}'), "{text:?}");
    for part in [
        "correlation_id=000000000000000000000000000000ab",
        "subject=al\\u{1b}[2Jice",
        "scheme=bea\\u{a}rer",
        "peer=127.0.0.1:4711",
        "jsonrpc_code=-31403",
        "method=tools/call\\u{d}\\u{a}INFO forged",
        "target=a\\u{202e}dd\\u{a}",
        "outcome=\"denied\"",
        "code=tool_not_authorized",
        "http_status=403",
        "duration_us=7",
        "time=5",
    ] {
        assert!(text.contains(part), "{part} in {text:?}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let text = written(&AuditRecord::new(
        UnixMillis::new(5),
        CorrelationId::from_u128(1),
        "http",
        Outcome::Failed,
        "internal_error",
    ));
    assert!(text.trim_start().starts_with("ERROR"), "{text:?}");
    for absent in ["subject", "scheme", "peer", "method", "target=", "http_status", "jsonrpc"] {
        assert!(!text.contains(absent), "{absent} in {text:?}");
    }
}

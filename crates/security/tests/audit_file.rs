//! Audit files: written, gone on with, replaced, refused, and checked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic")]

#[path = "audit_file/chain.rs"]
mod chain;
#[path = "audit_file/failure.rs"]
mod failure;
#[cfg(unix)]
#[path = "audit_file/opening.rs"]
mod opening;

use std::{fs, path::PathBuf, time::Duration};

use palisade_security::{
    AuditRecord, AuditSink, CorrelationId, FailMode, JsonLinesAudit, ManualClock, Outcome, Secret,
    Target, UnixMillis,
    audit::{AuditKey, Flush, JsonLinesOptions},
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// An empty directory for one test.
fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("audit_file").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn options() -> JsonLinesOptions {
    JsonLinesAudit::options(FailMode::Closed)
        .with_flush(Flush::EachRecord)
        .with_clock(ManualClock::new(UnixMillis::new(5)))
}

fn key(text: &str) -> AuditKey {
    AuditKey::from_secret(&Secret::new(format!("q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT{text}"))).unwrap()
}

fn record(number: u128) -> AuditRecord<'static> {
    let id = CorrelationId::from_u128(number);
    AuditRecord::new(UnixMillis::new(1000), id, "http", Outcome::Allowed, "completed")
        .with_request(Some("tools/call"), Target::Tool("add"))
}

/// Records so many requests as a transport does.
fn serve(audit: &JsonLinesAudit, numbers: std::ops::Range<u128>) {
    for number in numbers {
        audit.reserve().unwrap();
        audit.record(&record(number).with_reserved(true));
    }
}

/// What the lines are about: an event, or the number of a request.
fn kinds(text: &str) -> Vec<String> {
    let kind = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        match value["event"].as_str() {
            Some("gap") => format!("gap {}", value["lost"]),
            Some(event) => event.to_owned(),
            None => {
                let id = value["correlation_id"].as_str().unwrap();
                u128::from_str_radix(id, 16).unwrap().to_string()
            }
        }
    };
    text.lines().map(kind).collect()
}

//! Where audit records go.

use palisade_security::{
    TracingAudit, Weakness,
    audit::{AuditFileError, AuditKey, FailMode, FanOut, Flush, JsonLinesAudit},
};

use super::limits::duration;
use crate::{
    checked::Purpose,
    findings::{Findings, join},
    raw::{RawAudit, RawFailMode, RawSecurityConfig},
    secret_ref::Fetcher,
};

/// All sinks as one; none if the file does not say.
pub(super) fn sinks(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    purpose: Purpose,
    findings: &mut Findings,
) -> Option<FanOut> {
    if raw.audit.is_empty() {
        return None;
    }
    let mut all = FanOut::new();
    let mut traced = false;
    let mut files = Vec::new();
    for (index, audit) in raw.audit.iter().enumerate() {
        let path = format!("audit[{index}]");
        match audit {
            RawAudit::Tracing {} => {
                if std::mem::replace(&mut traced, true) {
                    let message = "each record would be an event twice";
                    findings.error(path, "duplicate_audit", message, "remove one of the two");
                }
                all = all.with(TracingAudit::new());
            }
            RawAudit::File { path: file, .. } => {
                let resolved = fetcher.resolve(file);
                if files.contains(&resolved) {
                    let message = "two logs would be one file";
                    findings.error(
                        format!("{path}.path"),
                        "duplicate_audit",
                        message,
                        "name another file, or remove one of the two",
                    );
                    continue;
                }
                files.push(resolved);
                if let Some(sink) = file_sink(audit, &path, fetcher, purpose, findings) {
                    all = all.with(sink);
                }
            }
        }
    }
    Some(all)
}

fn file_sink(
    audit: &RawAudit,
    at: &str,
    fetcher: Fetcher<'_>,
    purpose: Purpose,
    findings: &mut Findings,
) -> Option<JsonLinesAudit> {
    let RawAudit::File { path, fail, queue, flush, key, max_file_bytes } = audit else {
        return None;
    };
    let mut options = JsonLinesAudit::options(match fail {
        RawFailMode::Closed => FailMode::Closed,
        RawFailMode::Open => FailMode::Open,
    });
    if let Some(queue) = queue {
        options = options.with_queue(*queue);
    }
    match flush.as_ref().map(|flush| flush.duration()) {
        None => {}
        Some(None) => options = options.with_flush(Flush::EachRecord),
        Some(Some(text)) => {
            if let Some(time) = duration(text, &join(at, "flush"), findings) {
                options = options.with_flush(Flush::Within(time));
            }
        }
    }
    if let Some(key) = key {
        let at = join(at, "key");
        let secret = fetcher.fetch(key, &at, findings);
        match AuditKey::from_secret(&secret) {
            Ok(key) => options = options.with_key(key),
            Err(weakness) => weak_key(&weakness, at, findings),
        }
    }
    if let Some(bytes) = max_file_bytes {
        if *bytes < MIN_FILE {
            let message = "files would be full after a few records";
            let fix = "set at least 65536, or leave it out for one file";
            findings.error(join(at, "max_file_bytes"), "audit_file_too_small", message, fix);
        }
        options = options.with_max_file_bytes(*bytes);
    }
    let file = fetcher.resolve(path);
    let opened = match purpose {
        Purpose::Use => options.open(file),
        // The options are looked at, the file is not touched: it may belong to a server that runs.
        Purpose::Check => {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) {
                let message = "the folder of the audit file does not exist";
                let fix = "make it, writable by the server's user alone";
                findings.error(join(at, "path"), "audit_file_io", message, fix);
            }
            options.write_to(std::io::sink())
        }
    };
    opened.map_err(|error| found(&error, at, findings)).ok()
}

/// Room for a few hundred records.
const MIN_FILE: u64 = 64 * 1024;

fn weak_key(weakness: &Weakness, path: String, findings: &mut Findings) {
    let fix = "make one with `openssl rand -base64 32`";
    findings.error(path, weakness.code(), format!("the key is weak: {weakness}"), fix);
}

fn found(error: &AuditFileError, at: &str, findings: &mut Findings) {
    let field = match error {
        AuditFileError::QueueOutOfRange { .. } => "queue",
        AuditFileError::FlushOutOfRange { .. } => "flush",
        AuditFileError::OtherKey => "key",
        _ => "path",
    };
    findings.error(join(at, field), error.code(), error.to_string(), error.fix());
}

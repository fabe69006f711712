//! Which files are opened, and how.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::Duration,
};

use palisade_security::audit::{AuditFileError, Flush, verify};

use super::{directory, key, kinds, options, serve};

#[track_caller]
fn refused(path: &Path, expected: &AuditFileError) {
    let error = options().open(path).unwrap_err();
    assert_eq!(&error, expected);
    let finding = error.to_finding("audit.file");
    assert!(finding.is_error() && !finding.fix().is_empty());
    assert_eq!((finding.path(), finding.code()), ("audit.file", error.code()));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn l3_a_file_that_others_could_change_is_refused() {
    let directory = directory("opening");
    let path = directory.join("audit.jsonl");
    drop(options().open(&path).unwrap());
    assert_eq!(mode(&path), 0o600);

    for writable in [0o602, 0o620, 0o666] {
        set_mode(&path, writable);
        refused(&path, &AuditFileError::WritableByOthers);
    }
    // Readers are no harm.
    set_mode(&path, 0o644);
    drop(options().open(&path).unwrap());

    let link = directory.join("link.jsonl");
    symlink(&path, &link).unwrap();
    refused(&link, &AuditFileError::SymbolicLink);
    symlink(directory.join("nowhere"), directory.join("dangling")).unwrap();
    refused(&directory.join("dangling"), &AuditFileError::SymbolicLink);
    assert!(!directory.join("nowhere").exists());
    refused(&directory, &AuditFileError::NotAFile);
    refused(Path::new("/dev/full"), &AuditFileError::NotAFile);
    let missing = AuditFileError::Io { kind: std::io::ErrorKind::NotFound };
    refused(&directory.join("missing/audit.jsonl"), &missing);

    set_mode(&directory, 0o777);
    refused(&path, &AuditFileError::DirectoryWritableByOthers);
    refused(&directory.join("new.jsonl"), &AuditFileError::DirectoryWritableByOthers);
    set_mode(&directory, 0o1777);
    drop(options().open(&path).unwrap());
}

#[test]
fn one_process_writes_one_chain() {
    let path = directory("in_use").join("audit.jsonl");
    let first = options().open(&path).unwrap();
    refused(&path, &AuditFileError::InUse);
    drop(first);
    drop(options().open(&path).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(kinds(&text), ["file", "stop", "start", "stop"]);
}

#[test]
fn l3_a_file_that_was_changed_is_not_gone_on_with() {
    let path = directory("changed").join("audit.jsonl");
    let audit = options().with_key(key("")).open(&path).unwrap();
    serve(&audit, 0..3);
    drop(audit);
    let written = fs::read_to_string(&path).unwrap();
    refused(&path, &AuditFileError::OtherKey);
    let error = options().with_key(key("another")).open(&path).unwrap_err();
    assert_eq!(error, AuditFileError::OtherKey);
    let broken = |text: &str| {
        fs::write(&path, text).unwrap();
        let error = options().with_key(key("")).open(&path).unwrap_err();
        assert_eq!(error, AuditFileError::ChainBroken, "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "evidence stays");
    };
    broken(&written.replace("\"event\":\"stop\"", "\"event\":\"stap\""));
    broken(&written.replace("\"discarded_bytes\":0", "\"discarded_bytes\":1"));
    broken(&format!("{written}something else\n"));
    broken(&format!("{written}{}", "x".repeat(9000)));
    broken("something else\n");
}

/// A crash in the middle of a line.
#[test]
fn a_torn_line_is_dropped_and_said_to_be() {
    let path = directory("torn").join("audit.jsonl");
    let audit = options().open(&path).unwrap();
    serve(&audit, 0..2);
    drop(audit);
    let torn = b"{\"seq\":4,\"time\":12";
    OpenOptions::new().append(true).open(&path).unwrap().write_all(torn).unwrap();
    drop(options().open(&path).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(kinds(&text), ["file", "0", "1", "stop", "start", "stop"]);
    assert!(text.contains(&format!("\"discarded_bytes\":{}", torn.len())));
    assert!(verify(text.as_bytes(), None).is_ok());
    // Nothing but a torn line.
    fs::write(&path, torn).unwrap();
    drop(options().open(&path).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(kinds(&text), ["file", "stop"]);
    assert!(text.contains(&format!("\"discarded_bytes\":{}", torn.len())));
}

#[test]
fn options_out_of_range_are_refused() {
    let path = directory("options").join("audit.jsonl");
    for queue in [0, (1 << 20) + 1] {
        let error = options().with_queue(queue).open(&path).unwrap_err();
        assert_eq!(error.code(), "audit_queue_out_of_range");
    }
    for time in [Duration::ZERO, Duration::from_secs(61)] {
        let error = options().with_flush(Flush::Within(time)).open(&path).unwrap_err();
        assert_eq!(error.code(), "audit_flush_out_of_range");
    }
    assert!(!path.exists());
}

//! What happens when records cannot be written.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use palisade_security::{
    AuditError, AuditSink as _, FailMode, JsonLinesAudit,
    audit::{AuditFileError, Flush, JsonLinesOptions, verify},
};

use super::{PATIENCE, kinds, options, record, serve};

/// A disk that does as it is told.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    written: Vec<u8>,
    /// How much of that is on the disk.
    flushed: usize,
    blocked: bool,
    /// What the next writes do: take so many bytes, or fail.
    script: VecDeque<Result<usize, ErrorKind>>,
    /// What the others do.
    full: bool,
    panics: bool,
}

impl Disk {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn flushed(&self) -> usize {
        self.0.0.lock().unwrap().flushed
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().written.clone()).unwrap()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = changed.wait_while(state.lock().unwrap(), |state| state.blocked).unwrap();
        assert!(!state.panics, "as it was told");
        let other = if state.full { Err(ErrorKind::StorageFull) } else { Ok(usize::MAX) };
        let most = state.script.pop_front().unwrap_or(other).map_err(io::Error::from)?;
        let taken = &bytes[..bytes.len().min(most)];
        state.written.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.set(|state| state.flushed = state.written.len());
        Ok(())
    }
}

fn open_mode() -> JsonLinesOptions {
    JsonLinesAudit::options(FailMode::Open).with_flush(Flush::EachRecord)
}

#[test]
fn l3_closed_a_full_queue_takes_no_request_and_keeps_room_for_those_that_run() {
    let disk = Disk::default();
    let audit = options().with_queue(4).write_to(disk.clone()).unwrap();
    disk.set(|disk| disk.blocked = true);
    for _ in 0..4 {
        audit.reserve().unwrap();
    }
    assert_eq!(audit.reserve(), Err(AuditError::QueueFull));
    // A record without room of its own takes none from those that have.
    audit.record(&record(99));
    for number in 0..4 {
        audit.record(&record(number).with_reserved(true));
        assert_eq!(audit.reserve(), Err(AuditError::QueueFull), "not written yet");
    }
    assert_eq!(audit.lost(), 1);
    disk.set(|disk| disk.blocked = false);
    audit.flush(PATIENCE).unwrap();
    let text = disk.text();
    let mut found = kinds(&text);
    // The gap stands behind the batch during which it came about.
    found.retain(|kind| kind != "gap 1");
    assert_eq!(
        (found, kinds(&text).len()),
        (["file", "0", "1", "2", "3"].map(String::from).into(), 6)
    );
    audit.reserve().unwrap();
    audit.release();
    for _ in 0..4 {
        audit.reserve().unwrap();
    }
    assert_eq!(verify(text.as_bytes(), None).unwrap().lost, 1);
}

#[test]
fn l3_open_what_is_lost_is_counted_in_the_log() {
    let disk = Disk::default();
    let audit = open_mode().with_queue(4).write_to(disk.clone()).unwrap();
    audit.flush(PATIENCE).unwrap();
    disk.set(|disk| disk.blocked = true);
    for number in 0..10 {
        audit.reserve().unwrap();
        audit.record(&record(number).with_reserved(true));
    }
    assert_eq!(audit.lost(), 6);
    disk.set(|disk| disk.blocked = false);
    audit.flush(PATIENCE).unwrap();
    serve(&audit, 10..11);
    drop(audit);
    let text = disk.text();
    let found = kinds(&text);
    assert_eq!(found.iter().filter(|kind| kind.as_str() == "10").count(), 1, "{found:?}");
    let summary = verify(text.as_bytes(), None).unwrap();
    assert_eq!((summary.records, summary.lost, summary.ended), (5, 6, true));
}

/// A full disk, in the middle of a line.
#[test]
fn l3_a_disk_that_fails_and_recovers_leaves_one_chain() {
    for fail_mode in [FailMode::Closed, FailMode::Open] {
        let disk = Disk::default();
        let options = JsonLinesAudit::options(fail_mode).with_flush(Flush::EachRecord);
        let audit = options.write_to(disk.clone()).unwrap();
        audit.flush(PATIENCE).unwrap();
        disk.set(|disk| {
            disk.script = [Ok(17), Err(ErrorKind::Interrupted), Ok(5)].into();
            disk.full = true;
        });
        serve(&audit, 0..1);
        for _ in 0..2 {
            let failed = AuditError::WriteFailed { kind: ErrorKind::StorageFull };
            assert_eq!(audit.flush(PATIENCE), Err(failed));
            match fail_mode {
                FailMode::Closed => assert_eq!(audit.reserve(), Err(failed)),
                FailMode::Open => assert_eq!(audit.reserve(), Ok(())),
            }
        }
        disk.set(|disk| {
            disk.script = [Ok(3), Ok(0)].into();
            disk.full = false;
        });
        // Each flush tries again at once.
        while let Err(error) = audit.flush(PATIENCE) {
            assert!(matches!(error, AuditError::WriteFailed { .. }), "{error}");
        }
        serve(&audit, 1..2);
        drop(audit);
        let text = disk.text();
        assert_eq!(kinds(&text), ["file", "0", "1", "stop"]);
        assert!(verify(text.as_bytes(), None).unwrap().ended);
    }
}

#[test]
fn l3_closed_does_not_start_on_a_full_disk() {
    let full = || {
        let disk = Disk::default();
        disk.set(|disk| disk.full = true);
        disk
    };
    let error = options().write_to(full()).unwrap_err();
    let kind = ErrorKind::StorageFull;
    assert_eq!(error, AuditFileError::Unwritable(AuditError::WriteFailed { kind }));
    assert_eq!(error.code(), "audit_write_failed");
    let audit = open_mode().write_to(full()).unwrap();
    serve(&audit, 0..1);
}

#[test]
fn l3_a_writer_that_died_takes_no_request() {
    let disk = Disk::default();
    let audit = options().write_to(disk.clone()).unwrap();
    audit.reserve().unwrap();
    disk.set(|disk| disk.panics = true);
    audit.record(&record(0).with_reserved(true));
    assert_eq!(audit.flush(PATIENCE), Err(AuditError::Closed));
    assert_eq!(audit.reserve(), Err(AuditError::Closed));
    audit.record(&record(1));
    assert_eq!(audit.lost(), 2);

    let open = open_mode().write_to(disk).unwrap();
    assert_eq!(open.flush(PATIENCE), Err(AuditError::Closed));
    serve(&open, 0..3);
    assert_eq!(open.lost(), 3);
}

/// Nothing is written for as long as nobody asks and the queue has room.
#[test]
fn records_gather_until_a_quarter_of_the_queue_is_full() {
    let disk = Disk::default();
    let options = options().with_flush(Flush::Within(Duration::from_secs(60))).with_queue(40);
    let audit = options.write_to(disk.clone()).unwrap();
    serve(&audit, 0..9);
    assert_eq!(kinds(&disk.text()), ["file"]);
    serve(&audit, 9..10);
    // Woken by the tenth, not by this.
    while kinds(&disk.text()).len() < 11 {
        std::thread::yield_now();
    }
    drop(audit);
    assert_eq!(kinds(&disk.text()).len(), 12);
}

/// Where many come, they are written long before they have to be on the disk, and put there once.
#[test]
fn many_records_are_written_in_pieces_and_handed_over_together() {
    let disk = Disk::default();
    let options = options().with_flush(Flush::Within(Duration::from_secs(60))).with_queue(1 << 16);
    let audit = options.write_to(disk.clone()).unwrap();
    let (first, head) = (disk.text().len(), audit.head());
    serve(&audit, 0..2000);
    while kinds(&disk.text()).len() < 1000 {
        std::thread::yield_now();
    }
    assert_eq!((disk.flushed(), audit.head()), (first, head), "written, and not on the disk");
    audit.flush(PATIENCE).unwrap();
    let text = disk.text();
    assert_eq!((kinds(&text).len(), disk.flushed()), (2001, text.len()));
    assert_eq!(audit.head().unwrap().seq, 2000);
    drop(audit);
    assert!(verify(disk.text().as_bytes(), None).is_ok());
}

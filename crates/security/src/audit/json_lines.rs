//! The sink that writes JSON lines to a file, each chained to the one before.
//!
//! # Format
//!
//! One JSON object a line, at most 8 KiB. Every line has `seq` (counted from 0 over the whole chain),
//! `time` (milliseconds since 1970), `prev` (the hash of the line before; 64 zeros at the beginning of a
//! chain) and `hash`: SHA-256 (or HMAC-SHA-256 under a key) of the bytes of the line before `,"hash":`.
//!
//! A line about a request has `correlation_id`, `outcome` (`allowed`, `denied`, `failed`, `cancelled`),
//! `code`, `transport` and `duration_us`, and whatever is known of `peer`, `subject`, `scheme`, `method`,
//! `target_kind`, `target`, `http_status`, `jsonrpc_code` and `would_deny` (why a policy on trial would
//! have refused it). Texts are cut after 256 characters. There are no arguments, no results, no
//! credentials.
//!
//! Any other line has an `event`:
//!
//! | event | meaning | fields |
//! |-|-|-|
//! | `file` | the first line of a file; `prev` names the last line of the file before | `format` (1), `chain` (`sha256`, `hmac-sha256`), `key_id`, `discarded_bytes` |
//! | `start` | a process goes on with a file | `discarded_bytes`: of a line that a crash cut short |
//! | `gap` | records were lost here | `lost`: how many |
//! | `rotate` | the last line of a file; another one follows | |
//! | `stop` | the last line of a process that ended in order | |
//!
//! Fields may be added; a change of meaning raises `format`.
//!
//! # Order and loss
//!
//! Records wait in a bounded queue for one writer thread, so a request never waits for a disk. What a
//! crash can take away is what was recorded within [`Flush`]. What happens when nothing can be written is
//! decided by [`FailMode`].

mod error;
mod file;
mod queue;
mod writer;

use std::{cell::Cell, fmt, io::Write, path::Path, sync::Arc, thread, time::Duration};

pub use error::AuditFileError;

use self::{
    file::LogFile,
    queue::{Queue, Rules},
    writer::{Output, Writer},
};
use super::{AuditError, AuditKey, AuditRecord, AuditSink, ChainHead, chain::Link, line};
use crate::clock::{Clock, SystemClock};

/// What happens while records cannot be written: the disk is full, the queue is full, the writer ended.
#[allow(clippy::exhaustive_enums, reason = "there is no third way")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailMode {
    /// Requests are refused (`503`, `audit_unavailable`) before anything of them runs. A request that
    /// has started always has room for its record. The queue must hold all requests that run at once,
    /// subscriptions included.
    Closed,
    /// Requests are served. Records that are lost are counted, and the log says how many as soon as it
    /// can be written again.
    Open,
}

/// When records are written and handed to the disk (`fdatasync`). Where many come, they are written before
/// that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flush {
    /// At once, together with what came in meanwhile. A request does not wait for it.
    EachRecord,
    /// Within this time: less work for the disk, and for a request. Up to a minute.
    Within(Duration),
}

/// Writes audit records as JSON lines that are chained by their hashes: see the [module](self) for the
/// format, and [`verify`](super::verify()) for who reads it. Dropping it writes what waits, for at most
/// five seconds.
pub struct JsonLinesAudit {
    queue: Arc<Queue>,
    /// What `Debug` tells of the writer.
    chained_by: &'static str,
    max_file_bytes: Option<u64>,
}

/// How a [`JsonLinesAudit`] writes.
#[derive(Debug)]
#[must_use]
pub struct JsonLinesOptions {
    fail_mode: FailMode,
    queue: usize,
    flush: Flush,
    key: Option<AuditKey>,
    max_file_bytes: Option<u64>,
    clock: Arc<dyn Clock>,
}

/// How long a sink that is dropped waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(5);

const MAX_QUEUE: usize = 1 << 20;
const MAX_FLUSH: Duration = Duration::from_secs(60);

impl JsonLinesAudit {
    /// How to write. What happens when that fails is to be decided; the rest has defaults.
    pub fn options(fail_mode: FailMode) -> JsonLinesOptions {
        JsonLinesOptions {
            fail_mode,
            queue: 32_768,
            flush: Flush::Within(Duration::from_millis(100)),
            key: None,
            max_file_bytes: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The last line that was written and handed to the disk. Note it elsewhere now and then: see
    /// [`ChainHead`]. It is also logged when the log begins, rotates and ends.
    #[must_use]
    pub fn head(&self) -> Option<ChainHead> {
        self.queue.head()
    }

    /// Waits until everything that was recorded so far is written and handed to the disk. Blocks the
    /// thread.
    ///
    /// # Errors
    ///
    /// [`AuditError`] if that failed, or took longer than `patience`.
    pub fn flush(&self, patience: Duration) -> Result<(), AuditError> {
        self.queue.flush(patience)
    }

    /// How many records were lost, ever.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.ever_lost()
    }
}

impl JsonLinesOptions {
    /// Sets how many records may wait, and in [`FailMode::Closed`] also how many requests may run at once.
    /// Default: 32,768, at most 1,048,576. Memory is bounded by 4 KiB a record; most take 300 bytes.
    pub fn with_queue(mut self, records: usize) -> Self {
        self.queue = records;
        self
    }

    /// Sets when records are written. Default: within 100 ms, or when a quarter of the queue is full.
    pub fn with_flush(mut self, flush: Flush) -> Self {
        self.flush = flush;
        self
    }

    /// Chains with HMAC-SHA-256 under this key. Default: SHA-256, which whoever can change the file can
    /// compute too.
    pub fn with_key(mut self, key: AuditKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Starts a new file when one has so many bytes. The old one gets the number of its last line
    /// appended to its name: `audit.jsonl.000000012345`. Nothing is ever deleted. Default: one file.
    pub fn with_max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = Some(bytes);
        self
    }

    /// Sets the clock, for what is not about a request. Default: the system's.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens a file, or goes on with one, and starts the writer. A new file can be read and written by
    /// its owner alone. The file is locked: no two processes write one chain.
    ///
    /// # Errors
    ///
    /// [`AuditFileError`] if the path is a symbolic link or no file, if others may write to it or replace
    /// it, if another process writes to it, or if its last line is not what this sink wrote under this
    /// key. In [`FailMode::Closed`] also if the first line cannot be written within five seconds.
    pub fn open(self, path: impl AsRef<Path>) -> Result<JsonLinesAudit, AuditFileError> {
        self.check()?;
        let (file, link, first) = LogFile::open(path.as_ref(), self.key.as_ref())?;
        self.start(Output::File(file), link, first)
    }

    /// Starts a new chain in a writer: a pipe to a collector, a device. Its `flush` is called after each
    /// batch.
    ///
    /// # Errors
    ///
    /// [`AuditFileError`] if an option is out of range. In [`FailMode::Closed`] also if the first line cannot be
    /// written within five seconds.
    pub fn write_to(
        self,
        writer: impl Write + Send + 'static,
    ) -> Result<JsonLinesAudit, AuditFileError> {
        self.check()?;
        self.start(Output::Other(Box::new(writer)), Link::START, file::First::File(0))
    }

    fn check(&self) -> Result<(), AuditFileError> {
        if !(1..=MAX_QUEUE).contains(&self.queue) {
            return Err(AuditFileError::QueueOutOfRange { most: MAX_QUEUE });
        }
        match self.flush {
            Flush::Within(time) if time.is_zero() || time > MAX_FLUSH => {
                Err(AuditFileError::FlushOutOfRange { most: MAX_FLUSH })
            }
            _ => Ok(()),
        }
    }

    fn start(
        self,
        output: Output,
        link: Link,
        first: file::First,
    ) -> Result<JsonLinesAudit, AuditFileError> {
        let gather = match self.flush {
            Flush::EachRecord => None,
            Flush::Within(time) => Some(time),
        };
        let rules = Rules { capacity: self.queue, fail_mode: self.fail_mode, gather };
        let queue = Arc::new(Queue::new(rules));
        let chained_by = if self.key.is_some() { "hmac-sha-256" } else { "sha-256" };
        let max_file_bytes = self.max_file_bytes;
        let must_write = self.fail_mode == FailMode::Closed;
        let writer = Writer {
            queue: Arc::clone(&queue),
            output,
            link,
            key: self.key,
            clock: self.clock,
            max_file_bytes: self.max_file_bytes,
            out: Vec::new(),
        };
        thread::Builder::new()
            .name("palisade-audit".into())
            .spawn(move || writer.run(first))
            .map_err(|error| AuditFileError::Io { kind: error.kind() })?;
        let audit = JsonLinesAudit { queue, chained_by, max_file_bytes };
        if must_write {
            // Better now than at the first request.
            audit.flush(PATIENCE)?;
        }
        Ok(audit)
    }
}

impl AuditSink for JsonLinesAudit {
    fn record(&self, record: &AuditRecord<'_>) {
        thread_local! {
            static FIELDS: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
        }
        // Encoded outside the lock that all requests share, into memory that is used again.
        let mut fields = FIELDS.try_with(Cell::take).unwrap_or_default();
        fields.clear();
        line::push_record(&mut fields, record);
        self.queue.push(&fields, record.reserved);
        // A thread that is ending has no memory to keep.
        let _ = FIELDS.try_with(|kept| kept.set(fields));
    }

    fn reserve(&self) -> Result<(), AuditError> {
        self.queue.reserve()
    }

    fn release(&self) {
        self.queue.release();
    }
}

impl Drop for JsonLinesAudit {
    fn drop(&mut self) {
        if self.queue.close(PATIENCE).is_err() {
            tracing::error!("the audit log was not written to its end");
        }
    }
}

impl fmt::Debug for JsonLinesAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesAudit")
            .field("rules", self.queue.rules())
            .field("chained_by", &self.chained_by)
            .field("max_file_bytes", &self.max_file_bytes)
            .finish_non_exhaustive()
    }
}

//! The one thread that writes.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use super::{
    AuditError, AuditKey,
    file::{First, LogFile},
    queue::{Queue, Work},
};
use crate::{
    audit::chain::{Link, algorithm},
    clock::Clock,
};

/// How long to wait before writing is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) enum Output {
    File(LogFile),
    Other(Box<dyn Write + Send>),
}

pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) output: Output,
    pub(super) link: Link,
    pub(super) key: Option<AuditKey>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_file_bytes: Option<u64>,
    /// Sealed lines that are not written yet.
    pub(super) out: Vec<u8>,
}

/// Says that the writer has ended, also if it panicked.
struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Writer {
    /// Writes until the queue closes.
    pub(super) fn run(self, first: First) {
        // Dropped last, when the file is closed and another process can have it.
        let _ended = Ended(Arc::clone(&self.queue));
        self.write_all(first);
    }

    fn write_all(mut self, first: First) {
        match first {
            First::File(discarded) => self.seal_first(discarded),
            First::Start(discarded) => {
                self.seal_event("start", &format!(",\"discarded_bytes\":{discarded}"));
            }
        }
        if self.write_out(true).is_none() {
            return;
        }
        self.checkpoint("audit log begins");
        self.queue.wrote(0, self.link.head());
        let mut batch = Vec::new();
        loop {
            let Work { lost, last, sync } = self.queue.take(&mut batch);
            let mut records = batch.as_slice();
            while let Some((fields, rest)) = split(records) {
                self.link.seal(self.key.as_ref(), fields, &mut self.out);
                records = rest;
            }
            if lost > 0 {
                self.seal_event("gap", &format!(",\"lost\":{lost}"));
            }
            if last {
                self.seal_event("stop", "");
            }
            if self.write_out(sync).is_none() {
                return;
            }
            if !sync {
                continue;
            }
            self.queue.wrote(lost, self.link.head());
            if last {
                return self.checkpoint("audit log ends");
            }
            if self.rotate().is_none() {
                return;
            }
        }
    }

    /// Writes what is sealed and, if it is to be synced, hands all that was written to the disk, however
    /// often it takes. A line of which a part was written goes on where it stopped. `None` if there is no use
    /// in trying.
    fn write_out(&mut self, sync: bool) -> Option<()> {
        let mut written = 0;
        loop {
            let rest = self.out.get(written..).unwrap_or_default();
            let result = match (rest.is_empty(), sync) {
                (false, _) => self.output.write(rest),
                (true, true) => self.output.sync(),
                (true, false) => break,
            };
            match result {
                Ok(_) if rest.is_empty() => break,
                Ok(0) => self.failed(io::ErrorKind::WriteZero)?,
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed(error.kind())?,
            }
        }
        self.out.clear();
        self.out.shrink_to(1 << 20);
        Some(())
    }

    fn failed(&self, kind: io::ErrorKind) -> Option<()> {
        self.queue.failed(AuditError::WriteFailed { kind }, PAUSE).then_some(())
    }

    /// Goes on in a new file if this one is large enough. If there can be none, this one has to do.
    fn rotate(&mut self) -> Option<()> {
        let (Output::File(file), Some(most)) = (&self.output, self.max_file_bytes) else {
            return Some(());
        };
        if file.written() < most {
            return Some(());
        }
        let next = match file.replace(self.link.next) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(code = error.code(), %error, "audit file cannot be rotated");
                return Some(());
            }
        };
        self.seal_event("rotate", "");
        self.write_out(true)?;
        self.output = Output::File(next);
        self.seal_first(0);
        self.write_out(true)?;
        self.checkpoint("audit log rotates");
        self.queue.wrote(0, self.link.head());
        Some(())
    }

    fn seal_first(&mut self, discarded: u64) {
        let chain = algorithm(self.key.as_ref());
        let mut fields = format!(",\"format\":1,\"chain\":\"{chain}\"");
        if let Some(key) = &self.key {
            fields += &format!(",\"key_id\":\"{}\"", key.id());
        }
        fields += &format!(",\"discarded_bytes\":{discarded}");
        self.seal_event("file", &fields);
    }

    /// Seals a line that is not about a request.
    fn seal_event(&mut self, event: &str, fields: &str) {
        let time = self.clock.now().as_millis();
        let fields = format!("\"time\":{time},\"event\":\"{event}\"{fields}");
        self.link.seal(self.key.as_ref(), fields.as_bytes(), &mut self.out);
    }

    /// Leaves the place in the chain where logs go, which may be another machine.
    fn checkpoint(&self, message: &str) {
        if let Some(head) = self.link.head() {
            tracing::info!(target: "palisade::audit", %head, "{message}");
        }
    }
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Other(writer) => writer.write(bytes),
        }
    }

    /// The result is a count only to be that of `write`.
    fn sync(&mut self) -> io::Result<usize> {
        match self {
            Self::File(file) => file.sync(),
            Self::Other(writer) => writer.flush(),
        }
        .map(|()| 0)
    }
}

/// The first record of a batch, and the rest.
fn split(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = records.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

//! Checks that an audit file is what the sink wrote.

use std::io::{self, BufRead, Read as _};

use serde_json::Value;

use super::{
    AuditKey, ChainHead,
    chain::{Line, Link, MAX_LINE, ORIGIN, algorithm},
};

/// Checks one audit file: [`Verifier`] with one file.
///
/// # Errors
///
/// [`ChainError`]: the first line that is not what the sink wrote.
pub fn verify(reader: impl BufRead, key: Option<&AuditKey>) -> Result<Summary, ChainError> {
    let mut verifier = Verifier::new(key);
    verifier.read(reader)?;
    verifier.finish()
}

/// Checks the files of one chain, oldest first. Reads line by line; memory is bounded.
///
/// It finds every line that was edited, deleted, inserted or moved. Three things need more than the files:
///
/// - Without a key, whoever can write to the file can compute a new chain from any line on. Use a key, or
///   compare with a [`ChainHead`] that was noted elsewhere: [`Self::with_checkpoint`].
/// - Lines that were cut off at the end leave a shorter chain. Only a noted head finds that; a chain whose
///   writer ended in order at least says so ([`Summary::ended`]).
/// - A chain that begins with a later file names the line before it: [`Summary::after`].
#[derive(Debug)]
pub struct Verifier<'k> {
    key: Option<&'k AuditKey>,
    checkpoint: Option<ChainHead>,
    link: Option<Link>,
    summary: Summary,
}

/// What a chain of valid lines says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many lines there are.
    pub lines: u64,
    /// How many of them are about a request.
    pub records: u64,
    /// How many records were lost, by the log's own account.
    pub lost: u64,
    /// The line before the first one, which another file should have; none at the beginning of a chain.
    pub after: Option<ChainHead>,
    /// The last line.
    pub head: Option<ChainHead>,
    /// When the first and the last line were written, in milliseconds since 1970.
    pub times: Option<(u64, u64)>,
    /// Whether the last line says that the file or the process ended in order. If not, the process still
    /// runs, was killed, or lines were cut off.
    pub ended: bool,
}

/// A chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
#[non_exhaustive]
pub struct ChainError {
    /// The line of its file, counted from 1. For [`ChainReason::CutOff`], the last one.
    pub line: u64,
    /// What is wrong there.
    pub reason: ChainReason,
}

impl ChainError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }
}

/// Why a chain is broken at a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainReason {
    /// The file cannot be read.
    #[error("cannot be read: {kind}")]
    Unreadable {
        /// What the operating system says.
        kind: io::ErrorKind,
    },
    /// The line is longer than any that is written.
    #[error("line is too long")]
    TooLong,
    /// The line has no end: the process was killed, or still writes.
    #[error("line has no end")]
    Torn,
    /// The line is not in the form that is written.
    #[error("not an audit line")]
    Malformed,
    /// The file does not begin with the line that files begin with.
    #[error("file does not begin with its first line")]
    NoBeginning,
    /// The line that files begin with stands within a file.
    #[error("a file begins within the file")]
    SecondBeginning,
    /// The file is of a later format.
    #[error("unknown format")]
    UnknownFormat,
    /// The file is chained without a key, with one although none was given, or with another one.
    #[error("file is chained under another key")]
    OtherKey,
    /// The line was edited.
    #[error("line was edited")]
    Edited,
    /// The line does not follow the one before: lines were deleted, inserted, moved or recomputed.
    #[error("line does not follow the one before")]
    OutOfOrder,
    /// The line that was noted has another hash.
    #[error("line is not the one that was noted")]
    Rewritten,
    /// The line that was noted is not there.
    #[error("the line that was noted is missing")]
    CutOff,
}

impl ChainReason {
    /// The stable name of this reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "audit_unreadable",
            Self::TooLong => "audit_line_too_long",
            Self::Torn => "audit_line_torn",
            Self::Malformed => "audit_line_malformed",
            Self::NoBeginning => "audit_no_beginning",
            Self::SecondBeginning => "audit_second_beginning",
            Self::UnknownFormat => "audit_unknown_format",
            Self::OtherKey => "audit_key_mismatch",
            Self::Edited => "audit_line_edited",
            Self::OutOfOrder => "audit_line_out_of_order",
            Self::Rewritten => "audit_line_rewritten",
            Self::CutOff => "audit_cut_off",
        }
    }
}

impl<'k> Verifier<'k> {
    /// A verifier for files that were written under this key, or without one.
    #[must_use]
    pub fn new(key: Option<&'k AuditKey>) -> Self {
        Self { key, checkpoint: None, link: None, summary: Summary::default() }
    }

    /// Demands that the chain has this line.
    #[must_use]
    pub fn with_checkpoint(mut self, head: ChainHead) -> Self {
        self.checkpoint = Some(head);
        self
    }

    /// Checks the next file.
    ///
    /// # Errors
    ///
    /// [`ChainError`]: the first line that is not what the sink wrote.
    pub fn read(&mut self, mut reader: impl BufRead) -> Result<(), ChainError> {
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            let next = read_line(&mut reader, &mut line);
            if next == Ok(false) && number > 0 {
                return Ok(());
            }
            number += 1;
            let checked = match next {
                Ok(true) => self.check(&line, number == 1),
                // An empty file is one from which everything was removed.
                Ok(false) => Err(ChainReason::NoBeginning),
                Err(reason) => Err(reason),
            };
            checked.map_err(|reason| ChainError { line: number, reason })?;
        }
    }

    /// The end of the last file.
    ///
    /// # Errors
    ///
    /// [`ChainReason::CutOff`] if the line that was noted never came.
    pub fn finish(self) -> Result<Summary, ChainError> {
        if self.checkpoint.is_some() {
            return Err(ChainError { line: self.summary.lines, reason: ChainReason::CutOff });
        }
        Ok(self.summary)
    }

    fn check(&mut self, text: &[u8], first_of_file: bool) -> Result<(), ChainReason> {
        let line = Line::parse(text).ok_or(ChainReason::Malformed)?;
        let value: Value = serde_json::from_slice(text).map_err(|_| ChainReason::Malformed)?;
        let time = value.get("time").and_then(Value::as_u64).ok_or(ChainReason::Malformed)?;
        let event = value.get("event").and_then(Value::as_str);
        match (event, first_of_file) {
            (Some("file"), true) => self.check_first(&value)?,
            (_, true) => return Err(ChainReason::NoBeginning),
            (Some("file"), false) => return Err(ChainReason::SecondBeginning),
            (None, false) if value.get("outcome").is_none() => return Err(ChainReason::Malformed),
            (_, false) => {}
        }
        if !line.is_sealed(self.key) {
            return Err(ChainReason::Edited);
        }
        let follows = match &self.link {
            Some(link) => (line.seq, line.prev) == (link.next, link.prev),
            None => (line.seq == 0) == (line.prev == ORIGIN),
        };
        if !follows {
            return Err(ChainReason::OutOfOrder);
        }
        if self.link.is_none() {
            self.summary.after = Link { next: line.seq, prev: line.prev }.head();
        }
        self.link = Some(Link::after(line.head()));
        if self.checkpoint.is_some_and(|noted| noted.seq == line.seq) {
            if self.checkpoint != Some(line.head()) {
                return Err(ChainReason::Rewritten);
            }
            self.checkpoint = None;
        }
        self.count(&line, &value, time, event);
        Ok(())
    }

    fn check_first(&self, value: &Value) -> Result<(), ChainReason> {
        if value.get("format").and_then(Value::as_u64) != Some(1) {
            return Err(ChainReason::UnknownFormat);
        }
        let key_id = self.key.map(AuditKey::id);
        let same = value.get("chain").and_then(Value::as_str) == Some(algorithm(self.key))
            && value.get("key_id").and_then(Value::as_str) == key_id.as_deref();
        if same { Ok(()) } else { Err(ChainReason::OtherKey) }
    }

    fn count(&mut self, line: &Line<'_>, value: &Value, time: u64, event: Option<&str>) {
        let summary = &mut self.summary;
        summary.lines += 1;
        summary.records += u64::from(event.is_none());
        if event == Some("gap") {
            let lost = value.get("lost").and_then(Value::as_u64).unwrap_or_default();
            summary.lost = summary.lost.saturating_add(lost);
        }
        summary.head = Some(line.head());
        summary.times = Some((summary.times.map_or(time, |(first, _)| first), time));
        summary.ended = matches!(event, Some("stop" | "rotate"));
    }
}

/// Reads one line, its end included. `false` at the end.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, ChainReason> {
    line.clear();
    reader
        .by_ref()
        .take(MAX_LINE as u64 + 1)
        .read_until(b'\n', line)
        .map_err(|error| ChainReason::Unreadable { kind: error.kind() })?;
    match line.last() {
        None => Ok(false),
        Some(_) if line.len() > MAX_LINE => Err(ChainReason::TooLong),
        Some(b'\n') => Ok(true),
        Some(_) => Err(ChainReason::Torn),
    }
}

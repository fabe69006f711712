//! Messages as lines of text, as stdio carries them: chunks of any size in, whole lines out, bounded in
//! memory.

use bytes::{Buf, Bytes};
use memchr::memchr;

/// Appends one message and a line end to `out`.
///
/// JSON may hold line ends between its tokens, where a handler wrote it so; they become blanks, so that one
/// message can never be read as two. Within a string JSON has none.
///
/// # Specification
///
/// MCP 2026-07-28, Transports, "stdio": messages must not contain embedded newlines.
pub fn encode_line(out: &mut Vec<u8>, json: &[u8]) {
    out.reserve(json.len().saturating_add(1));
    out.extend(json.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    out.push(b'\n');
}

/// Why a line is not handed out. The stream goes on: call [`LineDecoder::next_line`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// A line is longer than the limit of the decoder. What is left of it will be discarded.
    #[error("line exceeds {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A line is not UTF-8.
    #[error("line is not utf-8")]
    NotUtf8,
}

impl LineError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "line_too_long",
            Self::NotUtf8 => "line_not_utf8",
        }
    }
}

/// Splits a stream into lines, from chunks of any size. Does no I/O.
///
/// A line ends with LF; a CR before it is no part of the line. Empty lines are skipped. A line that lies
/// within one chunk is a slice of that chunk, not a copy. What follows the last line end is kept until its
/// end arrives, and never handed out without it: a peer that dies within a message has not sent one.
///
/// A peer that sends one endless line costs no more memory than the limit: the line is reported once, as
/// soon as it is too long, and discarded up to its end. The lines after it are read as if nothing had been.
///
/// # Examples
///
/// ```
/// use palisade_transport::{LineDecoder, LineError};
///
/// let mut lines = LineDecoder::new(8);
/// lines.feed("{}\r\n\n{\"far too long\":".into());
/// assert_eq!(lines.next_line(), Ok(Some("{}".into())));
/// assert_eq!(lines.next_line(), Err(LineError::TooLong { limit: 8 }));
/// assert_eq!(lines.next_line(), Ok(None));
/// lines.feed("1}\n[]\n".into());
/// assert_eq!(lines.next_line(), Ok(Some("[]".into())));
/// ```
///
/// # Specification
///
/// MCP 2026-07-28, Transports, "stdio".
#[derive(Debug)]
pub struct LineDecoder {
    /// What was fed and not yet consumed.
    input: Bytes,
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
    /// The line that is being read was reported as too long.
    discarding: bool,
    limit: usize,
}

impl LineDecoder {
    /// A decoder that refuses lines of more than `limit` bytes, their end not counted.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { input: Bytes::new(), partial: Vec::new(), discarding: false, limit }
    }

    /// Hands the next chunk to the decoder. Call [`Self::next_line`] until it has no more: what is not
    /// consumed is copied by the next call, and does not count towards the limit.
    pub fn feed(&mut self, chunk: Bytes) {
        if self.input.is_empty() {
            self.input = chunk;
        } else {
            let mut joined = Vec::with_capacity(self.input.len().saturating_add(chunk.len()));
            joined.extend_from_slice(&self.input);
            joined.extend_from_slice(&chunk);
            self.input = joined.into();
        }
    }

    /// The next line, which is not empty and is UTF-8, without its end; `None` if more input is needed.
    ///
    /// # Errors
    ///
    /// [`LineError`] says why a line was left out, once for each such line.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, LineError> {
        while let Some(end) = memchr(b'\n', &self.input) {
            let part = self.input.split_to(end);
            self.input.advance(1);
            if std::mem::take(&mut self.discarding) {
                continue;
            }
            let line = without_cr(self.completed(part));
            if line.len() > self.limit {
                return Err(self.too_long());
            }
            if line.is_empty() {
                continue;
            }
            return match std::str::from_utf8(&line) {
                Ok(_) => Ok(Some(line)),
                Err(_) => Err(LineError::NotUtf8),
            };
        }
        self.keep()
    }

    /// How many bytes of a line have arrived whose end has not. If there are any when the stream ends, the
    /// peer stopped within a message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.partial.len().saturating_add(self.input.len())
    }

    /// The line whose last part this is.
    fn completed(&mut self, part: Bytes) -> Bytes {
        if self.partial.is_empty() {
            return part;
        }
        let mut line = std::mem::take(&mut self.partial);
        line.extend_from_slice(&part);
        line.into()
    }

    /// Keeps input without a line end, unless it is too much.
    fn keep(&mut self) -> Result<Option<Bytes>, LineError> {
        let input = std::mem::take(&mut self.input);
        if self.discarding {
            return Ok(None);
        }
        let length = self.partial.len().saturating_add(input.len());
        // One more than the limit may be the CR of a line end whose LF has not arrived.
        let may_fit = length <= self.limit
            || (length.checked_sub(1) == Some(self.limit)
                && input.last().or(self.partial.last()) == Some(&b'\r'));
        if !may_fit {
            self.discarding = true;
            self.partial = Vec::new();
            return Err(self.too_long());
        }
        self.partial.extend_from_slice(&input);
        Ok(None)
    }

    const fn too_long(&self) -> LineError {
        LineError::TooLong { limit: self.limit }
    }
}

/// A line without the CR at its end.
fn without_cr(mut line: Bytes) -> Bytes {
    if line.last() == Some(&b'\r') {
        line.truncate(line.len().saturating_sub(1));
    }
    line
}

#[cfg(test)]
mod tests;

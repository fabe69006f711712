//! The incremental decoder: chunks of any size in, whole events out, bounded in memory.

use std::time::Duration;

use bytes::{Buf, Bytes};

use super::{SseError, split_line};

/// The largest event name and id that is kept; longer ones are dropped, as no MCP message depends on them.
const FIELD_LIMIT: usize = 256;

/// One event with data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SseEvent {
    /// The `event` field. `None` means the default, `message`.
    pub event: Option<Box<str>>,
    /// The `id` field of this event.
    pub id: Option<Box<str>>,
    /// The data, its lines joined by LF.
    pub data: Bytes,
}

/// Decodes a stream of server-sent events from chunks of any size.
///
/// An event whose only data line lies within one chunk is a slice of that chunk, not a copy. Comments and
/// unknown fields are skipped. Data of an event that the stream does not finish is never handed out.
///
/// A peer that sends one endless line, or one endless event, is stopped at the limit.
///
/// # Specification
///
/// WHATWG HTML, "Parsing an event stream". What a stream can be resumed with, [`SseDecoder::last_event_id`] and
/// [`SseDecoder::retry`], is kept for revisions up to 2025-11-25; later ones do not resume.
#[derive(Debug)]
pub struct SseDecoder {
    /// What was fed and not yet consumed.
    input: Bytes,
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
    /// The last byte consumed was CR: an LF that follows belongs to it.
    after_cr: bool,
    /// Nothing has been consumed: a byte order mark may follow.
    at_start: bool,
    data: Data,
    event: Option<Box<str>>,
    id: Option<Box<str>>,
    last_event_id: Option<Box<str>>,
    retry: Option<Duration>,
    limit: usize,
}

impl SseDecoder {
    /// A decoder that refuses events (and single lines) of more than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            input: Bytes::new(),
            partial: Vec::new(),
            after_cr: false,
            at_start: true,
            data: Data::None,
            event: None,
            id: None,
            last_event_id: None,
            retry: None,
            limit,
        }
    }

    /// The id of the last event that had one, with or without data: where the stream can be resumed. An
    /// empty id takes it back.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// How long to wait before resuming, if the stream said so.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Hands the next chunk to the decoder. Call [`Self::next_event`] until it has no more.
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

    /// The next whole event, or `None` if more input is needed.
    ///
    /// # Errors
    ///
    /// [`SseError::TooLarge`] if a line or the data of an event exceeds the limit. The stream cannot be
    /// trusted afterwards: close it.
    pub fn next_event(&mut self) -> Result<Option<SseEvent>, SseError> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                let (event, id) = (self.event.take(), self.id.take());
                if let Some(id) = &id {
                    self.last_event_id = (!id.is_empty()).then(|| id.clone());
                }
                let id = id.filter(|id| !id.is_empty());
                if let Some(data) = std::mem::take(&mut self.data).into_bytes() {
                    return Ok(Some(SseEvent { event, id, data }));
                }
            } else {
                self.field(&line)?;
            }
        }
        Ok(None)
    }

    /// The next line without its end.
    fn next_line(&mut self) -> Result<Option<Bytes>, SseError> {
        if self.after_cr && !self.input.is_empty() {
            self.after_cr = false;
            if self.input.first() == Some(&b'\n') {
                self.input.advance(1);
            }
        }
        let Some((line, rest)) = split_line(&self.input) else {
            self.check(self.partial.len(), self.input.len())?;
            self.partial.extend_from_slice(&self.input);
            self.input = Bytes::new();
            return Ok(None);
        };
        let (length, rest) = (line.len(), rest.len());
        self.check(self.partial.len(), length)?;
        let mut line = self.input.split_to(length);
        // A CR at the end of the input may be half of a CRLF.
        self.after_cr = self.input.len() == 1 && self.input.first() == Some(&b'\r');
        let end = self.input.len().saturating_sub(rest);
        self.input.advance(end);
        if !self.partial.is_empty() {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(&line);
            line = whole.into();
        }
        if std::mem::take(&mut self.at_start) && line.starts_with(b"\xEF\xBB\xBF") {
            line.advance(3);
        }
        Ok(Some(line))
    }

    fn field(&mut self, line: &Bytes) -> Result<(), SseError> {
        let (name, value) = match line.iter().position(|&byte| byte == b':') {
            Some(colon) => (line.slice(..colon), line.slice(colon.saturating_add(1)..)),
            None => (line.clone(), Bytes::new()),
        };
        let value = match value.first() {
            Some(b' ') => value.slice(1..),
            _ => value,
        };
        match name.as_ref() {
            b"data" => {
                self.check(self.data.len(), value.len())?;
                self.data.push(value);
            }
            b"event" => self.event = short(&value).filter(|name| !name.is_empty()),
            b"id" if !value.contains(&0) => {
                // What is too long to be kept cannot be resumed from, nor can what came before it.
                self.id = Some(short(&value).unwrap_or_default());
            }
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                let text = std::str::from_utf8(&value).ok();
                self.retry = text.and_then(|text| text.parse().ok()).map(Duration::from_millis);
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self, held: usize, more: usize) -> Result<(), SseError> {
        match held.checked_add(more) {
            Some(sum) if sum <= self.limit => Ok(()),
            _ => Err(SseError::TooLarge { limit: self.limit }),
        }
    }
}

/// The data of the event being read.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// One line, where it lay.
    One(Bytes),
    /// Several lines, joined.
    Many(Vec<u8>),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(line) => line.len().saturating_add(1),
            Self::Many(lines) => lines.len().saturating_add(1),
        }
    }

    fn push(&mut self, line: Bytes) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(line),
            Self::One(first) => {
                let mut lines =
                    Vec::with_capacity(first.len().saturating_add(line.len()).saturating_add(1));
                lines.extend_from_slice(&first);
                lines.push(b'\n');
                lines.extend_from_slice(&line);
                Self::Many(lines)
            }
            Self::Many(mut lines) => {
                lines.push(b'\n');
                lines.extend_from_slice(&line);
                Self::Many(lines)
            }
        };
    }

    fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::None => None,
            Self::One(line) => Some(line),
            Self::Many(lines) => Some(lines.into()),
        }
    }
}

/// A field of one line, if it is UTF-8 and not longer than anything sensible.
fn short(value: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(value).ok().filter(|text| text.len() <= FIELD_LIMIT).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(chunks: &[&[u8]]) -> Result<Vec<String>, SseError> {
        let mut decoder = SseDecoder::new(64);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.feed(Bytes::copy_from_slice(chunk));
            while let Some(event) = decoder.next_event()? {
                events.push(String::from_utf8(event.data.to_vec()).unwrap());
            }
        }
        Ok(events)
    }

    /// Decodes the input whole, byte by byte, and cut in two at every place.
    fn check(input: &str, events: &[&str]) {
        let bytes = input.as_bytes();
        assert_eq!(decode(&[bytes]).unwrap(), events, "{input:?}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single).unwrap(), events, "{input:?} byte by byte");
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(decode(&[a, b]).unwrap(), events, "{input:?} cut at {cut}");
        }
    }

    #[test]
    fn decodes_however_it_is_cut() {
        check("data: a\n\n", &["a"]);
        check("data: a\r\n\r\n", &["a"]);
        check("data: a\r\r", &["a"]);
        check("data: a\r\n\rdata: b\n\r", &["a", "b"]);
        check("data:a\ndata: b\n\ndata:  c\n\n", &["a\nb", " c"]);
        check(":\n\n: comment\n\ndata: a\n\n", &["a"]);
        check("data\n\n", &[""]);
        check("data\ndata\n\n", &["\n"]);
        check("\u{FEFF}data: a\n\n", &["a"]);
        check("event: x\nid: 1\nretry: 5\nunknown: y\nnothing\ndata: a\n\n", &["a"]);
        check("event: x\n\ndata: a\n\n", &["a"]);
        check("data: unfinished\n", &[]);
        check("data: ü\u{2028}\n\n", &["ü\u{2028}"]);
        check("", &[]);
    }

    #[test]
    fn an_event_name_does_not_outlive_its_event() {
        let mut decoder = SseDecoder::new(64);
        decoder.feed("event: x\n\ndata: a\n\nid: a\0b\nevent: y\ndata: b\n\n".into());
        let first = decoder.next_event().unwrap().unwrap();
        assert_eq!((first.event, first.data.as_ref()), (None, b"a".as_slice()));
        let second = decoder.next_event().unwrap().unwrap();
        assert_eq!((second.event.as_deref(), second.id), (Some("y"), None));
    }

    #[track_caller]
    fn check_resumption(input: &str, last: Option<&str>, retry: Option<u64>) {
        let mut decoder = SseDecoder::new(1024);
        decoder.feed(Bytes::copy_from_slice(input.as_bytes()));
        while decoder.next_event().unwrap().is_some() {}
        assert_eq!(decoder.last_event_id(), last, "{input:?}");
        assert_eq!(decoder.retry(), retry.map(Duration::from_millis), "{input:?}");
    }

    #[test]
    fn a_stream_says_how_to_resume_it() {
        check_resumption("data: a\n\n", None, None);
        check_resumption("id: 1\nretry: 500\ndata:\n\n", Some("1"), Some(500));
        check_resumption("id: 1\n\n", Some("1"), None);
        check_resumption("id: 1\ndata: a\n\ndata: b\n\n", Some("1"), None);
        check_resumption("id: 1\ndata: a\n\nid: 2\ndata: unfinished", Some("1"), None);
        check_resumption("id: 1\ndata: a\n\nid\ndata: b\n\n", None, None);
        check_resumption("retry: 5\nretry: x\nretry: -1\n", None, Some(5));
        check_resumption("retry: 99999999999999999999999\n", None, None);
        let long = "x".repeat(257);
        check_resumption(&format!("id: 1\ndata: a\n\nid: {long}\ndata: b\n\n"), None, None);
    }

    #[test]
    fn one_line_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"data: abcdef\n\n");
        let mut decoder = SseDecoder::new(64);
        decoder.feed(chunk.clone());
        let event = decoder.next_event().unwrap().unwrap();
        assert_eq!(event.data.as_ptr(), chunk.slice(6..).as_ptr());
    }

    #[test]
    fn endless_lines_and_events_stop_at_the_limit() {
        let too_large = Err(SseError::TooLarge { limit: 64 });
        let line = "x".repeat(65);
        assert_eq!(decode(&[line.as_bytes()]), too_large);
        let halves = line.split_at(40);
        assert_eq!(decode(&[halves.0.as_bytes(), halves.1.as_bytes()]), too_large);
        assert_eq!(decode(&["data: 123456789\n".repeat(7).as_bytes()]), too_large);
        assert_eq!(decode(&[format!("data: {}\n\n", "x".repeat(58)).as_bytes()]).unwrap().len(), 1);
        assert_eq!(decode(&[format!("data: {}\n\n", "x".repeat(59)).as_bytes()]), too_large);
        // Comments add up to nothing.
        assert_eq!(decode(&[": 123456789\n".repeat(100).as_bytes()]).unwrap().len(), 0);
    }
}

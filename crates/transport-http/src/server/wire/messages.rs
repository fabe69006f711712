//! HTTP/1.1 messages, read along: where each begins and ends, and whether that is beyond doubt.

use super::Look;

/// Enough of a line to see what it is: the names and values that matter are shorter.
const KEPT: usize = 256;

/// How the connection's second protocol begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

#[derive(Debug)]
pub(super) struct Messages {
    state: State,
    framing: Framing,
    /// The beginning of a line whose end has not been read.
    line: Vec<u8>,
    /// Whether the last byte read of that line is a carriage return.
    carriage_return: bool,
    /// How many heads are complete.
    heads: u64,
    max_control_frames: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the request line.
    Start,
    Headers,
    /// So many bytes of the body are left.
    Body(u64),
    ChunkSize,
    /// So many bytes of the chunk are left.
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

/// What the head has said of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Framing {
    #[default]
    None,
    Length(u64),
    Chunked,
}

/// What a line came to.
enum Line {
    Good,
    Bad,
    Http2,
}

impl Messages {
    pub(super) fn new(max_control_frames: usize) -> Self {
        Self {
            state: State::Start,
            framing: Framing::None,
            line: Vec::new(),
            carriage_return: false,
            heads: 0,
            max_control_frames,
        }
    }

    pub(super) fn max_control_frames(&self) -> usize {
        self.max_control_frames
    }

    pub(super) const fn heads(&self) -> u64 {
        self.heads
    }

    pub(super) fn within_head(&self) -> bool {
        self.state == State::Headers || (self.state == State::Start && !self.line.is_empty())
    }

    /// Whether what was read may be the beginning of HTTP/2.
    pub(super) fn may_become_http2(&self) -> bool {
        self.heads == 0 && self.state == State::Start && PREFACE.starts_with(&self.line)
    }

    /// Looks at what was read. A fault is certain at the end of a line.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Look {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if let State::Body(left) | State::Chunk(left) = self.state {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                at += taken;
                let left = left.saturating_sub(taken as u64);
                self.state = match self.state {
                    State::Chunk(_) if left == 0 => State::ChunkEnd,
                    State::Chunk(_) => State::Chunk(left),
                    _ if left == 0 => State::Start,
                    _ => State::Body(left),
                };
                continue;
            }
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.keep(rest);
                return Look::Good;
            };
            let (line, _) = rest.split_at(end);
            at += end + 1;
            if self.state == State::Headers && self.line.is_empty() && is_of_no_interest(line) {
                continue;
            }
            let head = matches!(self.state, State::Start | State::Headers);
            match self.end_line(line) {
                Line::Good => {}
                Line::Bad => return Look::Malformed { at: at - 1, head },
                Line::Http2 => return Look::Http2(at),
            }
        }
        Look::Good
    }

    fn keep(&mut self, part: &[u8]) {
        let room = KEPT.saturating_sub(self.line.len()).min(part.len());
        self.line.extend_from_slice(part.get(..room).unwrap_or_default());
        self.carriage_return = part.last() == Some(&b'\r');
    }

    /// The rest of a line, up to its line feed.
    fn end_line(&mut self, rest: &[u8]) -> Line {
        if self.line.is_empty() {
            let Some(line) = rest.strip_suffix(b"\r") else { return Line::Bad };
            return self.line(line);
        }
        if rest.is_empty() && !self.carriage_return {
            return Line::Bad;
        }
        if !rest.is_empty() {
            self.keep(rest);
        }
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::take(&mut self.carriage_return) {
            return Line::Bad;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.line(&line)
    }

    /// One line, without its end; of a long one the beginning.
    fn line(&mut self, line: &[u8]) -> Line {
        let good = match self.state {
            // Parsers skip empty lines before a request.
            State::Start if line.is_empty() => true,
            State::Start if PREFACE.strip_suffix(b"\r\n") == Some(line) => return Line::Http2,
            State::Start => {
                self.framing = Framing::None;
                self.state = State::Headers;
                // A fragment is never sent; parsers cut it off, proxies may not.
                !line.contains(&b'#')
            }
            State::Headers if line.is_empty() => {
                self.heads = self.heads.wrapping_add(1);
                self.state = match self.framing {
                    Framing::None | Framing::Length(0) => State::Start,
                    Framing::Length(length) => State::Body(length),
                    Framing::Chunked => State::ChunkSize,
                };
                true
            }
            State::Headers => self.header(line),
            State::ChunkSize => match chunk_size(line) {
                Some(0) => {
                    self.state = State::Trailers;
                    true
                }
                Some(size) => {
                    self.state = State::Chunk(size);
                    true
                }
                None => false,
            },
            State::ChunkEnd => {
                self.state = State::ChunkSize;
                line.is_empty()
            }
            State::Trailers => {
                if line.is_empty() {
                    self.state = State::Start;
                }
                true
            }
            State::Body(_) | State::Chunk(_) => false,
        };
        if good { Line::Good } else { Line::Bad }
    }

    /// Whether a header leaves no doubt where the message ends: one length, or one encoding, and that
    /// `chunked`; and no line that goes on with the header before.
    fn header(&mut self, line: &[u8]) -> bool {
        let framing = match line.first() {
            Some(b' ' | b'\t') => return false,
            Some(b'c' | b'C') => value_of(line, b"content-length").map(|value| {
                let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                let text = std::str::from_utf8(value).ok().filter(|_| digits)?;
                text.parse().ok().map(Framing::Length)
            }),
            Some(b't' | b'T') => value_of(line, b"transfer-encoding")
                .map(|value| value.eq_ignore_ascii_case(b"chunked").then_some(Framing::Chunked)),
            _ => None,
        };
        match framing {
            None => true,
            Some(Some(framing)) if self.framing == Framing::None => {
                self.framing = framing;
                true
            }
            Some(_) => false,
        }
    }
}

/// Whether a line of a head, up to its line feed, says nothing of where the message ends, as most do: it
/// ends as it should, and by its first letter it is neither the end of the head, nor a part of the line
/// before, nor one of the two headers about the body. Only lines that arrived whole are asked about.
fn is_of_no_interest(line: &[u8]) -> bool {
    let [first, .., b'\r'] = line else { return false };
    !matches!(first, b' ' | b'\t' | b'c' | b'C' | b't' | b'T')
}

/// The value of a header if it has this name. Space before the colon is not forgiven by anybody, but does
/// not hide the name here.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    if !found.eq_ignore_ascii_case(name) {
        return None;
    }
    rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii)
}

/// A size in hexadecimal digits, and nothing else: extensions mean nothing to anybody but who smuggles.
fn chunk_size(line: &[u8]) -> Option<u64> {
    if !(1..=15).contains(&line.len()) || !line.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a look at these bytes, in pieces of this size, comes to: the byte of the first fault.
    fn fault(bytes: &[u8], size: usize) -> Option<usize> {
        let mut messages = Messages::new(1);
        let mut before = 0;
        for piece in bytes.chunks(size) {
            match messages.look(piece) {
                Look::Good => before += piece.len(),
                Look::Malformed { at, .. } => return Some(before + at),
                Look::Http2(_) => return None,
            }
        }
        None
    }

    #[track_caller]
    fn check(text: &str, expected: Option<usize>) {
        for size in [1, 2, 3, 7, text.len().max(1)] {
            assert_eq!(fault(text.as_bytes(), size), expected, "in pieces of {size}: {text:?}");
        }
    }

    const GOOD: &str = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na\n\nbc";
    const CHUNKED: &str = "POST /mcp HTTP/1.1\r\ntransfer-encoding:\tCHUNKED \r\n\r\n\
                           3\r\n\n\n\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n";

    #[test]
    fn good_messages_follow_each_other() {
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1000));
        let all = [GOOD, CHUNKED, "\r\n", GOOD, &long, CHUNKED, "GET / HTTP/1.1\r\n\r\n", GOOD];
        check(&all.concat(), None);
        // Behind each of them the next one is looked at.
        for first in [GOOD, CHUNKED, &long] {
            let bad = format!("{first}GET / HTTP/1.1\nHost: a\r\n\r\n");
            check(&bad, Some(first.len() + 14));
        }
    }

    /// The fault is at the end of this text's last line.
    #[track_caller]
    fn bad(text: &str) {
        let end = text.rfind('\n').unwrap();
        check(text, Some(end));
        check(&format!("{GOOD}{text}"), Some(GOOD.len() + end));
    }

    #[test]
    fn h16_where_a_message_ends_is_beyond_doubt() {
        let headers = |lines: &str| bad(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}"));
        headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
        headers("transfer-encoding: chunked\r\nCONTENT-LENGTH: 5\r\n");
        headers("Content-Length: 5\r\nContent-Length: 5\r\n");
        headers("Content-Length: 5\r\nX: y\r\nContent-length: 6\r\n");
        headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n");
        for value in ["", "+5", "-5", "5, 5", "0x5", "5 5", "5;", "18446744073709551616"] {
            headers(&format!("Content-Length: {value}\r\n"));
        }
        for value in ["", "gzip", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;q=1"] {
            headers(&format!("Transfer-Encoding: {value}\r\n"));
        }
        headers("Content-Length : 5\r\nTransfer-Encoding: chunked\r\n");
        headers("X: y\n");
        headers("\n");
        headers("X: a\r\n b\r\n");
        headers("\tb: c\r\n");
        bad("POST / HTTP/1.1\n");
        bad("POST /#a HTTP/1.1\r\n");
        bad("\n");
    }

    /// What is passed over as of no interest is what the long way finds nothing in, whatever its bytes.
    #[test]
    fn h16_a_line_of_no_interest_is_good_either_way() {
        let mut passed = 0;
        for first in 0..=u8::MAX {
            for rest in [&b""[..], b"\r", b": a\r", b"ontent-length: x\r", b"\r\r", b" b", b"\ra"] {
                let line = [&[first], rest].concat();
                if is_of_no_interest(&line) {
                    passed += 1;
                    let mut messages = Messages::new(1);
                    messages.state = State::Headers;
                    assert!(matches!(messages.end_line(&line), Line::Good), "{line:?}");
                    assert_eq!((messages.state, messages.framing), (State::Headers, Framing::None));
                }
            }
        }
        assert_eq!(passed, (256 - 6) * 4, "all others are looked at");
    }

    #[test]
    fn h16_where_a_chunk_ends_is_beyond_doubt() {
        let chunks = |text: &str| {
            bad(&format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{text}"))
        };
        for size in
            ["", "5\n", "5;a=b\r\n", "5 \r\n", " 5\r\n", "+5\r\n", "0x5\r\n", "g\r\n", "-1\r\n"]
        {
            chunks(if size.is_empty() { "\r\n" } else { size });
        }
        chunks("0000000000000001\r\n");
        chunks("1\r\na\n");
        chunks("1\r\nab\r\n");
        chunks("0\r\nX: y\n");
        chunks("0\r\n\n");
    }

    #[test]
    fn http2_begins_with_its_preface() {
        let mut messages = Messages::new(1);
        assert!(matches!(messages.look(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Look::Http2(16)));
        let mut messages = Messages::new(1);
        assert!(matches!(messages.look(b"PRI * HT"), Look::Good));
        assert!(messages.within_head());
        assert!(matches!(messages.look(b"TP/2.0\r\n\r\nSM"), Look::Http2(8)));
    }
}

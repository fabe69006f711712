//! Reading Server-Sent Events, strictly: what the server sent, field by field, nothing repaired.

use serde_json::Value;

/// One event, or one block of comments (a keep-alive).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SseEvent {
    /// The `event` field.
    pub event: Option<String>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `retry` field as written.
    pub retry: Option<String>,
    /// The `data` lines, joined by line feeds; `None` if there was none.
    pub data: Option<String>,
    /// Comment lines, without the colon.
    pub comments: Vec<String>,
    /// Lines whose field the format does not know: nothing should ever come here.
    pub unknown: Vec<String>,
}

impl SseEvent {
    /// The data as JSON.
    ///
    /// # Panics
    ///
    /// If there is no data or it is not JSON.
    pub fn json(&self) -> Value {
        let data = self.data.as_deref().expect("the event carries data");
        serde_json::from_str(data).expect("the data is JSON")
    }

    /// Whether this block is only comments.
    pub fn is_keep_alive(&self) -> bool {
        self.data.is_none() && self.event.is_none() && !self.comments.is_empty()
    }
}

/// Takes bytes as they come and gives complete events.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SseReader {
    pending: Vec<u8>,
}

impl SseReader {
    /// An empty reader.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes and returns the events that they completed.
    ///
    /// # Panics
    ///
    /// If a complete event is not UTF-8.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        self.pending.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some((block, rest)) = split_block(&self.pending) {
            let text = std::str::from_utf8(block).expect("the stream is UTF-8");
            if !text.is_empty() {
                events.push(parse_block(text));
            }
            self.pending.drain(..rest);
        }
        events
    }

    /// Bytes of an event that is not complete yet; a stream should not end with any.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }
}

/// Reads a whole body.
///
/// # Panics
///
/// If the body is not UTF-8 or ends within an event.
pub fn parse(body: &[u8]) -> Vec<SseEvent> {
    let mut reader = SseReader::new();
    let events = reader.push(body);
    assert!(
        reader.pending().is_empty(),
        "the body ends within an event: {:?}",
        String::from_utf8_lossy(reader.pending())
    );
    events
}

/// The first block without its empty line, and where the next one starts.
fn split_block(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut line_start = 0;
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let ending = match byte {
            b'\n' => 1,
            b'\r' if bytes.get(position + 1) == Some(&b'\n') => 2,
            // A lone CR at the end may be the first half of CRLF: wait for more.
            b'\r' if position + 1 == bytes.len() => return None,
            b'\r' => 1,
            _ => 0,
        };
        if ending == 0 {
            position += 1;
            continue;
        }
        if position == line_start {
            return Some((bytes.get(..line_start)?, position + ending));
        }
        position += ending;
        line_start = position;
    }
    None
}

fn parse_block(text: &str) -> SseEvent {
    let mut event = SseEvent::default();
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "" => event.comments.push(value),
            "event" => event.event = Some(value),
            "id" => event.id = Some(value),
            "retry" => event.retry = Some(value),
            "data" => match &mut event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&value);
                }
                none => *none = Some(value),
            },
            _ => event.unknown.push(line.to_owned()),
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &[(&str, Option<&str>)]) {
        let found = parse(body.as_bytes());
        let short: Vec<_> =
            found.iter().map(|e| (e.data.as_deref().unwrap_or("-"), e.event.as_deref())).collect();
        assert_eq!(short, expected, "{body:?}");

        let mut reader = SseReader::new();
        let bytewise: Vec<_> =
            body.as_bytes().iter().flat_map(|byte| reader.push(&[*byte])).collect();
        assert_eq!(bytewise, found, "byte by byte: {body:?}");
    }

    #[test]
    fn events() {
        check("data: {}\n\n", &[("{}", None)]);
        check("event: message\ndata: 1\n\ndata:2\n\n", &[("1", Some("message")), ("2", None)]);
        check("data: a\r\ndata: b\r\n\r\n", &[("a\nb", None)]);
        check(": hi\n\ndata: 1\n\n", &[("-", None), ("1", None)]);
        check("data\n\n", &[("", None)]);
        check("", &[]);
    }

    #[test]
    fn comments_and_unknown_fields_are_kept() {
        let events = parse(b":\n\nid: 7\nretry: 10\nfoo: bar\ndata: 1\n\n");
        assert!(events[0].is_keep_alive());
        assert_eq!(events[1].unknown, ["foo: bar"]);
        assert_eq!((events[1].id.as_deref(), events[1].retry.as_deref()), (Some("7"), Some("10")));
        assert!(!events[1].is_keep_alive());
    }

    #[test]
    #[should_panic(expected = "within an event")]
    fn a_torn_event_is_a_fault() {
        parse(b"data: 1\n");
    }
}

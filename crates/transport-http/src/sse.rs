//! Server-sent events: the encoder that servers write with, and the decoder that clients read with.
//!
//! A JSON-RPC message is the data of one event. The encoder cannot be talked into writing a second event:
//! line breaks in data become further `data` lines, and fields of one line refuse them.

mod decode;

pub use decode::{SseDecoder, SseEvent};

/// A comment, which receivers skip. Written to keep idle connections open.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// Why an event cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// An event name or id holds CR, LF or NUL.
    #[error("event name or id holds a control character that would break the event")]
    FieldNotOneLine,
    /// One event is larger than the limit of the decoder.
    #[error("event exceeds {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl SseError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FieldNotOneLine => "sse_field_not_one_line",
            Self::TooLarge { .. } => "sse_event_too_large",
        }
    }
}

/// Appends one event without name and id to `out`.
///
/// Every line of `data` (ended by CR, LF or both) gets its own `data` field, so data that an attacker chose
/// stays data. The receiver joins the lines with LF.
///
/// # Specification
///
/// WHATWG HTML, "Server-sent events"; MCP 2026-07-28, Streamable HTTP, "Receiving Messages".
pub fn encode_data(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len().saturating_add(8));
    let mut rest = data;
    loop {
        out.extend_from_slice(b"data: ");
        match split_line(rest) {
            Some((line, after)) => {
                out.extend_from_slice(line);
                out.push(b'\n');
                rest = after;
            }
            None => {
                out.extend_from_slice(rest);
                out.extend_from_slice(b"\n\n");
                return;
            }
        }
    }
}

/// Appends one event with an optional name and id to `out`. Writes nothing if it fails.
///
/// # Errors
///
/// [`SseError::FieldNotOneLine`] if the name or the id holds CR, LF or NUL: written out, they would end the
/// field and let their author forge an event.
pub fn encode_event(
    out: &mut Vec<u8>,
    event: Option<&str>,
    id: Option<&str>,
    data: &[u8],
) -> Result<(), SseError> {
    let broken = |field: &str| field.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if event.is_some_and(broken) || id.is_some_and(broken) {
        return Err(SseError::FieldNotOneLine);
    }
    for (name, value) in [("event: ", event), ("id: ", id)] {
        if let Some(value) = value {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value.as_bytes());
            out.push(b'\n');
        }
    }
    encode_data(out, data);
    Ok(())
}

/// The first line of `bytes` without its end, and what follows; `None` if no line ends in it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..))?;
    Some((line, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, encoded: &str) {
        let mut out = Vec::new();
        encode_data(&mut out, data.as_bytes());
        assert_eq!(String::from_utf8_lossy(&out), encoded, "{data:?}");
    }

    #[test]
    fn h18_line_breaks_in_data_become_further_data_lines() {
        check("", "data: \n\n");
        check("{}", "data: {}\n\n");
        check("a\nb", "data: a\ndata: b\n\n");
        check("a\rb", "data: a\ndata: b\n\n");
        check("a\r\nb", "data: a\ndata: b\n\n");
        check("a\n\r\n\rb", "data: a\ndata: \ndata: \ndata: b\n\n");
        check("a\n", "data: a\ndata: \n\n");
        check(
            "x\n\nevent: forged\ndata: y",
            "data: x\ndata: \ndata: event: forged\ndata: data: y\n\n",
        );
    }

    #[test]
    fn h18_line_breaks_in_name_and_id_are_refused() {
        for bad in ["a\rb", "a\nb", "\r\n", "a\0"] {
            let mut out = Vec::new();
            assert_eq!(
                encode_event(&mut out, Some(bad), None, b"x"),
                Err(SseError::FieldNotOneLine)
            );
            assert_eq!(
                encode_event(&mut out, None, Some(bad), b"x"),
                Err(SseError::FieldNotOneLine)
            );
            assert!(out.is_empty());
        }
        let mut out = Vec::new();
        encode_event(&mut out, Some("message"), Some("7"), b"x").unwrap();
        assert_eq!(out, b"event: message\nid: 7\ndata: x\n\n");
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same_data_with_lf() {
        for data in ["", "{}", "a\r\nb\rc\nd", "\n", ": no comment", " leading", "ünï\u{2028}code"]
        {
            let mut out = KEEP_ALIVE.to_vec();
            encode_event(&mut out, Some("message"), Some("1"), data.as_bytes()).unwrap();
            let mut decoder = SseDecoder::new(1024);
            decoder.feed(out.into());
            let event = decoder.next_event().unwrap().unwrap();
            assert_eq!(event.data, data.replace("\r\n", "\n").replace('\r', "\n"));
            assert_eq!(event.event.as_deref(), Some("message"));
            assert!(decoder.next_event().unwrap().is_none());
        }
    }
}

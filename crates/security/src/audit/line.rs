//! The fields of an audit record as JSON, fast: this runs within every request.

use std::{io::Write as _, net::SocketAddr};

use super::{AuditRecord, escape};

/// The most characters of one text, as in [`Escaped`](super::Escaped), and the most bytes they take.
const MAX_CHARS: usize = 256;
const MAX_BYTES: usize = 768;

/// Appends the fields of a record, without the braces around them. Allocates nothing if there is room.
pub(super) fn push_record(out: &mut Vec<u8>, record: &AuditRecord<'_>) {
    out.extend_from_slice(b"\"time\":");
    push_number(out, record.time.as_millis());
    out.extend_from_slice(b",\"correlation_id\":\"");
    out.extend_from_slice(&record.correlation_id.to_ascii());
    out.extend_from_slice(b"\",\"outcome\":\"");
    out.extend_from_slice(record.outcome.as_str().as_bytes());
    out.push(b'"');
    push_text(out, b",\"code\":\"", record.code);
    push_text(out, b",\"transport\":\"", record.transport);
    if let Some(peer) = record.peer {
        out.extend_from_slice(b",\"peer\":\"");
        push_address(out, peer);
        out.push(b'"');
    }
    if let Some(principal) = record.principal {
        push_text(out, b",\"subject\":\"", principal.subject());
        push_text(out, b",\"scheme\":\"", principal.scheme());
    }
    if let Some(method) = record.method {
        push_text(out, b",\"method\":\"", method);
    }
    if let (Some(kind), Some(name)) = (record.target.kind(), record.target.name()) {
        push_text(out, b",\"target_kind\":\"", kind);
        push_text(out, b",\"target\":\"", name);
    }
    if let Some(status) = record.http_status {
        out.extend_from_slice(b",\"http_status\":");
        push_number(out, u64::from(status));
    }
    if let Some(code) = record.jsonrpc_code {
        out.extend_from_slice(b",\"jsonrpc_code\":");
        if code < 0 {
            out.push(b'-');
        }
        push_number(out, u64::from(code.unsigned_abs()));
    }
    if let Some(reason) = record.would_deny {
        push_text(out, b",\"would_deny\":\"", reason);
    }
    out.extend_from_slice(b",\"duration_us\":");
    push_number(out, u64::try_from(record.duration.as_micros()).unwrap_or(u64::MAX));
}

/// Appends an address as its `Display` has it.
fn push_address(out: &mut Vec<u8>, address: SocketAddr) {
    let SocketAddr::V4(v4) = address else {
        // Into memory: cannot fail.
        let _ = write!(out, "{address}");
        return;
    };
    let mut text = Digits::new();
    text.put(u64::from(v4.port()));
    for (octet, end) in v4.ip().octets().into_iter().zip(*b"...:").rev() {
        text.put_byte(end);
        text.put(u64::from(octet));
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number in decimal.
pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut text = Digits::new();
    text.put(number);
    out.extend_from_slice(text.as_bytes());
}

/// Digits, written from the last to the first: to append them at once costs as much as to append one.
struct Digits {
    bytes: [u8; Self::MOST],
    from: usize,
}

impl Digits {
    /// An address of version 4 with its port takes 21 bytes, the largest number 20.
    const MOST: usize = 24;

    const fn new() -> Self {
        Self { bytes: [0; Self::MOST], from: Self::MOST }
    }

    fn put(&mut self, mut number: u64) {
        loop {
            // Below ten.
            self.put_byte(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    fn put_byte(&mut self, byte: u8) {
        self.from = self.from.saturating_sub(1);
        if let Some(first) = self.bytes.get_mut(self.from) {
            *first = byte;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }
}

/// Appends a name, which ends in a quote, and a text with a quote behind it. What could end a line, drive a
/// terminal or hide is written as `\u....`, so a reader of the JSON gets the text as it was, and a reader of
/// the file cannot be fooled.
fn push_text<const N: usize>(out: &mut Vec<u8>, name: &[u8; N], text: &str) {
    out.extend_from_slice(name);
    let plain = |byte: u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    if text.len() <= MAX_CHARS && text.bytes().all(plain) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_escaped(out, text);
    }
    out.push(b'"');
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let most = out.len().saturating_add(MAX_BYTES);
    for (index, c) in text.chars().enumerate() {
        if index >= MAX_CHARS || out.len() >= most {
            out.extend_from_slice(b"[cut]");
            return;
        }
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if escape::is_unsafe(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        audit::{CorrelationId, Outcome},
        clock::UnixMillis,
        policy::Target,
        principal::Principal,
    };

    #[track_caller]
    fn check(record: &AuditRecord<'_>, expected: Value) {
        let mut out = b"{".to_vec();
        push_record(&mut out, record);
        out.push(b'}');
        let text = String::from_utf8(out).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected, "{text}");
        let strange = |c: char| escape::is_unsafe(c);
        assert_eq!(text.find(strange), None, "{text:?}");
    }

    fn record(code: &str) -> AuditRecord<'_> {
        let id = CorrelationId::from_u128(0xab);
        AuditRecord::new(UnixMillis::new(1_764_093_792_123), id, "http", Outcome::Denied, code)
    }

    #[test]
    fn every_field_is_written_under_its_name() {
        let principal = Principal::new("alice", "bearer");
        let id = "000000000000000000000000000000ab";
        check(
            &record("tool_not_authorized")
                .with_principal(Some(&principal))
                .with_peer(Some("[::1]:4711".parse().unwrap()))
                .with_request(Some("tools/call"), Target::Tool("add"))
                .with_http_status(Some(403))
                .with_jsonrpc_code(Some(-31403))
                .with_duration(Duration::from_micros(71)),
            json!({
                "time": 1_764_093_792_123_u64, "correlation_id": id, "outcome": "denied",
                "code": "tool_not_authorized", "transport": "http", "peer": "[::1]:4711",
                "subject": "alice", "scheme": "bearer", "method": "tools/call",
                "target_kind": "tool", "target": "add", "http_status": 403, "jsonrpc_code": -31403,
                "duration_us": 71,
            }),
        );
        check(
            &record("x")
                .with_jsonrpc_code(Some(i32::MIN))
                .with_would_deny(Some("tool_not_authorized"))
                .with_duration(Duration::MAX),
            json!({
                "time": 1_764_093_792_123_u64, "correlation_id": id, "outcome": "denied",
                "code": "x", "transport": "http", "jsonrpc_code": i32::MIN,
                "would_deny": "tool_not_authorized", "duration_us": u64::MAX,
            }),
        );
    }

    #[test]
    fn l2_a_text_can_neither_end_a_line_nor_drive_a_terminal() {
        let hostile = "a\"b\\c\r\n\u{1b}[31m\u{9b}\u{202e}\u{2028}\u{e0041}\0\u{7f}";
        let principal = Principal::new(hostile, hostile);
        let escaped = record(hostile)
            .with_principal(Some(&principal))
            .with_request(Some(hostile), Target::Resource(hostile));
        check(
            &escaped,
            json!({
                "time": 1_764_093_792_123_u64, "correlation_id": "000000000000000000000000000000ab",
                "outcome": "denied", "code": hostile, "transport": "http", "subject": hostile,
                "scheme": hostile, "method": hostile, "target_kind": "resource", "target": hostile,
                "duration_us": 0,
            }),
        );
    }

    #[test]
    fn a_text_is_cut_before_it_floods_a_log() {
        let cut = |text: &str| {
            let mut out = Vec::new();
            push_text(&mut out, b"\"", text);
            assert!(out.len() <= MAX_BYTES + 32, "{}", out.len());
            serde_json::from_slice::<String>(&out).unwrap()
        };
        assert_eq!(cut(&"x".repeat(256)), "x".repeat(256));
        assert_eq!(cut(&"x".repeat(257)), format!("{}[cut]", "x".repeat(256)));
        assert_eq!(cut(&"\u{65e5}".repeat(256)), "\u{65e5}".repeat(256));
        assert_eq!(cut(&"\u{e0041}".repeat(99)), format!("{}[cut]", "\u{e0041}".repeat(64)));
    }

    #[test]
    fn addresses_are_as_they_are_displayed() {
        for address in
            ["0.0.0.0:0", "127.0.0.1:80", "255.100.9.10:65535", "[::1]:4711", "[2001:db8::]:1"]
        {
            let mut out = Vec::new();
            push_address(&mut out, address.parse().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), address);
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 1, 9, 10, 12_345, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}

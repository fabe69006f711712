//! Lines in every division into chunks.

use bytes::Bytes;

use super::{LineDecoder, LineError, encode_line};

type Found = Result<String, LineError>;

const LIMIT: usize = 8;
const TOO_LONG: Found = Err(LineError::TooLong { limit: LIMIT });
const NOT_UTF8: Found = Err(LineError::NotUtf8);

fn line(text: &str) -> Found {
    Ok(text.to_owned())
}

/// Everything that a decoder says about these chunks.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Found>, usize) {
    let mut decoder = LineDecoder::new(LIMIT);
    let mut found = Vec::new();
    for chunk in chunks {
        decoder.feed(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_line() {
                Ok(Some(line)) => found.push(Ok(String::from_utf8(line.to_vec()).unwrap())),
                Ok(None) => break,
                Err(error) => found.push(Err(error)),
            }
        }
        assert!(decoder.pending() <= LIMIT + 1, "{decoder:?}");
    }
    (found, decoder.pending())
}

/// However the text is divided, these lines are in it, and so much is left.
#[track_caller]
fn check(text: &[u8], expected: &[Found], left: usize) {
    let shown = text.escape_ascii();
    let expected = (expected.to_vec(), left);
    assert_eq!(decode([text]), expected, "{shown}");
    assert_eq!(decode(text.chunks(1)), expected, "byte by byte: {shown}");
    for at in 0..text.len() {
        assert_eq!(decode([&text[..at], &text[at..]]), expected, "divided at {at}: {shown}");
    }
}

#[test]
fn lines_end_with_lf_or_crlf() {
    check(b"{}\n[]\n", &[line("{}"), line("[]")], 0);
    check(b"{}\r\n[]\r\n", &[line("{}"), line("[]")], 0);
    check(b"a\rb\n", &[line("a\rb")], 0);
    check(b"a\r\r\n", &[line("a\r")], 0);
    check("\u{e9}\u{1f600}\n".as_bytes(), &[line("\u{e9}\u{1f600}")], 0);
}

#[test]
fn empty_lines_are_skipped() {
    check(b"", &[], 0);
    check(b"\n\r\n\n", &[], 0);
    check(b"\n\na\n\r\n\nb\n", &[line("a"), line("b")], 0);
    check(b" \n", &[line(" ")], 0);
}

#[test]
fn what_has_no_end_is_kept_and_not_handed_out() {
    check(b"a\nbc", &[line("a")], 2);
    check(b"bc\r", &[], 3);
    check(b"12345678", &[], 8);
}

#[test]
fn the_limit_counts_a_line_without_its_end() {
    check(b"12345678\n", &[line("12345678")], 0);
    check(b"12345678\r\n", &[line("12345678")], 0);
    check(b"123456789\n", &[TOO_LONG], 0);
    check(b"123456789\r\n", &[TOO_LONG], 0);
    check(b"12345678\r\r\n", &[TOO_LONG], 0);
    check(b"12345678\rx\n", &[TOO_LONG], 0);
}

#[test]
fn a_line_that_is_too_long_is_reported_once_and_the_next_one_is_read() {
    check(b"12345678901234567890\nok\n", &[TOO_LONG, line("ok")], 0);
    check(b"a\n1234567890\n1234567890\nb\n", &[line("a"), TOO_LONG, TOO_LONG, line("b")], 0);
    check(b"1234567890\n\nok\n", &[TOO_LONG, line("ok")], 0);
    check(b"12345678901234567890", &[TOO_LONG], 0);
}

#[test]
fn what_is_not_utf8_is_reported_and_the_next_line_is_read() {
    check(b"\xff\nok\n", &[NOT_UTF8, line("ok")], 0);
    check(b"a\xc3\nok\n", &[NOT_UTF8, line("ok")], 0);
    check(b"\xed\xa0\x80\n", &[NOT_UTF8], 0);
    check(b"\xff23456789\n", &[TOO_LONG], 0);
}

#[test]
fn an_endless_line_costs_no_memory() {
    let mut decoder = LineDecoder::new(LIMIT);
    let mut reported = 0;
    for _ in 0..10_000 {
        decoder.feed(Bytes::from_static(&[b'x'; 1024]));
        reported += usize::from(decoder.next_line().is_err());
        assert_eq!((decoder.pending(), decoder.partial.capacity()), (0, 0));
    }
    assert_eq!(reported, 1);
}

#[test]
fn a_line_within_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"{}\n[]\n");
    let mut decoder = LineDecoder::new(LIMIT);
    decoder.feed(chunk.clone());
    decoder.next_line().unwrap();
    let second = decoder.next_line().unwrap().unwrap();
    assert_eq!(second.as_ptr(), chunk.slice(3..).as_ptr());
}

#[test]
fn chunks_may_come_before_lines_are_taken() {
    let mut decoder = LineDecoder::new(LIMIT);
    for part in ["{", "}\n", "[", "]\n"] {
        decoder.feed(part.into());
    }
    assert_eq!(decoder.next_line(), Ok(Some("{}".into())));
    assert_eq!(decoder.next_line(), Ok(Some("[]".into())));
    assert_eq!(decoder.next_line(), Ok(None));
}

#[test]
fn one_message_is_one_line() {
    let mut out = Vec::new();
    encode_line(&mut out, b"{\n  \"a\":\r\n  \"\\n\"\n}");
    assert_eq!(out, b"{   \"a\":    \"\\n\" }\n");
    encode_line(&mut out, b"[]");
    assert!(out.ends_with(b"}\n[]\n"));
}

//! Lines of text: how a stream is divided into chunks makes no difference, and a bad line harms no other.

use bytes::Bytes;
use palisade::transport::{LineDecoder, LineError, encode_line};

/// Small, so that a fuzzer reaches it.
const LIMIT: usize = 32;

/// The lines of a stream, and what is said about those that are left out.
type Lines = Vec<Result<Vec<u8>, LineError>>;

/// The first byte says how the rest, a stream, is divided.
pub fn check(data: &[u8]) {
    let (sizes, stream) = match data {
        [sizes, stream @ ..] => (*sizes, stream),
        [] => (0, data),
    };
    let expected = naive(stream);
    assert_eq!(decode([stream]), expected, "in one piece");
    assert_eq!(decode(stream.chunks(1)), expected, "byte by byte");
    let size = 1 + usize::from(sizes % 16);
    assert_eq!(decode(stream.chunks(size)), expected, "in chunks of {size}");
    let (left, right) = stream.split_at(usize::from(sizes).min(stream.len()));
    assert_eq!(decode([left, right]), expected, "divided at {sizes}");
    round_trip(stream);
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Lines {
    let mut decoder = LineDecoder::new(LIMIT);
    let mut lines = Vec::new();
    for chunk in chunks {
        decoder.feed(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_line() {
                Ok(Some(line)) => lines.push(Ok(line.to_vec())),
                Ok(None) => break,
                Err(error) => lines.push(Err(error)),
            }
        }
        assert!(decoder.pending() <= LIMIT + 1, "{} bytes are kept", decoder.pending());
    }
    lines
}

fn naive(stream: &[u8]) -> Lines {
    let mut lines: Vec<_> = stream.split(|byte| *byte == b'\n').collect();
    let unfinished = lines.pop().unwrap_or_default();
    let whole = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut found: Lines = whole
        .filter(|line| !line.is_empty())
        .map(|line| match std::str::from_utf8(line) {
            _ if line.len() > LIMIT => Err(LineError::TooLong { limit: LIMIT }),
            Ok(_) => Ok(line.to_vec()),
            Err(_) => Err(LineError::NotUtf8),
        })
        .collect();
    // Whatever follows: even a CR at the end would be followed by more than an LF, or be one too many.
    if unfinished.strip_suffix(b"\r").unwrap_or(unfinished).len() > LIMIT {
        found.push(Err(LineError::TooLong { limit: LIMIT }));
    }
    found
}

/// Whatever is written as one message is read as one line, and as the same JSON.
fn round_trip(message: &[u8]) {
    let mut out = Vec::new();
    encode_line(&mut out, message);
    let mut decoder = LineDecoder::new(usize::MAX);
    decoder.feed(out.into());
    let text = std::str::from_utf8(message);
    match decoder.next_line() {
        Ok(None) => assert!(message.is_empty()),
        Ok(Some(line)) => {
            let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
            assert!(text.is_ok() && line.len() == message.len());
            if let Some(before) = json(message) {
                assert_eq!(json(&line), Some(before));
            }
        }
        Err(_) => assert!(text.is_err()),
    }
    assert_eq!(decoder.next_line(), Ok(None), "one message was written");
    assert_eq!(decoder.pending(), 0);
}

//! Server-sent events: how a stream is divided into chunks makes no difference, and neither does who reads
//! it.

use bytes::Bytes;
use palisade::http::sse::{SseDecoder, SseError, SseEvent, encode_event};

/// Small, so that a fuzzer reaches it.
const LIMIT: usize = 64;

/// What a stream holds, up to the first error.
type Events = (Vec<(Option<String>, Option<String>, Vec<u8>)>, Option<SseError>);

/// The first byte says how the rest, a stream, is divided.
pub fn check(data: &[u8]) {
    let (sizes, stream) = match data {
        [sizes, stream @ ..] => (*sizes, stream),
        [] => (0, data),
    };
    let whole = decode([stream]);
    assert_eq!(whole, decode(stream.chunks(1)), "byte by byte");
    let size = 1 + usize::from(sizes % 16);
    assert_eq!(whole, decode(stream.chunks(size)), "in chunks of {size}");
    let (left, right) = stream.split_at(usize::from(sizes).min(stream.len()));
    assert_eq!(whole, decode([left, right]), "divided at {sizes}");
    assert_eq!(whole, naive(stream), "not as the specification reads it");
    round_trip(stream);
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Events {
    let mut decoder = SseDecoder::new(LIMIT);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.feed(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_event() {
                Ok(Some(SseEvent { event, id, data, .. })) => {
                    assert!(data.len() <= LIMIT, "an event of {} bytes", data.len());
                    events.push((event.map(Into::into), id.map(Into::into), data.to_vec()));
                }
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

/// "Interpreting an event stream", the way it is written there, with our two bounds.
fn naive(stream: &[u8]) -> Events {
    let too_large = Some(SseError::TooLarge { limit: LIMIT });
    let (mut events, mut event, mut id) = (Vec::new(), None, None);
    let mut data: Option<Vec<u8>> = None;
    let mut rest = stream;
    let mut first = true;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        if end.unwrap_or(rest.len()) > LIMIT {
            return (events, too_large);
        }
        let Some(end) = end else { return (events, None) };
        let mut line = &rest[..end];
        let ending = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + ending..];
        if std::mem::take(&mut first) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            let (event, id) = (event.take(), id.take());
            events.extend(data.take().map(|data| (event, id, data)));
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = || std::str::from_utf8(value).ok().filter(|text| !text.is_empty());
        match name {
            b"data" => {
                let joined = match data.take() {
                    Some(data) => [&data, value].join(&b'\n'),
                    None => value.to_vec(),
                };
                if joined.len() > LIMIT {
                    return (events, too_large);
                }
                data = Some(joined);
            }
            b"event" => event = text().map(str::to_owned),
            b"id" if !value.contains(&0) => id = text().map(str::to_owned),
            _ => {}
        }
    }
}

/// Whatever is written as the data of one event is read as the data of one event.
fn round_trip(data: &[u8]) {
    let mut out = Vec::new();
    encode_event(&mut out, Some("message"), None, data).unwrap();
    let mut decoder = SseDecoder::new(usize::MAX);
    decoder.feed(out.into());
    let event = decoder.next_event().unwrap().unwrap();
    let mut lines = Vec::new();
    let mut bytes = data.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&&b'\n');
                lines.push(b'\n');
            }
            byte => lines.push(*byte),
        }
    }
    assert_eq!(event.data, lines);
    assert_eq!(event.event.as_deref(), Some("message"));
    assert_eq!(decoder.next_event(), Ok(None), "one event was written");
}

//! Batches: several messages in one array, which revision 2025-03-26 alone has.

use std::fmt;

use serde::{
    Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{DecodeError, DecodeErrorKind, DecodeLimits, scan};

/// The messages of a batch, each still to be decoded; `None` if the bytes are no array, which is then one
/// message or none.
///
/// Syntax, nesting and duplicate keys are checked here for the whole array. Abuse case: one small body that
/// starts thousands of requests, so a batch holds [`DecodeLimits::batch`] messages at most, and the rest of a
/// longer one is not even looked at.
///
/// # Errors
///
/// [`DecodeError`], without an id: an array is nobody's request.
///
/// # Specification
///
/// MCP 2025-03-26, Overview, "Batching"; JSON-RPC 2.0, section 6.
#[must_use]
pub fn batch<'a>(
    bytes: &'a [u8],
    limits: &DecodeLimits,
) -> Option<Result<Vec<&'a RawValue>, DecodeError>> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    (*first == b'[').then(|| split(bytes, limits).map_err(|kind| DecodeError { kind, id: None }))
}

fn split<'a>(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Vec<&'a RawValue>, DecodeErrorKind> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeErrorKind::Syntax)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let messages = reader.deserialize_seq(UpTo(limits.batch)).map_err(|why| {
        if why.is_data() { DecodeErrorKind::BatchLength } else { DecodeErrorKind::Syntax }
    })?;
    reader.end().map_err(|_| DecodeErrorKind::Syntax)?;
    // The array itself is one level more than a message may have.
    scan::check(text, limits.depth.saturating_add(1))?;
    Ok(messages)
}

/// Reads at least one element and at most so many.
struct UpTo(usize);

impl<'de> Visitor<'de> for UpTo {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut messages = Vec::new();
        while let Some(message) = seq.next_element()? {
            if messages.len() == self.0 {
                return Err(A::Error::custom("too long"));
            }
            messages.push(message);
        }
        if messages.is_empty() { Err(A::Error::custom("empty")) } else { Ok(messages) }
    }
}

#[cfg(test)]
mod tests {
    use super::batch;
    use crate::{DecodeErrorKind as Kind, DecodeLimits};

    #[track_caller]
    fn check(text: &str, expected: Option<Result<usize, Kind>>) {
        let mut limits = DecodeLimits::with_depth(3);
        limits.batch = 4;
        let found = batch(text.as_bytes(), &limits);
        let found = found.map(|found| found.map(|all| all.len()).map_err(|why| why.kind));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn only_an_array_is_a_batch() {
        for text in ["", "  ", "{}", r#"{"a":[]}"#, "1", "\"[]\"", "x["] {
            check(text, None);
        }
        check("[{}]", Some(Ok(1)));
        check(" \n[{\"a\":1}, {\"a\":1}] ", Some(Ok(2)));
        // Each is judged by its own decode.
        check("[1,\"a\",[],null]", Some(Ok(4)));
    }

    #[test]
    fn a_batch_has_a_length() {
        check("[]", Some(Err(Kind::BatchLength)));
        check("[1,2,3,4,5]", Some(Err(Kind::BatchLength)));
        check(&format!("[{}", "1,".repeat(10_000)), Some(Err(Kind::BatchLength)));
        assert!(batch(b"[]", &DecodeLimits::default()).unwrap().unwrap_err().id.is_none());
    }

    #[test]
    fn the_whole_array_is_checked() {
        for text in ["[{}", "[{}] {}", "[{},]", "[{\"a\":01}]", "[nul]", "["] {
            check(text, Some(Err(Kind::Syntax)));
        }
        check("[{\"a\":{\"b\":{}}}]", Some(Ok(1)));
        check("[{\"a\":{\"b\":[{}]}}]", Some(Err(Kind::TooDeep)));
        check("[{},{\"a\":{\"b\":1,\"b\":2}}]", Some(Err(Kind::DuplicateKey)));
        check("[{\"\\ud800\":1}]", Some(Err(Kind::Syntax)));
        let limits = DecodeLimits::default();
        let broken = batch(b"[\"\xff\"]", &limits).unwrap().unwrap_err();
        assert_eq!(broken.kind, Kind::Syntax);
    }
}

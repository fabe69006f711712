//! Header values: plain where that is safe, else base64 between markers.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// Writes a value so that it survives as a header: text that is not plain ASCII, has blanks at its ends
/// or looks encoded already becomes `=?base64?…?=`.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP, "Value Encoding".
#[must_use]
pub fn encode_value(value: &str) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    // Not `all`, which would look at one byte after the other.
    let plain = bytes.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~' | b'\t'))
        && !is_blank(bytes.first())
        && !is_blank(bytes.last())
        && !is_encoded(value);
    if plain {
        Cow::Borrowed(value)
    } else {
        format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(value)).into()
    }
}

/// A header value that cannot stand for any text. Answer `-32020`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid characters or encoding in a header value")]
#[non_exhaustive]
pub struct HeaderValueError;

/// Reads a value back, once: what it decodes to is not decoded again. Blanks at the ends are not part
/// of the value.
///
/// # Errors
///
/// [`HeaderValueError`] if the value is not visible ASCII with blanks, or if what stands between the
/// markers is not canonical, padded base64 of UTF-8.
pub fn decode_value(header: &[u8]) -> Result<Cow<'_, str>, HeaderValueError> {
    let text = std::str::from_utf8(header).map_err(|_| HeaderValueError)?;
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Err(HeaderValueError);
    }
    let text = text.trim_matches([' ', '\t']);
    if !is_encoded(text) {
        return Ok(Cow::Borrowed(text));
    }
    let inner =
        text.strip_prefix(PREFIX).and_then(|text| text.strip_suffix(SUFFIX)).unwrap_or_default();
    let bytes = STANDARD.decode(inner).map_err(|_| HeaderValueError)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| HeaderValueError)
}

fn is_encoded(text: &str) -> bool {
    text.len() >= PREFIX.len() + SUFFIX.len() && text.starts_with(PREFIX) && text.ends_with(SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::{decode_value, encode_value};

    #[test]
    fn values_round_trip() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("", ""),
            ("a b\tc", "a b\tc"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?base64?half", "=?base64?half"),
            ("=?BASE64?aGk=?=", "=?BASE64?aGk=?="),
        ] {
            assert_eq!(encode_value(value), header);
            assert_eq!(decode_value(header.as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn bad_values_are_refused() {
        for header in [
            &b"=?base64?SGVsbG8?="[..],
            b"=?base64?SGVs*G8=?=",
            b"=?base64?SGVsbG9=?=",
            b"=?base64?/w==?=",
            b"caf\xc3\xa9",
            b"a\0b",
            b"a\x7fb",
        ] {
            assert!(decode_value(header).is_err(), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn a_value_is_decoded_once_and_trimmed() {
        let twice = encode_value("=?base64?aGk=?=").into_owned();
        assert_eq!(decode_value(twice.as_bytes()).unwrap(), "=?base64?aGk=?=");
        assert_eq!(decode_value(b" \tadd ").unwrap(), "add");
    }
}

//! [`SessionId`]: which session a request belongs to.

use std::fmt;

use http::HeaderValue;
use palisade_security::digest::{RandomError, digest_parts, random_bytes};

/// 256 bits from the operating system, as 64 hexadecimal digits on the wire. Knowing one is not enough: a
/// session is its principal's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionId([u8; 32]);

impl SessionId {
    /// A new one.
    pub(super) fn random() -> Result<Self, RandomError> {
        random_bytes().map(Self)
    }

    /// The id with this text, in the one form that ids are given out in.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; 64] = text.try_into().ok()?;
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// Where it is in tables.
    pub(super) const fn key(&self) -> &[u8; 32] {
        &self.0
    }

    /// What stores are told instead of the id, which nobody could go on with.
    pub(super) fn digest(&self) -> [u8; 32] {
        digest_parts(&[b"session", &self.0])
    }

    /// The id as text.
    pub(super) fn to_text(self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            use fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The id as the value of a header, which logs do not show.
    pub(super) fn to_header(self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(self.to_text()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::SessionId;

    #[test]
    fn n1_ids_are_long_random_and_plain() {
        let ids: Vec<_> = (0..100).map(|_| SessionId::random().unwrap()).collect();
        for (at, id) in ids.iter().enumerate() {
            let text = id.to_text();
            assert!(text.len() == 64 && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
            assert_eq!(SessionId::parse(text.as_bytes()), Some(*id));
            assert!(ids.iter().skip(at + 1).all(|other| other != id));
            assert!(!format!("{id:?} {:?}", id.to_header()).contains(&text[..8]));
        }
    }

    #[test]
    fn n2_ids_have_one_form() {
        let good = "0123456789abcdef".repeat(4);
        assert!(SessionId::parse(good.as_bytes()).is_some());
        for bad in [
            String::new(),
            good[1..].to_owned(),
            format!("{good}0"),
            format!(" {}", &good[1..]),
            good.to_uppercase(),
            good.replace('f', "g"),
        ] {
            assert!(SessionId::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}

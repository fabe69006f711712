//! The chain of an audit file: how a line is sealed and read.

use std::fmt;

use super::correlation::hex;
use crate::{
    crypto,
    digest::constant_time_eq,
    secret::{Secret, Weakness},
};

/// The most bytes of one line, its end included. Fields are cut long before.
pub(super) const MAX_LINE: usize = 8192;

/// What the `prev` of the first line of a chain is.
pub(super) const ORIGIN: [u8; 32] = [0; 32];

const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}\n";

/// A place in a chain: the number of a line, and its hash. Kept outside the machine that writes the log,
/// it proves later that nothing before it was changed, and that it was not cut off.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ChainHead {
    /// The number of the line.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl ChainHead {
    /// A place that was noted before, in the form of its `Display`: `17:` and 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.split_once(':')?;
        Some(Self { seq: number(seq.as_bytes())?, hash: unhex(hash.as_bytes())? })
    }
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.seq)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key for the chain. Without one, whoever can change the file can also compute a new chain; with one,
/// only who knows the key.
pub struct AuditKey(crypto::HmacKey);

impl AuditKey {
    /// The key as HMAC-SHA-256 takes it: the bytes of the text.
    ///
    /// # Errors
    ///
    /// [`Weakness`] if the text has fewer than 32 bytes, or was not made by a generator.
    pub fn from_secret(secret: &Secret) -> Result<Self, Weakness> {
        match secret.weakness(32) {
            Some(weakness) => Err(weakness),
            None => Ok(Self(crypto::HmacKey::new(secret.expose().as_bytes()))),
        }
    }

    /// What tells keys apart without telling them.
    pub(super) fn id(&self) -> String {
        let digest = self.0.sign(&[b"palisade audit key"]);
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(..)")
    }
}

/// The stable name of how a chain is hashed.
pub(super) const fn algorithm(key: Option<&AuditKey>) -> &'static str {
    if key.is_some() { "hmac-sha256" } else { "sha256" }
}

fn hash(key: Option<&AuditKey>, text: &[u8]) -> [u8; 32] {
    match key {
        Some(key) => key.0.sign(&[text]),
        None => crypto::sha256(&[text]),
    }
}

/// Where a chain goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) next: u64,
    pub(super) prev: [u8; 32],
}

impl Link {
    pub(super) const START: Self = Self { next: 0, prev: ORIGIN };

    pub(super) fn after(head: ChainHead) -> Self {
        Self { next: head.seq.saturating_add(1), prev: head.hash }
    }

    /// The last line; none before the first.
    pub(super) fn head(&self) -> Option<ChainHead> {
        let seq = self.next.checked_sub(1)?;
        Some(ChainHead { seq, hash: self.prev })
    }

    /// Appends a line with these fields, and the link to the line before.
    pub(super) fn seal(&mut self, key: Option<&AuditKey>, fields: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"{\"seq\":");
        super::line::push_number(out, self.next);
        out.push(b',');
        out.extend_from_slice(fields);
        out.extend_from_slice(PREV);
        push_hex(out, &self.prev);
        out.push(b'"');
        let hash = hash(key, out.get(start..).unwrap_or_default());
        out.extend_from_slice(HASH);
        push_hex(out, &hash);
        out.extend_from_slice(END);
        *self = Self { next: self.next.saturating_add(1), prev: hash };
    }
}

/// A line as it was read.
pub(super) struct Line<'a> {
    pub(super) seq: u64,
    pub(super) prev: [u8; 32],
    pub(super) hash: [u8; 32],
    hashed: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads one line, its end included. Exactly the form that [`Link::seal`] writes, so that no two
    /// readers can see different things in it.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_suffix(END)?;
        let (rest, hash) = rest.split_last_chunk::<64>()?;
        let hashed = rest.strip_suffix(HASH)?;
        let (rest, prev) = hashed.strip_suffix(b"\"")?.split_last_chunk::<64>()?;
        let rest = rest.strip_suffix(PREV)?.strip_prefix(b"{\"seq\":")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (seq, rest) = rest.split_at_checked(digits)?;
        rest.strip_prefix(b",")?;
        Some(Self { seq: number(seq)?, prev: unhex(prev)?, hash: unhex(hash)?, hashed })
    }

    /// Whether the hash is that of the line.
    pub(super) fn is_sealed(&self, key: Option<&AuditKey>) -> bool {
        constant_time_eq(&hash(key, self.hashed), &self.hash)
    }

    pub(super) const fn head(&self) -> ChainHead {
        ChainHead { seq: self.seq, hash: self.hash }
    }
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8; 32]) {
    let mut text = [0; 64];
    for (to, byte) in text.chunks_exact_mut(2).zip(bytes) {
        to.copy_from_slice(&hex(*byte));
    }
    out.extend_from_slice(&text);
}

/// 64 lower-case hexadecimal digits.
fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (to, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// A decimal number without sign and leading zeros.
fn number(digits: &[u8]) -> Option<u64> {
    let canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
    if !canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
    fn key() -> AuditKey {
        AuditKey::from_secret(&Secret::new("q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT")).unwrap()
    }

    #[test]
    fn a_line_is_read_as_it_was_sealed() {
        for key in [None, Some(key())] {
            let mut link = Link { next: 9, prev: [0xab; 32] };
            let mut out = Vec::new();
            link.seal(key.as_ref(), br#""a":1"#, &mut out);
            let line = Line::parse(&out).unwrap();
            assert_eq!((line.seq, line.prev, line.hash), (9, [0xab; 32], link.prev));
            assert_eq!(link.head(), Some(line.head()));
            assert!(line.is_sealed(key.as_ref()));
            assert!(!line.is_sealed(key.is_none().then(self::key).as_ref()));
            for index in 0..line.hashed.len() {
                let mut edited = out.clone();
                edited[index] ^= 1;
                let accepted =
                    Line::parse(&edited).is_some_and(|line| line.is_sealed(key.as_ref()));
                assert!(!accepted, "byte {index}");
            }
        }
    }

    /// The hash is that of other tools: SHA-256 of the line up to `,"hash":`.
    #[test]
    fn the_hash_can_be_computed_by_hand() {
        let mut out = Vec::new();
        let mut link = Link::START;
        link.seal(None, br#""x":1"#, &mut out);
        let text = String::from_utf8(out).unwrap();
        let hashed = format!("{{\"seq\":0,\"x\":1,\"prev\":\"{}\"", "0".repeat(64));
        let digest: String =
            crate::digest::digest(hashed.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(text, format!("{hashed},\"hash\":\"{digest}\"}}\n"));
    }

    #[test]
    fn heads_are_noted_as_text() {
        let head = ChainHead { seq: 17, hash: [0x5a; 32] };
        assert_eq!(ChainHead::parse(&head.to_string()), Some(head));
        for bad in ["", "17", "17:5a", "+1:", "017:", &format!("1:{}", "g".repeat(64))] {
            assert_eq!(ChainHead::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn k6_a_weak_key_is_none() {
        for weak in ["", "short", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert!(AuditKey::from_secret(&Secret::new(weak)).is_err(), "{weak}");
        }
        assert_eq!(format!("{:?}", key()), "AuditKey(..)");
    }
}

//! Ids of requests.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::digest::{RandomError, random_bytes};

/// A random number that ties together what one request left in logs, audit records, traces and the answer
/// (`X-Request-Id`). Made by the server: an id that the peer chose could be chosen to match someone else's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CorrelationId(u128);

impl CorrelationId {
    /// A new random id.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if no random bytes can be had.
    pub fn random() -> Result<Self, RandomError> {
        random_bytes().map(|bytes| Self(u128::from_le_bytes(bytes)))
    }

    /// An id from a number, for tests and for ids of other systems.
    #[must_use]
    pub const fn from_u128(id: u128) -> Self {
        Self(id)
    }

    /// The id as text: 32 hexadecimal digits.
    #[must_use]
    pub fn to_ascii(self) -> [u8; 32] {
        let mut text = [b'0'; 32];
        for (to, from) in text.chunks_exact_mut(8).zip(self.0.to_be_bytes().as_chunks().0) {
            to.copy_from_slice(&eight_digits(u32::from_be_bytes(*from)));
        }
        text
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number as eight hexadecimal digits, all at once: every answer has an id.
const fn eight_digits(number: u32) -> [u8; 8] {
    // One nibble a byte.
    let mut nibbles = number as u64;
    nibbles = (nibbles << 16 | nibbles) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles << 8 | nibbles) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles << 4 | nibbles) & 0x0f0f_0f0f_0f0f_0f0f;
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Six more carries every nibble above nine into the next bit.
    let letters = (nibbles + 6 * ONES) >> 4 & ONES;
    (nibbles + b'0' as u64 * ONES + letters * (b'a' - b'0' - 10) as u64).to_be_bytes()
}

/// A byte as two hexadecimal digits.
pub(super) const fn hex(byte: u8) -> [u8; 2] {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
    }
    [digit(byte >> 4), digit(byte & 15)]
}

/// Makes correlation ids. Peers see theirs, and must not be able to tell from two of them how many
/// requests came between: a counter goes through two keyed hash functions, so that one draw of randomness
/// serves a transport for as long as it runs. Ids grant nothing.
#[derive(Debug)]
pub struct CorrelationIds {
    keys: [RandomState; 2],
    secret: u128,
    made: AtomicU64,
}

impl CorrelationIds {
    /// A new maker.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if no random bytes can be had.
    pub fn random() -> Result<Self, RandomError> {
        CorrelationId::random().map(|CorrelationId(secret)| Self { secret, ..Self::default() })
    }

    /// A new id.
    pub fn next_id(&self) -> CorrelationId {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        let [high, low] = &self.keys;
        let half = |key: &RandomState| u128::from(key.hash_one(made));
        CorrelationId((half(high) << 64 | half(low)) ^ self.secret)
    }
}

/// For when there are no random bytes, and records must still be written: the standard library's keys
/// are the only secret.
impl Default for CorrelationIds {
    fn default() -> Self {
        let keys = [RandomState::new(), RandomState::new()];
        Self { keys, secret: 0, made: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn text_has_32_digits() {
        for id in [0, 1, 0xab, u128::MAX, 0x0123_4567_89ab_cdef_0011_2233_4455_6677] {
            let id = CorrelationId(id);
            assert_eq!(id.to_string().as_bytes(), id.to_ascii());
        }
    }

    #[test]
    fn ids_neither_repeat_nor_count() {
        let ids = CorrelationIds::default();
        let made: Vec<u128> = (0..10_000).map(|_| ids.next_id().0).collect();
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
        // Neighbours differ in about half of their bits, in both halves.
        for pair in made.windows(2) {
            let differing = pair[0] ^ pair[1];
            for half in [differing >> 64, differing & u128::from(u64::MAX)] {
                assert!((8..=56).contains(&half.count_ones()), "{pair:x?}");
            }
        }
        assert_ne!(ids.next_id(), CorrelationIds::default().next_id());
    }
}

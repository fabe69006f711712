//! Digests, keyed digests and random bytes for whoever binds or compares credentials.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto;

/// The SHA-256 digest of `bytes`.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    crypto::sha256(&[bytes])
}

/// The SHA-256 digest of several parts, each preceded by its length. `["ab", "c"]` and `["a", "bc"]`
/// differ, which they would not if the parts were joined.
#[must_use]
pub fn digest_parts(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(crypto::sha256(&[&(parts.len() as u64).to_le_bytes()]), |state, part| {
        crypto::sha256(&[&state, &(part.len() as u64).to_le_bytes(), part])
    })
}

/// Random bytes from the operating system.
///
/// # Errors
///
/// [`RandomError`] if the operating system has none, or if no cryptography feature is enabled.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    crypto::fill_random(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// No random bytes can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no source of randomness: enable feature `aws-lc-rs` or `ring`, and check the operating system"
)]
#[non_exhaustive]
pub struct RandomError;

impl RandomError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "randomness_unavailable"
    }
}

/// A random HMAC-SHA-256 key that lives as long as this process. What a credential store keeps of a
/// credential is its [`KeyedDigest`]: worthless without the key, and comparable in constant time.
pub struct DigestKey(crypto::HmacKey);

impl DigestKey {
    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if no random bytes can be had.
    pub fn random() -> Result<Self, RandomError> {
        let key = Zeroizing::new(random_bytes::<32>()?);
        Ok(Self(crypto::HmacKey::new(key.as_slice())))
    }

    /// The keyed digest of `bytes`.
    #[must_use]
    pub fn digest(&self, bytes: &[u8]) -> KeyedDigest {
        KeyedDigest(self.0.sign(&[bytes]))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// What [`DigestKey::digest`] makes of a credential. Has no `==`: see [`KeyedDigest::matches`].
#[derive(Clone)]
pub struct KeyedDigest([u8; 32]);

impl KeyedDigest {
    /// Whether both digests are of the same bytes under the same key. Constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        // Word by word, and all of them whatever they are: each known credential is compared.
        let (words, others) = (self.0.as_chunks().0, other.0.as_chunks().0);
        let differing = words.iter().zip(others).fold(0, |differing, (word, other)| {
            differing | (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(*other))
        });
        differing.ct_eq(&0).into()
    }
}

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedDigest(..)")
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha256() {
        // FIPS 180-2, appendix B.1.
        let hex: String = digest(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn parts_are_framed() {
        assert_ne!(digest_parts(&[b"ab", b"c"]), digest_parts(&[b"a", b"bc"]));
        assert_ne!(digest_parts(&[b"a"]), digest_parts(&[b"a", b""]));
        assert_ne!(digest_parts(&[]), digest_parts(&[b""]));
        assert_eq!(digest_parts(&[b"ab", b"c"]), digest_parts(&[b"ab", b"c"]));
    }

    #[test]
    fn keyed_digests_match_under_one_key_only() {
        let (one, two) = (DigestKey::random().unwrap(), DigestKey::random().unwrap());
        assert!(one.digest(b"x").matches(&one.digest(b"x")));
        assert!(!one.digest(b"x").matches(&one.digest(b"y")));
        assert!(!one.digest(b"x").matches(&two.digest(b"x")));
    }

    #[test]
    fn constant_time_eq_is_equality() {
        assert!(constant_time_eq(b"", b""));
        assert!(constant_time_eq(b"ab", b"ab"));
        assert!(!constant_time_eq(b"ab", b"ac"));
        assert!(!constant_time_eq(b"ab", b"abc"));
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<16>().unwrap(), random_bytes::<16>().unwrap());
    }
}

//! [`Secret`]: text that is never shown and is wiped when dropped.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::digest;

/// A credential or key as text. `Debug` shows nothing of it, there is no `Display`, equality takes constant
/// time, and the memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over. Prefer moving a `String` in: the borrowed original of a `&str` is not wiped.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text. Named so that each use can be found and reviewed.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// The SHA-256 digest. Do not log it: a guessable secret can be found from its digest.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest::digest(self.expose().as_bytes())
    }

    /// Why this secret is guessable, if it is: fewer than `min_len` bytes, few different characters,
    /// a run such as `abcdef`, or a well-known placeholder. A secret that passes is not proven random; one
    /// that fails was not made by a generator.
    #[must_use]
    pub fn weakness(&self, min_len: usize) -> Option<Weakness> {
        weakness(self.expose(), min_len)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        digest::constant_time_eq(&self.digest(), &other.digest())
    }
}

impl Eq for Secret {}

/// Why a secret is guessable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Too few bytes.
    #[error("shorter than {minimum} bytes")]
    TooShort {
        /// The least length, in bytes.
        minimum: usize,
    },
    /// Too few different characters, or runs such as `abcdef` and `111111`.
    #[error("too repetitive or sequential")]
    LowEntropy,
    /// Contains a well-known placeholder or password.
    #[error("contains a well-known word or placeholder")]
    WellKnown,
}

impl Weakness {
    /// The stable name of this finding.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "secret_too_short",
            Self::LowEntropy => "secret_low_entropy",
            Self::WellKnown => "secret_well_known",
        }
    }
}

/// Long enough that a random token hits one by chance less than once in a million.
const WELL_KNOWN: [&str; 10] = [
    "password",
    "changeme",
    "change-me",
    "secret",
    "example",
    "default",
    "placeholder",
    "qwerty",
    "letmein",
    "123456",
];

/// 16 random hexadecimal digits measure about 50 bits here, words and dates far less.
const MIN_MEASURED_BITS: f64 = 36.0;

fn weakness(text: &str, min_len: usize) -> Option<Weakness> {
    let bytes = text.as_bytes();
    if bytes.len() < min_len {
        return Some(Weakness::TooShort { minimum: min_len });
    }
    let runs =
        bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.abs_diff(*b) <= 1)).count();
    if runs.saturating_mul(2) > bytes.len() || measured_bits(bytes) < MIN_MEASURED_BITS {
        return Some(Weakness::LowEntropy);
    }
    let contains = |word: &str| {
        bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    };
    WELL_KNOWN.iter().any(|word| contains(word)).then_some(Weakness::WellKnown)
}

/// Shannon entropy of the byte histogram, times the length.
fn measured_bits(bytes: &[u8]) -> f64 {
    let length = bytes.len() as f64;
    (0..=u8::MAX)
        .map(|value| bytes.iter().filter(|byte| **byte == value).count())
        .filter(|count| *count > 0)
        .map(|count| count as f64 * (length / count as f64).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(..)");
    }

    #[test]
    fn equality_is_by_text() {
        assert_eq!(Secret::new("a"), Secret::from("a"));
        assert_ne!(Secret::new("a"), Secret::from("b"));
    }

    #[track_caller]
    fn check(text: &str, expected: Option<Weakness>) {
        assert_eq!(Secret::new(text).weakness(16), expected, "{text}");
    }

    #[test]
    fn k6_weak_secrets_are_named() {
        check("", Some(Weakness::TooShort { minimum: 16 }));
        check("0f3a9c71e5b2d84", Some(Weakness::TooShort { minimum: 16 }));
        check("aaaaaaaaaaaaaaaaaaaaaaaa", Some(Weakness::LowEntropy));
        check("abababababababababab", Some(Weakness::LowEntropy));
        check("azazazazazazazazazaz", Some(Weakness::LowEntropy));
        check("abcdefghijklmnopqrstuvwxyz", Some(Weakness::LowEntropy));
        check("0123456789abcdef", Some(Weakness::LowEntropy));
        check("my-Secret-token-2024", Some(Weakness::WellKnown));
        check("PASSWORD-for-the-server", Some(Weakness::WellKnown));
        check("0f3a9c71e5b2d846", None);
        check("mF_9.B5f-4.1JqM/Zx+q", None);
        check("q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT", None);
    }
}

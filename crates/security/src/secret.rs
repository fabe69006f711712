//! [`Secret`]: text that is never shown and is wiped when dropped.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

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
    /// a run such as `abcdef`, a well-known placeholder, or little more than words such as `test`. A secret that passes is not proven random; one
    /// that fails was not made by a generator.
    #[must_use]
    pub fn weakness(&self, min_len: usize) -> Option<Weakness> {
        weakness(self.expose(), min_len)
    }

    /// As [`Self::weakness`]; a secret that is little more than the name of its owner is guessable too.
    #[must_use]
    pub fn weakness_of(&self, owner: &str, min_len: usize) -> Option<Weakness> {
        let derived = || is_little_more_than(self.expose(), &[owner]).then_some(Weakness::Derived);
        self.weakness(min_len).or_else(derived)
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
    /// Contains a well-known placeholder or password, or is little more than everyday words.
    #[error("made of well-known words or a placeholder")]
    WellKnown,
    /// Little more than the name of its owner.
    #[error("derived from the name of its owner")]
    Derived,
}

impl Weakness {
    /// The stable name of this finding.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "secret_too_short",
            Self::LowEntropy => "secret_low_entropy",
            Self::WellKnown => "secret_well_known",
            Self::Derived => "secret_derived",
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

/// What people put together when they need a secret for now. Short: chance finds them in random tokens
/// too, so the rest of the secret decides.
const EVERYDAY: [&str; 24] = [
    "admin", "api", "bearer", "client", "demo", "dev", "dummy", "fake", "guest", "hello", "key",
    "local", "mcp", "my", "prod", "root", "sample", "server", "staging", "temp", "test", "token",
    "user", "world",
];

/// The letters that must be left of a secret when such words are taken out; digits count half.
const MIN_REMAINDER: usize = 8;

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
    let well_known =
        WELL_KNOWN.iter().any(|word| contains(word)) || is_little_more_than(text, &EVERYDAY);
    well_known.then_some(Weakness::WellKnown)
}

/// Whether the text has one of these words, and little else.
fn is_little_more_than(text: &str, words: &[&str]) -> bool {
    let mut rest = text.to_ascii_lowercase();
    let before = rest.len();
    for word in words.iter().filter(|word| !word.is_empty()) {
        let without = rest.replace(&word.to_ascii_lowercase(), " ");
        rest.zeroize();
        rest = without;
    }
    let letters = rest.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let little = rest.len() < before && letters + digits / 2 < MIN_REMAINDER;
    rest.zeroize();
    little
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
        check("test-token-12345", Some(Weakness::WellKnown));
        check("my-test-api-key-for-dev", Some(Weakness::WellKnown));
        check("Admin-Token-2026-07", Some(Weakness::WellKnown));
        check("0f3a9c71e5b2d846", None);
        // Words that chance made.
        check("q7VtE2zRkey4KpN8testHbJ6", None);
        check("mcp_0f3a9c71e5b2d846", None);
        check("mF_9.B5f-4.1JqM/Zx+q", None);
        check("q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT", None);

        let derived = |owner: &str, text: &str| Secret::new(text).weakness_of(owner, 12);
        assert_eq!(derived("alice.cooper", "Alice.Cooper-1"), Some(Weakness::Derived));
        assert_eq!(derived("weather-service", "weather-service-2026"), Some(Weakness::Derived));
        assert_eq!(derived("alice", "alice-0f3a9c71e5b2d846"), None);
        assert_eq!(derived("", "0f3a9c71e5b2d846"), None);
    }
}

//! Strings borrowed from the message where they can be, and keys that only look like a known one.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// A string of the message, copied only if it holds escapes.
#[derive(Clone, Debug)]
pub(crate) struct Key<'a>(Cow<'a, str>);

impl<'a> Key<'a> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_cow(self) -> Cow<'a, str> {
        self.0
    }

    /// Refuses a key that equals one of `known` but for the case of its letters: some decoders match
    /// without regard to case, so two layers could read two different messages.
    pub(crate) fn refuse_variant_of<E: Error>(&self, known: &[&str]) -> Result<(), E> {
        match self.is_variant_of(known) {
            true => Err(E::custom("a member differs from a known one only in case")),
            false => Ok(()),
        }
    }

    pub(crate) fn is_variant_of(&self, known: &[&str]) -> bool {
        is_variant_of(&self.0, known)
    }
}

/// Whether a key equals one of `known` but for the case of its letters.
pub(super) fn is_variant_of(key: &str, known: &[&str]) -> bool {
    known.iter().any(|name| key != *name && folded(key).eq(folded(name)))
}

/// Letters without their case, as Unicode's simple folding of everything that folds into ASCII.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

//! JSON pointers that are followed within the text of a message, without building what lies beside.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A way to one value.
///
/// # Specification
///
/// RFC 6901, without the pointer to the whole.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pointer(Box<[Box<str>]>);

/// What a pointer leads to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Value(&'a RawValue),
    Nothing,
    /// The way leads through something that is neither object nor array, or through a key that an object
    /// has twice.
    Unreadable,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens = text.strip_prefix('/')?;
        tokens.split('/').map(unescape).collect::<Option<_>>().map(Self)
    }

    /// Follows the pointer through JSON text.
    pub(super) fn find<'a>(&self, text: &'a str) -> Found<'a> {
        let mut text = text.trim_ascii_start();
        let mut found = Found::Unreadable;
        for token in &self.0 {
            let mut json = serde_json::Deserializer::from_str(text);
            let next = match text.as_bytes().first() {
                Some(b'{') => Member(token).deserialize(&mut json),
                Some(b'[') => match index(token) {
                    Some(index) => Element(index).deserialize(&mut json),
                    None => return Found::Unreadable,
                },
                _ => return Found::Unreadable,
            };
            match next.and_then(|next| json.end().map(|()| next)) {
                Ok(Some(value)) => (text, found) = (value.get(), Found::Value(value)),
                Ok(None) => return Found::Nothing,
                Err(_) => return Found::Unreadable,
            }
        }
        found
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointer({self})")
    }
}

fn unescape(token: &str) -> Option<Box<str>> {
    let mut characters = token.chars();
    let mut plain = String::with_capacity(token.len());
    while let Some(character) = characters.next() {
        plain.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain.into())
}

/// An index without zeros in front.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || token.starts_with(|first: char| matches!(first, '1'..='9'));
    plain.then(|| token.parse().ok()).flatten()
}

/// Text of the message, copied only if it holds escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// The member of an object with this key. An object that has it twice is refused: its readers may not
/// take the same one.
struct Member<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.0 != self.0 {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("a key twice"));
            }
        }
        Ok(found)
    }
}

/// The element of an array at this place.
struct Element(usize);

impl<'de> DeserializeSeed<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut at, mut found) = (0, None);
        while let Some(element) = seq.next_element::<&'de RawValue>()? {
            if at == self.0 {
                found = Some(element);
            }
            at += 1;
        }
        Ok(found)
    }
}

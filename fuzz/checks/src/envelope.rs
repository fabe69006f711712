//! The JSON-RPC envelope: two readers see one message, and `serde_json` sees nothing else in it.

use std::{collections::BTreeSet, fmt};

use palisade::protocol::{
    DecodeError, DecodeErrorKind, DecodeLimits, Inbound, Message, RequestParams,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Decodes the input in one pass and in two, within a few depths, and judges what is accepted and why
/// something is refused.
pub fn check(data: &[u8]) {
    for depth in [3, DecodeLimits::default().depth, 127] {
        let limits = DecodeLimits::with_depth(depth);
        let message = Message::decode(data, &limits);
        agree(Inbound::decode(data, &limits), &message);
        judge(data, depth, message.err());
    }
}

/// One pass and two passes must agree.
fn agree(fast: Result<Inbound<'_>, DecodeError>, slow: &Result<Message<'_>, DecodeError>) {
    match (fast, slow) {
        (Ok(Inbound::Request(fast, fast_params)), Ok(Message::Request(slow))) => {
            assert_eq!((&fast.id, &fast.method), (&slow.id, &slow.method));
            let params = RequestParams::decode(slow.params);
            assert_eq!(format!("{fast_params:?}"), format!("{params:?}"));
        }
        (Ok(Inbound::Notification(fast)), Ok(Message::Notification(slow))) => {
            assert_eq!(fast.method, slow.method);
            assert_eq!(fast.params.map(RawValue::get), slow.params.map(RawValue::get));
        }
        (Ok(Inbound::Response(fast)), Ok(Message::Response(slow))) => {
            assert_eq!(fast.id, slow.id);
            assert_eq!(format!("{:?}", fast.outcome), format!("{:?}", slow.outcome));
        }
        (Err(fast), Err(slow)) => assert_eq!(&fast, slow),
        (fast, slow) => panic!("one pass: {fast:?}; two: {slow:?}"),
    }
}

/// What is accepted is one JSON object within the depth, in which no object has a key twice; what is refused
/// for one of these reasons is refused rightly.
fn judge(data: &[u8], depth: usize, refused: Option<DecodeError>) {
    let text = std::str::from_utf8(data).ok();
    let json = text.filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    let kind = refused.map(|error| error.kind);
    let Some(json) = json else {
        // What nests deeper than `serde_json` goes is no JSON to it.
        assert!(
            matches!(kind, Some(DecodeErrorKind::Syntax | DecodeErrorKind::TooDeep)),
            "{kind:?}"
        );
        return;
    };
    let deep = nesting(json) > depth;
    match kind {
        None => {
            assert!(json.trim_ascii_start().starts_with('{'), "not an object");
            assert!(!deep, "too deep");
            assert!(!has_duplicate(json), "a key appears twice");
            assert!(!has_broken_key(json), "a key is no text");
        }
        Some(DecodeErrorKind::TooDeep) => assert!(deep, "not too deep"),
        Some(DecodeErrorKind::DuplicateKey) => assert!(has_duplicate(json), "no key appears twice"),
        Some(DecodeErrorKind::Syntax) => {
            assert!(has_broken_key(json), "it is well-formed");
        }
        Some(_) => assert!(!deep, "too deep, but refused for {kind:?}"),
    }
}

/// How deep well-formed JSON nests.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether an object in well-formed JSON has a key twice.
fn has_duplicate(json: &str) -> bool {
    any_object(json, &mut |members| {
        let keys: BTreeSet<_> = members.iter().map(|(key, _)| &key.0).collect();
        keys.len() < members.len()
    })
}

/// Whether an object in well-formed JSON has a key that is no Unicode text: half of a surrogate pair.
fn has_broken_key(json: &str) -> bool {
    any_object(json, &mut |members| {
        members.iter().any(|(key, _)| std::str::from_utf8(&key.0).is_err())
    })
}

fn any_object(json: &str, found: &mut impl FnMut(&[(Key, &RawValue)]) -> bool) -> bool {
    let json = json.trim_ascii();
    match json.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(json).unwrap();
            found(&members) || members.iter().any(|(_, value)| any_object(value.get(), found))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).unwrap();
            items.iter().any(|item| any_object(item.get(), found))
        }
        _ => false,
    }
}

/// The members of one object, in order.
struct Members<'a>(Vec<(Key, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A key without its escapes, as bytes, because it need not be Unicode text.
struct Key(Vec<u8>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key, E> {
                Ok(Key(bytes.to_vec()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.as_bytes().to_vec()))
            }
        }

        deserializer.deserialize_bytes(KeyVisitor)
    }
}

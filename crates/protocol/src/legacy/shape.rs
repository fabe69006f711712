//! A table-driven writer: JSON text of the newest revision as an older one may see it.
//!
//! It works on text, so that whatever it has no rule for, such as a tool's schemas, goes out as it stands.

mod tables;

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

pub(super) use self::tables::*;
use crate::{ContentBlock, ProtocolVersion, jsonrpc::Key};

/// What a value is made of, as far as revisions differ in it.
#[derive(Debug)]
pub(super) enum Shape {
    /// The same in all revisions.
    Any,
    /// An object. A member without a rule is kept as it is.
    Object(&'static [&'static [Rule]]),
    /// An array.
    List(&'static Self),
    /// A content block, or an array of them: kinds that the revision does not know become text.
    Content,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Rule {
    name: &'static str,
    /// The first revision that knows it.
    since: ProtocolVersion,
    /// The last one.
    until: ProtocolVersion,
    /// What every value must be for an older revision.
    only: fn(&str) -> bool,
    shape: &'static Shape,
}

impl Rule {
    /// A member that revisions before this one do not know.
    pub(super) const fn since(since: ProtocolVersion, name: &'static str) -> Self {
        let until = ProtocolVersion::LATEST;
        Self { name, since, until, only: |_| true, shape: &Shape::Any }
    }

    /// A member that all revisions know, with differences inside.
    pub(super) const fn inside(name: &'static str, shape: &'static Shape) -> Self {
        Self { shape, ..Self::since(ProtocolVersion::V2024_11_05, name) }
    }

    /// A member that only the newest revision knows.
    pub(super) const fn newest(name: &'static str) -> Self {
        Self::since(ProtocolVersion::LATEST, name)
    }

    pub(super) const fn until(self, until: ProtocolVersion) -> Self {
        Self { until, ..self }
    }

    pub(super) const fn only(self, only: fn(&str) -> bool) -> Self {
        Self { only, ..self }
    }

    fn keeps(&self, version: ProtocolVersion, value: &str) -> bool {
        (self.since..=self.until).contains(&version) && (self.only)(value)
    }
}

impl Shape {
    /// Writes `value` for a revision.
    pub(super) fn write(&self, version: ProtocolVersion, value: &RawValue, out: &mut Vec<u8>) {
        let done = match self {
            Self::Any => None,
            Self::Object(rules) => write_object(rules, version, value, out),
            Self::List(shape) => write_list(shape, version, value, out),
            Self::Content => write_content(version, value, out),
        };
        // What is not of its shape is not ours to judge.
        if done.is_none() {
            out.extend_from_slice(value.get().as_bytes());
        }
    }
}

fn write_object(
    groups: &[&[Rule]],
    version: ProtocolVersion,
    value: &RawValue,
    out: &mut Vec<u8>,
) -> Option<()> {
    let members: Members<'_> = serde_json::from_str(value.get()).ok()?;
    out.push(b'{');
    let mut first = true;
    for (key, value) in members.0 {
        let rule = groups.iter().copied().flatten().find(|rule| rule.name == key);
        if rule.is_some_and(|rule| !rule.keeps(version, value.get())) {
            continue;
        }
        let from = out.len();
        if !first {
            out.push(b',');
        }
        // A string always encodes.
        serde_json::to_writer(&mut *out, &key).ok()?;
        out.push(b':');
        let at = out.len();
        rule.map_or(&Shape::Any, |rule| rule.shape).write(version, value, out);
        // A `_meta` that holds nothing any more is none.
        if key == "_meta" && out.get(at..) == Some(b"{}") {
            out.truncate(from);
            continue;
        }
        first = false;
    }
    out.push(b'}');
    Some(())
}

fn write_list(
    shape: &Shape,
    version: ProtocolVersion,
    value: &RawValue,
    out: &mut Vec<u8>,
) -> Option<()> {
    let elements: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    out.push(b'[');
    for (at, element) in elements.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        shape.write(version, element, out);
    }
    out.push(b']');
    Some(())
}

fn write_content(version: ProtocolVersion, value: &RawValue, out: &mut Vec<u8>) -> Option<()> {
    /// The tag of a block; everything else is read where it is needed.
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }

    if version >= ProtocolVersion::V2025_11_25 {
        return None;
    }
    if value.get().starts_with('[') {
        return write_list(&Shape::Content, version, value, out);
    }
    let Tag { kind } = serde_json::from_str(value.get()).ok()?;
    let known = match &*kind {
        "resource_link" => version >= ProtocolVersion::V2025_06_18,
        "audio" => version >= ProtocolVersion::V2025_03_26,
        _ => true,
    };
    if known {
        CONTENT_BLOCK.write(version, value, out);
        return Some(());
    }
    let text = text_of(serde_json::from_str(value.get()).ok()?)?;
    let text = serde_json::value::to_raw_value(&text).ok()?;
    CONTENT_BLOCK.write(version, &text, out);
    Some(())
}

/// What a person would write in the place of content that cannot be sent.
fn text_of(block: ContentBlock) -> Option<ContentBlock> {
    let (text, annotations) = match block {
        ContentBlock::Audio(audio) => (format!("[audio: {}]", audio.mime_type), audio.annotations),
        ContentBlock::ResourceLink(link) => {
            let name = link.title.as_deref().unwrap_or(&link.name);
            let mut text = format!("[resource: {name}, {}]", link.uri);
            if let Some(description) = &link.description {
                text.push(' ');
                text.push_str(description);
            }
            (text, link.annotations)
        }
        _ => return None,
    };
    let mut content = crate::TextContent::new(text);
    content.annotations = annotations;
    Some(content.into())
}

/// The members of an object, in order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

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
                while let Some((key, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key.into_cow(), value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

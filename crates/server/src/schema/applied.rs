//! Which parts of a schema are schemas, and what they are applied to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::SchemaError;

/// What a schema within a schema is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'s> {
    /// The value itself.
    Same,
    /// The member of an object with this name.
    Member(&'s str),
    /// Members of an object: which ones is not decided here, so all of them.
    Members,
    /// Items of an array: all of them.
    Items,
}

/// Calls `visit` with each schema that `schema` applies, references followed one step.
pub(super) fn for_each<'s>(
    schema: &'s Value,
    references: &References<'s>,
    mut visit: impl FnMut(Part<'s>, &'s Value) -> Result<(), SchemaError>,
) -> Result<(), SchemaError> {
    let Value::Object(keywords) = schema else { return Ok(()) };
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) => {
                for target in references.resolve(target)? {
                    visit(Part::Same, target)?;
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter().try_for_each(|schema| visit(Part::Same, schema))?;
            }
            ("not" | "if" | "then" | "else", schema) => visit(Part::Same, schema)?,
            ("dependentSchemas" | "dependencies", Value::Object(named)) => {
                named.values().try_for_each(|schema| visit(Part::Same, schema))?;
            }
            ("properties", Value::Object(named)) => {
                named.iter().try_for_each(|(name, schema)| visit(Part::Member(name), schema))?;
            }
            ("patternProperties", Value::Object(named)) => {
                named.values().try_for_each(|schema| visit(Part::Members, schema))?;
            }
            ("additionalProperties" | "unevaluatedProperties" | "propertyNames", schema) => {
                visit(Part::Members, schema)?;
            }
            ("items" | "prefixItems" | "additionalItems", Value::Array(schemas)) => {
                schemas.iter().try_for_each(|schema| visit(Part::Items, schema))?;
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema) => {
                visit(Part::Items, schema)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Finds what the references of one document mean.
pub(super) struct References<'s> {
    root: &'s Value,
    /// Every schema with this anchor: which one a reference means may depend on how it was reached.
    anchors: BTreeMap<&'s str, Vec<&'s Value>>,
}

impl<'s> References<'s> {
    pub(super) fn of(root: &'s Value) -> Self {
        let mut references = Self { root, anchors: BTreeMap::new() };
        references.collect(root);
        references
    }

    /// The schemas that `target` may mean.
    ///
    /// # Errors
    ///
    /// If it means none: what cannot be followed here could still be followed by the validator, uncounted.
    pub(super) fn resolve(&self, target: &str) -> Result<Vec<&'s Value>, SchemaError> {
        let fragment = target.strip_prefix('#').ok_or(SchemaError::RemoteReference)?;
        if let Some(named) = self.anchors.get(fragment) {
            return Ok(named.clone());
        }
        let pointer = percent_decoded(fragment).ok_or(SchemaError::DanglingReference)?;
        let found = self.root.pointer(&pointer).ok_or(SchemaError::DanglingReference)?;
        Ok(vec![found])
    }

    /// Whether this is the whole document.
    pub(super) fn is_root(&self, schema: &Value) -> bool {
        std::ptr::eq(self.root, schema)
    }

    fn collect(&mut self, value: &'s Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(members) => {
                for (keyword, member) in members {
                    if let Some(name) = anchor(keyword, member) {
                        self.anchors.entry(name).or_default().push(value);
                    }
                    self.collect(member);
                }
            }
            _ => {}
        }
    }
}

fn anchor<'s>(keyword: &str, value: &'s Value) -> Option<&'s str> {
    match keyword {
        "$anchor" | "$dynamicAnchor" => value.as_str(),
        // As drafts before 2019-09 had it.
        "$id" | "id" => value.as_str()?.strip_prefix('#').filter(|name| !name.is_empty()),
        _ => None,
    }
}

/// Whether a schema is a document of its own, against whose beginning its references are resolved.
pub(super) fn is_embedded_document(keywords: &Map<String, Value>) -> bool {
    ["$id", "id"].iter().any(|keyword| {
        keywords.get(*keyword).and_then(Value::as_str).is_some_and(|id| !id.starts_with('#'))
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

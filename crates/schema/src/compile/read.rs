//! Reads the values of keywords in the forms that JSON Schema gives them.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{Compiler, Position, malformed};
use crate::{Dialect, SchemaError, node::NodeId, pattern::Pattern};

/// The keywords of one schema.
pub(super) struct Reader<'c, 's, 'p> {
    pub(super) compiler: &'c mut Compiler<'s>,
    pub(super) keywords: &'s Map<String, Value>,
    pub(super) position: Position<'p>,
    pub(super) dialect: Dialect,
}

type Read<T> = Result<Option<T>, SchemaError>;

impl<'s> Reader<'_, 's, '_> {
    pub(super) fn place(&self, keyword: &str) -> String {
        format!("{}/{keyword}", self.position.place)
    }

    pub(super) fn malformed(&self, keyword: &str, expected: &'static str) -> SchemaError {
        malformed(&self.place(keyword), expected)
    }

    pub(super) fn compile(
        &mut self,
        schema: &'s Value,
        place: &str,
    ) -> Result<NodeId, SchemaError> {
        let Position { resource, depth, .. } = self.position;
        self.compiler.node(schema, Position { resource, place, depth: depth + 1 })
    }

    pub(super) fn pattern(&mut self, text: &str, place: String) -> Result<Pattern, SchemaError> {
        Pattern::compile(text, &mut self.compiler.patterns)
            .map_err(|reason| SchemaError::Pattern { place, reason })
    }

    pub(super) fn schema(&mut self, keyword: &str) -> Read<NodeId> {
        let Some(schema) = self.keywords.get(keyword) else { return Ok(None) };
        let place = self.place(keyword);
        self.compile(schema, &place).map(Some)
    }

    pub(super) fn schemas(&mut self, keyword: &str) -> Read<Vec<NodeId>> {
        let Some(schemas) = self.keywords.get(keyword) else { return Ok(None) };
        let Value::Array(schemas) = schemas else {
            return Err(self.malformed(keyword, "a list of schemas"));
        };
        let place = self.place(keyword);
        let compiled = schemas
            .iter()
            .enumerate()
            .map(|(at, schema)| self.compile(schema, &format!("{place}/{at}")));
        compiled.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn entries(&self, keyword: &str) -> Read<&'s Map<String, Value>> {
        match self.keywords.get(keyword) {
            None => Ok(None),
            Some(Value::Object(entries)) => Ok(Some(entries)),
            Some(_) => Err(self.malformed(keyword, "an object")),
        }
    }

    pub(super) fn named(&mut self, keyword: &str) -> Result<BTreeMap<String, NodeId>, SchemaError> {
        let place = self.place(keyword);
        let entries = self.entries(keyword)?.into_iter().flatten();
        entries
            .map(|(name, schema)| Ok((name.clone(), self.compile(schema, &within(&place, name))?)))
            .collect()
    }

    pub(super) fn text(&self, keyword: &str) -> Read<&'s str> {
        let Some(value) = self.keywords.get(keyword) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.malformed(keyword, "a text"))
    }

    pub(super) fn flag(&self, keyword: &str) -> Result<bool, SchemaError> {
        let Some(value) = self.keywords.get(keyword) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.malformed(keyword, "`true` or `false`"))
    }

    pub(super) fn number(&self, keyword: &str) -> Read<&'s Number> {
        match self.keywords.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.malformed(keyword, "a number")),
        }
    }

    pub(super) fn count(&self, keyword: &str) -> Read<u64> {
        let Some(number) = self.number(keyword)? else { return Ok(None) };
        match crate::number::Num::of(number) {
            // More than fits is more than there can be.
            crate::number::Num::Whole(count) if count >= 0 => {
                Ok(Some(u64::try_from(count).unwrap_or(u64::MAX)))
            }
            _ => Err(self.malformed(keyword, "a whole number that is not negative")),
        }
    }

    pub(super) fn names(&self, keyword: &str) -> Read<Vec<String>> {
        let Some(value) = self.keywords.get(keyword) else { return Ok(None) };
        names(value).map(Some).ok_or_else(|| self.malformed(keyword, "a list of names"))
    }
}

/// A list of texts.
pub(super) fn names(value: &Value) -> Option<Vec<String>> {
    let names = value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
    names.collect()
}

pub(super) fn within(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

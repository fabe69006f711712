//! The dialects of JSON Schema, and how a schema names its own.

use serde_json::{Map, Value};

/// A dialect of JSON Schema, in order of time. The default, where a schema names none, is the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dialect {
    /// `http://json-schema.org/draft-04/schema#`
    Draft4,
    /// `http://json-schema.org/draft-06/schema#`
    Draft6,
    /// `http://json-schema.org/draft-07/schema#`
    Draft7,
    /// `https://json-schema.org/draft/2019-09/schema`
    Draft2019,
    /// `https://json-schema.org/draft/2020-12/schema`
    #[default]
    Draft2020,
}

impl Dialect {
    /// The dialect that a `$schema` means; an empty fragment at its end says nothing.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Some(match uri.strip_suffix('#').unwrap_or(uri) {
            "http://json-schema.org/draft-04/schema" => Self::Draft4,
            "http://json-schema.org/draft-06/schema" => Self::Draft6,
            "http://json-schema.org/draft-07/schema" => Self::Draft7,
            "https://json-schema.org/draft/2019-09/schema" => Self::Draft2019,
            "https://json-schema.org/draft/2020-12/schema" => Self::Draft2020,
            _ => return None,
        })
    }

    /// Whether a `$ref` stands for the whole schema, so that its neighbours mean nothing.
    pub(crate) fn ref_stands_alone(self) -> bool {
        self < Self::Draft2019
    }

    /// Whether tuples are `prefixItems`; before, they were a list in `items`.
    pub(crate) fn has_prefix_items(self) -> bool {
        self >= Self::Draft2020
    }

    /// The keyword that holds the `$id` of this schema, if it can have one.
    pub(crate) fn id_keyword(self, keywords: &Map<String, Value>) -> Option<&'static str> {
        let alone = self.ref_stands_alone() && keywords.get("$ref").is_some_and(Value::is_string);
        (!alone).then_some(if self == Self::Draft4 { "id" } else { "$id" })
    }
}

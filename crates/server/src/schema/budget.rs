//! How large a schema may be and what it may refer to, whether or not it is ever used here.

use serde_json::Value;

/// How many values a schema may consist of.
const MAX_NODES: usize = 10_000;
/// How deep a schema may nest.
const MAX_DEPTH: usize = 32;

/// Why a schema is refused at registration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Not a JSON object with `"type": "object"`.
    #[error("the schema is not an object schema (`\"type\": \"object\"`)")]
    NotAnObjectSchema,
    /// A reference to another document: fetching it would let a schema make the server connect
    /// anywhere.
    #[error("the schema refers to another document; only `#…` references are allowed")]
    RemoteReference,
    /// More than 10,000 values, or nested more than 32 deep.
    #[error("the schema is larger than 10000 values or nested deeper than 32")]
    TooLarge,
    /// References that multiply beyond 50,000 visits, or lead through more than 128 schemas.
    #[error("the schema's references multiply beyond 50000 visits or lead deeper than 128 schemas")]
    TooExpensive,
    /// A reference to something that is not in the schema.
    #[error("a reference of the schema leads nowhere")]
    DanglingReference,
    /// References that lead back to where they stand.
    #[error("references of the schema lead in a circle")]
    CircularReference,
    /// A dialect other than 2020-12, 2019-09, draft-07, draft-06 or draft-04.
    #[error("the schema's `$schema` is not a supported dialect")]
    Dialect,
    /// The validator refuses it.
    #[error("the schema is not valid: {0}")]
    Invalid(String),
    /// The crate was built without the feature `schema-validation`.
    #[error("checking arguments against this schema needs the feature `schema-validation`")]
    ValidationDisabled,
}

const DIALECTS: [&str; 5] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
];

pub(super) fn check(schema: &Value) -> Result<(), SchemaError> {
    if let Some(dialect) = schema.get("$schema") {
        let known =
            dialect.as_str().is_some_and(|uri| DIALECTS.contains(&uri.trim_end_matches('#')));
        if !known {
            return Err(SchemaError::Dialect);
        }
    }
    let mut nodes = 0;
    walk(schema, 0, &mut nodes)
}

fn walk(value: &Value, depth: usize, nodes: &mut usize) -> Result<(), SchemaError> {
    *nodes += 1;
    if *nodes > MAX_NODES || depth > MAX_DEPTH {
        return Err(SchemaError::TooLarge);
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, depth + 1, nodes)),
        Value::Object(members) => members.iter().try_for_each(|(keyword, value)| {
            if let ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) =
                (keyword.as_str(), value)
                && !target.starts_with('#')
            {
                return Err(SchemaError::RemoteReference);
            }
            walk(value, depth + 1, nodes)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SchemaError, check};

    #[test]
    fn references_stay_inside() {
        for target in [
            "https://evil.example/s",
            "http://127.0.0.1/",
            "file:///etc/passwd",
            "other.json",
            "//x",
        ] {
            let schema = json!({ "type": "object", "properties": { "a": { "$ref": target } } });
            assert_eq!(check(&schema), Err(SchemaError::RemoteReference), "{target}");
        }
        let local = json!({ "$defs": { "d": { "type": "string" } }, "properties": { "a": { "$ref": "#/$defs/d" } } });
        assert_eq!(check(&local), Ok(()));
        // A property may be called `$ref`; its schema is an object, not a reference.
        assert_eq!(check(&json!({ "properties": { "$ref": { "type": "string" } } })), Ok(()));
    }

    #[test]
    fn size_is_bounded() {
        let deep = (0..40).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert_eq!(check(&deep), Err(SchemaError::TooLarge));
        let wide: Vec<Value> = (0..10_001).map(|_| json!({})).collect();
        assert_eq!(check(&json!({ "anyOf": wide })), Err(SchemaError::TooLarge));
    }

    #[test]
    fn dialects_are_known_ones() {
        assert_eq!(
            check(&json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" })),
            Ok(())
        );
        assert_eq!(check(&json!({ "$schema": "http://json-schema.org/draft-07/schema#" })), Ok(()));
        assert_eq!(
            check(&json!({ "$schema": "https://evil.example/meta" })),
            Err(SchemaError::Dialect)
        );
        assert_eq!(check(&json!({ "$schema": 7 })), Err(SchemaError::Dialect));
    }
}

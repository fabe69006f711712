//! Whether decoding typed arguments is already the whole check of their schema.

use serde_json::Value;

/// Keywords that limit a value beyond its type. Decoding into a Rust type does not check them.
const CONSTRAINTS: [&str; 17] = [
    "pattern",
    "minLength",
    "maxLength",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "not",
];

/// Whether a schema limits values beyond what decoding checks.
pub(crate) fn has_constraints(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(has_constraints),
        Value::Object(members) => {
            beyond_the_type(members)
                || members.iter().any(|(keyword, value)| match (keyword.as_str(), value) {
                    ("const" | "enum" | "default" | "examples", _) => false,
                    // Keys here are names of properties or definitions, not keywords.
                    (
                        "properties" | "patternProperties" | "$defs" | "definitions",
                        Value::Object(named),
                    ) => named.values().any(has_constraints),
                    (keyword, value) => CONSTRAINTS.contains(&keyword) || has_constraints(value),
                })
        }
        _ => false,
    }
}

/// Whether `minimum` or `maximum` say more than the integer type that `format` names.
fn beyond_the_type(members: &serde_json::Map<String, Value>) -> bool {
    let format = members.get("format").and_then(Value::as_str).unwrap_or_default();
    let (lowest, highest) = match format {
        "uint8" => (Some(0), Some(255)),
        "uint16" => (Some(0), Some(65_535)),
        "int8" => (Some(-128), Some(127)),
        "int16" => (Some(-32_768), Some(32_767)),
        "uint" | "uint32" | "uint64" | "uint128" => (Some(0), None),
        _ => (None, None),
    };
    let differs = |keyword: &str, natural: Option<i64>| {
        members
            .get(keyword)
            .is_some_and(|limit| limit.as_i64().is_none() || limit.as_i64() != natural)
    };
    differs("minimum", lowest) || differs("maximum", highest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::has_constraints;

    #[test]
    fn natural_bounds_are_no_constraint() {
        for (schema, expected) in [
            (json!({ "type": "integer", "format": "int64" }), false),
            (json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 }), false),
            (json!({ "type": "integer", "format": "uint64", "minimum": 0 }), false),
            (json!({ "type": "integer", "format": "uint8", "minimum": 1, "maximum": 255 }), true),
            (json!({ "type": "number", "maximum": 1.5 }), true),
            (json!({ "properties": { "pattern": { "type": "string" } } }), false),
            (json!({ "properties": { "a": { "type": "string", "pattern": "x" } } }), true),
            (json!({ "anyOf": [{ "type": "array", "minItems": 2 }] }), true),
            (json!({ "enum": ["a"], "default": { "pattern": "x" } }), false),
        ] {
            assert_eq!(has_constraints(&schema), expected, "{schema}");
        }
    }
}

//! Arguments for a tool, made up from its schema.

use serde_json::{Map, Value, json};

/// A value for each required property.
pub(crate) fn required(schema: &Value) -> Value {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let properties = schema.get("properties");
    let arguments: Map<String, Value> = names
        .filter_map(Value::as_str)
        .map(|name| {
            let property = properties.and_then(|properties| properties.get(name));
            (name.to_owned(), property.map_or(Value::Null, value_for))
        })
        .collect();
    Value::Object(arguments)
}

/// The simplest value of the type that a schema names.
fn value_for(schema: &Value) -> Value {
    let chosen = schema.get("default").or_else(|| schema.get("const"));
    if let Some(value) = chosen.or_else(|| schema.get("enum")?.get(0)) {
        return value.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => json!("text"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => required(schema),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::required;

    #[test]
    fn required_properties_get_a_value_of_their_type() {
        let schema = json!({
            "type": "object",
            "properties": {
                "text": { "type": "string" },
                "count": { "type": "integer" },
                "kind": { "enum": ["b", "a"] },
                "nested": {
                    "type": "object",
                    "properties": { "flag": { "type": "boolean" } },
                    "required": ["flag"]
                },
                "optional": { "type": "string" }
            },
            "required": ["text", "count", "kind", "nested"]
        });
        let expected =
            json!({ "text": "text", "count": 1, "kind": "b", "nested": { "flag": true } });
        assert_eq!(required(&schema), expected);
        assert_eq!(required(&json!({ "type": "object" })), json!({}));
    }
}

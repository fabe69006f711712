//! Which fields there are, by the schema and in a file.

use std::collections::BTreeSet;

use serde_json::Value;

/// A field of a file that holds no others.
pub(crate) struct Leaf {
    /// Its place in the schema: `[]` for the items of a list, `*` for keys by choice, `<kind>` for a variant.
    pub(crate) pattern: String,
    /// Its place in the file.
    pub(crate) pointer: String,
}

/// The patterns of all leaves that a file can have.
pub(crate) fn patterns(root: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(root, root, None, String::new(), String::new(), &mut |pattern, _| {
        found.insert(pattern);
    });
    found
}

/// The leaves of a file.
pub(crate) fn leaves(root: &Value, file: &Value, found: &mut Vec<Leaf>) {
    walk(root, root, Some(file), String::new(), String::new(), &mut |pattern, pointer| {
        found.push(Leaf { pattern, pointer });
    });
}

/// Goes through a schema, and through a file beside it if there is one.
fn walk(
    root: &Value,
    schema: &Value,
    value: Option<&Value>,
    pattern: String,
    pointer: String,
    leaf: &mut dyn FnMut(String, String),
) {
    let target = schema.get("$ref").and_then(Value::as_str);
    let schema =
        target.map_or(schema, |target| root.pointer(target.trim_start_matches('#')).unwrap());
    if let Some(variants) = schema.get("oneOf").and_then(Value::as_array)
        && variants.iter().all(|variant| variant.pointer("/properties/kind/const").is_some())
    {
        for variant in variants {
            let kind = variant.pointer("/properties/kind/const").unwrap();
            if value.is_none_or(|value| value.get("kind") == Some(kind)) {
                let pattern = format!("{pattern}<{}>", kind.as_str().unwrap());
                walk(root, variant, value, pattern, pointer.clone(), leaf);
            }
        }
        return;
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (key, schema) in properties.iter().filter(|(_, schema)| schema.get("const").is_none()) {
            let below = value.and_then(|value| value.get(key));
            if value.is_none() || below.is_some() {
                let dot = if pattern.is_empty() { "" } else { "." };
                let pattern = format!("{pattern}{dot}{key}");
                walk(root, schema, below, pattern, format!("{pointer}/{key}"), leaf);
            }
        }
        return;
    }
    if let Some(schema) = schema.get("additionalProperties").filter(|schema| schema.is_object()) {
        match value {
            None => walk(root, schema, None, format!("{pattern}.*"), String::new(), leaf),
            Some(value) => {
                for (key, value) in value.as_object().unwrap() {
                    let pointer = format!("{pointer}/{key}");
                    walk(root, schema, Some(value), format!("{pattern}.*"), pointer, leaf);
                }
            }
        }
        return;
    }
    if let Some(schema) = schema.get("items") {
        match value {
            None => walk(root, schema, None, format!("{pattern}[]"), String::new(), leaf),
            Some(value) => {
                for (index, value) in value.as_array().unwrap().iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    walk(root, schema, Some(value), format!("{pattern}[]"), pointer, leaf);
                }
            }
        }
        return;
    }
    leaf(pattern, pointer);
}

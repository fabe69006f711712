//! What a schema costs before there is a value: refused at registration if it is too much for any.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    SchemaError,
    applied::{Part, References, for_each, is_embedded_document},
};

/// How many schemas the check of one value may visit: a chain of definitions that each refer twice to the
/// next doubles the work at every link.
pub(super) const MAX_VISITS: u64 = 50_000;
/// How many schemas may lie within each other, references followed: the validator recurses.
const MAX_HEIGHT: usize = 128;

/// What is known of a schema's cost without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// How many schemas are visited for a value that has one of everything.
    pub(super) visits: u64,
    /// Whether the schema refers to itself, so that a deeper value costs more than its size.
    pub(super) recursive: bool,
}

/// Counts what a schema costs.
///
/// # Errors
///
/// If it costs too much whatever the value, or if a reference leads nowhere, in a circle or out of the
/// document.
pub(super) fn cost_of(schema: &Value) -> Result<Cost, SchemaError> {
    let mut counter =
        Counter { references: References::of(schema), known: HashMap::new(), recursive: false };
    let (visits, _) = counter.count(schema, 0)?;
    let mut settled = HashMap::new();
    for known in counter.known.values() {
        refuse_circle(known.schema, &counter.references, &mut settled)?;
    }
    match visits > MAX_VISITS {
        true => Err(SchemaError::TooExpensive),
        false => Ok(Cost { visits, recursive: counter.recursive }),
    }
}

struct Counter<'s> {
    references: References<'s>,
    known: HashMap<*const Value, Known<'s>>,
    recursive: bool,
}

struct Known<'s> {
    schema: &'s Value,
    /// Visits, and how many schemas lie within each other; `None` while they are being counted.
    count: Option<(u64, usize)>,
}

impl<'s> Counter<'s> {
    fn count(&mut self, schema: &'s Value, height: usize) -> Result<(u64, usize), SchemaError> {
        let known = self.known.get(&std::ptr::from_ref(schema)).map(|known| known.count);
        // A reference back to a schema that is being counted: how often it is followed depends on the value.
        self.recursive |= known == Some(None);
        if let Some(count) = known {
            let (visits, below) = count.unwrap_or((1, 0));
            return within(height + below, (visits, below));
        }
        within(height, ())?;
        let embedded = schema.as_object().is_some_and(is_embedded_document);
        if embedded && !self.references.is_root(schema) {
            return Err(SchemaError::EmbeddedDocument);
        }
        self.known.insert(schema, Known { schema, count: None });
        let mut parts = Vec::new();
        for_each(schema, &self.references, |_, part| {
            parts.push(part);
            Ok(())
        })?;
        let (mut visits, mut below): (u64, usize) = (1, 0);
        for part in parts {
            let (more, deeper) = self.count(part, height + 1)?;
            visits = visits.saturating_add(more);
            below = below.max(deeper + 1);
        }
        self.known.insert(schema, Known { schema, count: Some((visits, below)) });
        Ok((visits, below))
    }
}

fn within<T>(height: usize, count: T) -> Result<T, SchemaError> {
    if height > MAX_HEIGHT { Err(SchemaError::TooExpensive) } else { Ok(count) }
}

/// Refuses references that lead back to where they stand without a step into the value: a check of such
/// a schema says nothing and need not end.
fn refuse_circle<'s>(
    schema: &'s Value,
    references: &References<'s>,
    settled: &mut HashMap<*const Value, bool>,
) -> Result<(), SchemaError> {
    match settled.get(&std::ptr::from_ref(schema)) {
        Some(true) => return Ok(()),
        Some(false) => return Err(SchemaError::CircularReference),
        None => {}
    }
    settled.insert(schema, false);
    let mut same = Vec::new();
    for_each(schema, references, |part, schema| {
        same.extend((part == Part::Same).then_some(schema));
        Ok(())
    })?;
    for schema in same {
        refuse_circle(schema, references, settled)?;
    }
    settled.insert(schema, true);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Cost, SchemaError, cost_of};

    #[track_caller]
    fn check(schema: &Value, expected: Result<Cost, SchemaError>) {
        assert_eq!(cost_of(schema), expected, "{schema}");
    }

    fn doubling(links: usize, reference: &str) -> Value {
        let name = |link: usize| reference.replace('N', &link.to_string());
        let definition = |link: usize| {
            let mut definition = match link == links {
                true => json!({ "type": "string" }),
                false => {
                    json!({ "allOf": [{ "$ref": name(link + 1) }, { "$ref": name(link + 1) }] })
                }
            };
            definition["$anchor"] = json!(format!("a{link}"));
            (format!("d{link}"), definition)
        };
        let definitions: serde_json::Map<_, _> = (0..=links).map(definition).collect();
        json!({ "$defs": definitions, "properties": { "default": { "$ref": name(0) } } })
    }

    #[test]
    fn references_multiply_however_they_are_written() {
        for reference in ["#/$defs/dN", "#/%24defs/%64N", "#aN"] {
            check(&doubling(40, reference), Err(SchemaError::TooExpensive));
            let cost = cost_of(&doubling(8, reference)).unwrap();
            assert!(cost.visits > 1 << 9 && !cost.recursive, "{cost:?}");
        }
    }

    #[test]
    fn recursion_needs_a_step_into_the_value() {
        let list = json!({ "properties": { "next": { "$ref": "#" } } });
        check(&list, Ok(Cost { visits: 3, recursive: true }));
        for circle in [
            json!({ "$ref": "#" }),
            json!({ "properties": { "a": { "not": { "$ref": "#/properties/a" } } } }),
            json!({
                "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/b" }] }, "b": { "$ref": "#/$defs/a" } },
                "items": { "$ref": "#/$defs/b" },
            }),
            // A definition is reached through a step first, and in a circle then.
            json!({
                "properties": { "x": { "$ref": "#/$defs/c" } },
                "allOf": [{ "$ref": "#/$defs/c" }],
                "$defs": { "c": { "allOf": [{ "$ref": "#" }] } },
            }),
        ] {
            check(&circle, Err(SchemaError::CircularReference));
        }
    }

    #[test]
    fn references_lead_somewhere_within_the_document() {
        let to = |target: &str| json!({ "$id": "https://a.example/s", "properties": { "a": { "$ref": target } } });
        for target in ["#/$defs/none", "#none", "#/%zz", "#/%2"] {
            check(&to(target), Err(SchemaError::DanglingReference));
        }
        check(&to("other"), Err(SchemaError::RemoteReference));
        check(&to("#/properties"), Ok(Cost { visits: 3, recursive: false }));
        let embedded = json!({ "properties": { "a": { "$id": "b", "$defs": {} } } });
        check(&embedded, Err(SchemaError::EmbeddedDocument));
        let data = json!({ "properties": { "$id": { "const": { "$id": "b", "$ref": "c" } } } });
        check(&data, Ok(Cost { visits: 2, recursive: false }));
    }

    #[test]
    fn height_is_bounded_however_it_is_reached() {
        let chain = |links: usize| {
            let link =
                |n: usize| (format!("d{n}"), json!({ "$ref": format!("#/$defs/d{}", n + 1) }));
            let mut definitions: serde_json::Map<_, _> = (0..links).map(link).collect();
            definitions.insert(format!("d{links}"), json!({}));
            definitions
        };
        let through = |entries: &[usize]| {
            let entry =
                |n: &usize| (format!("p{n:03}"), json!({ "$ref": format!("#/$defs/d{n}") }));
            let entries: serde_json::Map<_, _> = entries.iter().map(entry).collect();
            json!({ "$defs": chain(200), "properties": entries })
        };
        check(&through(&[190]), Ok(Cost { visits: 13, recursive: false }));
        check(&through(&[0]), Err(SchemaError::TooExpensive));
        // The end of the chain is known before its beginning is asked for.
        let backwards = json!({ "$defs": chain(200), "allOf": [
            { "$ref": "#/$defs/d150" }, { "$ref": "#/$defs/d100" }, { "$ref": "#/$defs/d50" } ] });
        check(&backwards, Err(SchemaError::TooExpensive));
    }
}

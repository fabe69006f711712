//! JSON Schema: what wraps a schema does not change its verdict, and a judge that shares no code agrees.
//!
//! An input is either text, a schema and a value and perhaps the verdict on a line each, or bytes out of which
//! both are made up.

use palisade_schema::{Dialect, Fault, Schema};
use serde_json::{Map, Value, json};

/// Names of members, definitions and anchors.
const NAMES: [&str; 4] = ["a", "b", "ab", "ä/~"];
const DIALECTS: [&str; 5] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-04/schema#",
];

/// Checks one input without another judge than the verdict that it may hold.
pub fn check(data: &[u8]) {
    check_against(data, |_, _| None);
}

/// Checks one input. `judge` says whether a value is valid, or nothing if it cannot tell.
pub fn check_against(data: &[u8], judge: impl Fn(&Value, &Value) -> Option<bool>) {
    let (schema, value, stored) = match written(data) {
        Some(case) => case,
        None => {
            let mut source = Source(data);
            let schema = source.document();
            (schema, source.value(3), None)
        }
    };
    let Ok(compiled) = Schema::compile(&schema) else {
        assert_ne!(stored, Some(true), "refused: {schema}");
        return;
    };
    let verdict = match compiled.validate(&value) {
        Err(Fault::TooExpensive) => return,
        verdict => verdict.is_ok(),
    };
    for expected in [stored, judge(&schema, &value)].into_iter().flatten() {
        assert_eq!(verdict, expected, "\n{schema}\n{value}\n");
    }
    if !schema.to_string().contains("\"$") {
        for (wrapped, expected) in wrapped(&schema, verdict) {
            let result = Schema::compile(&wrapped).map(|schema| schema.validate(&value));
            match result {
                Err(_) | Ok(Err(Fault::TooExpensive)) => {}
                Ok(result) => assert_eq!(result.is_ok(), expected, "\n{wrapped}\n{value}\n"),
            }
        }
    }
}

/// A case as somebody wrote it down.
fn written(data: &[u8]) -> Option<(Value, Value, Option<bool>)> {
    let mut lines = std::str::from_utf8(data).ok()?.lines();
    let schema = serde_json::from_str(lines.next()?).ok()?;
    let value = serde_json::from_str(lines.next()?).ok()?;
    let verdict = match lines.next() {
        Some("valid") => Some(true),
        Some("invalid") => Some(false),
        _ => None,
    };
    Some((schema, value, verdict))
}

/// Schemas that say the same as one without references, or the opposite.
fn wrapped(schema: &Value, verdict: bool) -> Vec<(Value, bool)> {
    vec![
        (json!({ "not": schema }), !verdict),
        (json!({ "not": { "not": schema } }), verdict),
        (json!({ "allOf": [schema, true] }), verdict),
        (json!({ "anyOf": [false, schema] }), verdict),
        (json!({ "oneOf": [schema, false] }), verdict),
        (json!({ "if": schema, "else": false }), verdict),
        (json!({ "if": schema, "then": false }), !verdict),
        (json!({ "$defs": { "x": schema }, "$ref": "#/$defs/x" }), verdict),
        (json!({ "$ref": "#x", "$defs": { "x": { "$anchor": "x", "allOf": [schema] } } }), verdict),
    ]
}

/// Decisions, one byte each; zeros at the end.
struct Source<'d>(&'d [u8]);

impl Source<'_> {
    fn pick(&mut self, of: usize) -> usize {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(*first) % of
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.pick(NAMES.len())]
    }

    fn document(&mut self) -> Value {
        let uri = DIALECTS[self.pick(DIALECTS.len())];
        let dialect = Dialect::from_uri(uri).unwrap();
        let mut schema = self.object(3, dialect);
        let mut definitions = Map::new();
        for name in NAMES.iter().take(self.pick(3)) {
            let mut definition = self.object(2, dialect);
            let id = if dialect == Dialect::Draft4 { "id" } else { "$id" };
            match self.pick(4) {
                0 if dialect >= Dialect::Draft2019 => {
                    definition.insert("$anchor".into(), json!(format!("x{name}")));
                }
                1 if dialect == Dialect::Draft2020 => {
                    definition.insert("$dynamicAnchor".into(), json!("dynamic"));
                }
                2 => {
                    definition.insert(id.into(), json!(name));
                }
                _ => {}
            }
            definitions.insert((*name).into(), definition.into());
        }
        let place = if dialect < Dialect::Draft2019 { "definitions" } else { "$defs" };
        schema.insert(place.into(), definitions.into());
        schema.insert("$schema".into(), uri.into());
        schema.into()
    }

    fn schema(&mut self, depth: usize, dialect: Dialect) -> Value {
        match self.pick(8) {
            0 if dialect > Dialect::Draft4 => json!(true),
            1 if dialect > Dialect::Draft4 => json!(false),
            2 => json!({ "type": self.type_name() }),
            _ if depth == 0 => json!({ "type": self.type_name() }),
            _ => self.object(depth, dialect).into(),
        }
    }

    fn type_name(&mut self) -> &'static str {
        ["null", "boolean", "integer", "number", "string", "array", "object"][self.pick(7)]
    }

    fn schemas(&mut self, depth: usize, dialect: Dialect) -> Value {
        (0..=self.pick(3)).map(|_| self.schema(depth, dialect)).collect()
    }

    fn named(&mut self, depth: usize, dialect: Dialect) -> Value {
        let named = (0..=self.pick(2)).map(|_| (self.name().into(), self.schema(depth, dialect)));
        Value::Object(named.collect())
    }

    fn names(&mut self) -> Value {
        let mut names: Vec<_> = (0..=self.pick(2)).map(|_| self.name()).collect();
        names.sort_unstable();
        names.dedup();
        json!(names)
    }

    fn object(&mut self, depth: usize, dialect: Dialect) -> Map<String, Value> {
        let below = depth.saturating_sub(1);
        let mut schema = Map::new();
        for _ in 0..=self.pick(4) {
            let (keyword, value) = match self.pick(40) {
                0 => ("type", json!(self.type_name())),
                1 => ("type", json!([self.type_name(), "null"])),
                2 => ("enum", json!([self.value(1)])),
                3 => ("const", self.value(2)),
                4 => ("multipleOf", json!([1.0, 0.5, 3.0, 0.01][self.pick(4)])),
                5 => ("minimum", self.number()),
                6 => ("maximum", self.number()),
                7 if dialect > Dialect::Draft4 => ("exclusiveMinimum", self.number()),
                8 if dialect > Dialect::Draft4 => ("exclusiveMaximum", self.number()),
                9 => ("minLength", json!(self.pick(3))),
                10 => ("maxLength", json!(self.pick(3))),
                11 => ("pattern", json!(["^a", "b$", ".", "^[ab]*$"][self.pick(4)])),
                12 => ("minItems", json!(self.pick(3))),
                13 => ("maxItems", json!(self.pick(3))),
                14 => ("uniqueItems", json!(true)),
                15 => ("minProperties", json!(self.pick(3))),
                16 => ("maxProperties", json!(self.pick(3))),
                17 => ("required", self.names()),
                18 => ("dependentRequired", json!({ self.name(): self.names() })),
                19 => ("dependentSchemas", self.named(below, dialect)),
                20 if dialect < Dialect::Draft2019 => ("dependencies", self.named(below, dialect)),
                21 | 22 => ("properties", self.named(below, dialect)),
                23 => ("patternProperties", json!({ "^a": self.schema(below, dialect) })),
                24 => ("additionalProperties", self.schema(below, dialect)),
                25 => ("propertyNames", self.schema(below, dialect)),
                26 => ("items", self.schema(below, dialect)),
                27 if dialect == Dialect::Draft2020 => {
                    ("prefixItems", self.schemas(below, dialect))
                }
                27 => ("items", self.schemas(below, dialect)),
                28 => ("additionalItems", self.schema(below, dialect)),
                29 => ("contains", self.schema(below, dialect)),
                30 => ("minContains", json!(self.pick(3))),
                31 => ("maxContains", json!(self.pick(3))),
                32 => ("allOf", self.schemas(below, dialect)),
                33 => ("anyOf", self.schemas(below, dialect)),
                34 => ("oneOf", self.schemas(below, dialect)),
                35 => ("not", self.schema(below, dialect)),
                36 => {
                    for keyword in ["then", "else"] {
                        let schema_of = self.schema(below, dialect);
                        schema.insert(keyword.into(), schema_of);
                    }
                    ("if", self.schema(below, dialect))
                }
                37 => ("unevaluatedProperties", self.schema(below, dialect)),
                38 => ("unevaluatedItems", self.schema(below, dialect)),
                _ => self.reference(dialect),
            };
            schema.insert(keyword.into(), value);
        }
        schema
    }

    fn reference(&mut self, dialect: Dialect) -> (&'static str, Value) {
        let place = if dialect < Dialect::Draft2019 { "definitions" } else { "$defs" };
        match self.pick(5) {
            0 => ("$ref", json!("#")),
            1 if dialect == Dialect::Draft2020 => ("$dynamicRef", json!("#dynamic")),
            1 if dialect == Dialect::Draft2019 => ("$recursiveRef", json!("#")),
            2 if dialect >= Dialect::Draft2019 => {
                ("$ref", json!(format!("#x{}", NAMES[self.pick(2)])))
            }
            3 => ("$ref", json!(NAMES[self.pick(2)])),
            _ => ("$ref", json!(format!("#/{place}/{}", NAMES[self.pick(2)]))),
        }
    }

    fn number(&mut self) -> Value {
        let numbers = [
            json!(0),
            json!(1),
            json!(1.0),
            json!(-1),
            json!(2.5),
            json!(3),
            json!(0.03),
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992.0),
            json!(u64::MAX),
            json!(1e30),
        ];
        numbers[self.pick(numbers.len())].clone()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.pick(if depth == 0 { 6 } else { 12 }) {
            0 => Value::Null,
            1 => json!(self.pick(2) == 0),
            2 | 3 => self.number(),
            4 | 5 => json!(["", "a", "ab", "ä€", "bb\n"][self.pick(5)]),
            6..9 => (0..self.pick(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let members =
                    (0..self.pick(4)).map(|_| (self.name().into(), self.value(depth - 1)));
                Value::Object(members.collect())
            }
        }
    }
}

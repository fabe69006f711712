//! What the check of one value costs, counted before it begins.
//!
//! A schema that refers to itself in two branches, as any grammar of expressions does, doubles the work
//! with every level of the value. The schema is the server's, but the value is the caller's.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    applied::{Part, References, for_each},
    cost::{Cost, MAX_VISITS},
};

/// How many schemas may be visited for each value within the value, beside [`MAX_VISITS`].
const MAX_VISITS_EACH: u64 = 32;
/// The most visits where they have to be counted one by one, so that counting itself stays cheap.
const MAX_COUNTED: u64 = 300_000;
/// How many schemas may be under way at once: the validator recurses, and its stack must not run out.
const MAX_HEIGHT: usize = 500;

impl Cost {
    /// Whether checking `value` is affordable. `schema` is the one that this was counted for.
    pub(super) fn affords(&self, schema: &Value, value: &Value) -> bool {
        let size = size_of(value);
        let budget = size.saturating_mul(MAX_VISITS_EACH).saturating_add(MAX_VISITS);
        if !self.recursive && self.visits.saturating_mul(size) <= budget {
            return true;
        }
        let budget = budget.min(MAX_COUNTED);
        let references = References::of(schema);
        Counter { references, known: HashMap::new(), budget }.count(schema, value, 0).is_some()
    }
}

fn size_of(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(size_of).sum(),
        Value::Object(members) => members.values().map(size_of).sum(),
        _ => 0,
    }
}

struct Counter<'s> {
    references: References<'s>,
    /// Visits and height of a schema applied to a value. What was counted once is not counted again, so
    /// counting takes no longer than the budget, whatever the validator would do.
    known: HashMap<(*const Value, *const Value), (u64, usize)>,
    budget: u64,
}

impl<'s> Counter<'s> {
    /// `None` as soon as it is clear that the budget does not suffice.
    fn count(&mut self, schema: &'s Value, value: &Value, height: usize) -> Option<(u64, usize)> {
        if height > MAX_HEIGHT || self.known.len() as u64 > self.budget {
            return None;
        }
        let key = (std::ptr::from_ref(schema), std::ptr::from_ref(value));
        if let Some((visits, below)) = self.known.get(&key) {
            return (height + below <= MAX_HEIGHT).then_some((*visits, *below));
        }
        let again = evaluations(schema, value);
        let (mut visits, mut below): (u64, usize) = (1, 0);
        for (part, schema) in self.parts_of(schema)? {
            let mut note = |times: u64, (more, deeper): (u64, usize)| {
                visits = visits.saturating_add(more.saturating_mul(times));
                below = below.max(deeper + 1);
            };
            match (part, value) {
                (Part::Same, value) => note(again, self.count(schema, value, height + 1)?),
                (Part::Member(name), Value::Object(members)) => {
                    if let Some(member) = members.get(name) {
                        note(1, self.count(schema, member, height + 1)?);
                    }
                }
                (Part::Members, Value::Object(members)) => {
                    for member in members.values() {
                        note(1, self.count(schema, member, height + 1)?);
                    }
                }
                (Part::Items, Value::Array(items)) => {
                    for item in items {
                        note(1, self.count(schema, item, height + 1)?);
                    }
                }
                _ => {}
            }
            if visits > self.budget {
                return None;
            }
        }
        self.known.insert(key, (visits, below));
        Some((visits, below))
    }

    fn parts_of(&self, schema: &'s Value) -> Option<Vec<(Part<'s>, &'s Value)>> {
        let mut parts = Vec::new();
        for_each(schema, &self.references, |part, schema| {
            parts.push((part, schema));
            Ok(())
        })
        .ok()?;
        Some(parts)
    }
}

/// How often the validator may apply the schemas for the same value: to know what is left unevaluated it
/// tries them again for each member.
fn evaluations(schema: &Value, value: &Value) -> u64 {
    let has = |keyword| schema.get(keyword).is_some();
    let members = match value {
        Value::Object(members) if has("unevaluatedProperties") => members.len(),
        Value::Array(items) if has("unevaluatedItems") => items.len(),
        _ => 0,
    };
    1 + members as u64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::cost::cost_of;

    #[track_caller]
    fn check(schema: &Value, value: &Value, expected: bool) {
        let cost = cost_of(schema).unwrap();
        assert_eq!(cost.affords(schema, value), expected, "{schema}");
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |inner, _| json!({ "left": inner }))
    }

    #[test]
    fn what_branches_at_every_level_is_bounded_by_the_depth_of_the_value() {
        let branch =
            json!({ "properties": { "left": { "$ref": "#/$defs/n" } }, "required": ["left"] });
        for keyword in ["anyOf", "allOf", "oneOf"] {
            let schema =
                json!({ "$defs": { "n": { keyword: [branch, branch] } }, "$ref": "#/$defs/n" });
            check(&schema, &nested(8), true);
            check(&schema, &nested(60), false);
        }
        // One branch: the work grows with the depth only.
        let list = json!({ "$defs": { "n": { "anyOf": [branch, { "type": "integer" }] } }, "$ref": "#/$defs/n" });
        check(&list, &nested(60), true);
    }

    #[test]
    fn unevaluated_members_count_again_at_every_level() {
        let schema = json!({ "allOf": [{ "properties": { "left": { "$ref": "#" } } }], "unevaluatedProperties": false });
        check(&schema, &nested(8), true);
        check(&schema, &nested(60), false);
    }

    #[test]
    fn the_stack_is_bounded() {
        let hops = |count: usize| {
            let mut definitions = serde_json::Map::new();
            for hop in 0..count {
                definitions
                    .insert(format!("d{hop}"), json!({ "$ref": format!("#/$defs/d{}", hop + 1) }));
            }
            let last = json!({ "properties": { "left": { "$ref": "#" } } });
            definitions.insert(format!("d{count}"), last);
            json!({ "$defs": definitions, "$ref": "#/$defs/d0" })
        };
        check(&hops(3), &nested(60), true);
        check(&hops(20), &nested(60), false);
        check(&hops(20), &nested(5), true);
    }

    #[test]
    fn large_values_are_no_reason() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "anyOf": [{ "type": "integer" }, { "type": "string" }] } } } });
        let many: Vec<_> = (0..100_000).collect();
        check(&schema, &json!({ "a": many }), true);
        let dear: Vec<_> = (0..2_000).map(|n| json!({ "const": n })).collect();
        let schema = json!({ "properties": { "a": { "items": { "anyOf": dear } } } });
        check(&schema, &json!({ "a": [1, 2, 3] }), true);
        check(&schema, &json!({ "a": many }), false);
    }
}

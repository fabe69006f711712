//! The bound on the work: what multiplies, what is deep and what is compared with everything ends early.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use palisade_schema::{Fault, Schema, SchemaError};
use serde_json::{Map, Value, json};

/// The smallest stack that a check has to get along with: that of a worker thread.
const STACK: usize = 2 * 1024 * 1024;

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

#[track_caller]
fn check(schema: &Value, value: &Value, expected: Result<(), Fault>) {
    let compiled = Schema::compile(schema).unwrap();
    assert_eq!(compiled.validate(value), expected, "{schema:.300}");
}

#[track_caller]
fn check_wrong(schema: &Value, value: &Value) {
    let fault = Schema::compile(schema).unwrap().validate(value).unwrap_err();
    assert!(matches!(fault, Fault::Invalid { .. }), "{fault}");
}

#[track_caller]
fn refuse(schema: &Value, expected: &SchemaError) {
    assert_eq!(Schema::compile(schema).unwrap_err(), *expected, "{schema:.300}");
}

/// `{"left": {"left": … 1}}`
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!({ "left": inner }))
}

/// `[[[… []]]]`
fn deep_array(depth: usize) -> Value {
    (0..depth).fold(json!([]), |inner, _| Value::Array(vec![inner]))
}

/// Drops what is nested too deep for the stack to do so.
fn take_apart(value: Value) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        if let Value::Array(items) = value {
            rest.extend(items);
        }
    }
}

#[test]
fn what_branches_at_every_level_is_bounded() {
    let branch = json!({ "type": "object", "properties": { "left": { "$ref": "#/$defs/n" } } });
    for keyword in ["anyOf", "oneOf"] {
        let schema =
            json!({ "$defs": { "n": { keyword: [branch, branch] } }, "$ref": "#/$defs/n" });
        check_wrong(&schema, &nested(8));
        check(&schema, &nested(60), Err(Fault::TooExpensive));
    }
    // One fault is enough here, so nothing multiplies until there is none.
    let both = json!({ "properties": { "left": { "$ref": "#" } }, "not": false });
    let all = json!({ "allOf": [both, both] });
    check(&all, &nested(8), Ok(()));
    check(&all, &nested(60), Err(Fault::TooExpensive));
    // One branch: the work grows with the depth only.
    let list = json!({ "$defs": { "n": { "anyOf": [branch, { "type": "integer" }] } }, "$ref": "#/$defs/n" });
    check(&list, &nested(60), Ok(()));
}

#[test]
fn what_is_left_unevaluated_costs_no_second_look() {
    let schema = json!({ "allOf": [{ "properties": { "left": { "$ref": "#" } } }], "unevaluatedProperties": false });
    check(&schema, &nested(60), Ok(()));
    let members: Map<_, _> = (0..5_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let branches = vec![json!({ "patternProperties": { "^k": true } }); 3];
    let schema = json!({ "anyOf": branches, "unevaluatedProperties": false });
    check(&schema, &Value::from(members.clone()), Ok(()));
    let branches = vec![json!({ "patternProperties": { "^k": true } }); 200];
    let schema = json!({ "anyOf": branches, "unevaluatedProperties": false });
    check(&schema, &Value::from(members), Err(Fault::TooExpensive));
}

#[test]
fn items_are_compared_and_counted_in_proportion() {
    let many: Vec<_> = (0..20_000).map(|n| json!({ "n": n })).collect();
    let unique = json!({ "uniqueItems": true });
    check(&unique, &json!(many), Ok(()));
    let mut twice = many.clone();
    twice.push(json!({ "n": 0.0 }));
    check_wrong(&unique, &json!(twice));
    check(&json!({ "contains": { "required": ["m"] }, "minContains": 0 }), &json!(many), Ok(()));
    let dear: Vec<_> = (0..2_000).map(|n| json!({ "const": n })).collect();
    let contains = json!({ "contains": { "anyOf": dear } });
    check(&contains, &json!(many), Err(Fault::TooExpensive));
    check(&contains, &json!([{}, 5]), Ok(()));
    // A long list of values is looked up, not gone through.
    let words: Vec<_> = (0..2_000).map(|n| json!(format!("word {n}"))).collect();
    let spoken: Vec<_> = words.iter().cycle().take(20_000).cloned().collect();
    check(&json!({ "items": { "enum": words } }), &json!(spoken), Ok(()));
}

#[test]
fn long_texts_are_read_in_proportion() {
    let text = json!("a".repeat(20_000));
    check(&json!({ "pattern": "^(a+)+$", "minLength": 20_000 }), &text, Ok(()));
    let many = vec![json!({ "pattern": "^(a+)+$" }); 50];
    check(&json!({ "allOf": many }), &text, Err(Fault::TooExpensive));
    // As many states at once as the pattern has.
    check(&json!({ "pattern": "(.*a.{400})$" }), &text, Err(Fault::TooExpensive));
    check(&json!({ "pattern": "(.*a.{400})$" }), &json!("a".repeat(450)), Ok(()));
}

#[test]
fn the_stack_is_bounded() {
    on_a_small_stack(|| {
        let hops = |count: usize| {
            let mut definitions = Map::new();
            for hop in 0..count {
                let next = json!({ "$ref": format!("#/$defs/d{}", hop + 1) });
                definitions.insert(format!("d{hop}"), next);
            }
            let last = json!({ "properties": { "left": { "$ref": "#" } } });
            definitions.insert(format!("d{count}"), last);
            json!({ "$defs": definitions, "$ref": "#/$defs/d0" })
        };
        check(&hops(3), &nested(60), Ok(()));
        check(&hops(20), &nested(60), Err(Fault::TooExpensive));
        check(&hops(20), &nested(15), Ok(()));
        // The longest way through the check, as deep as it may be.
        let schema = json!({
            "if": { "anyOf": [{ "items": { "oneOf": [{ "$ref": "#" }] }, "unevaluatedItems": false }] },
            "else": false,
        });
        let compiled = Schema::compile(&schema).unwrap();
        for (depth, expected) in [(60, Ok(())), (100_000, Err(Fault::TooExpensive))] {
            let value = deep_array(depth);
            assert_eq!(compiled.validate(&value), expected);
            take_apart(value);
        }
        let items = [deep_array(100_000), deep_array(100_000)];
        let unique = Schema::compile(&json!({ "uniqueItems": true })).unwrap();
        let value = Value::Array(items.into());
        assert_eq!(unique.validate(&value), Err(Fault::TooExpensive));
        take_apart(value);
        let deep = (0..200).fold(json!({}), |inner, _| json!({ "not": inner }));
        refuse(&deep, &SchemaError::TooDeep);
    });
}

/// Definitions that each refer twice to the next one.
fn doubling(links: usize, reference: &str) -> Value {
    let name = |link: usize| reference.replace('N', &link.to_string());
    let definition = |link: usize| {
        let mut definition = match link == links {
            true => json!({ "type": "string" }),
            false => json!({ "allOf": [{ "$ref": name(link + 1) }, { "$ref": name(link + 1) }] }),
        };
        definition["$anchor"] = json!(format!("a{link}"));
        (format!("d{link}"), definition)
    };
    let definitions: Map<_, _> = (0..=links).map(definition).collect();
    json!({ "$defs": definitions, "properties": { "default": { "$ref": name(0) } } })
}

#[test]
fn references_that_multiply_are_refused_however_they_are_written() {
    for reference in ["#/$defs/dN", "#/%24defs/%64N", "#aN"] {
        refuse(&doubling(40, reference), &SchemaError::TooExpensive);
        check(&doubling(8, reference), &json!({ "default": "x" }), Ok(()));
    }
}

#[test]
fn recursion_needs_a_step_into_the_value() {
    check(&json!({ "properties": { "left": { "$ref": "#" } } }), &nested(9), Ok(()));
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
        refuse(&circle, &SchemaError::CircularReference);
    }
    // A circle that only the way here closes is found when it is walked.
    let dynamic = json!({
        "$id": "http://a.example/", "$dynamicAnchor": "x", "properties": { "left": { "$ref": "b" } },
        "$defs": { "b": { "$id": "b", "$dynamicRef": "#y", "$defs": { "y": { "$dynamicAnchor": "y" } } },
                   "c": { "$dynamicAnchor": "y", "$ref": "b" } },
    });
    check(&dynamic, &nested(1), Err(Fault::TooExpensive));
}

#[test]
fn height_is_bounded_however_it_is_reached() {
    let chain = |links: usize| {
        let link = |n: usize| (format!("d{n}"), json!({ "$ref": format!("#/$defs/d{}", n + 1) }));
        let mut definitions: Map<_, _> = (0..links).map(link).collect();
        definitions.insert(format!("d{links}"), json!({}));
        definitions
    };
    let from = |entry: usize| json!({ "$defs": chain(200), "$ref": format!("#/$defs/d{entry}") });
    check(&from(190), &json!(1), Ok(()));
    refuse(&from(0), &SchemaError::TooExpensive);
    // The end of the chain is known before its beginning is asked for.
    let backwards = json!({ "$defs": chain(200), "allOf": [
        { "$ref": "#/$defs/d150" }, { "$ref": "#/$defs/d100" }, { "$ref": "#/$defs/d50" } ] });
    refuse(&backwards, &SchemaError::TooExpensive);
}

//! What is refused when a schema is compiled, and where the fault is said to be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use palisade_schema::{Schema, SchemaError};
use serde_json::{Value, json};

#[track_caller]
fn check(schema: &Value, expected: &str) {
    let error = Schema::compile(schema).map(drop).unwrap_err();
    assert_eq!(error.to_string(), expected, "{schema}");
}

#[test]
fn keywords_have_to_be_what_they_are() {
    for (schema, expected) in [
        (json!(7), "`/` is not a schema (an object or a boolean)"),
        (json!({ "type": "strin" }), "`/type` is not a type or a list of types"),
        (json!({ "type": ["null", 1] }), "`/type` is not a type or a list of types"),
        (json!({ "minimum": "3" }), "`/minimum` is not a number"),
        (json!({ "multipleOf": 0 }), "`/multipleOf` is not a number greater than 0"),
        (json!({ "multipleOf": -1 }), "`/multipleOf` is not a number greater than 0"),
        (json!({ "minLength": -1 }), "`/minLength` is not a whole number that is not negative"),
        (json!({ "maxItems": 1.5 }), "`/maxItems` is not a whole number that is not negative"),
        (json!({ "exclusiveMinimum": true }), "`/exclusiveMinimum` is not a number"),
        (json!({ "required": "a" }), "`/required` is not a list of names"),
        (json!({ "uniqueItems": 1 }), "`/uniqueItems` is not `true` or `false`"),
        (json!({ "enum": "a" }), "`/enum` is not a list of values"),
        (
            json!({ "properties": { "a/b": 1 } }),
            "`/properties/a~1b` is not a schema (an object or a boolean)",
        ),
        (json!({ "properties": [] }), "`/properties` is not an object"),
        (json!({ "items": [{}] }), "`/items` is not a schema (an object or a boolean)"),
        (json!({ "anyOf": [{}, { "$ref": 1 }] }), "`/anyOf/1/$ref` is not a text"),
        (
            json!({ "dependentRequired": { "a": [1] } }),
            "`/dependentRequired/a` is not a list of names",
        ),
    ] {
        check(&schema, expected);
    }
}

#[test]
fn references_lead_somewhere_within_the_document() {
    let to = |target: &str| json!({ "$id": "https://a.example/s", "properties": { "a": { "$ref": target } } });
    for target in ["#/$defs/none", "#none", "#/%zz", "#/%2", "#/properties/-"] {
        check(&to(target), "`/properties/a/$ref` leads nowhere");
    }
    for target in
        ["other", "https://a.example/t", "file:///etc/passwd", "//x", "urn:x:y", "data:,{}"]
    {
        check(&to(target), "`/properties/a/$ref` refers to another document");
    }
    for target in ["#/properties", "s#/properties", "https://a.example/s", "/s#"] {
        assert!(Schema::compile(&to(target)).is_ok(), "{target}");
    }
    let embedded = json!({
        "properties": { "a": { "$id": "b", "$defs": { "c": { "type": "null" } }, "$ref": "#/$defs/c" } },
    });
    assert!(Schema::compile(&embedded).unwrap().validate(&json!({ "a": 1 })).is_err());
    let data = json!({ "properties": { "$id": { "const": { "$id": "b", "$ref": "c" } } } });
    assert!(Schema::compile(&data).is_ok());
    let twice = json!({ "$defs": { "a": { "$anchor": "x" }, "b": { "$anchor": "x" } } });
    assert!(matches!(Schema::compile(&twice), Err(SchemaError::Ambiguous { .. })));
}

#[test]
fn patterns_are_refused_with_their_place() {
    for (pattern, reason) in [
        ("^(?=a)", "look-around is not supported"),
        ("(a)\\1", "backreferences are not supported"),
        ("\\p{L}", "Unicode character classes are not supported"),
        ("((a{100}){100}){100}", "compiled regex exceeded size limit"),
        ("[]", "a class is empty"),
    ] {
        let place = "the pattern at `/items/pattern` cannot be used: ";
        check(&json!({ "items": { "pattern": pattern } }), &format!("{place}{reason}"));
    }
    check(
        &json!({ "patternProperties": { "(": true } }),
        "the pattern at `/patternProperties/(` cannot be used: found open group without closing ')'",
    );
    let long = "a".repeat(8 * 1024 + 1);
    let error = Schema::compile(&json!({ "pattern": long })).map(drop).unwrap_err();
    assert!(error.to_string().ends_with("longer than 8192 bytes"));
    let large = vec![json!({ "pattern": "(ab?){300}" }); 100];
    let error = Schema::compile(&json!({ "allOf": large })).map(drop).unwrap_err();
    assert!(error.to_string().ends_with("take too much memory"), "{error}");
}

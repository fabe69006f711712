//! Tests of the check of form content.

use serde_json::{Value, json};

use crate::{ElicitContentError, ElicitSchema};

/// Checks one value against one field named `f`; the expected code is empty if the value is good.
#[track_caller]
fn check(field: &Value, value: &Value, code: &str) {
    let schema: ElicitSchema =
        serde_json::from_value(json!({"type":"object","properties":{"f":field}})).unwrap();
    let content = json!({"f": value});
    let result = schema.validate(content.as_object().unwrap());
    let found = result.as_ref().err().map_or("", ElicitContentError::code);
    assert_eq!(found, code, "{field} {value}: {result:?}");
    if let Err(error) = result {
        assert_eq!(error.field(), "f");
    }
}

#[track_caller]
fn check_all(field: &Value, good: &[Value], bad: &[Value], code: &str) {
    for value in good {
        check(field, value, "");
    }
    for value in bad {
        check(field, value, code);
    }
}

#[test]
fn types() {
    let type_error = "elicit_content_type";
    check_all(
        &json!({"type":"string"}),
        &[json!(""), json!("x")],
        &[json!(1), json!(null), json!(["x"]), json!({}), json!(true)],
        type_error,
    );
    check_all(
        &json!({"type":"number"}),
        &[json!(1), json!(1.5), json!(-3)],
        &[json!("1"), json!(null), json!([]), json!(false)],
        type_error,
    );
    check_all(
        &json!({"type":"integer"}),
        &[json!(1), json!(1.0), json!(-3), json!(u64::MAX)],
        &[json!(1.5), json!("1"), json!(null)],
        type_error,
    );
    check_all(
        &json!({"type":"boolean"}),
        &[json!(true), json!(false)],
        &[json!("true"), json!(1), json!(null)],
        type_error,
    );
    check_all(
        &json!({"type":"string","enum":["a"]}),
        &[json!("a")],
        &[json!(["a"]), json!(null)],
        type_error,
    );
    check_all(
        &json!({"type":"array","items":{"type":"string","enum":["a"]}}),
        &[json!([]), json!(["a"])],
        &[json!("a"), json!([1]), json!(null), json!([["a"]])],
        type_error,
    );
}

#[test]
fn lengths_count_characters() {
    let field = json!({"type":"string","minLength":2,"maxLength":3});
    let good = [json!("ab"), json!("abc"), json!("äöü"), json!("🦀🦀")];
    check_all(
        &field,
        &good,
        &[json!(""), json!("a"), json!("abcd"), json!("🦀")],
        "elicit_content_length",
    );
}

#[test]
fn formats() {
    for (format, good, bad) in [
        ("email", "user@example.com", "user"),
        ("uri", "https://a.example", "a.example"),
        ("date", "2025-02-28", "2025-02-30"),
        ("date-time", "2025-02-28T10:00:00Z", "2025-02-28"),
    ] {
        let field = json!({"type":"string","format":format});
        check_all(&field, &[json!(good)], &[json!(bad), json!("")], "elicit_content_format");
    }
    check(&json!({"type":"string","format":"color"}), &json!("anything"), "");
}

#[test]
fn ranges() {
    let field = json!({"type":"number","minimum":0,"maximum":10.5});
    let good = [json!(0), json!(10.5), json!(5)];
    check_all(&field, &good, &[json!(-0.1), json!(10.6), json!(1e300)], "elicit_content_range");
}

#[test]
fn members() {
    for field in [
        json!({"type":"string","enum":["a","b"]}),
        json!({"type":"string","enum":["a","b"],"enumNames":["c","d"]}),
        json!({"type":"string","oneOf":[{"const":"a","title":"c"},{"const":"b","title":"d"}]}),
    ] {
        let bad = [json!("c"), json!(""), json!("A")];
        check_all(&field, &[json!("a"), json!("b")], &bad, "elicit_content_not_allowed");
    }
    for field in [
        json!({"type":"array","items":{"type":"string","enum":["a","b"]}}),
        json!({"type":"array","items":{"anyOf":[{"const":"a","title":"c"},{"const":"b","title":"d"}]}}),
    ] {
        let bad = [json!(["c"]), json!(["a", "c"])];
        check_all(&field, &[json!([]), json!(["b", "a"])], &bad, "elicit_content_not_allowed");
    }
}

#[test]
fn item_counts() {
    for items in [
        json!({"type":"string","enum":["a","b","c"]}),
        json!({"anyOf":[{"const":"a","title":"A"},{"const":"b","title":"B"},{"const":"c","title":"C"}]}),
    ] {
        let field = json!({"type":"array","minItems":1,"maxItems":2,"items":items});
        let bad = [json!([]), json!(["a", "b", "c"])];
        check_all(&field, &[json!(["a"]), json!(["a", "b"])], &bad, "elicit_content_items");
    }
}

#[test]
fn required_fields_and_unknown_fields() {
    let schema: ElicitSchema = serde_json::from_value(json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["a"],
    }))
    .unwrap();
    for (content, missing) in [
        (json!({"a": "x"}), None),
        (json!({"a": "x", "unknown": {"nested": true}}), None),
        (json!({"b": "x"}), Some("a")),
        (json!({}), Some("a")),
    ] {
        let expected = missing.map_or(Ok(()), |name: &str| {
            Err(ElicitContentError::Missing { name: name.to_owned() })
        });
        assert_eq!(schema.validate(content.as_object().unwrap()), expected, "{content}");
    }
}

#[test]
fn errors_name_the_field_on_one_line_and_never_the_value() {
    let schema: ElicitSchema = serde_json::from_value(json!({
        "type": "object",
        "properties": {"a\nb": {"type": "string", "maxLength": 1}},
    }))
    .unwrap();
    let content = json!({"a\nb": "canary"});
    let text = schema.validate(content.as_object().unwrap()).unwrap_err().to_string();
    assert_eq!(text, r#"field "a\nb" has a length out of range"#);
}

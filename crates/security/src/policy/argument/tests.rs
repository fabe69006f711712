//! Rules about arguments, against the text of a message.

use super::{ArgumentRule, ArgumentRuleError, Bound, pointer::Pointer};
use crate::policy::{DenyReason, UriRule};

#[track_caller]
fn check(rule: &ArgumentRule, arguments: &str, denied: Option<DenyReason>) {
    let found = rule.check(Some(arguments)).err().map(|refusal| refusal.reason);
    assert_eq!(found, denied, "{rule}: {arguments}");
}

const ARGUMENT: Option<DenyReason> = Some(DenyReason::ArgumentNotAuthorized);
const PATH: Option<DenyReason> = Some(DenyReason::PathNotAuthorized);
const MALFORMED: Option<DenyReason> = Some(DenyReason::InvalidPath);

#[test]
fn an_argument_that_is_absent_or_of_another_type_fails() {
    let rules = [
        ArgumentRule::below("/x", "/data").unwrap(),
        ArgumentRule::uri("/x", UriRule::scheme("https").unwrap()).unwrap(),
        ArgumentRule::one_of("/x", ["a"]).unwrap(),
        ArgumentRule::one_of("/x", [1]).unwrap(),
        ArgumentRule::max_bytes("/x", 10).unwrap(),
        ArgumentRule::between("/x", Some(1), Some(2)).unwrap(),
    ];
    for rule in &rules {
        for arguments in [
            "{}",
            r#"{"X":"a"}"#,
            r#"{"x ":"a"}"#,
            r#"{"y":{"x":"a"}}"#,
            r#"{"x":null}"#,
            r#"{"x":{}}"#,
            r#"{"x":[]}"#,
            r#"{"x":["a"]}"#,
            r#"{"x":true}"#,
            // Twice: who knows which one the tool takes?
            r#"{"x":"a","x":"a"}"#,
            r#"{"x":"a","\u0078":"a"}"#,
            "[]",
            r#""x""#,
            "null",
        ] {
            check(rule, arguments, ARGUMENT);
        }
        assert!(rule.check(None).is_err());
        let optional = rule.clone().optional();
        assert!(optional.check(None).is_ok());
        check(&optional, "{}", None);
        check(&optional, r#"{"x":null}"#, ARGUMENT);
        check(&optional, r#"{"x":[]}"#, ARGUMENT);
        check(&optional, "[]", ARGUMENT);
    }
}

#[test]
fn z1_paths_in_arguments() {
    let rule = ArgumentRule::below("/path", "/data").unwrap();
    check(&rule, r#"{"path":"/data/a"}"#, None);
    check(&rule, r#" { "b" : 1 , "path" : "\/data\/a" } "#, None);
    check(&rule, r#"{"p\u0061th":"/data/a"}"#, None);
    check(&rule, r#"{"path":"/data-secret/a"}"#, PATH);
    check(&rule, r#"{"path":"data/a"}"#, PATH);
    for path in
        ["/data/../etc", "/data/%2e%2e/etc", "/data/%252e", "/data/..%5c", "/data/..\\\\etc"]
    {
        check(&rule, &format!(r#"{{"path":"{path}"}}"#), MALFORMED);
    }
    // What JSON hides is not hidden from the rule.
    for path in ["/data/\\u002e\\u002e/etc", "/data/a\\u0000", "/data/\\u005c"] {
        check(&rule, &format!(r#"{{"path":"{path}"}}"#), MALFORMED);
    }
}

#[test]
fn pointers_lead_into_objects_and_arrays() {
    let rule = |pointer: &str| ArgumentRule::one_of(pointer, ["good"]).unwrap();
    check(&rule("/a/b"), r#"{"a":{"b":"good"}}"#, None);
    check(&rule("/a/b"), r#"{"a":{"b":"bad"},"b":"good"}"#, ARGUMENT);
    check(&rule("/a/1"), r#"{"a":["bad","good"]}"#, None);
    check(&rule("/a/1"), r#"{"a":{"1":"good"}}"#, None);
    for arguments in
        [r#"{"a":["good"]}"#, r#"{"a":[]}"#, r#"{"a":"good"}"#, r#"{"a":["bad","bad"]}"#]
    {
        check(&rule("/a/1"), arguments, ARGUMENT);
    }
    for pointer in ["/a/01", "/a/-", "/a/+0", "/a/x", "/a/99999999999999999999"] {
        check(&rule(pointer), r#"{"a":["good","good"]}"#, ARGUMENT);
    }
    check(&rule("/~0~1"), r#"{"~/":"good"}"#, None);
    check(&rule("/"), r#"{"":"good"}"#, None);
    check(&rule("/*"), r#"{"*":"good"}"#, None);
    for text in ["", "path", "/~", "/~2", "#/a"] {
        assert_eq!(ArgumentRule::max_bytes(text, 1), Err(ArgumentRuleError::Pointer), "{text:?}");
    }
    assert_eq!(Pointer::parse("/a~1b/~0").unwrap().to_string(), "/a~1b/~0");
}

#[test]
fn each_element_is_checked() {
    let rule = ArgumentRule::below("/paths", "/data").unwrap().each();
    check(&rule, r#"{"paths":["/data/a","/data/b"]}"#, None);
    check(&rule, r#"{"paths":[]}"#, None);
    check(&rule, r#"{"paths":["/data/a","/etc"]}"#, PATH);
    check(&rule, r#"{"paths":["/data/a",null]}"#, ARGUMENT);
    check(&rule, r#"{"paths":"/data/a"}"#, ARGUMENT);
    check(&rule, r#"{"paths":{"0":"/data/a"}}"#, ARGUMENT);
    check(&rule, "{}", ARGUMENT);
}

#[test]
fn values_and_lengths() {
    let rule = ArgumentRule::one_of("/x", ["a", "\u{e9}"]).unwrap();
    check(&rule, r#"{"x":"a"}"#, None);
    check(&rule, r#"{"x":"\u00e9"}"#, None);
    for value in [r#""A""#, r#""a ""#, r#""""#, "1"] {
        check(&rule, &format!(r#"{{"x":{value}}}"#), ARGUMENT);
    }
    let rule = ArgumentRule::one_of("/x", [1_i64]).unwrap();
    check(&rule, r#"{"x":1}"#, None);
    for value in ["1.0", "1e0", "true", r#""1""#, "-1", "18446744073709551615"] {
        check(&rule, &format!(r#"{{"x":{value}}}"#), ARGUMENT);
    }
    let rule = ArgumentRule::one_of("/x", [false]).unwrap();
    check(&rule, r#"{"x":false}"#, None);
    check(&rule, r#"{"x":true}"#, ARGUMENT);
    check(&rule, r#"{"x":0}"#, ARGUMENT);
    let rule = ArgumentRule::max_bytes("/x", 4).unwrap();
    check(&rule, r#"{"x":"\u00e9\u00e9"}"#, None);
    check(&rule, r#"{"x":"abcd"}"#, None);
    check(&rule, r#"{"x":"abcde"}"#, ARGUMENT);
    check(&rule, r#"{"x":"\u00e9\u00e9e"}"#, ARGUMENT);
    let none: [&str; 0] = [];
    assert_eq!(ArgumentRule::one_of("/x", none), Err(ArgumentRuleError::NoValue));
}

#[test]
fn numbers_are_compared_exactly() {
    let check_all = |min: Option<Bound>, max: Option<Bound>, good: &[&str], bad: &[&str]| {
        let rule = ArgumentRule::between("/x", min, max).unwrap();
        good.iter().for_each(|value| check(&rule, &format!(r#"{{"x":{value}}}"#), None));
        bad.iter().for_each(|value| check(&rule, &format!(r#"{{"x":{value}}}"#), ARGUMENT));
    };
    let int = |bound: i64| Some(Bound::from(bound));
    let float = |bound: f64| Some(Bound::from(bound));
    check_all(
        int(1),
        int(10),
        &["1", "10", "1.0", "9.99"],
        &["0", "11", "0.99", "10.01", "1e400", "-1"],
    );
    check_all(float(0.5), None, &["0.5", "1", "1e300"], &["0", "0.49", "-1"]);
    check_all(None, float(0.5), &["0.5", "0", "-1e300"], &["1", "0.51"]);
    // Beyond what a float can tell apart.
    check_all(None, int(9_007_199_254_740_992), &["9007199254740992"], &["9007199254740993"]);
    check_all(None, float(9_007_199_254_740_992.0), &["9007199254740992"], &["9007199254740993"]);
    check_all(
        int(i64::MAX),
        None,
        &["9223372036854775807", "18446744073709551615"],
        &["9223372036854775806"],
    );
    check_all(
        None,
        int(i64::MAX),
        &["9223372036854775807"],
        &["9223372036854775808", "18446744073709551615"],
    );
    for (min, max) in [
        (int(2), int(1)),
        (float(f64::NAN), None),
        (None, float(f64::INFINITY)),
        (int(1), float(0.5)),
        (None, None),
    ] {
        let rule = ArgumentRule::between("/x", min, max);
        assert_eq!(rule, Err(ArgumentRuleError::Bounds), "{min:?} to {max:?}");
    }
}

#[test]
fn uris_in_arguments() {
    let uri = UriRule::scheme("https").unwrap().with_authority("api.example").unwrap();
    let rule = ArgumentRule::uri("/url", uri).unwrap();
    let reason = |uri: &str, denied| check(&rule, &format!(r#"{{"url":"{uri}"}}"#), denied);
    reason("https://api.example/x?y", None);
    reason("http://api.example/x", Some(DenyReason::InvalidUriScheme));
    reason("https://evil.example/x", Some(DenyReason::UnauthorizedPath));
    reason("https://api.example@evil.example/x", Some(DenyReason::UnauthorizedPath));
    reason("https://api.example\\\\@evil.example/x", Some(DenyReason::InvalidUri));
    reason("https://api.example/%2e%2e/x", Some(DenyReason::InvalidUri));
}

#[test]
fn rules_say_what_they_demand() {
    let show = |rule: ArgumentRule| rule.to_string();
    let below = ArgumentRule::below("/path", "/data/").unwrap();
    assert_eq!(show(below), "argument `/path` must lie below `/data`");
    let modes = ArgumentRule::one_of("/mode", ["a", "b"]).unwrap().optional();
    assert_eq!(show(modes), "argument `/mode`, if present, must be one of `a`, `b`");
    let tags = ArgumentRule::max_bytes("/tags", 8).unwrap().each();
    assert_eq!(show(tags), "each element of argument `/tags` must have at most 8 bytes");
    let count = ArgumentRule::between("/n", Some(1), Some(5)).unwrap();
    assert_eq!(show(count), "argument `/n` must lie between 1 and 5");
}

/// A policy may be asked by whoever has text; the engine has looked at it before.
#[test]
fn text_that_is_not_one_json_value_fails() {
    let rule = ArgumentRule::max_bytes("/x", 10).unwrap().optional();
    check(&rule, r#"{"x":"a"}"#, None);
    for text in ["", "{", r#"{"x":"a"}}"#, r#"{"x":"a"} {}"#, r#"{"y":1}]"#, r#"{"x":a}"#, "x"] {
        check(&rule, text, ARGUMENT);
    }
}

//! The official test suite of JSON Schema, in all dialects.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use palisade_schema::{Schema, SchemaError};
use serde_json::Value;

/// What is tested: one group of cases in each line.
const SUITE: &str = include_str!("data/suite.json");
/// How many cases get the verdict that the suite expects, over all dialects.
const PASSED: usize = 5_322;
/// How many cases belong to schemas that are refused, as listed below.
const REFUSED: usize = 249;

/// Groups that need another document, or the meta-schema, which is one: nothing is ever fetched.
const REMOTE: [(&str, &str); 27] = [
    ("definitions", "validate definition against metaschema"),
    ("defs", "validate definition against metaschema"),
    ("dynamicRef", "$ref and $dynamicAnchor are independent of order - $defs first"),
    ("dynamicRef", "$ref and $dynamicAnchor are independent of order - $ref first"),
    ("dynamicRef", "$ref to $dynamicRef finds detached $dynamicAnchor"),
    ("dynamicRef", "strict-tree schema, guards against misspelled properties"),
    ("dynamicRef", "tests for implementation dynamic anchor and reference link"),
    ("optional/cross-draft", "refs to future drafts are processed as future drafts"),
    ("optional/cross-draft", "refs to historic drafts are processed as historic drafts"),
    ("ref", "remote ref, containing refs itself"),
    ("refRemote", "$ref to $ref finds detached $anchor"),
    ("refRemote", "$ref to $ref finds location-independent $id"),
    ("refRemote", "Location-independent identifier in remote ref"),
    ("refRemote", "anchor within remote ref"),
    ("refRemote", "base URI change"),
    ("refRemote", "base URI change - change folder"),
    ("refRemote", "base URI change - change folder in subschema"),
    ("refRemote", "fragment within remote ref"),
    ("refRemote", "ref within remote ref"),
    ("refRemote", "remote HTTP ref with different $id"),
    ("refRemote", "remote HTTP ref with different URN $id"),
    ("refRemote", "remote HTTP ref with nested absolute ref"),
    ("refRemote", "remote ref"),
    ("refRemote", "remote ref with ref to definitions"),
    ("refRemote", "remote ref with ref to defs"),
    ("refRemote", "retrieved nested refs resolve relative to their URI not $id"),
    ("refRemote", "root ref in remote ref"),
];
/// Groups that need tables of Unicode.
const PATTERNS: [(&str, &str); 6] = [
    ("optional/ecmascript-regex", "pattern with non-ASCII digits"),
    ("optional/ecmascript-regex", "patternProperties with non-ASCII digits"),
    ("optional/ecmascript-regex", "patterns always use unicode semantics with pattern"),
    ("optional/ecmascript-regex", "patterns always use unicode semantics with patternProperties"),
    ("pattern", "pattern with Unicode property escape requires unicode mode"),
    ("patternProperties", "patternProperties with Unicode property escape"),
];
/// Groups whose dialect stands in a document of its own.
const DIALECTS: [(&str, &str); 2] = [
    ("vocabulary", "ignore unrecognized optional vocabulary"),
    ("vocabulary", "schema that uses custom metaschema with with no validation vocabulary"),
];
/// The one case that is judged otherwise, and is optional: `1.0` is an integer in draft-04 too.
const OTHERWISE: (&str, &str) =
    ("optional/zeroTerminatedFloats", "a float is not an integer even without fractional part");

/// Which list a refusal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Remote,
    Pattern,
    Dialect,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The schema of a group, which leaves out the dialect where it is the group's own.
fn schema(group: &Value, dialect: &str) -> Value {
    let uri = match dialect {
        "2020-12" | "2019-09" => format!("https://json-schema.org/draft/{dialect}/schema"),
        _ => format!("http://json-schema.org/draft-{dialect}/schema#"),
    };
    let mut schema = group["schema"].clone();
    if let Some(keywords) = schema.as_object_mut() {
        keywords.entry("$schema").or_insert(uri.into());
    }
    schema
}

#[test]
fn verdicts_are_those_of_the_suite() {
    let groups: Vec<Value> = serde_json::from_str(SUITE).unwrap();
    let (mut passed, mut refused) = (0, 0);
    let mut reasons = BTreeSet::new();
    for (group, dialect) in
        groups.iter().flat_map(|group| list(&group["drafts"]).iter().map(move |d| (group, text(d))))
    {
        let (file, name) = (text(&group["of"]), text(&group["description"]));
        let schema = match Schema::compile(&schema(group, dialect)) {
            Ok(schema) => schema,
            Err(error) => {
                let reason = match error {
                    SchemaError::RemoteReference { .. } => Reason::Remote,
                    SchemaError::Pattern { .. } => Reason::Pattern,
                    SchemaError::Dialect => Reason::Dialect,
                    other => panic!("{dialect} {file}, {name}: {other}"),
                };
                reasons.insert((reason, file, name));
                refused += list(&group["tests"]).len();
                continue;
            }
        };
        for test in list(&group["tests"]) {
            let verdict = schema.validate(&test[1]);
            let case = text(&test[0]);
            let expected = test[2].as_bool().unwrap() != ((file, case) == OTHERWISE);
            assert_eq!(verdict.is_ok(), expected, "{dialect} {file}, {name}, {case}: {verdict:?}");
            passed += usize::from((file, case) != OTHERWISE);
        }
    }
    let expected = [
        (Reason::Remote, &REMOTE[..]),
        (Reason::Pattern, &PATTERNS[..]),
        (Reason::Dialect, &DIALECTS[..]),
    ];
    let expected: BTreeSet<_> = expected
        .into_iter()
        .flat_map(|(reason, names)| names.iter().map(move |(file, name)| (reason, *file, *name)))
        .collect();
    assert_eq!(reasons, expected);
    assert_eq!((passed, refused), (PASSED, REFUSED));
}

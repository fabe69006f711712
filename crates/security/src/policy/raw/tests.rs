//! Rules as a file holds them: what they turn into, and every finding.

use serde_json::{Value, json};

use super::RawPolicy;
use crate::{
    Finding, Policy, Principal, RulePolicy, Target,
    policy::{AccessRequest, authorize},
};

fn raw(value: Value) -> RawPolicy {
    serde_json::from_value(value).unwrap()
}

/// All findings, as `path code`.
fn findings(value: Value) -> Vec<String> {
    let findings = match RulePolicy::try_from(&raw(value)) {
        Ok(policy) => policy.findings(),
        Err(error) => error.findings().to_vec(),
    };
    assert!(findings.iter().all(|finding| !finding.fix().is_empty()), "each has its fix");
    let show = |finding: &Finding| format!("{} {}", finding.path(), finding.code());
    let mut shown: Vec<_> = findings.iter().map(show).collect();
    shown.sort_unstable();
    shown
}

#[test]
fn a_file_holds_everything_that_a_rule_can_say() {
    let policy = raw(json!({
        "roles": {
            "writer": { "subjects": ["alice"], "schemes": ["bearer"], "scopes": ["files:write"] },
        },
        "rules": [
            { "name": "all", "effect": "allow", "methods": ["server/discover", "tools/list"] },
            {
                "effect": "allow",
                "roles": ["writer"],
                "tools": ["file_write"],
                "prompts": ["*"],
                "resources": ["test://readme"],
                "uris": [{ "scheme": "https", "authority": "example.com", "below": "/v1" }],
                "arguments": [
                    { "pointer": "/path", "below": "/srv/data" },
                    { "pointer": "/url", "uri": { "scheme": "https" }, "optional": true },
                    { "pointer": "/mode", "one_of": ["append", 1, true], "optional": true },
                    { "pointer": "/tags", "each": true, "max_bytes": 64, "optional": true },
                    { "pointer": "/count", "min": 1, "max": 10.5, "optional": true },
                ],
            },
            { "effect": "require", "tools": ["*"], "arguments": [{ "pointer": "/path", "max_bytes": 20 }] },
            { "effect": "deny", "tools": ["shell"] },
        ],
    }));
    let rules = RulePolicy::try_from(&policy).unwrap();
    let alice = Principal::new("alice", "bearer")
        .with_scopes([crate::Scope::parse("files:write").unwrap()]);
    let call = |arguments: &str| {
        let request =
            AccessRequest::new(&alice, "tools/call").with_target(Target::Tool("file_write"));
        authorize(&rules, request.with_arguments(Some(arguments)))
            .map(drop)
            .map_err(|reason| reason.code())
    };
    assert_eq!(call(r#"{"path":"/srv/data/a","mode":"append","count":10.5,"tags":[]}"#), Ok(()));
    assert_eq!(call(r#"{"path":"/srv/data/a","mode":1}"#), Ok(()));
    assert_eq!(call(r#"{"path":"/etc/a"}"#), Err("path_not_authorized"));
    assert_eq!(call(r#"{"path":"/srv/data/a","mode":"cut"}"#), Err("argument_not_authorized"));
    assert_eq!(call(r#"{"path":"/srv/data/a","count":11}"#), Err("argument_not_authorized"));
    assert_eq!(call(r#"{"path":"/srv/data/a","url":"ftp:x"}"#), Err("invalid_uri_scheme"));
    assert_eq!(call(r#"{"path":"/srv/data/0123456789a"}"#), Err("argument_not_authorized"));

    let text = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<RawPolicy>(&text).unwrap(), policy, "and back");
}

#[test]
fn unknown_fields_are_refused() {
    for value in [
        json!({ "rule": [] }),
        json!({ "roles": { "a": { "subject": ["x"] } } }),
        json!({ "rules": [{ "effect": "allow", "tool": ["x"] }] }),
        json!({ "rules": [{ "effect": "Allow" }] }),
        json!({ "rules": [{ "tools": ["x"] }] }),
        json!({ "rules": [{ "effect": "allow", "arguments": [{ "pointer": "/a", "under": "/x" }] }] }),
        json!({ "rules": [{ "effect": "allow", "arguments": [{ "below": "/x" }] }] }),
        json!({ "rules": [{ "effect": "allow", "uris": [{ "scheme": "x", "host": "y" }] }] }),
    ] {
        assert!(serde_json::from_value::<RawPolicy>(value.clone()).is_err(), "{value}");
    }
}

#[test]
fn every_finding_at_once() {
    let value = json!({
        "roles": {
            "nobody": {},
            "bad": { "scopes": ["a b", "ok", "\""] },
        },
        "rules": [
            { "effect": "allow" },
            { "effect": "allow", "roles": ["writer", "bad"], "tools": ["a", "", "b\n"] },
            { "effect": "allow", "roles": [], "tools": ["a"] },
            { "effect": "allow", "methods": ["tool/list", "tools/call"] },
            { "effect": "deny", "tools": ["a"], "arguments": [{ "pointer": "/a", "max_bytes": 1 }] },
            { "effect": "allow", "prompts": ["a"], "arguments": [{ "pointer": "/a", "max_bytes": 1 }] },
            { "effect": "require", "tools": ["a"] },
            {
                "effect": "require",
                "prompts": ["a"],
                "tools": ["a"],
                "arguments": [{ "pointer": "/a", "max_bytes": 1 }],
            },
            {
                "effect": "allow",
                "uris": [
                    { "scheme": "FILE" },
                    { "scheme": "file", "authority": "a/b" },
                    { "scheme": "file", "below": "../x" },
                ],
                "tools": ["z"],
                "arguments": [
                    { "pointer": "a", "below": "x", "max_bytes": 1 },
                    { "pointer": "/a", "below": "a//b" },
                    { "pointer": "/a", "one_of": [] },
                    { "pointer": "/a", "min": 2, "max": 1 },
                    { "pointer": "/a" },
                    { "pointer": "/a", "max_bytes": 1, "min": 1 },
                    { "pointer": "/a", "uri": { "scheme": "1" } },
                ],
            },
        ],
    });
    assert_eq!(
        findings(value),
        [
            "roles.bad.scopes[0] invalid_scope",
            "roles.bad.scopes[2] invalid_scope",
            "roles.nobody empty_role",
            "rules[0].effect empty_rule",
            "rules[1].roles[0] unknown_role",
            "rules[1].tools[1] invalid_name",
            "rules[1].tools[2] invalid_name",
            "rules[2].roles rule_for_nobody",
            "rules[3].methods[0] unknown_method",
            "rules[3].methods[1] method_needs_target",
            "rules[4].arguments misplaced_arguments",
            "rules[5].arguments misplaced_arguments",
            "rules[6].effect misplaced_require",
            "rules[7].effect misplaced_require",
            "rules[8].arguments[0].pointer invalid_pointer",
            "rules[8].arguments[1].below invalid_directory",
            "rules[8].arguments[2].one_of no_value_allowed",
            "rules[8].arguments[3].min invalid_bounds",
            "rules[8].arguments[4] empty_argument_rule",
            "rules[8].arguments[5] contradicting_demands",
            "rules[8].arguments[6].uri.scheme invalid_scheme",
            "rules[8].uris[0].scheme invalid_scheme",
            "rules[8].uris[1].authority invalid_authority",
            "rules[8].uris[2].below invalid_directory",
        ]
    );
}

#[test]
fn what_deserves_a_look_is_no_error() {
    assert_eq!(findings(json!({})), ["rules denies_everything"]);
    let demand = json!([{ "pointer": "/path", "below": "/data" }]);
    let strict = json!({ "effect": "allow", "tools": ["write"], "arguments": demand });
    for (lax, found) in [
        (json!({ "effect": "allow", "tools": ["*"] }), true),
        (json!({ "effect": "allow", "tools": ["write"] }), true),
        (json!({ "effect": "allow", "roles": ["a"], "tools": ["write"] }), true),
        (json!({ "effect": "allow", "tools": ["read"] }), false),
        (json!({ "effect": "deny", "tools": ["write"] }), false),
        (strict.clone(), false),
    ] {
        let roles = json!({ "a": { "subjects": ["alice"] } });
        let expected: &[&str] = if found { &["rules unconditional_grant"] } else { &[] };
        assert_eq!(findings(json!({ "roles": roles, "rules": [strict, lax] })), expected, "{lax}");
    }
    // Rules for others are no way around.
    let roles = json!({ "a": { "subjects": ["alice"] }, "b": { "subjects": ["bob"] } });
    let rules = json!([
        { "effect": "allow", "roles": ["a"], "tools": ["write"], "arguments": demand },
        { "effect": "allow", "roles": ["b"], "tools": ["write"] },
    ]);
    assert!(findings(json!({ "roles": roles, "rules": rules })).is_empty());
}

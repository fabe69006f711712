//! Explanations of decisions, for the operator.
#![allow(clippy::unwrap_used, reason = "tests")]

use palisade_security::{
    AccessRequest, ArgumentRule, Decision, Policy, Principal, Purpose, Role, Rule, RulePolicy,
    Scope, Target, UriRule, authorize, explain, is_listed,
};

fn alice() -> Principal {
    Principal::new("alice", "bearer")
}

#[test]
fn explanations_say_which_rule_and_what_is_missing() {
    let writer = Role::new("writer").with_scopes([Scope::parse("files:write").unwrap()]);
    let policy = RulePolicy::new()
        .with_rule(
            Rule::allow()
                .with_name("writers")
                .with_roles([writer.clone(), Role::new("root").with_subjects(["root"])])
                .with_tools(["write"]),
        )
        .with_rule(
            Rule::allow()
                .with_tools(["write"])
                .with_arguments([ArgumentRule::below("/path", "/data").unwrap()]),
        )
        .with_rule(Rule::deny().with_name("never").with_tools(["shell"]))
        .with_rule(Rule::allow().with_uris([UriRule::scheme("https").unwrap()]));
    let alice = alice();
    let show = |method: &str, target: Target<'_>, arguments: Option<&str>| {
        let request = AccessRequest::new(&alice, method).with_target(target);
        let request = request.with_arguments(arguments);
        let explanation = explain(&policy, &request);
        let decided = authorize(&policy, request).map(drop);
        assert_eq!(explanation.decision == Decision::Allow, decided.is_ok());
        explanation.to_string()
    };
    let canary = r#"{"path":"/canary/secret"}"#;
    assert_eq!(
        show("tools/call", Target::Tool("write"), Some(canary)),
        "denied (path_not_authorized): `writers` is for others: it needs role `writer` or `root`; \
         `rules[1]`: argument `/path` must lie below `/data`, but it is elsewhere"
    );
    assert_eq!(
        show("tools/call", Target::Tool("write"), Some(r#"{"path":"/data/a"}"#)),
        "allowed by `rules[1]`: `writers` is for others: it needs role `writer` or `root`"
    );
    assert_eq!(
        show("tools/call", Target::Tool("shell"), None),
        "denied (tool_not_authorized) by `never`"
    );
    assert_eq!(
        show("tools/call", Target::Tool("canary"), None),
        "denied (tool_not_authorized): no rule names it"
    );
    assert_eq!(
        show("resources/read", Target::Resource("ftp://canary"), None),
        "denied (invalid_uri_scheme): `rules[3]`: the uri must be one of `https:`, but it has \
         another scheme"
    );
    assert_eq!(
        show("resources/read", Target::Resource("https://canary/.."), None),
        "denied (invalid_uri): the uri is malformed"
    );
}

/// Explaining and deciding are one evaluation: over everything that a few rules can be asked, they agree.
#[test]
fn explanations_never_differ_from_decisions() {
    let path = || [ArgumentRule::below("/path", "/data").unwrap()];
    let bob = || [Role::new("bob").with_subjects(["bob"])];
    let rules = [
        Rule::allow()
            .with_tools(["a"])
            .with_prompts(["a"])
            .with_methods(["a"])
            .with_resources(["x:a"]),
        Rule::allow()
            .with_tools(["*"])
            .with_roles(bob())
            .with_uris([UriRule::scheme("x").unwrap()]),
        Rule::deny().with_tools(["a"]).with_roles(bob()).with_resources(["x:a"]),
        Rule::require().with_tools(["*"]).with_arguments(path()),
        Rule::allow().with_tools(["b"]).with_arguments(path()),
        Rule::deny().with_methods(["tools/call"]).with_roles(bob()),
    ];
    let principals = [alice(), Principal::new("bob", "bearer"), Principal::anonymous()];
    let targets = [
        Target::None,
        Target::Tool("a"),
        Target::Tool("b"),
        Target::Prompt("a"),
        Target::Resource("x:a"),
        Target::Resource("x:b"),
        Target::ResourceTemplate("x:{a}"),
    ];
    let arguments = [None, Some("{}"), Some(r#"{"path":"/data/a"}"#), Some(r#"{"path":"/etc"}"#)];
    let methods = ["a", "tools/call", "prompts/get", "resources/read", "completion/complete"];
    let (mut allowed, mut denied) = (0, 0);
    for set in 0..1 << rules.len() {
        let chosen = rules.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
        let policy =
            chosen.fold(RulePolicy::new(), |policy, (_, rule)| policy.with_rule(rule.clone()));
        for principal in &principals {
            for (method, target) in
                methods.iter().flat_map(|method| targets.map(|target| (*method, target)))
            {
                for arguments in arguments {
                    let mut request = AccessRequest::new(principal, method)
                        .with_target(target)
                        .with_arguments(arguments);
                    for purpose in [Purpose::Use, Purpose::List] {
                        request.purpose = purpose;
                        let decision = policy.decide(&request).unwrap();
                        let explanation = policy.explain(&request).unwrap();
                        assert_eq!(explanation.decision, decision, "{request:?}");
                        match decision {
                            Decision::Allow => allowed += 1,
                            _ => denied += 1,
                        }
                    }
                    // What may be used is listed.
                    assert!(authorize(&policy, request).is_err() || is_listed(&policy, request));
                }
            }
        }
    }
    assert!(allowed > 1_000 && denied > 10_000, "{allowed} {denied}");
}

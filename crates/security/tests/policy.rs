//! Policies through `authorize`, as a registry uses them.

use palisade_security::{
    AccessRequest, AllowAuthenticated, Decision, DenyReason, Policy, PolicyError, Principal, Role,
    Rule, RulePolicy, Scope, Target, authorize,
};

#[track_caller]
fn check(
    policy: &dyn Policy,
    principal: &Principal,
    method: &str,
    target: Target<'_>,
    denied: Option<DenyReason>,
) {
    let request = AccessRequest::new(principal, method).with_target(target);
    match authorize(policy, request) {
        Ok(authorized) => {
            assert_eq!(denied, None, "{method} {target:?}");
            assert_eq!(authorized.request().target, target);
        }
        Err(reason) => assert_eq!(Some(reason), denied, "{method} {target:?}"),
    }
}

fn alice() -> Principal {
    Principal::new("alice", "bearer")
}

#[test]
fn z5_a_method_without_a_rule_is_denied() {
    let policy = RulePolicy::new();
    let method = Some(DenyReason::MethodNotAuthorized);
    check(&policy, &alice(), "tools/list", Target::None, method);
    check(
        &policy,
        &alice(),
        "tools/call",
        Target::Tool("add"),
        Some(DenyReason::ToolNotAuthorized),
    );
    check(
        &policy,
        &alice(),
        "prompts/get",
        Target::Prompt("p"),
        Some(DenyReason::PromptNotAuthorized),
    );
    let resource = Some(DenyReason::ResourceNotAuthorized);
    check(&policy, &alice(), "resources/read", Target::Resource("file:///a"), resource);
    check(&policy, &alice(), "completion/complete", Target::ResourceTemplate("a://{x}"), resource);

    let policy = RulePolicy::new().allow_methods(["tools/list", "tools/call"]).allow_tool("add");
    check(&policy, &alice(), "tools/list", Target::None, None);
    check(&policy, &alice(), "Tools/List", Target::None, method);
    check(&policy, &alice(), "tools/listx", Target::None, method);
    // A rule for the method does not stand for a rule for what it is applied to.
    check(&policy, &alice(), "tools/call", Target::None, method);
}

#[test]
fn rules_name_exact_targets() {
    let tool = Some(DenyReason::ToolNotAuthorized);
    let policy = RulePolicy::new()
        .allow_tool("add")
        .allow_prompt("greet")
        .allow_resource("file:///data")
        .allow_resource("file:///{name}");
    check(&policy, &alice(), "tools/call", Target::Tool("add"), None);
    for other in ["Add", "add ", "ad", "adds", ""] {
        check(&policy, &alice(), "tools/call", Target::Tool(other), tool);
    }
    check(&policy, &alice(), "tools/uninstall", Target::Tool("add"), tool);
    check(&policy, &alice(), "prompts/get", Target::Tool("add"), tool);
    check(&policy, &alice(), "prompts/get", Target::Prompt("greet"), None);
    check(&policy, &alice(), "completion/complete", Target::Prompt("greet"), None);
    check(&policy, &alice(), "resources/read", Target::Resource("file:///data"), None);
    check(&policy, &alice(), "subscriptions/listen", Target::Resource("file:///data"), None);
    check(
        &policy,
        &alice(),
        "completion/complete",
        Target::ResourceTemplate("file:///{name}"),
        None,
    );
    let resource = Some(DenyReason::ResourceNotAuthorized);
    check(&policy, &alice(), "resources/read", Target::Resource("file:///data-secret"), resource);
    check(&policy, &alice(), "resources/read", Target::Resource("file:///name"), resource);

    let all = RulePolicy::new().allow_all_tools().allow_all_prompts().allow_all_resources();
    check(&all, &alice(), "tools/call", Target::Tool("anything"), None);
    check(&all, &alice(), "prompts/get", Target::Prompt("anything"), None);
    check(&all, &alice(), "resources/read", Target::Resource("any:thing"), None);
    check(&all, &alice(), "tools/list", Target::None, Some(DenyReason::MethodNotAuthorized));
}

#[test]
fn scopes_add_grants() {
    let write = Scope::parse("files:write").unwrap();
    let policy = RulePolicy::new().allow_tool("file_read").with_rule(
        Rule::allow()
            .with_roles([Role::new("writer").with_scopes([write.clone()])])
            .with_tools(["file_write"])
            .with_methods(["tools/list"]),
    );
    let writer = alice().with_scopes([write]);
    check(&policy, &writer, "tools/call", Target::Tool("file_read"), None);
    check(&policy, &writer, "tools/call", Target::Tool("file_write"), None);
    check(&policy, &writer, "tools/list", Target::None, None);
    check(&policy, &alice(), "tools/call", Target::Tool("file_read"), None);
    let tool = Some(DenyReason::ToolNotAuthorized);
    check(&policy, &alice(), "tools/call", Target::Tool("file_write"), tool);
    check(&policy, &alice(), "tools/list", Target::None, Some(DenyReason::MethodNotAuthorized));
}

#[test]
fn the_default_needs_somebody() {
    let policy = AllowAuthenticated::new();
    check(&policy, &alice(), "tools/call", Target::Tool("add"), None);
    let anonymous = Principal::anonymous();
    check(
        &policy,
        &anonymous,
        "tools/call",
        Target::Tool("add"),
        Some(DenyReason::MethodNotAuthorized),
    );
}

#[derive(Debug)]
struct Broken;

impl Policy for Broken {
    fn decide(&self, _request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        Err(PolicyError::new("rules are not loaded"))
    }
}

#[test]
fn z6_a_policy_that_fails_denies() {
    check(&Broken, &alice(), "tools/list", Target::None, Some(DenyReason::PolicyFailed));
    assert_eq!(DenyReason::PolicyFailed.code(), "policy_error");
    assert!(
        !DenyReason::PolicyFailed.to_string().contains("rules"),
        "nothing internal for the peer"
    );
}

//! Policies through `authorize`, as a registry uses them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use palisade_security::{
    AccessRequest, AllowAuthenticated, ArgumentRule, Decision, DenyReason, Policy, PolicyError,
    Principal, Purpose, Role, Rule, RulePolicy, Scope, Target, UriRule, authorize, explain,
    is_listed,
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

#[test]
fn roles_ask_for_all_that_they_name() {
    let scope = |text: &str| Scope::parse(text).unwrap();
    let role = Role::new("r")
        .with_subjects(["alice", "bob"])
        .with_schemes(["bearer"])
        .with_scopes([scope("a"), scope("b")]);
    let with = |subject: &'static str, scheme: &'static str, scopes: &[&str]| {
        Principal::new(subject, scheme).with_scopes(scopes.iter().map(|text| scope(text)))
    };
    assert!(role.is_held_by(&with("alice", "bearer", &["a", "b"])));
    assert!(role.is_held_by(&with("bob", "bearer", &["b", "x", "a"])));
    assert!(!role.is_held_by(&with("carol", "bearer", &["a", "b"])));
    assert!(!role.is_held_by(&with("Alice", "bearer", &["a", "b"])));
    assert!(!role.is_held_by(&with("alice", "basic", &["a", "b"])));
    assert!(!role.is_held_by(&with("alice", "bearer", &["a"])));
    assert!(!Role::new("empty").is_held_by(&alice()), "a role that asks for nothing is nobody's");
    // Whoever did not authenticate has no role, whatever it is called.
    let anonymous = Role::new("r").with_subjects(["anonymous"]);
    assert!(!anonymous.is_held_by(&Principal::anonymous()));
    assert!(anonymous.is_held_by(&Principal::new("anonymous", "bearer")));

    let either = Rule::allow()
        .with_roles([Role::new("a").with_subjects(["alice"])])
        .with_roles([Role::new("b").with_subjects(["bob"])])
        .with_tools(["add"]);
    let policy = RulePolicy::new().with_rule(either);
    let tool = Some(DenyReason::ToolNotAuthorized);
    check(&policy, &alice(), "tools/call", Target::Tool("add"), None);
    check(&policy, &with("bob", "bearer", &[]), "tools/call", Target::Tool("add"), None);
    check(&policy, &with("carol", "bearer", &[]), "tools/call", Target::Tool("add"), tool);
}

#[test]
fn a_rule_that_denies_wins_in_whatever_order() {
    let bob = Principal::new("bob", "bearer");
    let allow = Rule::allow().with_tools(["*"]).with_prompts(["*"]).with_resources(["*"]);
    let deny = Rule::deny()
        .with_roles([Role::new("bob").with_subjects(["bob"])])
        .with_tools(["shell"])
        .with_prompts(["secret"])
        .with_methods(["tools/list"]);
    let all = Rule::deny().with_tools(["rm"]).with_methods(["resources/read"]);
    let methods = Rule::allow().with_methods(["*"]);
    let rules = [allow, deny, all, methods];
    let forwards = rules.iter().cloned().fold(RulePolicy::new(), RulePolicy::with_rule);
    let backwards = rules.iter().rev().cloned().fold(RulePolicy::new(), RulePolicy::with_rule);
    for policy in [&forwards, &backwards] {
        let tool = Some(DenyReason::ToolNotAuthorized);
        let (method, prompt, resource) = (
            Some(DenyReason::MethodNotAuthorized),
            Some(DenyReason::PromptNotAuthorized),
            Some(DenyReason::ResourceNotAuthorized),
        );
        check(policy, &bob, "tools/call", Target::Tool("shell"), tool);
        check(policy, &alice(), "tools/call", Target::Tool("shell"), None);
        check(policy, &bob, "tools/call", Target::Tool("add"), None);
        check(policy, &alice(), "tools/call", Target::Tool("rm"), tool);
        check(policy, &bob, "prompts/get", Target::Prompt("secret"), prompt);
        check(policy, &bob, "completion/complete", Target::Prompt("secret"), prompt);
        check(policy, &bob, "prompts/get", Target::Prompt("greet"), None);
        check(policy, &bob, "tools/list", Target::None, method);
        check(policy, &alice(), "tools/list", Target::None, None);
        // A method that is denied is denied whatever it is applied to.
        check(policy, &alice(), "resources/read", Target::Resource("a:b"), resource);
        check(policy, &alice(), "subscriptions/listen", Target::Resource("a:b"), None);
    }
    // Built by mistake, and never against everybody.
    let broken = Rule::deny().with_roles([Role::new("empty")]).with_tools(["add"]);
    let policy = RulePolicy::new().allow_all_tools().with_rule(broken);
    let tool = Some(DenyReason::ToolNotAuthorized);
    check(&policy, &alice(), "tools/call", Target::Tool("add"), tool);
    let everything = RulePolicy::new()
        .allow_all_tools()
        .with_rule(Rule::deny().with_methods(["*"]).with_tools(["*"]));
    check(&everything, &alice(), "tools/call", Target::Tool("add"), tool);
}

/// What comes of a call with these arguments.
fn call(policy: &dyn Policy, tool: &str, arguments: Option<&str>) -> Result<(), DenyReason> {
    let alice = alice();
    let request = AccessRequest::new(&alice, "tools/call").with_target(Target::Tool(tool));
    authorize(policy, request.with_arguments(arguments)).map(drop)
}

#[test]
fn demands_on_arguments() {
    let below = |directory| ArgumentRule::below("/path", directory).unwrap();
    let policy = RulePolicy::new()
        .with_rule(Rule::allow().with_tools(["write"]).with_arguments([below("/data")]))
        .with_rule(Rule::allow().with_tools(["write"]).with_arguments([below("/tmp")]))
        .with_rule(
            Rule::require()
                .with_tools(["write"])
                .with_arguments([ArgumentRule::max_bytes("/text", 5).unwrap()]),
        );
    // One rule that allows is enough, whatever is required must hold besides.
    let path = |path: &str, text: &str| Some(format!(r#"{{"path":"{path}","text":"{text}"}}"#));
    let write = |arguments: Option<String>| call(&policy, "write", arguments.as_deref());
    assert_eq!(write(path("/data/a", "short")), Ok(()));
    assert_eq!(write(path("/tmp/a", "short")), Ok(()));
    assert_eq!(write(path("/etc/a", "short")), Err(DenyReason::PathNotAuthorized));
    assert_eq!(write(path("/data/%2e%2e/a", "short")), Err(DenyReason::InvalidPath));
    assert_eq!(write(path("/data/a", "longer")), Err(DenyReason::ArgumentNotAuthorized));
    assert_eq!(write(Some("{}".into())), Err(DenyReason::ArgumentNotAuthorized));
    // A call without arguments is no question about listing.
    assert_eq!(write(None), Err(DenyReason::ArgumentNotAuthorized));
    // What is required allows nothing.
    let only = RulePolicy::new().with_rule(
        Rule::require()
            .with_tools(["*"])
            .with_arguments([ArgumentRule::max_bytes("/text", 5).unwrap()]),
    );
    // Whoever may not call it does not learn what it requires.
    for arguments in [r#"{"text":"a"}"#, r#"{"text":"longer"}"#, "{}"] {
        assert_eq!(call(&only, "add", Some(arguments)), Err(DenyReason::ToolNotAuthorized));
    }
    // For all tools, and for those of one rule.
    let both = RulePolicy::new().allow_tool("add").with_rule(
        Rule::require()
            .with_tools(["*"])
            .with_arguments([ArgumentRule::max_bytes("/text", 5).unwrap().optional()]),
    );
    assert_eq!(call(&both, "add", None), Ok(()));
    assert_eq!(
        call(&both, "add", Some(r#"{"text":"longer"}"#)),
        Err(DenyReason::ArgumentNotAuthorized)
    );
}

#[test]
fn z4_what_is_listed_is_what_may_be_called_with_some_arguments() {
    let policy = RulePolicy::new()
        .with_rule(
            Rule::allow()
                .with_tools(["write"])
                .with_arguments([ArgumentRule::below("/path", "/data").unwrap()]),
        )
        .allow_tool("read")
        .with_rule(Rule::deny().with_tools(["read"]));
    let alice = alice();
    for (tool, listed) in [("write", true), ("read", false), ("shell", false)] {
        let request = AccessRequest::new(&alice, "tools/call").with_target(Target::Tool(tool));
        assert_eq!(is_listed(&policy, request), listed, "{tool}");
        // The question that was asked about the list is no consent to a call.
        let mut request = request;
        request.purpose = Purpose::List;
        assert!(authorize(&policy, request).is_err(), "{tool}");
    }
    let request =
        AccessRequest::new(&alice, "resources/read").with_target(Target::Resource("x:.."));
    assert!(!is_listed(&AllowAuthenticated::new(), request));
}

#[test]
fn z1_z2_resources_by_scheme_and_directory() {
    let below = |scheme: &str, directory: &str| {
        UriRule::scheme(scheme).unwrap().with_below(directory).unwrap()
    };
    let policy = RulePolicy::new()
        .with_rule(
            Rule::allow().with_uris([below("file", "/data")]).with_resources(["test://readme"]),
        )
        .with_rule(Rule::allow().with_uris([UriRule::scheme("https").unwrap()]))
        .with_rule(
            Rule::deny()
                .with_uris([below("file", "/data/Secret")])
                .with_resources(["https://a.example/private"]),
        );
    let read = |uri| {
        let alice = alice();
        let request =
            AccessRequest::new(&alice, "resources/read").with_target(Target::Resource(uri));
        authorize(&policy, request).map(drop)
    };
    for uri in ["file:///data/a", "test://readme", "https://a.example/x?y", "file:///data/secrets"]
    {
        assert_eq!(read(uri), Ok(()), "{uri}");
    }
    assert_eq!(read("file:///data-secret"), Err(DenyReason::UnauthorizedPath));
    assert_eq!(read("file://host/data/a"), Err(DenyReason::UnauthorizedPath));
    assert_eq!(read("ftp://a.example/x"), Err(DenyReason::InvalidUriScheme));
    assert_eq!(read("test://readme2"), Err(DenyReason::InvalidUriScheme));
    for uri in [
        "file:///data/%2e%2e/a",
        "file:///data/%252e",
        "file:///data/..%5ca",
        "file:///data/%00",
        "data",
    ] {
        assert_eq!(read(uri), Err(DenyReason::InvalidUri), "{uri}");
    }
    // What a rule denies is denied to every way of writing it.
    for uri in [
        "file:///data/Secret",
        "file:///data/secret/a",
        "file:///data/%53ecret/a",
        "file:///DATA/SECRET/a",
        "https://a.example/private",
        "https://A.example/PRIVATE",
        "HTTPS://a.example/private",
        "https://a.example/%70rivate",
    ] {
        assert_eq!(read(uri), Err(DenyReason::ResourceNotAuthorized), "{uri}");
    }

    let template = |text, denied| {
        check(&policy, &alice(), "completion/complete", Target::ResourceTemplate(text), denied);
        let alice = alice();
        let request = AccessRequest::new(&alice, "resources/read")
            .with_target(Target::ResourceTemplate(text));
        assert_eq!(is_listed(&policy, request), denied.is_none(), "{text}");
    };
    template("file:///data/{+path}", None);
    template("file:///data/a/{id}.txt", None);
    template("https://{host}/x", None);
    template("file:///{+path}", Some(DenyReason::UnauthorizedPath));
    template("file:///data{+path}", Some(DenyReason::UnauthorizedPath));
    template("file://{host}/data/x", Some(DenyReason::UnauthorizedPath));
    template("file:///data/Secret/{id}", Some(DenyReason::ResourceNotAuthorized));
    template("ftp://{host}", Some(DenyReason::InvalidUriScheme));
    template("{+any}", Some(DenyReason::ResourceNotAuthorized));
}

#[derive(Debug)]
struct Broken;

impl Policy for Broken {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        match request.method {
            "tools/list" => Err(PolicyError::new("rules are not loaded")),
            _ => panic!("rules are not loaded"),
        }
    }
}

#[test]
fn z6_a_policy_that_fails_denies() {
    check(&Broken, &alice(), "tools/list", Target::None, Some(DenyReason::PolicyFailed));
    check(&Broken, &alice(), "prompts/list", Target::None, Some(DenyReason::PolicyFailed));
    let alice = alice();
    for method in ["tools/list", "prompts/list"] {
        let request = AccessRequest::new(&alice, method);
        assert!(!is_listed(&Broken, request));
        let explanation = explain(&Broken, &request);
        assert_eq!(explanation.to_string(), "denied (policy_error): the policy failed");
    }
    assert_eq!(DenyReason::PolicyFailed.code(), "policy_error");
    assert!(
        !DenyReason::PolicyFailed.to_string().contains("rules"),
        "nothing internal for the peer"
    );
}

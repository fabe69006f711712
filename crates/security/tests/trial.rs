//! Policies as parts of a configuration: on trial, and with findings of their own.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use palisade_security::{
    AccessRequest, AllowedOrigins, Decision, DenyReason, Policy, PolicyError, Principal, Rule,
    RulePolicy, SecurityConfig, Target, authorize, explain, is_listed,
};

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
fn a_policy_on_trial_lets_through_what_it_would_deny() {
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .dangerous()
        .with_policy_dry_run(RulePolicy::new().allow_tool("add"))
        .build()
        .unwrap();
    assert_eq!(security.dangerous_uses(), ["without_authentication", "policy_dry_run"]);
    let anonymous = Principal::anonymous();
    let tool = |name| {
        let request = AccessRequest::new(&anonymous, "tools/call").with_target(Target::Tool(name));
        authorize(security.policy(), request).map(|authorized| authorized.would_deny())
    };
    assert_eq!(tool("add"), Ok(None));
    assert_eq!(tool("shell"), Ok(Some(DenyReason::ToolNotAuthorized)));
    let request = AccessRequest::new(&anonymous, "tools/call").with_target(Target::Tool("shell"));
    assert!(is_listed(security.policy(), request));
    assert_eq!(
        explain(security.policy(), &request).to_string(),
        "allowed by a dry run, else denied (tool_not_authorized): no rule names it"
    );
    // A malformed URI is malformed on trial too, and a policy that fails would have denied.
    let request =
        AccessRequest::new(&anonymous, "resources/read").with_target(Target::Resource("x:.."));
    assert!(authorize(security.policy(), request).is_err());

    let build = |policy: Arc<dyn Policy>| {
        SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .dangerous()
            .with_policy_dry_run(policy)
    };
    let broken = build(Arc::new(Broken)).build().unwrap();
    let request = AccessRequest::new(&anonymous, "tools/call").with_target(Target::Tool("a"));
    let would = authorize(broken.policy(), request).map(|authorized| authorized.would_deny());
    assert_eq!(would, Ok(Some(DenyReason::PolicyFailed)));
    // The last decision holds.
    let security = build(Arc::new(Broken)).with_policy(RulePolicy::new()).build().unwrap();
    assert!(authorize(security.policy(), request).is_err());
    assert_eq!(security.dangerous_uses(), ["without_authentication"]);
}

#[test]
fn a_configuration_reports_what_is_wrong_with_its_policy() {
    let build = |policy: RulePolicy| {
        SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_policy(policy)
            .build()
    };
    let error = build(RulePolicy::new().allow_tool("a").with_rule(Rule::allow())).unwrap_err();
    let found: Vec<_> =
        error.findings().iter().map(|finding| (finding.path(), finding.code())).collect();
    assert_eq!(found, [("policy.rules[1].effect", "empty_rule")]);
    let security = build(RulePolicy::new()).unwrap();
    let found: Vec<_> = security.warnings().iter().map(|warning| warning.code()).collect();
    assert_eq!(found, ["denies_everything"]);
}

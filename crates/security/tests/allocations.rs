//! What the decisions about one request take from the heap: nothing, if it passes.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use http::{HeaderMap, HeaderValue, Method, Uri, header};
use palisade_security::{
    AccessRequest, AllowedHosts, AllowedOrigins, ArgumentRule, GuardInput, Policy, Principal, Role,
    Rule, RulePolicy, Scope, SecurityConfig, Target, UriRule, authorize,
};
use palisade_testkit::alloc::{CountingAllocator, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

#[test]
fn the_guard_allocates_nothing() {
    let security = SecurityConfig::server()
        .with_allowed_origins(
            AllowedOrigins::only(["https://a.example", "https://b.example:8443"]).unwrap(),
        )
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_allowed_hosts(
            AllowedHosts::only(["x.example", "[::1]:9", "mcp.example.com"]).unwrap(),
        )
        .build()
        .unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, "MCP.example.com:8443"),
        (header::ORIGIN, "https://B.example:8443"),
        (header::CONTENT_TYPE, "application/json; charset=\"utf-8\""),
        (header::ACCEPT, "application/json;q=0.9, text/event-stream, */*;q=0"),
        (header::CONTENT_LENGTH, "512"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let (method, uri) = (Method::POST, Uri::from_static("/mcp"));
    let (passed, allocations) = count(|| security.guard(&GuardInput::new(&method, &uri, &headers)));
    assert_eq!(passed, Ok(()));
    assert_eq!(allocations.total(), 0);
}

/// A hundred rules of every kind, one of them about the arguments of `write`.
fn hundred_rules() -> RulePolicy {
    let policy = (0..94).fold(RulePolicy::new(), |policy, n| policy.allow_tool(&format!("t{n}")));
    let scope = || Scope::parse("files:write").unwrap();
    policy
        .allow_methods(["server/discover", "tools/list"])
        .with_rule(Rule::deny().with_tools(["shell"]).with_methods(["logging/setLevel"]))
        .with_rule(
            Rule::allow()
                .with_roles([Role::new("writer").with_scopes([scope()])])
                .with_tools(["write", "t9"])
                .with_arguments([
                    ArgumentRule::below("/file/path", "/srv/data").unwrap(),
                    ArgumentRule::one_of("/mode", ["append", "truncate"]).unwrap(),
                    ArgumentRule::between("/lines", Some(1), Some(100)).unwrap().optional(),
                ]),
        )
        .with_rule(
            Rule::deny().with_roles([Role::new("bob").with_subjects(["bob"])]).with_tools(["*"]),
        )
        .with_rule(Rule::allow().with_uris([
            UriRule::scheme("file").and_then(|rule| rule.with_below("/srv/data")).unwrap(),
        ]))
        .allow_prompt("greet")
}

#[test]
fn consent_of_a_policy_allocates_nothing() {
    let policy: &dyn Policy = &hundred_rules();
    let scopes = [Scope::parse("files:write").unwrap()];
    let principal = Principal::new("alice", "bearer").with_scopes(scopes);
    let arguments =
        r#"{"text":"a long \"text\"","file":{"path":"/srv/data/a.txt"},"mode":"append","lines":7}"#;
    for (method, target) in [
        ("tools/call", Target::Tool("t93")),
        ("tools/list", Target::None),
        ("prompts/get", Target::Prompt("greet")),
        ("resources/read", Target::Resource("file:///srv/data/a.txt")),
        // Arguments are read where they stand.
        ("tools/call", Target::Tool("write")),
    ] {
        let request = AccessRequest::new(&principal, method)
            .with_target(target)
            .with_arguments(Some(arguments));
        let (allowed, allocations) = count(|| authorize(policy, request).is_ok());
        assert!(allowed, "{method} {target:?}");
        assert_eq!(allocations.total(), 0, "{method} {target:?}");
    }
    // The counter counts: an escape in what is compared has to be copied.
    let escaped = r#"{"file":{"path":"\/srv\/data"},"mode":"append"}"#;
    let request = AccessRequest::new(&principal, "tools/call")
        .with_target(Target::Tool("write"))
        .with_arguments(Some(escaped));
    let (allowed, allocations) = count(|| authorize(policy, request).is_ok());
    assert!(allowed && allocations.total() > 0);
}

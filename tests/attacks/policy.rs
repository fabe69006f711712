//! Ways past the rules: paths and URIs that mean something else, targets that are hidden, policies that fail.

use palisade::{
    security::{
        AccessRequest, ArgumentRule, Decision, Outcome, Policy, PolicyError, Role, Rule,
        RulePolicy, Target as On, UriRule,
    },
    server::ServerBuilder,
};
use palisade_testkit::RawRequest;
use serde_json::{Value, json};

use crate::{
    authz::{prompt, resource, template, tool},
    support::{ALICE, BOB, Refusal, Runs, Target},
};

fn below(scheme: &str, directory: &str) -> UriRule {
    UriRule::scheme(scheme).unwrap().with_below(directory).unwrap()
}

/// Files below `/data`, by URI and by a tool.
fn files() -> RulePolicy {
    RulePolicy::new().allow_tool("add").with_rule(
        Rule::allow()
            .with_tools(["file_write"])
            .with_arguments([ArgumentRule::below("/path", "/data").unwrap()])
            .with_uris([below("file", "/data")]),
    )
}

fn with_files(server: ServerBuilder, runs: &Runs) -> ServerBuilder {
    server
        .with_tool(tool("file_write", runs))
        .with_resource(template("file:///{+path}", runs))
        .with_resource(template("https://{host}/{+path}", runs))
}

fn read(uri: &str) -> RawRequest {
    RawRequest::mcp("resources/read", json!({ "uri": uri })).with_token(ALICE)
}

fn write(arguments: Value) -> RawRequest {
    RawRequest::tools_call("file_write", arguments).with_token(ALICE)
}

#[tokio::test]
async fn z1_data_against_data_secret() {
    let target = Target::start_with(|rules| rules.with_policy(files()), with_files).await;
    for path in ["/data", "/data/a", "/data/a/b.txt", "/data/a%20b"] {
        let response = target.send(&read(&format!("file://{path}"))).await;
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        let response = target.send(&write(json!({ "path": path }))).await;
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
    }
    assert_eq!(target.runs.count(), 8, "handlers run for what is allowed");
    target.runs.forget();
    target.audit.forget();

    let uri = Refusal::with_reason(403, -31403, "unauthorized_path");
    let argument = Refusal::with_reason(403, -31403, "path_not_authorized");
    for path in ["/data-secret", "/data-secret/a", "/datax", "/dat", "/DATA/a", "/etc/data", "/"] {
        target.refuses(&read(&format!("file://{path}")), &uri).await;
        target.refuses(&write(json!({ "path": path })), &argument).await;
    }
    for other in ["file://host/data/a", "file:/data/a", "file:///data/a?b", "file:///data/a#b"] {
        target.refuses(&read(other), &uri).await;
    }
    let scheme = Refusal::with_reason(403, -31403, "invalid_uri_scheme");
    for other in ["https://host/data/a", "FILE:///data/a"] {
        target.refuses(&read(other), &scheme).await;
    }
    // Not there, or no path: the rule fails, whatever the tool would have made of it.
    let argument = Refusal::with_reason(403, -31403, "argument_not_authorized");
    for arguments in [
        json!({}),
        json!({ "path": null }),
        json!({ "path": ["/data/a"] }),
        json!({ "path": { "path": "/data/a" } }),
        json!({ "PATH": "/data/a" }),
    ] {
        target.refuses(&write(arguments), &argument).await;
    }
    let absent = RawRequest::mcp("tools/call", json!({ "name": "file_write" })).with_token(ALICE);
    target.refuses(&absent, &argument).await;
}

#[tokio::test]
async fn z2_encodings_that_hide_a_way_out() {
    let hostile = [
        "/data/../etc",
        "/data/%2e%2e/etc",
        "/data/%2E%2e/etc",
        "/data/.%2e/etc",
        "/data/%252e%252e/etc",
        "/data/%25252e/etc",
        "/data/..%5cetc",
        "/data/..\\etc",
        "/data/a%00.txt",
        "/data/a\0.txt",
        "/data/..%2fetc",
        "/data/%c0%ae%c0%ae/etc",
        "/data/a%0d%0ab",
        "/data/./a",
    ];
    let uri = Refusal::with_reason(400, -32602, "invalid_uri");
    let path = Refusal::with_reason(400, -32602, "invalid_path");
    let target = Target::start_with(|rules| rules.with_policy(files()), with_files).await;
    for text in hostile {
        target.refuses(&read(&format!("file://{text}")), &uri).await;
        target.refuses(&write(json!({ "path": text })), &path).await;
    }
    // Good in a URI in general, and in no path of a file.
    for text in ["/data/a%2fb", "//data/a", "/data//a"] {
        target.refuses(&read(&format!("file://{text}")), &uri).await;
    }
    // What JSON escapes is what the rule sees.
    let escaped = write(json!({})).with_body(
        String::from_utf8(write(json!({ "path": "/data/a" })).body().to_vec())
            .unwrap()
            .replace("/data/a", "/data/\\u002e\\u002e/etc"),
    );
    target.refuses(&escaped, &path).await;

    // Without a rule about it, a handler still never sees such a URI.
    let open = Target::start_with(|rules| rules, with_files).await;
    for text in hostile {
        open.refuses(&read(&format!("file://{text}")), &uri).await;
        open.refuses(&read(&format!("https://host{text}")), &uri).await;
    }
    let response = open.send(&read("https://host/a%2Fb?c=%25")).await;
    assert_eq!(response.status(), 200, "{}", response.text());
}

/// One of each kind for everybody, and one that only Alice may use.
fn shared_and_hidden(server: ServerBuilder, runs: &Runs) -> ServerBuilder {
    ["shared", "hidden"].into_iter().fold(server, |server, name| {
        server
            .with_tool(tool(name, runs))
            .with_prompt(prompt(name, runs))
            .with_resource(resource(&format!("test://{name}"), runs))
            .with_resource(template(&format!("test://{name}/{{id}}"), runs))
    })
}

#[tokio::test]
async fn z4_hidden_from_lists_and_from_every_other_method() {
    let methods = Rule::allow().with_methods(["*"]);
    let shared = Rule::allow()
        .with_tools(["add", "shared"])
        .with_prompts(["shared"])
        .with_resources(["test://shared", "test://shared/{id}"])
        .with_uris([UriRule::scheme("test").unwrap().with_authority("shared").unwrap()]);
    let alice = Rule::allow()
        .with_roles([Role::new("alice").with_subjects(["alice"])])
        .with_tools(["*"])
        .with_prompts(["*"])
        .with_resources(["*"]);
    let by_absence = RulePolicy::new().with_rule(methods).with_rule(shared).with_rule(alice);
    let everything = Rule::allow()
        .with_methods(["*"])
        .with_tools(["*"])
        .with_prompts(["*"])
        .with_resources(["*"]);
    let bob = Rule::deny()
        .with_roles([Role::new("bob").with_subjects(["bob"])])
        .with_tools(["hidden"])
        .with_prompts(["hidden"])
        .with_resources(["test://hidden"])
        .with_uris([UriRule::scheme("test").unwrap().with_authority("hidden").unwrap()]);
    let by_denial = RulePolicy::new().with_rule(bob).with_rule(everything);

    let lists = [
        ("tools/list", "tools", "name"),
        ("prompts/list", "prompts", "name"),
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    ];
    let complete =
        |reference: Value| json!({ "ref": reference, "argument": { "name": "id", "value": "" } });
    let uses = |name: &str| {
        let prompt = json!({ "type": "ref/prompt", "name": name });
        let template = json!({ "type": "ref/resource", "uri": format!("test://{name}/{{id}}") });
        [
            ("tools/call", json!({ "name": name }), "tool_not_authorized"),
            ("prompts/get", json!({ "name": name }), "prompt_not_authorized"),
            ("completion/complete", complete(prompt), "prompt_not_authorized"),
            ("resources/read", json!({ "uri": format!("test://{name}") }), "resource"),
            ("resources/read", json!({ "uri": format!("test://{name}/7") }), "resource"),
            ("completion/complete", complete(template), "resource"),
        ]
    };
    for (policy, resource) in
        [(by_absence, "unauthorized_path"), (by_denial, "resource_not_authorized")]
    {
        let target = Target::start_with(|rules| rules.with_policy(policy), shared_and_hidden).await;
        for (token, sees_hidden) in [(ALICE, true), (BOB, false)] {
            for (method, member, key) in lists {
                let response =
                    target.send(&RawRequest::mcp(method, json!({})).with_token(token)).await;
                let listed = response.json()["result"][member].to_string();
                assert!(
                    response.json()["result"][member][0][key].is_string(),
                    "{}",
                    response.text()
                );
                assert!(listed.contains("shared"), "{method}: {listed}");
                assert_eq!(listed.contains("hidden"), sees_hidden, "{method}: {listed}");
            }
            for (method, params, _) in uses("shared") {
                let response =
                    target.send(&RawRequest::mcp(method, params).with_token(token)).await;
                assert_eq!(response.status(), 200, "{method}: {}", response.text());
            }
        }
        target.runs.forget();
        target.audit.forget();
        for (method, params, code) in uses("hidden") {
            let code = if code == "resource" { resource } else { code };
            let request = RawRequest::mcp(method, params);
            let refusal = Refusal::with_reason(403, -31403, code);
            target.refuses(&request.clone().with_token(BOB), &refusal).await;
            let response = target.send(&request.with_token(ALICE)).await;
            assert_eq!(response.status(), 200, "{method}: {}", response.text());
            target.runs.forget();
            target.audit.forget();
        }
    }
}

/// Fails, one way or the other, about everything but `add`.
#[derive(Debug)]
struct Failing;

impl Policy for Failing {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        match (request.method, request.target) {
            ("tools/list", _) | (_, On::Tool("add")) => Ok(Decision::Allow),
            (_, On::Tool(_)) => Err(PolicyError::new("canary: rules are not loaded")),
            _ => panic!("canary: rules are not loaded"),
        }
    }
}

#[tokio::test]
async fn z6_policy_that_fails() {
    let target = Target::start_with(|rules| rules.with_policy(Failing), shared_and_hidden).await;
    let refusal = Refusal::with_reason(403, -31403, "policy_error");
    for (method, params) in [
        ("tools/call", json!({ "name": "shared" })),
        ("prompts/get", json!({ "name": "shared" })),
        ("prompts/list", json!({})),
        ("resources/read", json!({ "uri": "test://shared" })),
        ("server/discover", json!({})),
    ] {
        let request = RawRequest::mcp(method, params).with_token(ALICE);
        let response = target.refuses(&request, &refusal).await;
        assert!(!response.text().contains("canary"), "{}", response.text());
    }
    // In a list, what it fails about is hidden.
    let list = target.send(&RawRequest::tools_list().with_token(ALICE)).await;
    let tools = list.json()["result"]["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
    assert_eq!(tools[0]["name"], "add");
}

#[tokio::test]
async fn a_policy_on_trial_shows_in_the_audit_log() {
    let trial = RulePolicy::new().allow_tool("add");
    let target =
        Target::start_with(|rules| rules.dangerous().with_policy_dry_run(trial), shared_and_hidden)
            .await;
    let reference = json!({ "type": "ref/prompt", "name": "shared" });
    let argument = json!({ "name": "id", "value": "" });
    for (method, params, would_deny) in [
        ("tools/call", json!({ "name": "shared" }), Some("tool_not_authorized")),
        ("prompts/get", json!({ "name": "shared" }), Some("prompt_not_authorized")),
        ("tools/list", json!({}), Some("method_not_authorized")),
        (
            "completion/complete",
            json!({ "ref": reference, "argument": argument }),
            Some("prompt_not_authorized"),
        ),
        ("tools/call", json!({ "name": "add", "arguments": { "a": 1, "b": 2 } }), None),
    ] {
        let response = target.send(&RawRequest::mcp(method, params).with_token(ALICE)).await;
        assert_eq!(response.status(), 200, "{method}: {}", response.text());
        let entries = target.audit.wait_for(1).await;
        let found: Vec<_> = entries.iter().map(|entry| (entry.outcome, entry.would_deny)).collect();
        assert_eq!(found, [(Outcome::Allowed, would_deny)], "{method}");
        target.audit.forget();
    }
}

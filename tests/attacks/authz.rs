//! Who may do what, what may be registered, and what a URI may cost.

use std::{sync::mpsc, time::Duration};

use palisade::{
    Context, PromptArguments, PromptRoute, RawArguments, ResourceRoute, ResourceTemplateRoute,
    Server, TemplateVariables, ToolRoute,
    protocol::{Prompt, Resource, ResourceTemplate},
    security::RulePolicy,
    server::{ServerBuilder, UriTemplate},
};
use palisade_testkit::{RawRequest, guard::PATIENCE};
use serde_json::{Value, json};

use crate::support::{ALICE, Refusal, Runs, Target};

pub(crate) fn tool(name: &str, runs: &Runs) -> ToolRoute {
    let runs = runs.clone();
    ToolRoute::dynamic(name, json!({"type": "object"}), move |_: RawArguments, _: Context| {
        runs.note();
        std::future::ready("ran")
    })
}

pub(crate) fn prompt(name: &str, runs: &Runs) -> PromptRoute {
    let runs = runs.clone();
    PromptRoute::new(Prompt::new(name), move |_: PromptArguments, _: Context| {
        runs.note();
        std::future::ready("ran")
    })
}

pub(crate) fn resource(uri: &str, runs: &Runs) -> ResourceRoute {
    let runs = runs.clone();
    ResourceRoute::new(Resource::new(uri, "resource"), move |_: Context| {
        runs.note();
        std::future::ready("ran")
    })
}

pub(crate) fn template(text: &str, runs: &Runs) -> ResourceTemplateRoute {
    let runs = runs.clone();
    ResourceTemplateRoute::new(
        ResourceTemplate::new(text, "template"),
        move |_: TemplateVariables, _: Context| {
            runs.note();
            std::future::ready("ran")
        },
    )
}

/// One of everything, beside the tool `add`.
fn everything(server: ServerBuilder, runs: &Runs) -> ServerBuilder {
    server
        .with_tool(tool("secret", runs))
        .with_prompt(prompt("greet", runs))
        .with_resource(resource("test://readme", runs))
        .with_resource(template("test://items/{id}", runs))
}

#[tokio::test]
async fn z5_method_without_a_rule() {
    // The one rule that the check of a healthy server needs.
    let policy = RulePolicy::new().allow_tool("add");
    let target = Target::start_with(|rules| rules.with_policy(policy), everything).await;
    let reference = json!({"type": "ref/prompt", "name": "greet"});
    let argument = json!({"name": "a", "value": ""});
    for (method, params, code) in [
        ("server/discover", json!({}), "method_not_authorized"),
        ("tools/list", json!({}), "method_not_authorized"),
        ("prompts/list", json!({}), "method_not_authorized"),
        ("resources/list", json!({}), "method_not_authorized"),
        ("resources/templates/list", json!({}), "method_not_authorized"),
        ("subscriptions/listen", json!({"notifications": {}}), "method_not_authorized"),
        (
            "completion/complete",
            json!({"ref": reference, "argument": argument}),
            "prompt_not_authorized",
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "test://items/{id}"}, "argument": argument}),
            "resource_not_authorized",
        ),
        ("tools/call", json!({"name": "secret"}), "tool_not_authorized"),
        // Whether it exists is nobody's business who may not call it.
        ("tools/call", json!({"name": "missing"}), "tool_not_authorized"),
        ("prompts/get", json!({"name": "greet"}), "prompt_not_authorized"),
        ("prompts/get", json!({"name": "add"}), "prompt_not_authorized"),
        ("resources/read", json!({"uri": "test://readme"}), "resource_not_authorized"),
        ("resources/read", json!({"uri": "test://items/7"}), "resource_not_authorized"),
    ] {
        let request = RawRequest::mcp(method, params).with_token(ALICE);
        let refusal = Refusal::with_reason(403, -31403, code);
        let response = target.refuses(&request, &refusal).await;
        assert_eq!(response.json()["id"], 1, "{method}");
    }

    // A rule for a method is none for what the method is applied to.
    let policy = RulePolicy::new().allow_tool("add").allow_methods([
        "tools/call",
        "prompts/get",
        "resources/read",
        "tools/list",
        "completion/complete",
    ]);
    let target = Target::start_with(|rules| rules.with_policy(policy), everything).await;
    let refusal = Refusal::with_reason(403, -31403, "tool_not_authorized");
    let call = RawRequest::tools_call("secret", json!({})).with_token(ALICE);
    target.refuses(&call, &refusal).await;
    let complete = json!({"ref": reference, "argument": argument});
    let refusal = Refusal::with_reason(403, -31403, "prompt_not_authorized");
    let complete = RawRequest::mcp("completion/complete", complete).with_token(ALICE);
    target.refuses(&complete, &refusal).await;
    let policy = RulePolicy::new().allow_prompt("greet");
    let lenient = Target::start_with(|rules| rules.with_policy(policy), everything).await;
    assert_eq!(lenient.send(&complete).await.status(), 200, "whoever may get it may complete it");
    // And what may not be called is not listed.
    let list = target.send(&RawRequest::tools_list().with_token(ALICE)).await;
    let names: Vec<_> = list.json()["result"]["tools"]
        .as_array()
        .map(|tools| tools.iter().map(|tool| tool["name"].clone()).collect())
        .unwrap_or_default();
    assert_eq!(names, [Value::from("add")]);
}

#[tokio::test]
async fn z7_names_that_collide_or_mislead() {
    let runs = Runs::default();
    let kilobyte = "x".repeat(1024);
    let names = [
        // A Cyrillic letter, a full-width one, a dotless one, an invisible one, one that reverses what follows.
        ("\u{430}dd", "invalid_name"),
        ("\u{ff41}dd", "invalid_name"),
        ("l\u{131}st", "invalid_name"),
        ("ad\u{200b}d", "invalid_name"),
        ("\u{202e}dda", "invalid_name"),
        ("a\u{301}dd", "invalid_name"),
        ("add ", "invalid_name"),
        ("a/dd", "invalid_name"),
        ("../add", "invalid_name"),
        ("add\0", "invalid_name"),
        ("add\r\nX: 1", "invalid_name"),
        ("\u{1b}[31madd", "invalid_name"),
        ("", "invalid_name"),
        (&kilobyte, "invalid_name"),
        ("rpc.add", "invalid_name"),
        ("RPC.add", "invalid_name"),
        ("mcp.add", "invalid_name"),
        ("add", "name_collision"),
        ("ADD", "name_collision"),
        ("aDd", "name_collision"),
    ];
    let add =
        || Server::new("s", "1").with_tool(tool("add", &runs)).with_prompt(prompt("add", &runs));
    let codes = |server: ServerBuilder| -> Vec<&'static str> {
        let problems = server.build().err().map(|error| error.problems).unwrap_or_default();
        // A problem is shown to people: a hostile name must not write on their terminal.
        for problem in &problems {
            let shown = format!("{}: {}", problem.subject, problem.message);
            assert!(shown.len() < 1024 && !shown.contains(char::is_control), "{shown:?}");
        }
        problems.iter().map(|problem| problem.code).collect()
    };
    for (name, code) in names {
        assert_eq!(codes(add().with_tool(tool(name, &runs))), [code], "tool {name:?}");
        assert_eq!(codes(add().with_prompt(prompt(name, &runs))), [code], "prompt {name:?}");
    }
    // All at once, not one a day.
    let all = names.iter().fold(add(), |server, (name, _)| server.with_tool(tool(name, &runs)));
    assert_eq!(codes(all), names.map(|(_, code)| code));

    let uris = || {
        Server::new("s", "1")
            .with_resource(resource("test://readme", &runs))
            .with_resource(template("test://items/{id}", &runs))
    };
    for (uri, code) in [
        ("test://readme", "name_collision"),
        ("TEST://README", "name_collision"),
        ("test://read me", "invalid_uri"),
        ("test://readme\r\n", "invalid_uri"),
        ("readme", "invalid_uri"),
        ("", "invalid_uri"),
    ] {
        assert_eq!(codes(uris().with_resource(resource(uri, &runs))), [code], "{uri:?}");
    }
    for (text, code) in [
        ("test://items/{id}", "name_collision"),
        ("test://items/{a}{b}", "invalid_uri"),
        ("test://items/{id", "invalid_uri"),
        ("{+any}", "invalid_uri"),
    ] {
        assert_eq!(codes(uris().with_resource(template(text, &runs))), [code], "{text:?}");
    }

    // A running server is no easier to talk to, and stays as it was.
    let server = add().build().unwrap();
    for (name, code) in names {
        assert_eq!(server.insert_tool(tool(name, &runs)).unwrap_err().code, code, "{name:?}");
    }
    assert!(server.insert_tool(tool("sub", &runs)).is_ok());
    assert_eq!(server.insert_tool(tool("Sub", &runs)).unwrap_err().code, "name_collision");
    assert!(server.remove_tool("sub") && server.insert_tool(tool("Sub", &runs)).is_ok());
}

/// Templates for which a matcher that tries all the ways is slow, and URIs that have many ways to almost fit.
const TEMPLATES: [(&str, &str); 4] = [
    ("test://{a}-{b}-{c}-{d}-{e}-{f}/end", "-"),
    ("test://{a}aa{b}aa{c}aa{d}/end", "a"),
    ("test://{a}%2F{b}%2F{c}%2F{d}!", "%2F"),
    ("test://x/{+rest}", "/"),
];

#[tokio::test]
async fn z8_uri_that_is_slow_to_match() {
    let target = Target::start_with(
        |rules| rules,
        |server, runs| {
            TEMPLATES
                .iter()
                .fold(server, |server, (text, _)| server.with_resource(template(text, runs)))
        },
    )
    .await;
    let refusal = Refusal::of_request(200, -32602, "invalid_params");
    for (_, piece) in TEMPLATES {
        // As long as the headers let it be: cubic work would take hours.
        let uri = format!("test://{}", piece.repeat(20_000 / piece.len()));
        let request = RawRequest::mcp("resources/read", json!({"uri": uri})).with_token(ALICE);
        target.refuses(&request, &refusal).await;
    }

    // Far longer than that, the matcher alone: quadratic work would take hours.
    for (text, piece) in TEMPLATES {
        let template = UriTemplate::parse(text).unwrap();
        let uri = format!("test://{}", piece.repeat((4 << 20) / piece.len()));
        let (done, finished) = mpsc::channel();
        std::thread::spawn(move || done.send(template.matches(&uri)));
        let matched = finished.recv_timeout(PATIENCE.max(Duration::from_secs(30)));
        assert_eq!(matched, Ok(None), "{text}");
    }
}

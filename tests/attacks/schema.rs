//! Schemas that reach out, and schemas that cost more than they look.

use std::sync::mpsc;

use palisade::{
    Context, RawArguments, Server, ToolRoute, protocol::RawJson, security::Outcome,
    server::RegistrationError,
};
use palisade_testkit::{RawRequest, Reply, ScriptedServer, guard::PATIENCE};
use serde_json::{Map, Value, json};

use crate::support::{ALICE, Runs, Target};

fn tool(schema: Value, runs: &Runs) -> ToolRoute {
    let runs = runs.clone();
    ToolRoute::dynamic("checked", schema, move |_: RawArguments, _: Context| {
        runs.note();
        std::future::ready("ran")
    })
}

fn problems(server: Result<Server, RegistrationError>) -> Vec<&'static str> {
    let problems = server.err().map(|error| error.problems).unwrap_or_default();
    problems.iter().map(|problem| problem.code).collect()
}

fn object(mut schema: Value) -> Value {
    schema["type"] = json!("object");
    schema
}

#[tokio::test]
async fn d1_reference_to_elsewhere() {
    let elsewhere = ScriptedServer::start(|_| Reply::json(200, &json!({"type": "object"}))).await;
    let url = elsewhere.url();
    let file = "file:///etc/hostname";
    let runs = Runs::default();
    for target in
        [&url, file, "other.json", "../schema.json", "//127.0.0.1/x", "data:,{}", "urn:x:y"]
    {
        for schema in [
            json!({"properties": {"a": {"$ref": target}}}),
            json!({"properties": {"a": {"$dynamicRef": target}}}),
            json!({"$ref": target}),
            json!({"$defs": {"d": {"$ref": target}}, "properties": {"a": {"$ref": "#/$defs/d"}}}),
            json!({"properties": {"a": {"items": [{"not": {"$ref": format!("{target}#/$defs/d")}}]}}}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"d": {"$ref": target}}}),
            json!({"$schema": target}),
            // Another base: what looks local is looked for there.
            json!({"$id": target, "properties": {"a": {"$ref": "#missing"}}}),
        ] {
            let schema = object(schema);
            let input = Server::new("s", "1").with_tool(tool(schema.clone(), &runs));
            assert_eq!(problems(input.build()), ["invalid_schema"], "{schema}");
            let output = tool(object(json!({})), &runs).with_output_schema(schema.clone());
            let typed = ToolRoute::typed("typed", |_: Map<String, Value>, _: Context| async { 1 })
                .with_input_schema(RawJson::from(schema.clone()));
            assert_eq!(
                problems(Server::new("s", "1").with_tool(typed).build()),
                ["invalid_schema"]
            );
            if !schema.to_string().contains("#missing") {
                let output = Server::new("s", "1").with_tool(output);
                assert_eq!(problems(output.build()), ["invalid_schema"], "output {schema}");
            }
        }
    }
    // The words alone are harmless: as data, and as names of properties.
    let harmless = object(json!({
        "properties": {"$ref": {"type": "string"}, "a": {"const": {"$id": "x"}}},
        "$defs": {"d": {"type": "string"}},
        "required": ["$ref"],
    }));
    assert_eq!(problems(Server::new("s", "1").with_tool(tool(harmless, &runs)).build()), [""; 0]);
    assert_eq!(elsewhere.received().len(), 0, "nobody was asked");
}

/// How a definition is referred to.
#[derive(Clone, Copy, Debug)]
enum Naming {
    Pointer,
    Escaped,
    Anchor,
    DynamicAnchor,
    Embedded,
    Data,
}

/// Definitions that each refer twice to the next one.
fn doubling(links: usize, naming: Naming) -> Value {
    let name = |link: usize| match naming {
        Naming::Pointer | Naming::Embedded => format!("#/$defs/d{link}"),
        Naming::Escaped => format!("#/%24defs/%64{link}"),
        Naming::Anchor | Naming::DynamicAnchor => format!("#d{link}"),
        Naming::Data => format!("#/x-unknown/d{link}"),
    };
    let definition = |link: usize| {
        let mut definition = match link == links {
            true => json!({"type": "string"}),
            false => json!({"allOf": [{"$ref": name(link + 1)}, {"$ref": name(link + 1)}]}),
        };
        match naming {
            Naming::Anchor => definition["$anchor"] = json!(format!("d{link}")),
            Naming::DynamicAnchor => definition["$dynamicAnchor"] = json!(format!("d{link}")),
            _ => {}
        }
        (format!("d{link}"), definition)
    };
    let definitions: Map<_, _> = (0..=links).map(definition).collect();
    let first = json!({"$ref": name(0)});
    object(match naming {
        Naming::Embedded => {
            let embedded = json!({"$id": "urn:palisade:x", "$defs": definitions, "allOf": [first]});
            json!({"properties": {"a": embedded}})
        }
        Naming::Data => json!({"x-unknown": definitions, "properties": {"a": first}}),
        // A name that is a keyword elsewhere.
        Naming::Escaped => json!({"$defs": definitions, "properties": {"default": first}}),
        _ => json!({"$defs": definitions, "properties": {"a": first}}),
    })
}

#[test]
fn d2_schema_that_multiplies() {
    let runs = Runs::default();
    let register = |schema: Value| {
        // On a thread of its own, so that a registration without end is noticed.
        let (done, registered) = mpsc::channel();
        let tool = tool(schema, &runs);
        std::thread::spawn(move || done.send(Server::new("s", "1").with_tool(tool).build()));
        problems(registered.recv_timeout(PATIENCE * 3).expect("the registration ends"))
    };
    for naming in [
        Naming::Pointer,
        Naming::Escaped,
        Naming::Anchor,
        Naming::DynamicAnchor,
        Naming::Embedded,
        Naming::Data,
    ] {
        assert_eq!(register(doubling(40, naming)), ["invalid_schema"], "{naming:?}");
    }
    for naming in [Naming::Pointer, Naming::Escaped, Naming::Anchor, Naming::DynamicAnchor] {
        assert_eq!(register(doubling(8, naming)), [""; 0], "{naming:?}");
    }

    let deep = (0..200).fold(json!({"type": "string"}), |inner, _| json!({"not": inner}));
    let wide: Vec<_> = (0..20_000).map(|n| json!({"const": n})).collect();
    let links =
        (0..2000).map(|n| (format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)})));
    let mut chain: Map<_, _> = links.collect();
    chain.insert("d2000".into(), json!({}));
    for schema in [
        json!({"properties": {"a": deep}}),
        json!({"properties": {"a": {"anyOf": wide}}}),
        // No end, and no step into the value on the way there.
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        // An end, but the stack ends before it.
        json!({"$defs": chain, "$ref": "#/$defs/d0"}),
    ] {
        let schema = object(schema);
        assert_eq!(register(schema.clone()), ["invalid_schema"], "{schema:.200}");
    }
}

/// `{"left": {"left": … 1}}`
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!({"left": inner}))
}

/// The schema is harmless for any value that people send; the caller sends another.
#[tokio::test]
async fn d2_arguments_that_multiply() {
    // A grammar of expressions, as thousands of schemas have it.
    let branch = |op: &str| {
        let properties = json!({"op": {"const": op}, "left": {"$ref": "#/$defs/expression"}});
        json!({"type": "object", "properties": properties, "required": ["left"]})
    };
    let expression = json!({"anyOf": [branch("and"), branch("or"), {"type": "string"}]});
    let grammar = object(json!({
        "$defs": {"expression": expression},
        "properties": {"left": {"$ref": "#/$defs/expression"}},
    }));
    // Every level of the value takes many levels of the stack.
    let hops = (0..40)
        .map(|n| (format!("d{n}"), json!({"allOf": [{"$ref": format!("#/$defs/d{}", n + 1)}]})));
    let mut hops: Map<_, _> = hops.collect();
    hops.insert("d40".into(), json!({"properties": {"left": {"$ref": "#/$defs/d0"}}}));
    let tall = object(json!({"$defs": hops, "properties": {"left": {"$ref": "#/$defs/d0"}}}));

    for (schema, depth, harmless) in [
        // Were it checked: seconds of one processor, doubled by each further level.
        (grammar, 15, json!({"left": {"op": "and", "left": {"op": "or", "left": "x"}}})),
        (tall, 58, nested(5)),
    ] {
        let checked = schema.clone();
        let target =
            Target::start_with(|rules| rules, |server, runs| server.with_tool(tool(checked, runs)))
                .await;
        let call = |arguments| RawRequest::tools_call("checked", arguments).with_token(ALICE);
        let response = target.send(&call(nested(depth))).await;
        let result = response.json()["result"].clone();
        assert_eq!((response.status(), &result["isError"]), (200, &json!(true)), "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("too expensive to check"), "{text}");
        target.check_trace(Outcome::Allowed, "tool_failed", Some(200)).await;
        assert_eq!(
            target.send(&call(harmless)).await.json()["result"]["content"][0]["text"],
            "ran"
        );
    }
}

#[tokio::test]
async fn d2_only_the_first_fault_is_told() {
    let schema = object(json!({"additionalProperties": {"type": "integer", "minimum": 1_000_000}}));
    let target =
        Target::start_with(|rules| rules, |server, runs| server.with_tool(tool(schema, runs)))
            .await;
    let faults: Map<_, _> = (0..10_000).map(|n| (format!("k{n}"), json!("x"))).collect();
    let call = RawRequest::tools_call("checked", Value::from(faults)).with_token(ALICE);
    let response = target.send(&call).await;
    assert_eq!(response.json()["result"]["isError"], true);
    assert!(response.body().len() < 1024, "{} bytes", response.body().len());
    target.check_trace(Outcome::Allowed, "tool_failed", Some(200)).await;
}

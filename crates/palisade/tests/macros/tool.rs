//! `#[tool]`.

use palisade::server::IntoToolRoute;
use palisade::{Context, HandlerError, Json, Principal, RawArguments, Server, State, tool};
use serde_json::{Value, json};

use crate::harness::{ask, ask_with, list, problems};

/// Adds two numbers.
///
/// The sum is exact.
///
/// # Examples
///
/// Not for the model.
#[tool]
async fn add(
    /// The first summand.
    a: i64,
    b: i64,
) -> i64 {
    a + b
}

/// Says hello.
#[tool(name = "say.hello", title = "Hello", read_only, idempotent = true, open_world = false)]
fn hello(name: String, mut greeting: Option<String>) -> String {
    format!("{}, {name}", greeting.get_or_insert("Hello".into()))
}

#[tool(strict, destructive = false)]
fn bounded(
    #[schemars(range(min = 1, max = 10))] count: u8,
    #[serde(rename = "dryRun", default)] _dry_run: bool,
) -> u8 {
    count
}

#[tool(description = concat!("Routes", " by region."))]
async fn route(#[header("Region")] region: String, r#type: Option<u32>) -> String {
    format!("{region} {type:?}", r#type = r#type)
}

#[derive(Debug)]
struct Counter(u32);

/// Every extractor, in any order. A parameter may be called what a tool is called.
#[tool]
async fn extracted(add: u32, state: State<Counter>, who: Principal, context: Context) -> String {
    let state = state.0;
    let same = context.principal().subject() == who.subject();
    format!("{} {same} {}", who.subject(), add + state)
}

#[tool]
fn nothing() {}

#[tool]
async fn fails(text: String) -> Result<u32, HandlerError> {
    Ok(text.parse()?)
}

#[tool]
async fn fails_plainly(_: Context) -> Result<(), &'static str> {
    Err("no luck")
}

#[tool]
fn opaque() -> impl palisade::server::IntoToolResult + use<> {
    7_u8
}

#[tool(schema = json!({ "type": "object", "required": ["x"], "properties": { "x": { "type": "integer" } } }))]
async fn raw(arguments: RawArguments, who: Principal) -> Result<String, HandlerError> {
    let value: Value = arguments.decode()?;
    Ok(format!("{} {}", who.subject(), value["x"]))
}

#[tool]
#[cfg(any())]
fn absent() -> NoSuchType {}

mod structured {
    //! Types that only a module of the user's knows, with its own serde.

    use palisade::__private::{schemars, serde};

    #[derive(serde::Serialize, schemars::JsonSchema)]
    #[serde(crate = "serde")]
    #[schemars(crate = "schemars")]
    pub(super) struct Point {
        x: i32,
        y: i32,
    }

    impl Point {
        pub(super) const fn new(x: i32, y: i32) -> Self {
            Self { x, y }
        }
    }
}

#[tool]
async fn point(x: i32, y: i32) -> Result<Json<structured::Point>, String> {
    Ok(Json(structured::Point::new(x, y)))
}

fn definition(tool: impl IntoToolRoute) -> Value {
    serde_json::to_value(tool.into_tool_route().definition()).unwrap()
}

#[test]
fn definitions_say_what_the_function_says() {
    for (definition, expected) in [
        (
            definition(add),
            json!({
                "name": "add",
                "description": "Adds two numbers.\n\nThe sum is exact.",
                "inputSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {
                        "a": { "type": "integer", "format": "int64", "description": "The first summand." },
                        "b": { "type": "integer", "format": "int64" },
                    },
                    "required": ["a", "b"],
                },
            }),
        ),
        (
            definition(hello),
            json!({
                "name": "say.hello",
                "title": "Hello",
                "description": "Says hello.",
                "inputSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {
                        "name": { "type": "string" },
                        "greeting": { "type": ["string", "null"] },
                    },
                    "required": ["name"],
                },
                "annotations": { "readOnlyHint": true, "idempotentHint": true, "openWorldHint": false },
            }),
        ),
        (
            definition(bounded),
            json!({
                "name": "bounded",
                "inputSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {
                        "count": { "type": "integer", "format": "uint8", "minimum": 1, "maximum": 10 },
                        "dryRun": { "type": "boolean", "default": false },
                    },
                    "required": ["count"],
                    "additionalProperties": false,
                },
                "annotations": { "destructiveHint": false },
            }),
        ),
        (
            definition(route),
            json!({
                "name": "route",
                "description": "Routes by region.",
                "inputSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {
                        "region": { "type": "string", "x-mcp-header": "Region" },
                        "type": { "type": ["integer", "null"], "format": "uint32", "minimum": 0 },
                    },
                    "required": ["region"],
                },
            }),
        ),
        (
            definition(nothing),
            json!({
                "name": "nothing",
                "inputSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                },
            }),
        ),
        (
            definition(raw),
            json!({
                "name": "raw",
                "inputSchema": {
                    "type": "object",
                    "required": ["x"],
                    "properties": { "x": { "type": "integer" } },
                },
            }),
        ),
    ] {
        assert_eq!(definition, expected);
    }
    let output = &definition(point)["outputSchema"];
    assert_eq!(output["required"], json!(["x", "y"]));
}

fn server() -> Server {
    Server::new("test", "1.0")
        .with_tool(add)
        .with_tool(hello)
        .with_tool(bounded)
        .with_tool(route)
        .with_tool(extracted)
        .with_tool(nothing)
        .with_tool(fails)
        .with_tool(fails_plainly)
        .with_tool(opaque)
        .with_tool(raw)
        .with_tool(point().with_title("Point"))
        .with_state(Counter(40))
        .build()
        .unwrap()
}

/// The text of a call's result, or its error; `!` before a tool's error.
async fn call(name: &str, arguments: Value) -> String {
    let headers: &[_] = if name == "route" { &[("mcp-param-region", "eu")] } else { &[] };
    let params = json!({ "name": name, "arguments": arguments });
    let answer = ask_with(&server(), "tools/call", params, headers).await;
    let text = answer["content"][0]["text"].as_str().unwrap_or_default();
    match (&answer["isError"], &answer["code"]) {
        (Value::Bool(true), _) => format!("!{text}"),
        (_, Value::Number(code)) => code.to_string(),
        _ => text.to_owned(),
    }
}

#[tokio::test]
async fn calls_reach_the_function() {
    for (name, arguments, expected) in [
        ("add", json!({ "a": 2, "b": 3 }), "5"),
        ("add", json!({ "a": 2, "b": 3, "c": 4 }), "5"),
        ("add", json!({ "a": 2 }), "!invalid arguments: missing field `b` at line 1 column 7"),
        ("say.hello", json!({ "name": "Ada" }), "Hello, Ada"),
        ("say.hello", json!({ "name": "Ada", "greeting": null }), "Hello, Ada"),
        ("say.hello", json!({ "name": "Ada", "greeting": "Salut" }), "Salut, Ada"),
        ("bounded", json!({ "count": 10, "dryRun": true }), "10"),
        ("route", json!({ "region": "eu", "type": 7 }), "eu Some(7)"),
        ("route", json!({ "region": "us" }), "-32020"),
        ("extracted", json!({ "add": 2 }), "alice true 42"),
        ("nothing", json!({}), ""),
        ("nothing", json!({ "more": 1 }), ""),
        ("fails", json!({ "text": "12" }), "12"),
        ("fails", json!({ "text": "x" }), "!invalid digit found in string"),
        ("fails_plainly", json!({}), "!no luck"),
        ("opaque", json!({}), "7"),
        ("raw", json!({ "x": 3 }), "alice 3"),
    ] {
        assert_eq!(call(name, arguments.clone()).await, expected, "{name} {arguments}");
    }
}

#[tokio::test]
async fn what_the_schema_forbids_never_reaches_the_function() {
    for (name, arguments) in [
        ("bounded", json!({ "count": 11 })),
        ("bounded", json!({ "count": 1, "more": 1 })),
        ("bounded", json!({ "count": 1, "dry_run": true })),
        ("raw", json!({ "x": "3" })),
        ("raw", json!({})),
        ("add", json!({ "a": "2", "b": 3 })),
    ] {
        let answer = call(name, arguments.clone()).await;
        assert!(answer.starts_with('!'), "{name} {arguments}: {answer}");
    }
}

/// Builds for as long as it takes.
#[tool(task = "required")]
async fn build(target: String) -> String {
    target
}

#[tokio::test]
async fn tools_may_be_for_clients_that_know_tasks() {
    let server = Server::new("builder", "1").with_tool(build).build().unwrap();
    let params = json!({ "name": "build", "arguments": { "target": "all" } });
    let refused = ask(&server, "tools/call", params).await;
    assert_eq!(refused["code"], -32021, "{refused}");
}

#[tokio::test]
async fn structured_results_are_structured() {
    let params = json!({ "name": "point", "arguments": { "x": 1, "y": 2 } });
    let answer = ask(&server(), "tools/call", params).await;
    assert_eq!(answer["structuredContent"], json!({ "x": 1, "y": 2 }));
    let tools = list(&server(), "tools/list", "tools").await;
    let point = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "point").unwrap();
    assert_eq!(point["title"], "Point");
}

#[tokio::test]
async fn the_function_itself_stays_callable() {
    assert_eq!(add::call(1, 2).await, 3);
    assert_eq!(hello::call("Ada".into(), None), "Hello, Ada");
}

#[test]
fn a_missing_state_is_reported_when_building() {
    let error = Server::new("test", "1.0").with_tool(extracted).build().unwrap_err();
    assert_eq!(problems(&error), [("tool \"extracted\"", "missing_state")]);
}

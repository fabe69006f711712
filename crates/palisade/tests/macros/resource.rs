//! `#[resource]`.

use palisade::{Context, HandlerError, Server, State, TemplateVariables, resource};
use serde_json::{Value, json};

use crate::harness::{ask, list, problems};

/// How to begin.
#[resource("docs://readme", title = "Read me", mime_type = "text/markdown")]
fn readme() -> &'static str {
    "# Begin"
}

#[resource("docs://logo", name = "logo.png", mime_type = "image/png")]
async fn logo(_: Context) -> Vec<u8> {
    vec![1, 2, 3]
}

/// One page of a chapter.
#[resource("docs://chapters/{chapter}/pages/{page}")]
async fn page(page: u8, chapter: String, library: State<String>) -> Result<String, HandlerError> {
    Ok(format!("{}: {chapter}, page {page}", *library))
}

#[resource("files:///{+path}")]
fn file(path: String) -> String {
    path
}

#[resource("any://{x}/{y}")]
fn any(variables: TemplateVariables) -> String {
    format!("x={};y={};", variables.get("x"), variables.get("y"))
}

fn server() -> Server {
    Server::new("test", "1.0")
        .with_resource(readme)
        .with_resource(logo)
        .with_resource(page)
        .with_resource(file)
        .with_resource(any)
        .with_state(String::from("library"))
        .build()
        .unwrap()
}

#[tokio::test]
async fn definitions_say_what_the_function_says() {
    let expected = json!([
        {
            "uri": "docs://readme",
            "name": "readme",
            "title": "Read me",
            "description": "How to begin.",
            "mimeType": "text/markdown",
        },
        { "uri": "docs://logo", "name": "logo.png", "mimeType": "image/png" },
    ]);
    assert_eq!(list(&server(), "resources/list", "resources").await, expected);
    let expected = json!([
        {
            "uriTemplate": "docs://chapters/{chapter}/pages/{page}",
            "name": "page",
            "description": "One page of a chapter.",
        },
        { "uriTemplate": "files:///{+path}", "name": "file" },
        { "uriTemplate": "any://{x}/{y}", "name": "any" },
    ]);
    let templates = list(&server(), "resources/templates/list", "resourceTemplates").await;
    assert_eq!(templates, expected);
}

#[tokio::test]
async fn resources_are_read() {
    for (uri, expected) in [
        (
            "docs://readme",
            json!({ "uri": "docs://readme", "mimeType": "text/markdown", "text": "# Begin" }),
        ),
        ("docs://logo", json!({ "uri": "docs://logo", "mimeType": "image/png", "blob": "AQID" })),
        (
            "docs://chapters/one/pages/7",
            json!({ "uri": "docs://chapters/one/pages/7", "text": "library: one, page 7" }),
        ),
        ("docs://chapters/one/pages/777", json!(-32602)),
        ("docs://chapters/one/pages/x", json!(-32602)),
        ("files:///a/b", json!({ "uri": "files:///a/b", "text": "a/b" })),
        ("any://1/2", json!({ "uri": "any://1/2", "text": "x=1;y=2;" })),
    ] {
        let answer = ask(&server(), "resources/read", json!({ "uri": uri })).await;
        let contents = answer["contents"].get(0).unwrap_or(&answer["code"]);
        assert_eq!(contents, &expected, "{uri}: {answer}");
    }
    assert_eq!(file::call(String::from("x")), "x");
}

#[tokio::test]
async fn a_variable_is_not_read_as_json() {
    let uri = r#"any://"a"/2"#;
    let answer: Value = ask(&server(), "resources/read", json!({ "uri": uri })).await;
    assert_eq!(answer["contents"][0]["text"], r#"x="a";y=2;"#);
}

#[test]
fn a_missing_state_is_reported_when_building() {
    let error = Server::new("test", "1.0").with_resource(page).build().unwrap_err();
    let subject = "resource template \"docs://chapters/{chapter}/pages/{page}\"";
    assert_eq!(problems(&error), [(subject, "missing_state")]);
}

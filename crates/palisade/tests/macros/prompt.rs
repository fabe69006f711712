//! `#[prompt]`.

use palisade::{
    Context, HandlerError, Principal, PromptArguments, Server, State, prompt,
    protocol::{PromptMessage, Role},
};
use serde_json::{Value, json};

use crate::harness::{ask, list, problems};

/// Asks for a greeting.
#[prompt(title = "Greeting")]
fn greet(
    /// Whom to greet.
    name: String,
    times: Option<u8>,
) -> String {
    format!("Greet {name} {} times", times.unwrap_or(1))
}

/// A dialogue.
#[prompt(name = "dialogue", description = "Two turns.")]
async fn turns(
    who: Principal,
    tone: State<&'static str>,
    _context: Context,
) -> Result<Vec<PromptMessage>, HandlerError> {
    Ok(vec![
        PromptMessage::user(format!("I am {}", who.subject())),
        PromptMessage::new(Role::Assistant, format!("Welcome, {}", *tone)),
    ])
}

#[prompt]
async fn anything(arguments: PromptArguments) -> String {
    arguments.get("x").unwrap_or("nothing").to_owned()
}

#[prompt]
fn fixed() -> &'static str {
    "Go on."
}

fn server() -> Server {
    Server::new("test", "1.0")
        .with_prompt(greet)
        .with_prompt(turns)
        .with_prompt(anything)
        .with_prompt(fixed)
        .with_state("friend")
        .build()
        .unwrap()
}

#[tokio::test]
async fn definitions_say_what_the_function_says() {
    let expected = json!([
        {
            "name": "greet",
            "title": "Greeting",
            "description": "Asks for a greeting.",
            "arguments": [
                { "name": "name", "description": "Whom to greet.", "required": true },
                { "name": "times" },
            ],
        },
        { "name": "dialogue", "description": "Two turns." },
        { "name": "anything" },
        { "name": "fixed" },
    ]);
    assert_eq!(list(&server(), "prompts/list", "prompts").await, expected);
}

#[tokio::test]
async fn prompts_are_filled_in() {
    for (name, arguments, expected) in [
        ("greet", json!({ "name": "Ada" }), json!([["user", "Greet Ada 1 times"]])),
        ("greet", json!({ "name": "Ada", "times": "3" }), json!([["user", "Greet Ada 3 times"]])),
        ("greet", json!({ "name": "Ada", "times": "300" }), json!(-32602)),
        ("greet", json!({}), json!(-32602)),
        ("dialogue", json!({}), json!([["user", "I am alice"], ["assistant", "Welcome, friend"]])),
        ("anything", json!({ "x": "y" }), json!([["user", "y"]])),
        ("fixed", json!({}), json!([["user", "Go on."]])),
    ] {
        let params = json!({ "name": name, "arguments": arguments });
        let answer = ask(&server(), "prompts/get", params).await;
        let messages = answer["messages"].as_array().map(|messages| {
            let text = |it: &Value| json!([it["role"], it["content"]["text"]]);
            Value::from(messages.iter().map(text).collect::<Vec<_>>())
        });
        let answer = messages.unwrap_or_else(|| answer["code"].clone());
        assert_eq!(answer, expected, "{name} {arguments}");
    }
    assert_eq!(greet::call("Ada".into(), Some(2)), "Greet Ada 2 times");
}

#[test]
fn a_missing_state_is_reported_when_building() {
    let error = Server::new("test", "1.0").with_prompt(turns).build().unwrap_err();
    assert_eq!(problems(&error), [("prompt \"dialogue\"", "missing_state")]);
}

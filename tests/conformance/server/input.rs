//! Tools that need something from the client before they can answer.
//!
//! All are written as if the answers were there: what the client is asked, and with which sealed state it comes
//! back, is the engine's work.

use palisade::{
    Context, HandlerError,
    protocol::{
        BooleanSchema, ContentBlock, CreateMessageRequestParams, ElicitRequestFormParams,
        ElicitResult, ElicitSchema, SamplingMessage, StringSchema,
    },
    server::ServerBuilder,
};

use crate::tool;

type Answer = Result<String, HandlerError>;

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_tool(tool("test_missing_capability", "Needs sampling.", capital))
        .with_tool(tool("test_streaming_elicitation", "Needs a form.", elicitation))
        .with_tool(tool("test_input_required_result_elicitation", "Asks for a name.", elicitation))
        .with_tool(tool("test_input_required_result_sampling", "Asks a model.", capital))
        .with_tool(tool("test_input_required_result_list_roots", "Asks for roots.", roots))
        .with_tool(tool("test_input_required_result_request_state", "Needs a yes.", confirmation))
        .with_tool(tool("test_input_required_result_tampered_state", "Needs a yes.", confirmation))
        .with_tool(tool(
            "test_input_required_result_multiple_inputs",
            "Asks for three things at once.",
            three_at_once,
        ))
        .with_tool(tool(
            "test_input_required_result_multi_round",
            "Asks for two things, one after the other.",
            two_rounds,
        ))
        .with_tool(tool(
            "test_input_required_result_capabilities",
            "Asks for what the client has declared, and for nothing else.",
            what_is_declared,
        ))
}

async fn elicitation(context: Context) -> Answer {
    let name = context.elicit("user_name", text_form("What is your name?", "name")).await?;
    Ok(format!("Hello, {}!", text_of(&name, "name")))
}

async fn capital(context: Context) -> Answer {
    let question = CreateMessageRequestParams::new(
        vec![SamplingMessage::user("What is the capital of France?")],
        100,
    );
    let answer = context.sample("capital_question", question).await?;
    Ok(format!("The model says: {}", answer.content.as_text().unwrap_or("nothing in words")))
}

async fn roots(context: Context) -> Answer {
    let roots = context.roots("client_roots").await?.roots;
    let uris: Vec<&str> = roots.iter().map(|root| root.uri.as_str()).collect();
    Ok(format!("Roots: {}", uris.join(", ")))
}

async fn confirmation(context: Context) -> Answer {
    let schema = ElicitSchema::new().with_boolean("ok", BooleanSchema::new()).with_required(["ok"]);
    let form = ElicitRequestFormParams::new("Please confirm", schema);
    let answer = context.elicit("confirm", form).await?;
    // An answer reaches a handler only with the state that the question was sent with.
    Ok(format!("state-ok, {}", if answer.is_accepted() { "confirmed" } else { "not confirmed" }))
}

async fn three_at_once(context: Context) -> Answer {
    let greeting =
        CreateMessageRequestParams::new(vec![SamplingMessage::user("Generate a greeting")], 50);
    // All three are asked before the first `?` ends this run.
    let name = context.elicit("user_name", text_form("What is your name?", "name")).await;
    let greeting = context.sample("greeting", greeting).await;
    let roots = context.roots("client_roots").await;
    let (name, greeting, roots) = (name?, greeting?, roots?.roots);
    Ok(format!(
        "{}, {}: {} roots",
        greeting.content.as_text().unwrap_or("hello"),
        text_of(&name, "name"),
        roots.len()
    ))
}

async fn two_rounds(context: Context) -> Answer {
    let name = context.elicit("step1", text_form("Step 1: What is your name?", "name")).await?;
    let form = text_form("Step 2: What is your favorite color?", "color");
    let color = context.elicit("step2", form).await?;
    Ok(format!("{} likes {}.", text_of(&name, "name"), text_of(&color, "color")))
}

async fn what_is_declared(context: Context) -> Result<Vec<ContentBlock>, HandlerError> {
    let declared = context.client_capabilities();
    let mut answers = Vec::new();
    if declared.elicitation.is_some() {
        answers.push(elicitation(context.clone()).await);
    }
    if declared.sampling.is_some() {
        answers.push(capital(context.clone()).await);
    }
    if declared.roots.is_some() {
        answers.push(roots(context.clone()).await);
    }
    answers.into_iter().map(|answer| answer.map(ContentBlock::text)).collect()
}

/// A form with one field for text.
pub(crate) fn text_form(message: &str, field: &str) -> ElicitRequestFormParams {
    let schema = ElicitSchema::new().with_string(field, StringSchema::new()).with_required([field]);
    ElicitRequestFormParams::new(message, schema)
}

/// What was filled in, if the form was.
pub(crate) fn text_of<'a>(answer: &'a ElicitResult, field: &str) -> &'a str {
    answer.field(field).and_then(|value| value.as_str()).unwrap_or("whoever you are")
}

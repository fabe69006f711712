//! Tools that only clients with a session call: those whose answers come while the tool runs.

use palisade::{
    Context, HandlerError, ToolRoute,
    protocol::{
        BooleanSchema, CreateMessageRequestParams, ElicitRequestFormParams, ElicitResult,
        ElicitSchema, EnumOption, LegacyTitledEnumSchema, LoggingLevel, NumberSchema,
        SamplingMessage, StringSchema, TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema,
        UntitledMultiSelectEnumSchema, UntitledSingleSelectEnumSchema,
    },
    server::ServerBuilder,
};

use crate::{notify::STEP, tool};

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Prompt {
    prompt: String,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Message {
    message: String,
}

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_tool(tool("test_tool_with_logging", "Logs while it works.", async |context| {
            for step in
                ["Tool execution started", "Tool processing data", "Tool execution completed"]
            {
                context.log(LoggingLevel::Info, None, step).await;
                tokio::time::sleep(STEP).await;
            }
            "Messages were logged."
        }))
        .with_tool(
            ToolRoute::typed("test_sampling", sampling)
                .with_description("Asks the client's model."),
        )
        .with_tool(
            ToolRoute::typed("test_elicitation", elicitation).with_description("Asks the user."),
        )
        .with_tool(tool("test_elicitation_sep1034_defaults", "A form that is filled in.", defaults))
        .with_tool(tool("test_elicitation_sep1330_enums", "A form of choices.", choices))
        .with_tool(tool("test_reconnection", "Lets its connection go.", async |context| {
            context.close_stream();
            tokio::time::sleep(2 * STEP).await;
            "The client came back."
        }))
}

async fn sampling(arguments: Prompt, context: Context) -> Result<String, HandlerError> {
    let request =
        CreateMessageRequestParams::new(vec![SamplingMessage::user(arguments.prompt)], 100);
    let answer = context.sample("answer", request).await?;
    Ok(format!("LLM response: {}", answer.content.as_text().unwrap_or("nothing in words")))
}

async fn elicitation(arguments: Message, context: Context) -> Result<String, HandlerError> {
    let schema = ElicitSchema::new()
        .with_string("username", StringSchema::new().with_description("User's response"))
        .with_string("email", StringSchema::new().with_description("User's email address"))
        .with_required(["username", "email"]);
    ask(&context, arguments.message, schema).await
}

async fn defaults(context: Context) -> Result<String, HandlerError> {
    let status = UntitledSingleSelectEnumSchema::new(["active", "inactive", "pending"]);
    let schema = ElicitSchema::new()
        .with_string("name", StringSchema::new().with_default("John Doe"))
        .with_number("age", NumberSchema::integer().with_default(30))
        .with_number("score", NumberSchema::new().with_default(95.5))
        .with_enum("status", status.with_default("active"))
        .with_boolean("verified", BooleanSchema::new().with_default(true));
    ask(&context, "Please review and update the form fields with defaults".to_owned(), schema).await
}

async fn choices(context: Context) -> Result<String, HandlerError> {
    let untitled = ["option1", "option2", "option3"];
    let titled = |kind: &str| {
        let titles = [("value1", "First"), ("value2", "Second"), ("value3", "Third")];
        titles.map(|(value, title)| EnumOption::new(value, format!("{title} {kind}")))
    };
    let legacy = [("opt1", "Option One"), ("opt2", "Option Two"), ("opt3", "Option Three")];
    let schema = ElicitSchema::new()
        .with_enum("untitledSingle", UntitledSingleSelectEnumSchema::new(untitled))
        .with_enum("titledSingle", TitledSingleSelectEnumSchema::new(titled("Option")))
        .with_enum("legacyEnum", LegacyTitledEnumSchema::new(legacy))
        .with_enum("untitledMulti", UntitledMultiSelectEnumSchema::new(untitled))
        .with_enum("titledMulti", TitledMultiSelectEnumSchema::new(titled("Choice")));
    ask(&context, "Please select options from the enum fields".to_owned(), schema).await
}

async fn ask(
    context: &Context,
    message: String,
    schema: ElicitSchema,
) -> Result<String, HandlerError> {
    let answer = context.elicit("form", ElicitRequestFormParams::new(message, schema)).await?;
    let ElicitResult { action, content, .. } = &answer;
    Ok(format!("Elicitation completed: action={action:?}, content={content:?}"))
}

//! Tools that run as tasks.

use std::time::Duration;

use palisade::{
    Context, HandlerError, ToolRoute,
    protocol::{BooleanSchema, ElicitRequestFormParams, ElicitSchema, ErrorObject},
    server::{ServerBuilder, TaskSupport},
};

use crate::{
    input::{text_form, text_of},
    tool,
};

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Greet {
    name: String,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct SlowCompute {
    /// How long it takes.
    seconds: u64,
    label: Option<String>,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct ConfirmDelete {
    filename: String,
}

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_tool(
            ToolRoute::typed("greet", async |greet: Greet, _: Context| {
                format!("Hello, {}!", greet.name)
            })
            .with_description("Greets, at once."),
        )
        .with_tool(
            ToolRoute::typed("slow_compute", slow_compute)
                .with_description("Computes for a while.")
                .with_task_support(TaskSupport::Optional),
        )
        .with_tool(
            tool("failing_job", "Fails after a second.", async |_| {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err::<(), _>("the job has failed")
            })
            .with_task_support(TaskSupport::Required),
        )
        .with_tool(
            tool("protocol_error_job", "Ends with a protocol error.", async |_| {
                Err::<(), _>(HandlerError::protocol(ErrorObject::internal()))
            })
            .with_task_support(TaskSupport::Required),
        )
        .with_tool(
            ToolRoute::typed("confirm_delete", confirm_delete)
                .with_description("Asks before it deletes.")
                .with_task_support(TaskSupport::Required),
        )
        .with_tool(
            tool("multi_input", "Asks two questions at once.", multi_input)
                .with_task_support(TaskSupport::Required),
        )
        .with_tool(
            tool("test_tool_with_task", "Asks, then goes on as a task.", input_first)
                .with_task_support(TaskSupport::Required)
                .with_late_task(),
        )
}

async fn slow_compute(arguments: SlowCompute, _: Context) -> String {
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let label = arguments.label.as_deref().unwrap_or("the result");
    format!("Computed {label} in {} s.", arguments.seconds)
}

async fn confirm_delete(
    arguments: ConfirmDelete,
    context: Context,
) -> Result<String, HandlerError> {
    let schema = ElicitSchema::new()
        .with_boolean("confirm", BooleanSchema::new())
        .with_required(["confirm"]);
    let question = format!("Delete {}?", arguments.filename);
    let answer = context.elicit("confirm", ElicitRequestFormParams::new(question, schema)).await?;
    let confirmed = answer.field("confirm").and_then(|value| value.as_bool()) == Some(true);
    let done = if confirmed { "deleted" } else { "kept" };
    Ok(format!("{} was {done}.", arguments.filename))
}

async fn multi_input(context: Context) -> Result<String, HandlerError> {
    let (first, second) = tokio::join!(
        context.elicit("first", text_form("Who is first?", "name")),
        context.elicit("second", text_form("Who is second?", "name")),
    );
    Ok(format!("{}, then {}.", text_of(&first?, "name"), text_of(&second?, "name")))
}

async fn input_first(context: Context) -> Result<String, HandlerError> {
    let answer = context.elicit("user_name", text_form("What is your name?", "name")).await?;
    context.start_task().await?;
    Ok(format!("Done for {}.", text_of(&answer, "name")))
}

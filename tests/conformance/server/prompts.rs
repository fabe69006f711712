//! Prompts, and suggestions for their arguments.

use palisade::{
    Context, HandlerError, PromptArguments, PromptRoute,
    protocol::{ContentBlock, Prompt, PromptArgument, PromptMessage},
    server::{CompletionRequest, ServerBuilder},
};

use crate::{
    content::{embedded, image},
    input::{text_form, text_of},
};

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_prompt(PromptRoute::new(
            prompt("test_simple_prompt", "One message."),
            async |_: PromptArguments, _: Context| {
                "This is a simple prompt for testing.".to_owned()
            },
        ))
        .with_prompt(
            PromptRoute::new(
                prompt("test_prompt_with_arguments", "Echoes its arguments.")
                    .with_argument(PromptArgument::required("arg1").with_description("The first"))
                    .with_argument(PromptArgument::required("arg2").with_description("The second")),
                echo,
            )
            .with_completion(suggest),
        )
        .with_prompt(PromptRoute::new(
            prompt("test_prompt_with_embedded_resource", "Embeds a resource.").with_argument(
                PromptArgument::required("resourceUri").with_description("What to embed"),
            ),
            with_resource,
        ))
        .with_prompt(PromptRoute::new(
            prompt("test_prompt_with_image", "Shows an image."),
            async |_: PromptArguments, _: Context| {
                messages([image(), ContentBlock::text("Please analyze the image above.")])
            },
        ))
        .with_prompt(PromptRoute::new(
            prompt("test_input_required_result_prompt", "Asks for its context first."),
            with_input,
        ))
}

async fn echo(arguments: PromptArguments, _: Context) -> Result<String, HandlerError> {
    let (first, second): (String, String) = (arguments.parse("arg1")?, arguments.parse("arg2")?);
    Ok(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))
}

async fn suggest(request: CompletionRequest, _: Context) -> Vec<String> {
    let known = ["paris", "party", "test"].into_iter();
    known.filter(|value| value.starts_with(&request.value)).map(str::to_owned).collect()
}

async fn with_resource(
    arguments: PromptArguments,
    _: Context,
) -> Result<Vec<PromptMessage>, HandlerError> {
    let uri: String = arguments.parse("resourceUri")?;
    Ok(messages([
        embedded(&uri, "text/plain", "Embedded resource content for testing."),
        ContentBlock::text("Please process the embedded resource above."),
    ]))
}

async fn with_input(_: PromptArguments, context: Context) -> Result<String, HandlerError> {
    let form = text_form("What context should the prompt use?", "context");
    let answer = context.elicit("user_context", form).await?;
    Ok(format!("Use this context: {}", text_of(&answer, "context")))
}

fn prompt(name: &str, description: &str) -> Prompt {
    Prompt::new(name).with_description(description)
}

fn messages(blocks: [ContentBlock; 2]) -> Vec<PromptMessage> {
    blocks.into_iter().map(PromptMessage::user).collect()
}

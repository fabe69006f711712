//! Resources, a resource template, a prompt and completion.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use palisade::{
    Client, CompletionRequest, Context, PromptArguments, PromptRoute, ResourceRoute,
    ResourceTemplateRoute, SecurityConfig, Server, TemplateVariables,
    http::{HttpServer, HttpTransport},
    protocol::{
        CompleteRequestParams, CompletionReference, ErrorObject, Prompt, PromptArgument, Resource,
        ResourceTemplate,
    },
    security::AllowedOrigins,
};

const CITIES: [&str; 3] = ["amsterdam", "athens", "berlin"];

fn server() -> Result<Server, palisade::server::RegistrationError> {
    let readme = Resource::new("guide://readme", "readme").with_mime_type("text/plain");
    let weather =
        ResourceTemplate::new("weather://{city}/today", "weather").with_mime_type("text/plain");
    let prompt = Prompt::new("trip").with_argument(PromptArgument::required("city"));
    let complete = async |request: CompletionRequest, _: Context| -> Vec<String> {
        CITIES
            .iter()
            .filter(|city| city.starts_with(&request.value))
            .map(ToString::to_string)
            .collect()
    };
    Server::new("travel", "1.0.0")
        .with_resource(ResourceRoute::new(readme, async |_: Context| {
            "Ask about cities.".to_owned()
        }))
        .with_resource(
            ResourceTemplateRoute::new(
                weather,
                async |variables: TemplateVariables, _: Context| match CITIES
                    .contains(&variables.get("city"))
                {
                    true => Ok(format!("Sunny in {}.", variables.get("city"))),
                    false => Err(palisade::HandlerError::protocol(ErrorObject::invalid_params(
                        "unknown city",
                    ))),
                },
            )
            .with_completion(complete),
        )
        .with_prompt(
            PromptRoute::new(prompt, async |arguments: PromptArguments, _: Context| {
                format!("Plan a day in {}.", arguments.get("city").unwrap_or_default())
            })
            .with_completion(complete),
        )
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server()?, security).await?;
    let url = format!("http://{}/mcp", http.local_addr()?);
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    let client = Client::connect(HttpTransport::new(&url)?).await?;
    for uri in ["guide://readme", "weather://berlin/today", "weather://atlantis/today"] {
        match client.read_resource(uri).await {
            Ok(result) => {
                println!("{uri}: {:?}", result.contents.first().and_then(|c| c.as_text()))
            }
            Err(error) => println!("{uri}: {error}"),
        }
    }
    let prompt = client.get_prompt("trip", [("city", "athens")]).await?;
    println!("prompt: {:?}", prompt.messages);
    let reference = CompletionReference::prompt("trip");
    let suggested = client.complete(&CompleteRequestParams::new(reference, "city", "a")).await?;
    println!("suggestions for a…: {:?}", suggested.completion.values);

    handle.shutdown();
    serving.await?;
    Ok(())
}

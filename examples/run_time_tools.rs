//! Tools known only at run time: the schema is JSON, the arguments are checked against it, and tools
//! come and go while the server runs.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use palisade::{
    Client, Context, RawArguments, SecurityConfig, Server, ToolRoute,
    http::{HttpServer, HttpTransport},
    security::AllowedOrigins,
};
use serde_json::json;

/// A tool as a gateway might read it from a database.
fn greeting(language: &str, word: &str) -> ToolRoute {
    let schema = json!({
        "type": "object",
        "properties": { "name": { "type": "string", "minLength": 1, "maxLength": 40 } },
        "required": ["name"],
    });
    let word = word.to_owned();
    ToolRoute::dynamic(
        format!("greet_{language}"),
        schema,
        move |arguments: RawArguments, _: Context| {
            let word = word.clone();
            async move {
                let arguments: serde_json::Value = arguments.decode()?;
                let name =
                    arguments.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
                Ok::<_, palisade::HandlerError>(format!("{word}, {name}!"))
            }
        },
    )
    .with_description(format!("Greets somebody ({language})."))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("greeter", "1.0.0").with_tool(greeting("en", "Hello")).build()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server.clone(), security).await?;
    let url = format!("http://{}/mcp", http.local_addr()?);
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    let client = Client::connect(HttpTransport::new(&url)?).await?;
    server.insert_tool(greeting("de", "Hallo"))?;
    for tool in client.list_tools().collect_all().await? {
        println!("tool: {}", tool.name);
    }
    let text: String = client.call("greet_de", &json!({ "name": "Ada" })).await?;
    println!("{text}");
    let refused = client.call::<String>("greet_de", &json!({ "name": "" })).await;
    println!(
        "an empty name: {}",
        refused.err().map_or_else(|| "accepted".into(), |e| e.to_string())
    );
    let removed = server.remove_tool("greet_de");
    println!("removed: {removed}, tools left: {}", client.list_tools().collect_all().await?.len());

    handle.shutdown();
    serving.await?;
    Ok(())
}

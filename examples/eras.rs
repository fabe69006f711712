//! One server and one handler for clients of every revision: a new client and one that begins a session call the
//! same tool, which asks for a name in the middle of the call.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use palisade::{
    Client, Context, HandlerError, SecurityConfig, Server,
    http::{HttpServer, HttpTransport},
    protocol::{ElicitRequestFormParams, ElicitResult, ElicitSchema, Eras, StringSchema},
    security::AllowedOrigins,
    tool,
};
use serde_json::json;

/// Asks for a name and greets.
#[tool]
async fn greet(ctx: Context) -> Result<String, HandlerError> {
    let schema = ElicitSchema::new().with_string("name", StringSchema::new());
    let answer = ctx.elicit("name", ElicitRequestFormParams::new("Your name?", schema)).await?;
    let name = answer.field("name").and_then(serde_json::Value::as_str).unwrap_or("stranger");
    Ok(format!("hello, {name}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("greeter", "1.0.0").with_tool(greet).build()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?;
    let url = format!("http://{}/mcp", http.local_addr()?);
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    // By default a client speaks whatever the server does, the newest first.
    for eras in [Eras::Both, Eras::LegacyOnly] {
        let client = Client::builder()
            .with_eras(eras)
            .with_elicitation_handler(|_| async { Ok(ElicitResult::accept([("name", "Ada")])) })
            .connect(HttpTransport::new(&url)?)
            .await?;
        let greeting: String = client.call("greet", &json!({})).await?;
        println!("{}: {greeting}", client.protocol_version());
        client.close().await;
    }

    handle.shutdown();
    serving.await?;
    Ok(())
}

//! A client that calls the tool of the example `server`.
#![allow(clippy::print_stdout, reason = "it shows the result")]

use palisade::{Client, auth::BearerToken, http::HttpTransport, security::Origin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let origin: Origin = "http://127.0.0.1:8000".parse()?;
    let credentials = BearerToken::new(origin, std::env::var("MCP_TOKEN")?)?;
    let transport = HttpTransport::builder("http://127.0.0.1:8000/mcp")?
        .with_credentials(credentials)
        .build()?;
    let client = Client::connect(transport).await?;
    let sum: i64 = client.call("add", &serde_json::json!({ "a": 2, "b": 3 })).await?;
    println!("2 + 3 = {sum}");
    Ok(())
}

//! A server with one tool, for programs on the same machine that know the token.

use palisade::{SecurityConfig, Server, http::HttpServer, security::AllowedOrigins, tool};

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("calculator", env!("CARGO_PKG_VERSION")).with_tool(add).build()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(palisade::auth::Bearer::tokens([std::env::var("MCP_TOKEN")?]))
        .without_tls()
        .build()?;
    HttpServer::bind("127.0.0.1:8000".parse()?, server, security).await?.serve().await;
    Ok(())
}

//! A server whose security is a file, `security.toml` beside this program or the first argument.
//!
//! `MCP_TOKEN` and `MCP_CI_KEY` hold the secrets: `openssl rand -hex 32` makes good ones.
#![allow(clippy::print_stderr, reason = "it shows what was found")]

use palisade::{Server, config::ServerConfig, http::HttpServer, tool};

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1);
    let file = file.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/security.toml").into());
    // All that is wrong is in the error, each with its path and the fix.
    let config = ServerConfig::from_file(file)?;
    for warning in config.warnings() {
        eprintln!("{warning}");
    }
    let server = Server::new("calculator", env!("CARGO_PKG_VERSION")).with_tool(add).build()?;
    let http = HttpServer::bind(config.listen(), server, config.security().clone()).await?;
    let http = http.with_path(config.path().clone())?;
    eprintln!("listening on http://{}{}", http.local_addr()?, config.path());
    http.serve().await;
    Ok(())
}

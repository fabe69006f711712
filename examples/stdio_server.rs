//! A server that its client launches: one tool over standard input and output. Who calls is whoever owns the
//! process, so there is nothing to configure.

use palisade::{SecurityConfig, Server, stdio::StdioServer, tool};

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("calculator", env!("CARGO_PKG_VERSION")).with_tool(add).build()?;
    StdioServer::new(server, SecurityConfig::stdio().build()?).serve_stdio().await?;
    Ok(())
}

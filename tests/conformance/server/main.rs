//! The server that the official conformance suite tests: `conformance-server --addr 127.0.0.1:PORT`.
//!
//! The suite prescribes the names and the behaviour of its tools, prompts and resources; they are registered here
//! by hand, with the public interface only. It serves everyone on this machine, without authentication, so it binds
//! to nothing else.

mod content;
mod input;
mod notify;
mod prompts;
mod resources;
mod schema;
mod session;
mod tasks;

use std::{error::Error, io::Write as _, net::SocketAddr};

use palisade::{
    SecurityConfig, Server, ToolRoute,
    http::HttpServer,
    security::AllowedOrigins,
    server::{Context, IntoToolResult},
};

/// What a tool without parameters is called with.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct NoArguments {}

/// A tool without parameters.
fn tool<O, F, Fut>(name: &str, description: &str, handler: F) -> ToolRoute
where
    O: IntoToolResult + 'static,
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = O> + Send + 'static,
{
    ToolRoute::typed(name, move |_: NoArguments, context| handler(context))
        .with_description(description)
}

fn server() -> Result<Server, Box<dyn Error>> {
    let server = Server::new("palisade-conformance-server", env!("CARGO_PKG_VERSION"))
        .with_instructions("Fixtures of the MCP conformance suite.");
    // The suite calls the first tool without arguments or capabilities: one of `content` comes first.
    let server = content::register(server);
    let server = notify::register(server);
    let server = schema::register(server);
    let server = input::register(server);
    let server = session::register(server);
    let server = tasks::register(server);
    let server = prompts::register(server);
    Ok(resources::register(server).build()?)
}

fn address() -> Result<SocketAddr, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (Some("--addr"), Some(address), None) => Ok(address.parse()?),
        _ => Err("usage: conformance-server --addr 127.0.0.1:PORT".into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::loopback())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()?;
    let http = HttpServer::bind(address()?, server()?, security).await?;
    writeln!(std::io::stdout(), "listening on http://{}/mcp", http.local_addr()?)?;
    http.serve().await;
    Ok(())
}

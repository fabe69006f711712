//! palisade as its users run it: guard, authentication, policy and audit in place, on plain loopback
//! HTTP so that what is compared is not the cipher.

use std::error::Error;

use bench_common::{Options, Security, announce};
use palisade::{
    Context, SecurityConfig, Server, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    http::HttpServer,
    security::{AllowedOrigins, ServerSecurity},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The arguments of `add`.
#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::from_args()?;
    let server = (1..options.tools)
        .map(|at| adder(&format!("filler_{at}")))
        .fold(Server::new("bench", "1.0.0").with_tool(adder("add")), |server, tool| {
            server.with_tool(tool)
        })
        .build()?;
    let http = HttpServer::bind(options.address(), server, security(&options.security)?).await?;
    announce(http.local_addr()?)?;
    http.serve().await;
    Ok(())
}

fn adder(name: &str) -> ToolRoute {
    ToolRoute::typed(
        name,
        |Add { a, b }: Add, _: Context| async move { a.wrapping_add(b).to_string() },
    )
    .with_description("Adds two numbers.")
}

fn security(wanted: &Security) -> Result<ServerSecurity, Box<dyn Error + Send + Sync>> {
    let config = SecurityConfig::server().with_allowed_origins(AllowedOrigins::none());
    let config = match wanted {
        Security::None => config.dangerous().without_authentication(),
        // Whoever measures may choose any token, a weak one too.
        Security::Bearer(token) => config.with_authenticator(
            Bearer::dangerous().weak_tokens([TokenEntry::new("bench", token.as_str())]),
        ),
    };
    Ok(config.without_tls().build()?)
}

//! A server that one web page may use, and what a browser hears when it asks for a page.
#![allow(clippy::print_stdout, reason = "it shows the result")]

use std::time::Duration;

use palisade::{
    SecurityConfig, Server,
    auth::{Bearer, bearer::TokenEntry},
    http::HttpServer,
    security::{AllowedOrigins, Cors, EndpointPath, Limits, Rate, RateLimits},
    tool,
};
use palisade_testkit::{RawPeer, RawRequest};
use serde_json::json;

const TOKEN: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("calculator", "1.0.0").with_tool(add).build()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only(["https://app.example.com"])?)
        .with_authenticator(Bearer::entries([TokenEntry::new("alice", TOKEN)]))
        .without_tls()
        // The page may read what the server says, and ask again for it after an hour.
        .with_cors(Cors::new().with_max_age(Duration::from_secs(3600)))
        // A page in a loop is slowed down before it is a problem.
        .with_rate_limits(
            RateLimits::new()
                .with_per_address(Rate::per_second(50))
                .with_per_principal(Rate::per_minute(600).with_burst(20))
                .with_tool("add", Rate::per_minute(2)),
        )
        .with_limits(Limits::new().with_max_connections_per_address(16))
        .build()?;
    let path = EndpointPath::parse("/mcp")?.within(&EndpointPath::parse("/api")?)?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?.with_path(path)?;
    let peer = RawPeer::new(http.local_addr()?);
    let serving = tokio::spawn(http.serve());

    // What browsers send before a page's request, and what they look for in the answer.
    for page in ["https://app.example.com", "https://evil.example"] {
        let preflight = RawRequest::new("OPTIONS", "/api/mcp")
            .with_header("Origin", page)
            .with_header("Access-Control-Request-Method", "POST")
            .with_header("Access-Control-Request-Headers", "authorization,content-type,mcp-method");
        let answer = peer.send(&preflight).await?;
        println!("preflight of {page}: {}", answer.status());
        for (name, value) in answer.headers() {
            if name.starts_with("access-control-") {
                println!("    {name}: {value}");
            }
        }
    }
    // The page's own requests: the third one is too many.
    for _ in 0..3 {
        let call = RawRequest::tools_call("add", json!({"a": 2, "b": 3}))
            .with_target("/api/mcp")
            .with_token(TOKEN)
            .with_header("Origin", "https://app.example.com");
        let answer = peer.send(&call).await?;
        let after = answer.header("retry-after").unwrap_or("-");
        println!("call of the page: {}, Retry-After {after}", answer.status());
    }
    serving.abort();
    Ok(())
}

//! The MCP service mounted in an axum application, next to a page of its own.
#![allow(clippy::print_stdout, reason = "it shows the result")]

use std::net::SocketAddr;

use axum::{Router, extract::ConnectInfo, extract::Request, middleware::Next, routing::get};
use palisade::{
    Client, SecurityConfig, Server,
    http::{HttpService, HttpTransport},
    security::{AllowedOrigins, PeerInfo},
    tool,
};

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Tells the service who its peer is: axum knows the address, the service decides by it.
async fn peer_info(
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> axum::response::Response {
    request.extensions_mut().insert(PeerInfo::new(address));
    next.run(request).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("calculator", "1.0.0").with_tool(add).build()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()?;
    let app = Router::new()
        .route_service("/mcp", HttpService::new(server, security))
        .layer(axum::middleware::from_fn(peer_info))
        .route("/", get(async || "an ordinary page"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::connect(HttpTransport::new(&url)?).await?;
    let sum: i64 = client.call("add", &serde_json::json!({ "a": 2, "b": 3 })).await?;
    println!("2 + 3 = {sum}");
    serving.abort();
    Ok(())
}

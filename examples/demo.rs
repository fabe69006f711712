//! A secured server and a client over TLS, as a transcript: what works, and what is refused and how.
//!
//! Every line is checked; the program fails if anything is not as it should be.
#![allow(clippy::print_stdout, reason = "a transcript is what this program is for")]

#[path = "demo/refused.rs"]
mod refused;
#[path = "demo/served.rs"]
mod served;
#[path = "demo/transcript.rs"]
mod transcript;

use std::net::SocketAddr;

use palisade::{
    SecurityConfig, Server,
    auth::Bearer,
    http::HttpServer,
    security::{AllowedOrigins, Limits, ServerTls},
};
use palisade_testkit::pki::TestCa;
use transcript::Transcript;

type Error = Box<dyn std::error::Error>;

/// What the parts of the demo need to know.
struct Stage {
    address: SocketAddr,
    ca: TestCa,
    token: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut transcript = Transcript::default();
    transcript.title("palisade: a secured MCP server and its client, over TLS");

    let ca = TestCa::new();
    let certificate = ca.server();
    let token = transcript::random_token()?;
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only(["https://app.example.com"])?)
        .with_authenticator(Bearer::tokens([token.clone()]))
        .with_tls(ServerTls::from_pem(
            certificate.pem().as_bytes(),
            certificate.key_pem().as_bytes(),
        )?)
        .with_limits(Limits::default().with_max_body_bytes(64 * 1024))
        .build()?;
    let server = Server::new("demo", env!("CARGO_PKG_VERSION"))
        .with_tool(served::add)
        .with_tool(served::count)
        .with_tool(served::greet)
        .with_instructions("Adds, counts and greets.")
        .build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server.clone(), security).await?;
    let stage = Stage { address: http.local_addr()?, ca, token };
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());
    transcript
        .note(&format!("listening on https://{}/mcp with a throw-away certificate", stage.address));

    let subscription = served::run(&mut transcript, &stage, &server).await?;
    refused::run(&mut transcript, &stage).await?;

    transcript.title("shutdown");
    handle.shutdown();
    served::ends_gracefully(&mut transcript, subscription).await;
    serving.await?;
    transcript.finish()
}

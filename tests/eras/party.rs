//! A server, and clients of it.

use palisade::{
    Client, Principal, SecurityConfig, Server,
    client::{ClientBuilder, ClientError},
    http::{HttpServer, HttpTransport},
    security::AllowedOrigins,
    stdio::{StdioServer, StdioTransport},
};
use palisade_testkit::{guard::PATIENCE, within};
use tokio::io::{duplex, split};

/// How the two are connected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    Http,
    Stdio,
}

pub(crate) const TRANSPORTS: [Over; 2] = [Over::Http, Over::Stdio];

/// Connects a client to a server of its own.
pub(crate) async fn connect(
    over: Over,
    server: Server,
    client: ClientBuilder,
) -> Result<Client, ClientError> {
    match over {
        Over::Http => {
            let security = SecurityConfig::server()
                .with_allowed_origins(AllowedOrigins::none())
                .dangerous()
                .without_authentication()
                .without_tls();
            let security = security.build().unwrap();
            let address = "127.0.0.1:0".parse().unwrap();
            let http = HttpServer::bind(address, server, security).await.unwrap();
            let url = format!("http://{}/mcp", http.local_addr().unwrap());
            tokio::spawn(http.serve());
            within(PATIENCE, client.connect(HttpTransport::new(&url).unwrap())).await
        }
        Over::Stdio => {
            let (ours, theirs) = duplex(64 << 10);
            let security = SecurityConfig::stdio().build().unwrap();
            let (reader, writer) = split(theirs);
            let owner = Principal::new("uid:1", "process");
            tokio::spawn(StdioServer::new(server, security).serve(reader, writer, owner));
            let (reader, writer) = split(ours);
            let transport = StdioTransport::builder().over(reader, writer).unwrap();
            within(PATIENCE, client.connect(transport)).await
        }
    }
}

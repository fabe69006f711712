//! The compatibility matrix of MCP 2026-07-28, "Versioning": every cell is a test, over both transports.

use palisade::{
    Client, Server,
    client::ClientError,
    protocol::{Eras, ProtocolVersion},
    tool,
};
use palisade_testkit::{guard::PATIENCE, within};
use serde_json::json;

use crate::party::{TRANSPORTS, connect};

/// Says hello.
#[tool]
async fn hello() -> &'static str {
    "hello"
}

/// What a client of these eras and a server of those come to: the revision, or why none.
async fn check(client: Eras, server: Eras, expected: Option<ProtocolVersion>) {
    for over in TRANSPORTS {
        let built = Server::new("matrix", "1.0.0").with_tool(hello).with_eras(server).build();
        let builder = Client::builder().with_eras(client);
        let connected = connect(over, built.unwrap(), builder).await;
        match (connected, expected) {
            (Ok(client), Some(version)) => {
                assert_eq!(client.protocol_version(), version, "{over:?}");
                let said: String =
                    within(PATIENCE, client.call("hello", &json!({}))).await.unwrap();
                assert_eq!(said, "hello", "{over:?}");
                let server = client.server().unwrap();
                assert_eq!(server.meta.server_info.as_ref().unwrap().name, "matrix");
                assert!(server.capabilities.tools.is_some(), "{over:?}");
                client.close().await;
            }
            (Err(error), None) => assert!(says_why(&error, server), "{over:?}: {error:?}"),
            (connected, expected) => panic!("{over:?}: {connected:?}, not {expected:?}"),
        }
    }
}

/// Whether the error names the revisions that the server speaks, or is how an older one refuses.
fn says_why(error: &ClientError, server: Eras) -> bool {
    let newest = server.versions().first().unwrap();
    match error {
        ClientError::UnsupportedVersion { supported } => {
            supported.iter().any(|it| it == newest.as_str())
        }
        ClientError::Rpc(error) => {
            let details = error.data.as_ref().map_or("", |data| data.get());
            !server.is_modern() || format!("{error} {details}").contains(newest.as_str())
        }
        _ => !server.is_modern(),
    }
}

const NEWEST: Option<ProtocolVersion> = Some(ProtocolVersion::V2026_07_28);
const OLDER: Option<ProtocolVersion> = Some(ProtocolVersion::V2025_11_25);

#[tokio::test]
async fn modern_client_modern_server() {
    check(Eras::ModernOnly, Eras::ModernOnly, NEWEST).await;
}

#[tokio::test]
async fn modern_client_legacy_server() {
    check(Eras::ModernOnly, Eras::LegacyOnly, None).await;
}

#[tokio::test]
async fn modern_client_dual_server() {
    check(Eras::ModernOnly, Eras::Both, NEWEST).await;
}

#[tokio::test]
async fn dual_client_modern_server() {
    check(Eras::Both, Eras::ModernOnly, NEWEST).await;
}

#[tokio::test]
async fn dual_client_legacy_server() {
    check(Eras::Both, Eras::LegacyOnly, OLDER).await;
}

#[tokio::test]
async fn dual_client_dual_server() {
    check(Eras::Both, Eras::Both, NEWEST).await;
}

#[tokio::test]
async fn legacy_client_modern_server() {
    check(Eras::LegacyOnly, Eras::ModernOnly, None).await;
}

#[tokio::test]
async fn legacy_client_dual_server() {
    check(Eras::LegacyOnly, Eras::Both, OLDER).await;
}

#[tokio::test]
async fn legacy_client_legacy_server() {
    check(Eras::LegacyOnly, Eras::LegacyOnly, OLDER).await;
}

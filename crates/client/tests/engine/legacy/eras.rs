//! The client's half of the compatibility matrix: which server is spoken to in which words.

use std::time::Duration;

use palisade_client::{Client, ClientError};
use palisade_protocol::{Eras, ProtocolVersion};
use palisade_transport::TransportError;
use serde_json::json;

use super::{done, in_session, unknown};
use crate::fake::{Control, Seen, Step, try_connect};

fn modern(seen: &Seen) -> Vec<Step> {
    match seen.method() {
        "server/discover" => vec![seen.result(json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}
        }))],
        // What a server without the handshake makes of it.
        "initialize" => vec![seen.error(-32022, json!({ "supported": ["2026-07-28"] }))],
        _ => done(seen),
    }
}

fn legacy(seen: &Seen) -> Vec<Step> {
    in_session("2025-11-25", done)(seen)
}

async fn connect(
    eras: Eras,
    script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> (Result<Client, ClientError>, Control) {
    let control = Control::default();
    let builder = Client::builder().with_eras(eras);
    (try_connect(builder, &control, script).await, control)
}

#[tokio::test]
async fn modern_client_modern_server() {
    let (client, control) = connect(Eras::ModernOnly, modern).await;
    let client = client.unwrap();
    client.call_tool("t", &json!({})).await.unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2026_07_28);
    assert_eq!(control.methods(), ["server/discover", "tools/call"]);
}

#[tokio::test]
async fn modern_client_legacy_server() {
    let (client, control) = connect(Eras::ModernOnly, legacy).await;
    assert_eq!(client.unwrap_err().rpc().unwrap().code.get(), -32601, "it says why");
    assert_eq!(control.methods(), ["server/discover"], "nothing is tried under other rules");
}

#[tokio::test]
async fn both_modern_server() {
    let (client, control) = connect(Eras::Both, modern).await;
    client.unwrap().call_tool("t", &json!({})).await.unwrap();
    assert_eq!(control.methods(), ["server/discover", "tools/call"]);
    assert!(control.sent().is_empty());
}

#[tokio::test]
async fn both_legacy_server() {
    let (client, control) = connect(Eras::Both, legacy).await;
    let client = client.unwrap();
    client.call_tool("t", &json!({})).await.unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2025_11_25);
    assert_eq!(control.methods(), ["server/discover", "initialize", "tools/call"]);
}

#[tokio::test]
async fn legacy_client_modern_server() {
    let (client, control) = connect(Eras::LegacyOnly, modern).await;
    assert_eq!(client.unwrap_err().rpc().unwrap().code.get(), -32022);
    assert_eq!(control.methods(), ["initialize"]);
}

#[tokio::test]
async fn legacy_client_dual_or_legacy_server() {
    let dual = |seen: &Seen| match seen.method() {
        "initialize" => legacy(seen),
        _ => modern(seen),
    };
    for (client, control) in
        [connect(Eras::LegacyOnly, dual).await, connect(Eras::LegacyOnly, legacy).await]
    {
        client.unwrap().call_tool("t", &json!({})).await.unwrap();
        assert_eq!(control.methods(), ["initialize", "tools/call"]);
    }
}

#[tokio::test]
async fn both_prefer_the_newest_with_a_dual_server() {
    let dual = |seen: &Seen| match seen.method() {
        "initialize" => legacy(seen),
        _ => modern(seen),
    };
    let (client, control) = connect(Eras::Both, dual).await;
    assert_eq!(client.unwrap().protocol_version(), ProtocolVersion::V2026_07_28);
    assert_eq!(control.methods(), ["server/discover"]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_legacy() {
    let silent = |seen: &Seen| match seen.method() {
        "server/discover" => vec![Step::Hang],
        _ => legacy(seen),
    };
    let control = Control::default();
    let builder = Client::builder().with_probe_timeout(Duration::from_secs(3));
    let start = tokio::time::Instant::now();
    let client = try_connect(builder, &control, silent).await.unwrap();
    assert_eq!(client.protocol_version(), ProtocolVersion::V2025_11_25);
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(control.open(), 0, "the probe was cancelled");
}

#[tokio::test]
async fn a_server_that_breaks_on_the_probe_is_legacy() {
    for failure in [
        TransportError::Status { status: 400 },
        TransportError::InvalidResponse("neither json nor events"),
        TransportError::Interrupted,
    ] {
        let broken = move |seen: &Seen| match seen.method() {
            "server/discover" => vec![Step::Fail(failure.clone())],
            _ => legacy(seen),
        };
        let (client, _) = connect(Eras::Both, broken).await;
        assert_eq!(client.unwrap().protocol_version(), ProtocolVersion::V2025_11_25);
    }
}

#[tokio::test]
async fn a_modern_error_is_no_reason_to_fall_back() {
    for (code, data) in [
        (-32020, json!({})),
        (-32021, json!({ "requiredCapabilities": {} })),
        (-32022, json!({ "supported": ["2030-01-01"], "requested": "2026-07-28" })),
    ] {
        let refusing = move |seen: &Seen| vec![seen.error(code, data.clone())];
        let (client, control) = connect(Eras::Both, refusing).await;
        client.unwrap_err();
        assert!(!control.methods().contains(&"initialize".to_owned()), "{code}");
    }
}

#[tokio::test]
async fn credentials_are_not_tried_twice() {
    let refusing = |_: &Seen| vec![Step::Fail(TransportError::Unauthorized { challenge: None })];
    let (client, control) = connect(Eras::Both, refusing).await;
    assert_eq!(client.unwrap_err().code(), "unauthorized");
    assert_eq!(control.methods(), ["server/discover"]);
}

#[tokio::test]
async fn a_server_may_offer_only_older_revisions_in_modern_words() {
    let discovered = |seen: &Seen| match seen.method() {
        "server/discover" => vec![seen.result(json!({
            "supportedVersions": ["2025-11-25", "2025-06-18"], "capabilities": {}
        }))],
        _ => legacy(seen),
    };
    let (client, _) = connect(Eras::Both, discovered).await;
    assert_eq!(client.unwrap().protocol_version(), ProtocolVersion::V2025_11_25);
    let listed = |seen: &Seen| match seen.method() {
        "server/discover" => vec![seen.error(-32022, json!({ "supported": ["2025-11-25"] }))],
        _ => legacy(seen),
    };
    let (client, _) = connect(Eras::Both, listed).await;
    assert_eq!(client.unwrap().protocol_version(), ProtocolVersion::V2025_11_25);
}

#[tokio::test]
async fn every_older_revision_is_spoken_and_no_other() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let (client, control) = connect(Eras::Both, in_session(version, done)).await;
        let client = client.unwrap();
        client.call_tool("t", &json!({ "a": 1 })).await.unwrap();
        assert_eq!(client.protocol_version().as_str(), version);
        let call = control.seen().pop().unwrap();
        assert_eq!(call.outbound.protocol_version.as_str(), version);
        assert_eq!(call.params(), &json!({ "name": "t", "arguments": { "a": 1 } }));
    }
    for version in ["2026-07-28", "2024-10-07", "", "2025-11-25 "] {
        let (client, control) = connect(Eras::Both, in_session(version, unknown)).await;
        assert_eq!(client.unwrap_err().code(), "unsupported_protocol_version", "{version}");
        assert!(control.sent().is_empty(), "the session was not begun");
    }
}

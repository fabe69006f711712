//! What the server refuses, and how: requests as an attacker would write them.

use palisade_testkit::raw::{RawPeer, RawRequest, RawResponse};
use serde_json::json;

use crate::{Error, Stage, transcript::Transcript};

/// Sends what must be refused.
pub(crate) async fn run(transcript: &mut Transcript, stage: &Stage) -> Result<(), Error> {
    transcript.title("refused");
    let peer = RawPeer::new(stage.address)
        .with_tls(stage.ca.client_config())
        .with_authority(&format!("localhost:{}", stage.address.port()));
    let call = || RawRequest::tools_call("add", json!({ "a": 1, "b": 2 }));
    let good = || call().with_token(&stage.token);

    let cases = [
        ("no token", call(), "401 missing_credentials"),
        (
            "wrong token",
            call().with_token("not-the-token-that-was-handed-out"),
            "401 invalid_credentials",
        ),
        (
            "foreign origin",
            good().with_header("Origin", "https://evil.example"),
            "403 origin_not_allowed",
        ),
        ("foreign host", good().with_header("Host", "evil.example"), "403 host_not_allowed"),
        ("header differs from the body", good().with_header("Mcp-Name", "greet"), "400 -32020"),
        ("oversized body", good().with_body(vec![b' '; 65 * 1024]), "413 body_too_large"),
    ];
    for (what, request, expected) in cases {
        let response = peer.send(&request).await?;
        transcript.step(what, &summary(&response), expected);
        if let Some(challenge) = response.header("www-authenticate") {
            transcript.note(&format!("WWW-Authenticate: {challenge}"));
        }
    }
    let response = peer.send(&good()).await?;
    transcript.step("and the same request, unspoilt", &summary(&response), "200");
    Ok(())
}

/// The status, and the stable code or else the JSON-RPC code.
fn summary(response: &RawResponse) -> String {
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let code =
        body.pointer("/error/data/code").and_then(serde_json::Value::as_str).map(str::to_owned);
    let code = code.or_else(|| body.pointer("/error/code").map(ToString::to_string));
    match code {
        Some(code) => format!("{} {code}", response.status()),
        None => response.status().to_string(),
    }
}

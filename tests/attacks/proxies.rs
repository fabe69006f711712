//! What clients claim of themselves in the headers of proxies, and what proxies are believed.

use palisade::{
    SecurityConfig,
    auth::{Bearer, bearer::TokenEntry},
    security::{
        AllowedHosts, AllowedOrigins, TrustedProxies,
        config::{Ready, ServerConfigBuilder},
    },
};
use palisade_testkit::{RawRequest, RawResponse};

use crate::support::{ALICE, ORIGIN, Refusal, Target, call_add};

const CLIENT: &str = "192.0.2.7";

/// Everything that anybody ever put there to be taken for somebody else.
fn forged() -> RawRequest {
    let mut request = call_add();
    for (name, value) in [
        ("X-Forwarded-For", "127.0.0.1, 10.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Real-IP", "10.0.0.1"),
        ("X-Client-IP", "10.0.0.1"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("True-Client-IP", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1;host=evil.example;proto=https"),
    ] {
        request = request.with_added_header(name, value);
    }
    request
}

fn forwarded_for(client: &str) -> RawRequest {
    call_add().with_header("X-Forwarded-For", client).with_header("X-Forwarded-Proto", "https")
}

/// Sends a request and gives the address in its record.
async fn recorded(target: &Target, request: &RawRequest) -> (RawResponse, String) {
    target.audit.forget();
    let response = target.send(request).await;
    let entries = target.audit.wait_for(1).await;
    (response, entries[0].peer.unwrap().ip().to_string())
}

async fn behind(proxies: TrustedProxies) -> Target {
    Target::start_with(|rules| rules.with_trusted_proxies(proxies), |server, _| server).await
}

#[tokio::test]
async fn o6_forged_forwarding_headers() {
    let others = TrustedProxies::x_forwarded(["10.0.0.0/8", "127.0.0.2", "::1"]).unwrap();
    for target in [Target::start().await, behind(others).await] {
        let (response, peer) = recorded(&target, &forged()).await;
        assert_eq!((response.status(), peer.as_str()), (200, "127.0.0.1"));
        let garbage = call_add().with_header("X-Forwarded-For", "garbage");
        assert_eq!(target.send(&garbage).await.status(), 200);
        // Nor does a header lend a name to the server.
        let foreign = call_add()
            .with_header("Host", "evil.example")
            .with_header("X-Forwarded-Host", "localhost");
        target.audit.forget();
        target.runs.forget();
        let refusal = Refusal::with_reason(403, -31403, "host_not_allowed");
        target.refuses(&foreign, &refusal).await;
    }
}

#[tokio::test]
async fn o6_a_proxy_names_the_client() {
    let target = behind(TrustedProxies::x_forwarded(["127.0.0.1"]).unwrap()).await;
    for chain in
        [CLIENT.to_owned(), format!("127.0.0.1, {CLIENT}"), format!("x, {CLIENT}, 127.0.0.1")]
    {
        let (response, peer) = recorded(&target, &forwarded_for(&chain)).await;
        assert_eq!((response.status(), peer.as_str()), (200, CLIENT), "{chain}");
    }
    target.runs.forget();
    target.audit.forget();

    let check = async |request: RawRequest, status, rpc, code| {
        let response = target.send(&request).await;
        assert_eq!((response.status(), response.error_code()), (status, Some(rpc)), "{code}");
        assert_eq!(response.json()["error"]["data"]["code"], code);
        let entries = target.audit.wait_for(1).await;
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].code.as_str(), target.runs.count()), (code, 0));
        target.audit.forget();
    };
    for malformed in ["", "garbage", "192.0.2.7,", "unknown", "192.0.2.7:x"] {
        check(forwarded_for(malformed), 400, -31400, "invalid_forwarded").await;
    }
    check(call_add(), 400, -31400, "invalid_forwarded").await;
    let two = forwarded_for(CLIENT).with_added_header("X-Forwarded-Proto", "http");
    check(two, 400, -31400, "invalid_forwarded").await;
    // Somebody far away whose credentials came in the clear, by what the proxy says or does not say.
    let plain = forwarded_for(CLIENT).with_header("X-Forwarded-Proto", "http");
    check(plain, 403, -31403, "peer_not_allowed").await;
    let silent = forwarded_for(CLIENT).without_header("X-Forwarded-Proto");
    check(silent, 403, -31403, "peer_not_allowed").await;
    let foreign = forwarded_for(CLIENT).with_header("X-Forwarded-Host", "evil.example");
    check(foreign, 403, -31403, "host_not_allowed").await;
    // The name that the proxy was asked for does not replace the one that it asks for.
    let masked = forwarded_for(CLIENT)
        .with_header("Host", "evil.example")
        .with_header("X-Forwarded-Host", "localhost");
    check(masked, 403, -31403, "host_not_allowed").await;
    let named = forwarded_for(CLIENT).with_header("X-Forwarded-Host", "localhost");
    assert_eq!(target.send(&named).await.status(), 200);
}

#[tokio::test]
async fn o6_forwarded_by_its_grammar() {
    let target = behind(TrustedProxies::forwarded(["127.0.0.1"]).unwrap()).await;
    let forwarded = |value: &str| call_add().with_header("Forwarded", value);
    let spoofed = format!("for=127.0.0.1;proto=https;x=\", for={CLIENT};proto=https");
    for value in [format!("for={CLIENT};proto=https"), spoofed] {
        let (response, peer) = recorded(&target, &forwarded(&value)).await;
        assert_eq!((response.status(), peer.as_str()), (200, CLIENT), "{value}");
    }
    // The other kind is a stranger's.
    assert_eq!(target.send(&forwarded_for(CLIENT)).await.status(), 400);
    assert_eq!(target.send(&forwarded("for=_hidden;proto=https")).await.status(), 400);
}

fn plain_behind_proxy() -> ServerConfigBuilder<Ready> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only([ORIGIN]).unwrap())
        .with_authenticator(Bearer::entries([TokenEntry::new("alice", ALICE)]))
        .dangerous()
        .plain_http_behind_proxy()
        .with_allowed_hosts(AllowedHosts::only(["mcp.example.com"]).unwrap().with_loopback())
}

/// Whoever is not served without encryption is not served because a proxy stands in front either.
#[tokio::test]
async fn o6_plain_http_behind_a_named_proxy() {
    let proxies = TrustedProxies::x_forwarded(["127.0.0.1"]).unwrap();
    let target =
        Target::start_under(plain_behind_proxy().with_trusted_proxies(proxies), |server, _| server)
            .await;
    let page = || forwarded_for(CLIENT).with_header("Origin", ORIGIN);
    let encrypted = target.send(&page()).await;
    assert_eq!(encrypted.status(), 200);
    // The browser was asked over https, so it is told to stay there.
    assert_eq!(encrypted.header("strict-transport-security"), Some("max-age=31536000"));
    let plain = target.send(&page().with_header("X-Forwarded-Proto", "http")).await;
    assert_eq!((plain.status(), plain.header("strict-transport-security")), (403, None));

    let named = plain_behind_proxy().build().unwrap();
    let codes: Vec<_> = named.warnings().iter().map(|finding| finding.code()).collect();
    assert_eq!(codes, ["proxy_not_named"]);
}

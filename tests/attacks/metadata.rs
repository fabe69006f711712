//! Who is told what about this server before there is a token: a constant, whatever the request says of itself.

use palisade::{
    http::{BindError, HttpServer},
    security::{
        AllowedHosts, Cors, EndpointPath, Issuer, Limits, Outcome, ProtectedResource, Rate,
        RateLimits, ResourceId, Scope, TrustedProxies,
        config::{Ready, ServerConfigBuilder},
    },
};
use palisade_testkit::{RawRequest, RawResponse};
use serde_json::{Value, json};

use crate::support::{ORIGIN, Refusal, Target, call_add, modern, rules};

const PLACE: &str = "/.well-known/oauth-protected-resource/mcp";
const CHALLENGE: &str = r#"Bearer realm="mcp", scope="tools:call files:read", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#;

fn resource() -> ProtectedResource {
    let scopes = ["tools:call", "files:read"].map(|scope| Scope::parse(scope).unwrap());
    ProtectedResource::new(ResourceId::parse("https://mcp.example.com/mcp").unwrap())
        .with_authorization_servers([Issuer::parse("https://login.example.com/").unwrap()])
        .with_scopes_supported(scopes)
        .with_resource_name("Tools of \"Alice\" \u{e4}")
        .with_resource_documentation("https://docs.example.com/a#b")
}

fn document() -> Value {
    json!({
        "resource": "https://mcp.example.com/mcp",
        "authorization_servers": ["https://login.example.com/"],
        "scopes_supported": ["tools:call", "files:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Tools of \"Alice\" \u{e4}",
        "resource_documentation": "https://docs.example.com/a#b",
    })
}

/// Two names, neither of which a document may be made of.
fn protected(rules: ServerConfigBuilder<Ready>) -> ServerConfigBuilder<Ready> {
    let hosts = AllowedHosts::only(["mcp.example.com", "old.example.com"]).unwrap();
    rules.with_allowed_hosts(hosts.with_loopback()).with_protected_resource(resource())
}

async fn target() -> Target {
    Target::start_with(protected, modern).await
}

fn ask() -> RawRequest {
    RawRequest::new("GET", PLACE)
}

/// The document was sent, and recorded once.
async fn check_document(target: &Target, response: &RawResponse) {
    assert_eq!(response.status(), 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("www-authenticate"), None);
    assert_eq!(response.json(), document());
    target.check_trace(Outcome::Allowed, "resource_metadata", Some(200)).await;
}

/// RFC 9728, section 3.3: what a client gets must name the resource that it asked about.
#[tokio::test]
async fn o8_metadata_derived_from_the_host() {
    let target = target().await;
    let mut seen = Vec::new();
    for host in ["mcp.example.com", "old.example.com", "old.example.com:8080", "localhost"] {
        let response = target.send(&ask().with_header("Host", host)).await;
        check_document(&target, &response).await;
        seen.push(response.body().to_vec());
    }
    for (name, value) in [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "666"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X-Forwarded-Server", "evil.example"),
        ("X-Original-Host", "evil.example"),
        ("X-Original-URL", "/evil"),
        ("X-Host", "evil.example"),
        ("Forwarded", "for=1.1.1.1;host=evil.example;proto=http"),
        ("Referer", "https://evil.example/"),
    ] {
        let response = target.send(&ask().with_header(name, value)).await;
        check_document(&target, &response).await;
        seen.push(response.body().to_vec());

        // Nor does the challenge that leads there.
        let anonymous = call_add().without_header("Authorization").with_header(name, value);
        let missing = Refusal::with_reason(401, -31401, "missing_credentials");
        let response = target.refuses(&anonymous, &missing).await;
        assert_eq!(response.header("www-authenticate"), Some(CHALLENGE), "{name}");
    }
    let absolute = RawRequest::new("GET", &format!("http://old.example.com{PLACE}?host=evil"));
    let response = target.send(&absolute.with_header("Host", "old.example.com")).await;
    check_document(&target, &response).await;
    seen.push(response.body().to_vec());
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "byte by byte");
}

/// The proxy is believed about the client, not about the name of this server.
#[tokio::test]
async fn o8_a_trusted_proxy_does_not_name_the_resource() {
    let proxies = TrustedProxies::x_forwarded(["127.0.0.1"]).unwrap();
    let change = |rules| protected(rules).with_trusted_proxies(proxies);
    let target = Target::start_with(change, modern).await;
    let forwarded = |host: &str| {
        ask()
            .with_header("X-Forwarded-For", "192.0.2.7")
            .with_header("X-Forwarded-Proto", "https")
            .with_header("X-Forwarded-Host", host)
    };
    let response = target.send(&forwarded("old.example.com")).await;
    assert_eq!((response.status(), response.json()), (200, document()));
    for (request, status, code) in [
        (forwarded("evil.example"), 403, "host_not_allowed"),
        // A stranger whose connection anybody could have changed.
        (
            forwarded("old.example.com").with_header("X-Forwarded-Proto", "http"),
            403,
            "peer_not_allowed",
        ),
    ] {
        target.audit.forget();
        let response = target.send(&request).await;
        assert_eq!((response.status(), response.error_code()), (status, Some(-31403)));
        assert_eq!(response.json()["error"]["data"]["code"], code);
        assert_eq!(target.audit.wait_for(1).await[0].code, code);
    }
}

/// Without credentials does not mean without checks.
#[tokio::test]
async fn o8_metadata_is_guarded_like_everything_else() {
    let target = target().await;
    let check = async |request: RawRequest, status, rpc, code| {
        target.refuses(&request, &Refusal::with_reason(status, rpc, code)).await
    };
    check(ask().with_header("Host", "evil.example"), 403, -31403, "host_not_allowed").await;
    check(ask().with_header("Origin", "https://evil.example"), 403, -31403, "origin_not_allowed")
        .await;
    check(ask().with_header("Upgrade", "h2c"), 400, -31400, "upgrade_not_supported").await;
    let long = ask().with_header("X-Long", vec![b'x'; Limits::new().max_header_bytes()]);
    check(long, 431, -31400, "headers_too_large").await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"] {
        let request = ask().with_method(method);
        let response = check(request, 405, -31400, "method_not_allowed").await;
        assert_eq!(response.header("allow"), Some("GET"), "{method}");
    }
    // The endpoint itself is asked as before.
    let got = check(call_add().with_method("GET"), 405, -31400, "method_not_allowed").await;
    assert_eq!(got.header("allow"), Some("POST"));
    for near in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/",
        "/.well-known/oauth-protected-resource/mcp/",
        "/.well-known/oauth-protected-resource//mcp",
        "/.well-known/oauth-protected-resource/other",
        "/.well-known/oauth-protected-resource/%6dcp",
        "/mcp/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization-server/mcp",
    ] {
        // As everywhere else: the method is looked at before the path.
        check(ask().with_target(near), 405, -31400, "method_not_allowed").await;
        check(call_add().with_target(near), 404, -31400, "not_found").await;
    }

    // Who is not told a constant is not told anything by default.
    let silent = Target::start_with(|rules| rules, modern).await;
    silent.refuses(&ask(), &Refusal::with_reason(405, -31400, "method_not_allowed")).await;
    let posted = call_add().with_target(PLACE);
    silent.refuses(&posted, &Refusal::with_reason(404, -31400, "not_found")).await;
}

#[tokio::test]
async fn o8_metadata_counts_against_its_address() {
    let rates = RateLimits::new().with_per_address(Rate::per_minute(1).with_burst(2));
    let change = |rules| protected(rules).with_rate_limits(rates);
    let target = Target::start_with(change, modern).await;
    let mut found = Vec::new();
    for _ in 0..3 {
        found.push(target.send(&ask()).await.status());
    }
    assert_eq!(found, [200, 200, 429]);
    let codes: Vec<_> = target.audit.take().into_iter().map(|entry| entry.code).collect();
    assert_eq!(codes, ["resource_metadata", "resource_metadata", "rate_limited"]);
}

/// A page of a listed origin reads it, with the headers that MCP clients send.
#[tokio::test]
async fn o8_pages_read_metadata_by_cors() {
    let change = |rules| protected(rules).with_cors(Cors::new());
    let target = Target::start_with(change, modern).await;
    let preflight = |place: &str, method: &str| {
        RawRequest::new("OPTIONS", place)
            .with_header("Origin", ORIGIN)
            .with_header("Access-Control-Request-Method", method)
            .with_header("Access-Control-Request-Headers", "mcp-protocol-version")
    };
    let asked = target.send(&preflight(PLACE, "GET")).await;
    assert_eq!((asked.status(), asked.header("access-control-allow-methods")), (204, Some("GET")));
    target.check_trace(Outcome::Allowed, "preflight", Some(204)).await;
    let response = target.send(&ask().with_header("Origin", ORIGIN)).await;
    assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN));
    check_document(&target, &response).await;
    let stranger = target.send(&ask()).await;
    assert_eq!(stranger.header("access-control-allow-origin"), None);
    assert_eq!(stranger.header("vary"), Some("origin"));
    check_document(&target, &stranger).await;

    let refusal = Refusal::with_reason(403, -31403, "preflight_not_allowed");
    target.refuses(&preflight(PLACE, "POST"), &refusal).await;
    target.refuses(&preflight("/mcp", "GET"), &refusal).await;
}

/// An endpoint could not be reached where the metadata is.
#[tokio::test]
async fn o8_no_endpoint_hides_behind_metadata() {
    let place = EndpointPath::parse(PLACE).unwrap();
    let server = || palisade::Server::new("target", "1.0.0").build().unwrap();
    let security = protected(rules().without_tls()).build().unwrap();
    let bind = || HttpServer::bind(([127, 0, 0, 1], 0).into(), server(), security.clone());
    for taken in [
        bind().await.unwrap().with_path(place.clone()),
        bind().await.unwrap().with_endpoint(place.clone(), server()),
    ] {
        assert!(matches!(taken, Err(BindError::PathTaken { path }) if path == place));
    }
}

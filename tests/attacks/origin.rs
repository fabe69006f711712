//! Web pages as attackers: rebound names, foreign origins, simple requests.

use palisade::{
    SecurityConfig,
    security::{AllowedHosts, AllowedOrigins},
};
use palisade_testkit::RawRequest;
use serde_json::json;

use crate::support::{ORIGIN, Refusal, Target, call_add, modern};

fn foreign_host() -> Refusal {
    Refusal::with_reason(403, -31403, "host_not_allowed")
}

fn foreign_origin() -> Refusal {
    Refusal::with_reason(403, -31403, "origin_not_allowed")
}

/// The server of a developer's machine: nobody has to authenticate, so these checks are all there is.
async fn open_target() -> Target {
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only([ORIGIN]).unwrap())
        .dangerous()
        .without_authentication()
        .without_tls();
    Target::start_under(rules, modern).await
}

#[tokio::test]
async fn o1_foreign_host_on_loopback() {
    for target in [open_target().await, Target::start().await] {
        let port = target.address.port();
        for host in [
            "evil.example".to_owned(),
            format!("evil.example:{port}"),
            format!("192.168.0.1:{port}"),
            format!("127.0.0.2:{port}"),
            format!("127.0.0.1.nip.io:{port}"),
        ] {
            target.refuses(&call_add().with_header("Host", &host), &foreign_host()).await;
            // The name may also stand in the request line, which wins over the header.
            let absolute = format!("http://{host}/mcp");
            target.refuses(&call_add().with_target(&absolute), &foreign_host()).await;
        }
        let none = Refusal::with_reason(400, -31400, "invalid_host");
        target.refuses(&call_add().without_header("Host"), &none).await;
        target.refuses(&call_add().with_added_header("Host", "localhost"), &none).await;
        for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), "[::1]".to_owned()] {
            let response = target.send(&call_add().with_header("Host", &host)).await;
            assert_eq!(response.status(), 200, "{host}");
        }
    }
}

#[tokio::test]
async fn o2_foreign_origin() {
    for target in [open_target().await, Target::start().await] {
        for origin in [
            "https://evil.example",
            "null",
            "",
            "*",
            "http://localhost",
            "https://localhost",
            "file://",
        ] {
            target.refuses(&call_add().with_header("Origin", origin), &foreign_origin()).await;
        }
        let two = call_add().with_header("Origin", ORIGIN);
        for second in ["https://evil.example", ORIGIN, "null"] {
            let two = two.clone().with_added_header("Origin", second);
            target.refuses(&two, &foreign_origin()).await;
        }
        let list = format!("{ORIGIN}, https://evil.example");
        target.refuses(&call_add().with_header("Origin", list), &foreign_origin()).await;
        // What is asked before a request is judged like the request.
        let preflight = RawRequest::new("OPTIONS", "/mcp")
            .with_header("Origin", "https://evil.example")
            .with_header("Access-Control-Request-Method", "POST");
        target.refuses(&preflight, &foreign_origin()).await;
        let listed = target.send(&call_add().with_header("Origin", ORIGIN)).await;
        assert_eq!(listed.status(), 200);
    }
}

#[tokio::test]
async fn o3_names_that_only_look_alike() {
    let target = open_target().await;
    for host in [
        "localhost.evil",
        "localhost.evil:80",
        "localhost:80@x",
        "x@localhost",
        "localhost.",
        "localhost.:80",
        "0.0.0.0",
        "[::]",
        "0",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1%25lo]",
        "localhost:",
        "localhost:0x50",
        "localhost:99999",
        "localhost,evil.example",
        "localhost evil.example",
        "localhost\tevil.example",
        "localhost/..",
        "localhost#",
        "locallhost",
        "ⅼocalhost",
        "127.0.0.1\u{ff0e}evil",
    ] {
        target.refuses(&call_add().with_header("Host", host), &foreign_host()).await;
    }

    let origins = ["https://app.example.com", "https://alt.example.com:8443"];
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only(origins).unwrap())
        .dangerous()
        .without_authentication()
        .without_tls();
    let target = Target::start_under(rules, |server, _| server).await;
    for origin in [
        "https://app.example.com.evil",
        "https://evil-app.example.com",
        "https://app.example.com.",
        "https://app.example.com@evil.example",
        "https://evil.example/https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com:444",
        "https://app.example.com:",
        "https://app.example.com#",
        "http://app.example.com",
        "wss://app.example.com",
        "app.example.com",
        "//app.example.com",
        "https:app.example.com",
        "https://app.example.com\\@evil.example",
        "https://app.example.com, https://app.example.com",
        "https://example.com",
        "https://sub.app.example.com",
        "https://alt.example.com",
        "https://alt.example.com:84430",
        "https://alt.example.com:08443",
        "https://xn--app-.example.com",
    ] {
        target.refuses(&call_add().with_header("Origin", origin), &foreign_origin()).await;
    }
    for origin in origins {
        let response = target.send(&call_add().with_header("Origin", origin)).await;
        assert_eq!(response.status(), 200, "{origin}");
    }
}

#[tokio::test]
async fn o4_origin_that_equals_the_host() {
    let target = open_target().await;
    let port = target.address.port();
    // A rebound name: Host and Origin agree, and both are the attacker's.
    let rebound = call_add()
        .with_header("Host", format!("evil.example:{port}"))
        .with_header("Origin", format!("http://evil.example:{port}"));
    target.refuses(&rebound, &foreign_host()).await;

    // A name of this server is no origin of its own either: what else runs on this machine is not the application.
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")]
    {
        for scheme in ["http", "https"] {
            let same = call_add()
                .with_header("Host", &host)
                .with_header("Origin", format!("{scheme}://{host}"));
            target.refuses(&same, &foreign_origin()).await;
        }
    }

    let named = AllowedHosts::only(["mcp.example.com"]).unwrap().with_loopback();
    let target =
        Target::start_with(|rules| rules.with_allowed_hosts(named), |server, _| server).await;
    let same = call_add()
        .with_header("Host", "mcp.example.com")
        .with_header("Origin", "https://mcp.example.com");
    target.refuses(&same, &foreign_origin()).await;
}

#[tokio::test]
async fn o5_simple_request_of_a_page() {
    let target = open_target().await;
    let body = call_add().body().to_vec();
    let simple = |media_type: &str| {
        RawRequest::new("POST", "/mcp")
            .with_header("Content-Type", media_type)
            .with_header("Accept", "*/*")
            .with_header("Content-Length", body.len().to_string())
            .with_body(body.clone())
    };
    let not_json = Refusal::with_reason(415, -31400, "unsupported_media_type");
    for media_type in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        // With an origin as browsers send it, and without as some old ones did.
        for origin in ["https://evil.example", "null"] {
            let page = simple(media_type).with_header("Origin", origin);
            target.refuses(&page, &foreign_origin()).await;
        }
        target.refuses(&simple(media_type), &not_json).await;
        target.refuses(&simple(media_type).with_header("Origin", ORIGIN), &not_json).await;
    }
    // A beacon carries no type at all.
    target.refuses(&simple("").without_header("Content-Type"), &not_json).await;
    // Nor can the query do what the body may not.
    let link = RawRequest::new("GET", "/mcp?method=tools/call&name=add");
    let refusal = Refusal::with_reason(405, -31400, "method_not_allowed");
    target.refuses(&link, &refusal).await;
    let form = RawRequest::mcp("tools/call", json!({"name": "add"}))
        .with_header("Content-Type", "text/plain")
        .with_header("Sec-Fetch-Mode", "no-cors")
        .with_header("Origin", ORIGIN);
    target.refuses(&form, &not_json).await;
}

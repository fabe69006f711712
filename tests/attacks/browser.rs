//! What a browser is told: which page may send and read what, and how careful to be with a response.

use std::time::Duration;

use palisade::{
    Context, ToolRoute,
    security::{AllowedHosts, Cors, Limits, Outcome, SecurityHeaders},
    server::ServerBuilder,
};
use palisade_testkit::{RawRequest, RawResponse, TestCa};
use serde_json::json;

use crate::support::{ALICE, ORIGIN, Refusal, Runs, Target, call_add, modern};

const FOREIGN: &str = "https://evil.example";

async fn target_with(cors: Cors) -> Target {
    Target::start_with(|rules| rules.with_cors(cors), modern).await
}

fn preflight(origin: &str) -> RawRequest {
    RawRequest::new("OPTIONS", "/mcp")
        .with_header("Origin", origin)
        .with_header("Access-Control-Request-Method", "POST")
        .with_header("Access-Control-Request-Headers", "authorization,content-type,mcp-method")
}

/// Without a permission in it, a browser keeps the response from the page.
#[track_caller]
fn no_permission(response: &RawResponse) {
    let permits = |name: &str| name.to_ascii_lowercase().starts_with("access-control-");
    let permits = response.headers().iter().any(|(name, _)| permits(name));
    assert!(!permits, "{:?}", response.headers());
}

#[track_caller]
fn permission(response: &RawResponse, credentials: Option<&str>) {
    assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(response.header("access-control-allow-credentials"), credentials);
    let exposed = response.header("access-control-expose-headers");
    assert_eq!(exposed, Some("www-authenticate, retry-after, x-request-id"));
    assert!(response.header("vary").is_some_and(|vary| vary.starts_with("origin")));
}

#[tokio::test]
async fn o7_reflected_origin_with_credentials() {
    let target = target_with(Cors::new().with_credentials(true)).await;

    // The listed page may ask, without credentials, and read every answer: good, refused and unknown.
    let asked = target.send(&preflight(ORIGIN)).await;
    assert_eq!((asked.status(), asked.body().len()), (204, 0));
    permission(&asked, Some("true"));
    assert_eq!(asked.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(asked.header("access-control-max-age"), Some("600"));
    target.check_trace(Outcome::Allowed, "preflight", Some(204)).await;
    for (request, status) in [
        (call_add(), 200),
        (call_add().without_header("Authorization"), 401),
        (call_add().with_header("Content-Type", "text/plain"), 415),
        (call_add().with_target("/other"), 404),
        (call_add().with_body("{"), 400),
        (call_add().with_method("GET"), 405),
        (RawRequest::new("OPTIONS", "/mcp"), 405),
    ] {
        let response = target.send(&request.with_header("Origin", ORIGIN)).await;
        assert_eq!(response.status(), status);
        permission(&response, Some("true"));
    }
    target.runs.forget();
    target.audit.forget();

    // Nobody else is named, whatever they call themselves, and `*` never is.
    let refusal = Refusal::with_reason(403, -31403, "origin_not_allowed");
    for origin in
        [FOREIGN, "null", "*", "", "https://app.example.com.evil", "https://app.example.com:444"]
    {
        for request in [preflight(origin), call_add().with_header("Origin", origin)] {
            let response = target.refuses(&request, &refusal).await;
            no_permission(&response);
            assert_eq!(response.header("vary"), Some("origin"));
        }
    }
    // Two origins: none. No origin: no page, and a cache must not take the answer for a page's.
    let two = call_add().with_header("Origin", ORIGIN).with_added_header("Origin", FOREIGN);
    no_permission(&target.refuses(&two, &refusal).await);
    let program = target.send(&call_add()).await;
    no_permission(&program);
    assert_eq!((program.status(), program.header("vary")), (200, Some("origin")));
}

#[tokio::test]
async fn o7_preflight_for_more_than_is_allowed() {
    let target = target_with(Cors::new()).await;
    let refusal = Refusal::with_reason(403, -31403, "preflight_not_allowed");
    let method = "Access-Control-Request-Method";
    let headers = "Access-Control-Request-Headers";
    for request in [
        preflight(ORIGIN).with_header(method, "DELETE"),
        preflight(ORIGIN).with_header(method, "*"),
        preflight(ORIGIN).with_header(headers, "x-forwarded-for"),
        preflight(ORIGIN).with_header(headers, "content-type,cookie"),
        preflight(ORIGIN).with_header(headers, "*"),
    ] {
        target.refuses(&request, &refusal).await;
    }
    // Preflights are judged like requests: by name and by path.
    let foreign = preflight(ORIGIN).with_header("Host", "evil.example");
    target.refuses(&foreign, &Refusal::with_reason(403, -31403, "host_not_allowed")).await;
    let elsewhere = preflight(ORIGIN).with_target("/admin");
    target.refuses(&elsewhere, &Refusal::with_reason(404, -31400, "not_found")).await;

    let asked = target.send(&preflight(ORIGIN).with_header(headers, "mcp-param-region")).await;
    assert_eq!(asked.status(), 204);
    let allowed = asked.header("access-control-allow-headers").unwrap();
    assert!(allowed.ends_with(", mcp-param-region"), "{allowed}");
    permission(&asked, None);
    let private = preflight(ORIGIN).with_header("Access-Control-Request-Private-Network", "true");
    let asked = target.send(&private).await;
    assert_eq!(asked.header("access-control-allow-private-network"), None);
}

/// Off by default: nobody asks, nobody reads.
#[tokio::test]
async fn o7_no_page_reads_by_default() {
    let target = Target::start().await;
    let refusal = Refusal::with_reason(405, -31400, "method_not_allowed");
    no_permission(&target.refuses(&preflight(ORIGIN), &refusal).await);
    let call = target.send(&call_add().with_header("Origin", ORIGIN)).await;
    assert_eq!((call.status(), call.header("vary")), (200, None));
    no_permission(&call);
}

fn with_chatter(server: ServerBuilder, _: &Runs) -> ServerBuilder {
    let chatter =
        ToolRoute::dynamic("chatter", json!({"type": "object"}), async |_, context: Context| {
            context.progress(1.0, None, None).await;
            "done"
        });
    server.with_tool(chatter)
}

/// What a careful browser wants to hear, with the value of `Strict-Transport-Security`.
#[track_caller]
fn careful(response: &RawResponse, hsts: Option<&str>) {
    for (name, value) in [
        ("x-content-type-options", Some("nosniff")),
        ("x-frame-options", Some("DENY")),
        ("referrer-policy", Some("no-referrer")),
        ("x-permitted-cross-domain-policies", Some("none")),
        ("cache-control", Some("no-store")),
        ("strict-transport-security", hsts),
    ] {
        assert_eq!(response.header(name), value, "{name}, status {}", response.status());
        let count = response.headers().iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        assert!(count.count() <= 1, "{name} once");
    }
}

#[tokio::test]
async fn responses_ask_browsers_to_be_careful() {
    let server = |server, runs: &Runs| modern(with_chatter(server, runs), runs);
    let target = Target::start_with(|rules| rules.with_cors(Cors::new()), server).await;
    let chatter =
        RawRequest::tools_call("chatter", json!({})).with_token(ALICE).with_edited_body(|body| {
            body["params"]["_meta"]["progressToken"] = json!("p");
        });
    let call = call_add().with_header("Origin", ORIGIN);
    let foreign = call_add().with_header("Origin", FOREIGN);
    let get = RawRequest::new("GET", "/");
    for request in [call, foreign, get, preflight(ORIGIN), preflight(FOREIGN)] {
        careful(&target.send(&request).await, None);
    }
    // No browser sends this, so no browser needs to be told.
    assert_eq!(target.send(&call_add()).await.header("x-content-type-options"), None);
    let stream = target.send(&chatter.with_header("Origin", ORIGIN)).await;
    assert_eq!(stream.events().len(), 2, "{}", stream.text());
    careful(&stream, None);
    permission(&stream, None);

    let none = SecurityHeaders::none();
    let target =
        Target::start_with(|rules| rules.with_security_headers(none), |server, _| server).await;
    let bare = target.send(&call_add().with_header("Origin", ORIGIN)).await;
    assert_eq!((bare.status(), bare.header("x-frame-options")), (200, None));
}

/// Only over TLS, and only for a name that is not this machine's.
#[tokio::test]
async fn strict_transport_security_needs_tls() {
    let ca = TestCa::new();
    let target = Target::start_tls_with(
        &ca,
        |rules| {
            let headers = SecurityHeaders::new().with_hsts(Duration::from_secs(86_400));
            let hosts = AllowedHosts::only(["mcp.example.com"]).unwrap().with_loopback();
            rules.with_allowed_hosts(hosts).with_security_headers(headers)
        },
        |server, _| server,
    )
    .await;
    let call = call_add().with_header("Origin", ORIGIN);
    careful(&target.send(&call).await, Some("max-age=86400"));
    let refused = target.send(&RawRequest::new("GET", "/")).await;
    careful(&refused, Some("max-age=86400"));

    let target = Target::start_tls(&ca, Limits::new(), |server, _| server).await;
    careful(&target.send(&call).await, None);
}

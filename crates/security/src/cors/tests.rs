//! One preflight and one response, changed in one way a case.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]

use http::{Method, Uri, header};

use super::*;
use crate::{GuardInput, RejectError, SecurityConfig, SecurityConfigError, ServerSecurity};

const PAGE: &str = "https://app.example.com";

fn build(origins: AllowedOrigins, cors: Cors) -> Result<ServerSecurity, SecurityConfigError> {
    SecurityConfig::server()
        .with_allowed_origins(origins)
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_cors(cors)
        .build()
}

fn security(cors: Cors) -> ServerSecurity {
    build(AllowedOrigins::only([PAGE]).unwrap(), cors).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

fn ask(
    security: &ServerSecurity,
    pairs: &[(&'static str, &str)],
) -> Option<Result<HeaderMap, RejectError>> {
    let uri = Uri::from_static("/mcp");
    let headers = headers(pairs);
    let input = GuardInput::new(&Method::OPTIONS, &uri, &headers);
    security.preflight(&input).map(|answer| answer.map(Preflight::into_headers))
}

/// A good preflight, with these headers besides.
fn ask_for(more: &[(&'static str, &str)]) -> Result<HeaderMap, RejectError> {
    let good = [("host", "localhost"), ("origin", PAGE), ("access-control-request-method", "POST")];
    ask(&security(Cors::new()), &[&good, more].concat()).unwrap()
}

#[test]
fn a_preflight_says_what_may_be_sent() {
    let answer = ask_for(&[]).unwrap();
    assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_METHODS], "POST");
    assert_eq!(
        answer[header::ACCESS_CONTROL_ALLOW_HEADERS],
        "accept, content-type, authorization, mcp-protocol-version, mcp-method, mcp-name"
    );
    assert_eq!(answer[header::ACCESS_CONTROL_MAX_AGE], "600");
    let vary = answer[header::VARY].to_str().unwrap();
    for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
        assert!(vary.split(", ").any(|found| found == name), "{vary}");
    }
    assert_eq!(answer.len(), 4, "{answer:?}");
}

#[track_caller]
fn check_headers(requested: &[&str], allowed: Option<&str>) {
    let requested: Vec<_> =
        requested.iter().map(|value| ("access-control-request-headers", *value)).collect();
    let found = ask_for(&requested).map(|answer| {
        let text = answer[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        text.strip_prefix(
            "accept, content-type, authorization, mcp-protocol-version, mcp-method, mcp-name",
        )
        .unwrap()
        .to_owned()
    });
    assert_eq!(found.as_deref().ok(), allowed, "{requested:?}: {found:?}");
    if allowed.is_none() {
        assert_eq!(found, Err(RejectError::PreflightNotAllowed));
    }
}

#[test]
fn only_named_headers_and_mirrored_arguments_may_be_sent() {
    check_headers(&["content-type"], Some(""));
    check_headers(&["Content-Type,AUTHORIZATION, mcp-method"], Some(""));
    check_headers(&["content-type", "mcp-name"], Some(""));
    check_headers(&["mcp-param-region,content-type"], Some(", mcp-param-region"));
    check_headers(&["Mcp-Param-A", "mcp-param-b"], Some(", Mcp-Param-A, mcp-param-b"));
    for refused in [
        "",
        "x-other",
        "content-type,x-other",
        "content-type,",
        "mcp-param-",
        "mcp-params",
        "mcp-",
        "*",
        "cookie",
        "mcp-param-a b",
        "mcp-param-\u{e4}",
        "mcp-param-a:b",
        "x-mcp-param-a",
    ] {
        check_headers(&[refused], None);
    }
    check_headers(&["content-type", "x-other"], None);
}

#[test]
fn pages_may_speak_older_revisions_where_they_are_served() {
    let security = security(Cors::new());
    let uri = Uri::from_static("/mcp");
    let good = [
        ("host", "localhost"),
        ("origin", PAGE),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-headers", "mcp-session-id, Last-Event-ID"),
    ];
    let headers = headers(&good);
    let ask = |sessions| {
        let input = GuardInput::new(&Method::OPTIONS, &uri, &headers).with_sessions(sessions);
        security.preflight(&input).unwrap().map(Preflight::into_headers)
    };
    assert_eq!(ask(false), Err(RejectError::PreflightNotAllowed));
    let answer = ask(true).unwrap();
    assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_METHODS], "POST, GET, DELETE");
    let names = answer[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
    assert!(names.ends_with("mcp-name, mcp-session-id, last-event-id"), "{names}");

    let exposed = |sessions| {
        let input = GuardInput::new(&Method::POST, &uri, &headers).with_sessions(sessions);
        let mut response = HeaderMap::new();
        security.response_headers(&input, false).write(&mut response);
        response[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().to_owned()
    };
    assert_eq!(exposed(false), "www-authenticate, retry-after, x-request-id");
    assert_eq!(exposed(true), format!("{}, mcp-session-id", exposed(false)));
}

#[test]
fn only_served_methods_may_be_used() {
    for method in ["GET", "PUT", "DELETE", "post", "", "*", "POST, GET"] {
        let asked =
            [("host", "localhost"), ("origin", PAGE), ("access-control-request-method", method)];
        let answer = ask(&security(Cors::new()), &asked);
        assert_eq!(answer, Some(Err(RejectError::PreflightNotAllowed)), "{method}");
    }
    let twice = ask_for(&[("access-control-request-method", "POST")]);
    assert_eq!(twice, Err(RejectError::PreflightNotAllowed));
}

#[test]
fn o7_a_preflight_passes_host_and_origin() {
    let security = security(Cors::new());
    let asks = |host, origin| {
        ask(
            &security,
            &[("host", host), ("origin", origin), ("access-control-request-method", "POST")],
        )
    };
    assert!(asks("localhost", PAGE).unwrap().is_ok());
    assert_eq!(asks("evil.example", PAGE), Some(Err(RejectError::HostNotAllowed)));
    for origin in ["https://evil.example", "null", "*", "https://app.example.com.evil"] {
        assert_eq!(asks("localhost", origin), Some(Err(RejectError::OriginNotAllowed)), "{origin}");
    }
    // Not preflights: the guard answers them with 405.
    assert_eq!(ask(&security, &[("host", "localhost"), ("origin", PAGE)]), None);
    let method = ("access-control-request-method", "POST");
    assert_eq!(ask(&security, &[("host", "localhost"), method]), None);
}

#[test]
fn private_networks_are_reached_only_if_allowed() {
    let asked = [
        ("host", "localhost"),
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        ("access-control-request-private-network", "true"),
    ];
    let allow = "access-control-allow-private-network";
    assert!(!ask(&security(Cors::new()), &asked).unwrap().unwrap().contains_key(allow));
    let open = security(Cors::new().with_private_network(true));
    assert_eq!(ask(&open, &asked).unwrap().unwrap()[allow], "true");
    assert!(!ask(&open, &asked[..3]).unwrap().unwrap().contains_key(allow));
}

/// The CORS headers of a response to this origin.
fn response(security: &ServerSecurity, origins: &[&str]) -> Vec<(String, String)> {
    let origins: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).collect();
    let mut written = HeaderMap::new();
    let (uri, headers) = (Uri::from_static("/mcp"), headers(&origins));
    let request = GuardInput::new(&Method::POST, &uri, &headers);
    security.response_headers(&request, false).write(&mut written);
    let cors = |name: &HeaderName| name == VARY || name.as_str().starts_with("access-control");
    let mut found: Vec<_> = written
        .iter()
        .filter(|(name, _)| cors(name))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    found.sort();
    found
}

#[track_caller]
fn check_response(security: &ServerSecurity, origins: &[&str], expected: &[(&str, &str)]) {
    let expected: Vec<_> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(response(security, origins), expected, "{origins:?}");
}

#[test]
fn o7_responses_name_the_listed_origin() {
    let plain = security(Cors::new());
    let exposed = ("access-control-expose-headers", "www-authenticate, retry-after, x-request-id");
    let named = ("access-control-allow-origin", PAGE);
    let vary = ("vary", "origin");
    check_response(&plain, &[PAGE], &[named, exposed, vary]);
    // The form of the configuration, not of the request.
    check_response(&plain, &["HTTPS://APP.EXAMPLE.COM:443"], &[named, exposed, vary]);
    for foreign in [&[][..], &["https://evil.example"], &["null"], &["*"], &[PAGE, PAGE]] {
        check_response(&plain, foreign, &[vary]);
    }
    let open = security(Cors::new().with_credentials(true));
    let credentials = ("access-control-allow-credentials", "true");
    check_response(&open, &[PAGE], &[credentials, named, exposed, vary]);
    check_response(&open, &["https://evil.example"], &[vary]);

    let local = build(AllowedOrigins::loopback(), Cors::new()).unwrap();
    let named = ("access-control-allow-origin", "http://localhost:3000");
    check_response(&local, &["http://LOCALHOST:3000"], &[named, exposed, vary]);
    check_response(&local, &["http://localhost.evil:3000"], &[vary]);

    let off = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only([PAGE]).unwrap())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()
        .unwrap();
    check_response(&off, &[PAGE], &[]);
    let asked =
        [("host", "localhost"), ("origin", PAGE), ("access-control-request-method", "POST")];
    assert_eq!(ask(&off, &asked), None);
}

#[test]
fn permissions_that_nobody_could_use_or_everybody_are_findings() {
    let star = HeaderName::from_static("*");
    let page = || AllowedOrigins::only([PAGE]).unwrap();
    let codes = |origins: AllowedOrigins, cors: Cors| match build(origins, cors) {
        Ok(security) => security.warnings().iter().map(|found| found.code()).collect::<Vec<_>>(),
        Err(error) => error.findings().iter().map(|found| found.code()).collect(),
    };
    assert_eq!(codes(page(), Cors::default()), [""; 0]);
    assert_eq!(codes(AllowedOrigins::none(), Cors::new()), ["cors_without_origins"]);
    for methods in [&[][..], &[Method::GET], &[Method::POST, Method::PUT]] {
        let cors = Cors::new().with_methods(methods.iter().cloned());
        assert_eq!(codes(page(), cors), ["cors_method_not_served"]);
    }
    let cors = Cors::new().with_request_headers([star.clone()]).with_exposed_headers([star]);
    assert_eq!(codes(page(), cors), ["cors_wildcard", "cors_wildcard"]);
    assert_eq!(codes(page(), Cors::new().with_max_age(MAX_AGE)), [""; 0]);
    let long = Cors::new().with_max_age(MAX_AGE + Duration::from_secs(1));
    assert_eq!(codes(page(), long), ["limit_too_large"]);
    let open = || Cors::new().with_credentials(true);
    assert_eq!(codes(page(), open()), [""; 0]);
    assert_eq!(codes(page().with_loopback(), open()), ["cors_credentials_loopback"]);
    let http = AllowedOrigins::only(["http://app.example.com"]).unwrap();
    assert_eq!(codes(http, open()), ["cors_credentials_http"]);
}

/// `*` is no origin, so that it cannot meet credentials, whoever wrote the list.
#[test]
fn o7_a_wildcard_is_not_an_origin() {
    assert_eq!(AllowedOrigins::only(["*"]).unwrap_err().code(), "invalid_origin");
}

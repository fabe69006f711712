//! Paths: an endpoint answers to its own, byte by byte, and to nothing that only means the same.

use std::{net::SocketAddr, sync::Arc};

use palisade::{
    Context, SecurityConfig, Server, ToolRoute,
    http::{BindError, HttpServer},
    security::{AllowedOrigins, EndpointPath, Limits, ServerSecurity},
};
use palisade_testkit::{RawPeer, RawRequest, guard::PATIENCE, within};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Refusal, Target, call_add};

fn path(text: &str) -> EndpointPath {
    EndpointPath::parse(text).unwrap()
}

fn security(limits: Limits) -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_limits(limits)
        .build()
        .unwrap()
}

/// A server whose only tool says which one it is.
fn named(name: &'static str) -> Server {
    let who = ToolRoute::dynamic("who", json!({"type": "object"}), move |_, _: Context| {
        std::future::ready(name)
    });
    Server::new(name, "1.0.0").with_tool(who).build().unwrap()
}

async fn bind(server: Server, limits: Limits) -> HttpServer {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    HttpServer::bind(loopback, server, security(limits)).await.unwrap()
}

/// The paths of a target that normalising readers would take for another.
#[tokio::test]
async fn h19_paths_that_mean_the_same() {
    let target = Target::start().await;
    let refusal = Refusal::with_reason(404, -31400, "not_found");
    for other in [
        "//mcp",
        "/mcp/",
        "/mcp//",
        "/./mcp",
        "/a/../mcp",
        "/mcp/.",
        "/mcp/..",
        "/%6dcp",
        "/%6Dcp",
        "/mcp%20",
        "/mcp%00",
        "/mcp;",
        "/mcp;v=1",
        "/mcp%3f",
        "/mcp.",
        "/Mcp",
        "/mcp/x",
        "/",
        "/mc",
        "/mcp%2f",
        "/mcp%252f",
        "/mcp\u{ff0f}",
    ] {
        target.refuses(&call_add().with_target(other), &refusal).await;
        let authority = format!("http://127.0.0.1:{}{other}", target.address.port());
        target.refuses(&call_add().with_target(&authority), &refusal).await;
    }
    // A query is no part of the path, and the whole URI may be written out.
    let whole = format!("http://127.0.0.1:{}/mcp", target.address.port());
    for same in ["/mcp", "/mcp?", "/mcp?a=/other", whole.as_str()] {
        assert_eq!(target.send(&call_add().with_target(same)).await.status(), 200, "{same}");
    }
}

#[tokio::test]
async fn several_endpoints_have_each_their_path() {
    let http = bind(named("first"), Limits::new())
        .await
        .with_path(path("/mcp").within(&path("/api/v1")).unwrap())
        .unwrap()
        .with_endpoint(path("/other"), named("second"))
        .unwrap();
    let peer = RawPeer::new(http.local_addr().unwrap());
    tokio::spawn(http.serve());
    let ask = async |target: &str| {
        let request = RawRequest::tools_call("who", json!({})).with_target(target);
        let response = within(PATIENCE, peer.send(&request)).await.unwrap();
        let text = response.json().pointer("/result/content/0/text").cloned();
        (response.status(), text.unwrap_or(Value::Null))
    };
    assert_eq!(ask("/api/v1/mcp").await, (200, json!("first")));
    assert_eq!(ask("/other").await, (200, json!("second")));
    for nothing in ["/mcp", "/api/v1", "/api/v1/mcp/", "/other/", "//other", "/api/v1/other"] {
        assert_eq!(ask(nothing).await, (404, Value::Null), "{nothing}");
    }
}

#[tokio::test]
async fn two_endpoints_cannot_share_a_path() {
    let taken = |result: Result<HttpServer, BindError>| result.unwrap_err().code();
    let http = bind(named("first"), Limits::new()).await;
    assert_eq!(taken(http.with_endpoint(path("/mcp"), named("second"))), "path_taken");
    let http = bind(named("first"), Limits::new()).await;
    let http = http.with_endpoint(path("/other"), named("second")).unwrap();
    assert_eq!(taken(http.with_path(path("/other"))), "path_taken");
}

/// Who asks two endpoints has no more than who asks one.
#[tokio::test]
async fn endpoints_count_together() {
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = ToolRoute::dynamic("slow", json!({"type": "object"}), {
        let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
        move |_, _: Context| {
            let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
            async move {
                begun.notify_one();
                end.notified().await;
                "done"
            }
        }
    });
    let first = Server::new("first", "1.0.0").with_tool(slow).build().unwrap();
    let http = bind(first, Limits::new().with_max_in_flight_per_principal(1)).await;
    let http = http.with_endpoint(path("/other"), named("second")).unwrap();
    let peer = RawPeer::new(http.local_addr().unwrap());
    tokio::spawn(http.serve());

    let mut waiting = peer.connect().await.unwrap();
    waiting.write_request(&RawRequest::tools_call("slow", json!({}))).await.unwrap();
    within(PATIENCE, begun.notified()).await;
    let who = RawRequest::tools_call("who", json!({})).with_target("/other");
    let refused = within(PATIENCE, peer.send(&who)).await.unwrap();
    assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("1")));
    end.notify_one();
    assert_eq!(waiting.read_response().await.unwrap().status(), 200);
    assert_eq!(within(PATIENCE, peer.send(&who)).await.unwrap().status(), 200);
}

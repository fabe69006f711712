//! A client in ten lines: one request in, one JSON answer out.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use palisade::{
    SecurityConfig, Server,
    auth::{Bearer, bearer::TokenEntry},
    http::HttpService,
    security::{AllowedOrigins, PeerInfo},
};
use serde_json::{Value, json};
use tower_service::Service;

const TOKEN: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

/// The `result` or `error` of a request, sent by `alice`.
pub(crate) async fn ask(server: &Server, method: &str, params: Value) -> Value {
    ask_with(server, method, params, &[]).await
}

/// The same, with more headers.
pub(crate) async fn ask_with(
    server: &Server,
    method: &str,
    mut params: Value,
    headers: &[(&str, &str)],
) -> Value {
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::entries([TokenEntry::new("alice", TOKEN)]))
        .without_tls()
        .build()
        .unwrap();
    let mut request = Request::post("http://127.0.0.1/mcp")
        .header("host", "127.0.0.1")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    if let Some(name) = params.get("name").or(params.get("uri")).and_then(Value::as_str) {
        request = request.header("mcp-name", name);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let peer = PeerInfo::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    let request = request.extension(peer).body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let mut service = HttpService::new(server.clone(), security);
    let response = service.call(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let mut answer: Value = serde_json::from_slice(&body).unwrap();
    match answer.get_mut("result") {
        Some(result) => result.take(),
        None => answer["error"].take(),
    }
}

/// The definitions in a list, without what all results have.
pub(crate) async fn list(server: &Server, method: &str, member: &str) -> Value {
    ask(server, method, json!({})).await[member].take()
}

/// The problems that building reports: where and which.
pub(crate) fn problems(error: &palisade::server::RegistrationError) -> Vec<(&str, &str)> {
    error.problems.iter().map(|problem| (problem.subject.as_str(), problem.code)).collect()
}

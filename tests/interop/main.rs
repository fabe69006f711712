//! Interoperability with servers and clients that others wrote: the SDKs for TypeScript and Python, for revision
//! 2026-07-28 and for those before it, `server-everything` and the inspector.
//!
//! Every party has the same fixture: the tools `add`, `count` (progress), `greet` (elicitation) and `trigger_change`
//! (tool list changed). Every client takes the same walk through it and checks every answer. The peers are installed
//! from npm and PyPI into the target directory by the first test that needs them.

#[cfg(test)]
mod everything;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod inspector;
#[cfg(test)]
mod install;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod visit;

use fixture::Fixture;
use install::Language;
use palisade::{client::SubscriptionEnd, protocol::ProtocolVersion};
use peer::{ServerPeer, walk, walk_to_shutdown, walk_with};
use visit::{assert_unauthorized, visit, visit_child, visit_in};

const TOKEN: &str = "mK4vT9qXw2RzL7nBs5JdYh8Cp3GfAe6U";
const WRONG: &str = "Zt6uHy2NkW9bQx4MvR7cDs3LgPj8FaE5";

/// Their client, our server.
async fn check_client(language: Language, token: Option<&str>) {
    let Some(client) = language.installed().await else { return };
    let fixture = Fixture::start(token).await;
    if token.is_some() {
        walk(&client, fixture.url(), Some(WRONG)).await.assert_refused();
        walk(&client, fixture.url(), None).await.assert_refused();
    }
    let shut_down = || fixture.shut_down();
    let walk = walk_to_shutdown(&client, fixture.url(), token, shut_down).await;
    walk.assert_complete_to_shutdown();
    fixture.assert_ended().await;
}

/// Their client of older revisions, our server.
async fn check_older_client(language: Language, options: &[&str]) {
    let Some(client) = language.installed().await else { return };
    for token in [None, Some(TOKEN)] {
        let fixture = Fixture::start(token).await;
        if token.is_some() {
            walk_with(&client, fixture.url(), Some(WRONG), options).await.assert_refused();
        }
        walk_with(&client, fixture.url(), token, options).await.assert_complete();
        fixture.shut_down();
        fixture.assert_ended().await;
    }
}

/// Our client, their server, which ends its subscriptions like `end`.
async fn check_server(language: Language, token: Option<&str>, end: SubscriptionEnd) {
    let Some(server) = language.installed().await else { return };
    let running = ServerPeer::start(&server, token).await;
    if token.is_some() {
        assert_unauthorized(running.url(), Some(WRONG)).await;
        assert_unauthorized(running.url(), None).await;
    }
    let visit = visit(running.url(), token).await;
    running.end().await;
    visit.assert_end(end).await;
}

/// Our client, their server of an older revision, over the transport that these options name.
async fn check_older_server(language: Language, version: ProtocolVersion, options: &[&str]) {
    let Some(server) = language.installed().await else { return };
    let running = ServerPeer::start_with(&server, options).await;
    let visit = visit_in(version, running.url(), None).await;
    running.end().await;
    visit.assert_end(SubscriptionEnd::Interrupted).await;
}

/// Our client, their server of an older revision, as its child.
async fn check_older_child(language: Language, version: ProtocolVersion) {
    let Some(server) = language.installed().await else { return };
    visit_child(version, server.stdio_server()).await.leave().await;
}

/// The control: where this fails, the fault is not ours. A walk with a wrong token must not get anywhere.
async fn check_pair(server: Language, client: Language) {
    let (Some(server), Some(client)) = (server.installed().await, client.installed().await) else {
        return;
    };
    let running = ServerPeer::start(&server, Some(TOKEN)).await;
    walk(&client, running.url(), Some(TOKEN)).await.assert_complete();
    walk(&client, running.url(), Some(WRONG)).await.assert_refused();
}

/// Whoever comes second finds everything in place.
async fn check_installation(language: Language) {
    let Some(first) = language.installed().await else { return };
    let second = language.installed().await;
    assert_eq!(second.map(|second| second.installed_at()), Some(first.installed_at()));
}

#[tokio::test]
async fn typescript_is_installed_once() {
    check_installation(Language::TypeScript).await;
}

#[tokio::test]
async fn python_is_installed_once() {
    check_installation(Language::Python).await;
}

#[tokio::test]
async fn typescript_client_with_palisade_server() {
    check_client(Language::TypeScript, None).await;
}

#[tokio::test]
async fn typescript_client_with_palisade_server_and_bearer() {
    check_client(Language::TypeScript, Some(TOKEN)).await;
}

#[tokio::test]
async fn python_client_with_palisade_server() {
    check_client(Language::Python, None).await;
}

#[tokio::test]
async fn python_client_with_palisade_server_and_bearer() {
    check_client(Language::Python, Some(TOKEN)).await;
}

#[tokio::test]
async fn older_typescript_client_with_palisade_server() {
    check_older_client(Language::TypeScriptV1, &[]).await;
}

#[tokio::test]
async fn older_typescript_client_with_palisade_server_over_http_sse() {
    check_older_client(Language::TypeScriptV1, &["--sse"]).await;
}

#[tokio::test]
async fn older_python_client_with_palisade_server() {
    check_older_client(Language::PythonV1, &[]).await;
}

#[tokio::test]
async fn older_python_client_with_palisade_server_over_http_sse() {
    check_older_client(Language::PythonV1, &["--sse"]).await;
}

#[tokio::test]
async fn palisade_client_with_typescript_server() {
    check_server(Language::TypeScript, None, SubscriptionEnd::Graceful).await;
}

#[tokio::test]
async fn palisade_client_with_typescript_server_and_bearer() {
    check_server(Language::TypeScript, Some(TOKEN), SubscriptionEnd::Graceful).await;
}

// The Python SDK's `MCPServer` has no way to end its subscriptions with a result.

#[tokio::test]
async fn palisade_client_with_python_server() {
    check_server(Language::Python, None, SubscriptionEnd::Interrupted).await;
}

#[tokio::test]
async fn palisade_client_with_python_server_and_bearer() {
    check_server(Language::Python, Some(TOKEN), SubscriptionEnd::Interrupted).await;
}

#[tokio::test]
async fn palisade_client_with_older_typescript_server() {
    check_older_server(Language::TypeScriptV1, ProtocolVersion::V2025_11_25, &[]).await;
}

#[tokio::test]
async fn palisade_client_with_older_python_server() {
    check_older_server(Language::PythonV1, ProtocolVersion::V2025_11_25, &[]).await;
}

#[tokio::test]
async fn palisade_client_with_older_typescript_server_over_stdio() {
    check_older_child(Language::TypeScriptV1, ProtocolVersion::V2025_11_25).await;
}

#[tokio::test]
async fn palisade_client_with_older_python_server_over_stdio() {
    check_older_child(Language::PythonV1, ProtocolVersion::V2025_11_25).await;
}

// Both servers speak newer revisions over the oldest transport too.

#[tokio::test]
async fn palisade_client_with_older_typescript_server_over_http_sse() {
    check_older_server(Language::TypeScriptV1, ProtocolVersion::V2025_11_25, &["--sse"]).await;
}

#[tokio::test]
async fn palisade_client_with_older_python_server_over_http_sse() {
    check_older_server(Language::PythonV1, ProtocolVersion::V2025_11_25, &["--sse"]).await;
}

#[tokio::test]
async fn typescript_client_with_python_server() {
    check_pair(Language::Python, Language::TypeScript).await;
}

#[tokio::test]
async fn python_client_with_typescript_server() {
    check_pair(Language::TypeScript, Language::Python).await;
}

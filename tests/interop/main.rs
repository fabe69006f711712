//! Interoperability with servers and clients that others wrote: the SDKs for TypeScript and Python, revision 2026-07-28.
//!
//! Every party has the same fixture: the tools `add`, `count` (progress), `greet` (elicitation) and `trigger_change`
//! (tool list changed). Every client takes the same walk through it and checks every answer. The peers are installed
//! from npm and PyPI into the target directory by the first test that needs them.

#[cfg(test)]
mod install;
#[cfg(test)]
mod peer;

use peer::{ServerPeer, walk};

/// The control: where this fails, the fault is not ours. A walk with a wrong token must not get anywhere.
async fn check_pair(server: install::Language, client: install::Language) {
    let (Some(server), Some(client)) = (server.installed(), client.installed()) else { return };
    let running = ServerPeer::start(&server, Some("s3cret")).await;
    walk(&client, running.url(), Some("s3cret")).await.assert_complete();
    walk(&client, running.url(), Some("wrong")).await.assert_refused();
}

#[tokio::test]
async fn typescript_client_with_python_server() {
    check_pair(install::Language::Python, install::Language::TypeScript).await;
}

#[tokio::test]
async fn python_client_with_typescript_server() {
    check_pair(install::Language::TypeScript, install::Language::Python).await;
}

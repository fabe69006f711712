//! Servers of older revisions: the scripts that stand for them, and what a client makes of them.

mod eras;
mod requests;
mod session;
mod subscriptions;

use palisade_client::{Client, ClientBuilder};
use serde_json::{Value, json};

use crate::fake::{Control, Seen, Step, try_connect};

/// What an older server answers to what it does not know.
pub(crate) fn unknown(seen: &Seen) -> Vec<Step> {
    vec![seen.error(-32601, Value::Null)]
}

/// The beginning of a session in this revision, or what the script says.
pub(crate) fn in_session(
    version: &'static str,
    script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static {
    move |seen| match seen.method() {
        "server/discover" => unknown(seen),
        "initialize" => vec![seen.result(json!({
            "protocolVersion": version,
            "capabilities": {
                "tools": { "listChanged": true },
                "resources": { "subscribe": true },
                "logging": {},
                "experimental": { "x": {} }
            },
            "serverInfo": { "name": "old", "version": "1", "title": "Old" },
            "instructions": "be kind"
        }))],
        _ => script(seen),
    }
}

/// A client in a session with a server of this revision that can be heard.
pub(crate) async fn connected(
    builder: ClientBuilder,
    version: &'static str,
    script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> (Client, Control) {
    let control = Control::default().with_voice();
    let client = try_connect(builder, &control, in_session(version, script)).await.unwrap();
    (client, control)
}

pub(crate) fn done(seen: &Seen) -> Vec<Step> {
    vec![seen.result(json!({ "content": [] }))]
}

/// A request of the server.
pub(crate) fn asked(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

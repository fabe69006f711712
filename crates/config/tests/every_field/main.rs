//! No option is ignored: each field of the raw forms is changed, one at a time, and each change must show, in
//! what is built, in how it behaves, or as a finding. Which fields there are is read from the schema, so a new
//! one fails here until it is in the files below and has an effect.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic")]

mod changes;
mod observe;
mod walk;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use palisade_config::{client_schema, launch_schema, server_schema};
use palisade_testkit::TestCa;
use serde_json::{Value, json};

use crate::walk::Leaf;

const PIN: &str = "sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The files that configurations refer to, and whom their certificates are of.
struct World {
    folder: PathBuf,
    ca: TestCa,
}

impl World {
    fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        let (ca, other) = (TestCa::new(), TestCa::new());
        let world = Self { folder, ca };
        for (name, cert) in [("server", world.ca.server()), ("other", other.server())] {
            world.write(&format!("{name}.pem"), cert.pem());
            world.write(&format!("{name}.key"), cert.key_pem());
        }
        let client = world.ca.client("spiffe://example.org/ci");
        world.write("client.pem", client.pem());
        world.write("client.key", client.key_pem());
        world.write("ca.pem", &world.ca.pem());
        world.write("other-ca.pem", &other.pem());
        world.write("ca.crl", &world.ca.crl(&[]));
        world.write("other.crl", &other.crl(&[]));
        world
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    }
}

/// Apart from the rest, because the macro nests no deeper.
fn limits() -> Value {
    json!({
        "max_body_bytes": 1000, "max_header_bytes": 9000, "max_headers": 50, "max_json_depth": 32,
        "max_connections": 100, "max_connections_per_address": 50, "max_concurrent_streams": 64,
        "max_reset_streams": 10, "max_control_frames": 500, "max_in_flight": 1000,
        "max_in_flight_per_principal": 100, "max_subscriptions_per_principal": 8, "sse_queue": 32,
        "max_request_state_bytes": 1024, "handshake_timeout": "5s", "header_timeout": "5s",
        "authentication_timeout": "5s", "body_timeout": "5s", "request_timeout": "30s",
        "idle_timeout": "30s", "sse_keep_alive": "10s", "request_state_ttl": "5min",
        "sessions": {
            "max_sessions": 100, "max_per_principal": 8, "max_replay_events": 16,
            "max_replay_bytes": 4096, "max_replay_bytes_in_all": 65536, "idle_timeout": "5min",
            "retry": "2s",
        },
        "tasks": {
            "max_tasks": 100, "max_per_principal": 8, "max_bytes": 4096, "ttl": "5min",
            "poll_interval": "5s",
        },
    })
}

/// Every section, and every kind of credential.
fn full_server() -> Value {
    json!({
        "transport": "streamable_http",
        "listen": "127.0.0.1:9000",
        "path": "/tools",
        "realm": "tools",
        "origins": { "allowed": ["https://app.example.com"], "loopback": false },
        "hosts": { "allowed": ["mcp.example.com", "localhost"], "loopback": false },
        "authentication": [
            { "kind": "bearer", "tokens": [secret("bearer", observe::TOKEN)] },
            { "kind": "api_key", "header": "X-Team-Key", "keys": [secret("key", observe::KEY)] },
            {
                "kind": "basic", "max_at_once": 1, "max_waiting": 8,
                "users": [{
                    "name": "basic", "password_hash": observe::PASSWORD_HASH, "scopes": ["a"],
                    "not_before": "2020-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z",
                }],
            },
            {
                "kind": "custom",
                "sets": [{
                    "subject": "custom", "scopes": ["a"],
                    "not_before": "2020-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z",
                    "headers": [
                        { "name": "X-Client-Id", "value": "custom" },
                        { "name": "X-Client-Secret", "value": observe::VALUE },
                    ],
                }],
            },
            {
                "kind": "client_certificate", "name": "spiffe", "trust_domains": ["example.org"],
                "certificates": [{ "name": "spiffe://example.org/ci", "scopes": ["a"] }],
            },
        ],
        "authentication_combination": "any_of",
        "backoff": {
            "free_failures": 7, "first_delay": "2s", "max_delay": "10min", "forget_after": "2h",
            "max_addresses": 1024,
        },
        "cors": {
            "request_headers": ["x-api-key"], "exposed_headers": ["x-request-id"], "credentials": true,
            "max_age": "60s", "private_network": true,
        },
        "protected_resource": {
            "resource": "https://mcp.example.com/tools",
            "authorization_servers": ["https://login.example.com"], "scopes_supported": ["a"],
            "resource_name": "Tools", "resource_documentation": "https://docs.example.com/tools",
        },
        "security_headers": { "include": true, "hsts": "30d", "hsts_subdomains": true },
        "tls": {
            "certificates": "server.pem", "key": "server.key", "min_version": "1.2",
            "reload_interval": "30s",
            "client_certificates": {
                "authorities": "ca.pem", "optional": true, "crls": ["ca.crl"], "spki_pins": [PIN],
                "max_chain_depth": 3,
            },
        },
        "limits": limits(),
        "rate_limits": {
            "per_address": { "requests": 60, "per": "60s", "burst": 10 },
            "per_principal": { "requests": 60, "per": "60s", "burst": 10 },
            "tools": { "add": { "requests": 60, "per": "60s", "burst": 10 } },
            "max_keys": 1024,
        },
        "trusted_proxies": { "networks": ["10.0.0.0/8"], "header": "x_forwarded" },
        "policy": {
            "roles": { "writer": { "subjects": ["alice"], "schemes": ["bearer"], "scopes": ["a"] } },
            "rules": [{
                "name": "write", "effect": "allow", "roles": ["writer"], "methods": ["tools/list"],
                "tools": ["write"], "prompts": ["ask"], "resources": ["test://readme"],
                "uris": [{ "scheme": "https", "authority": "example.com", "below": "/data" }],
                "arguments": [
                    { "pointer": "/path", "below": "/srv", "max_bytes": 100, "optional": true, "each": false },
                    { "pointer": "/url", "uri": { "scheme": "https", "authority": "a.example", "below": "/a" } },
                    { "pointer": "/mode", "one_of": ["append"] },
                    { "pointer": "/count", "min": 1, "max": 10 },
                ],
            }],
        },
        "audit": [
            { "kind": "tracing" },
            {
                "kind": "file", "path": "audit.jsonl", "fail": "closed", "queue": 100, "flush": "50ms",
                "key": observe::AUDIT_KEY, "max_file_bytes": 100_000,
            },
        ],
        "sealing": { "keys": [observe::SEALING_KEY] },
        "dangerous": {
            "without_authentication": false, "plain_http_behind_proxy": false,
            "allow_inline_secrets": true, "without_backoff": false, "weak_secrets": true,
        },
    })
}

fn secret(subject: &str, secret: &str) -> Value {
    json!({
        "subject": subject, "secret": secret, "scopes": ["a"],
        "not_before": "2020-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z",
    })
}

/// What can be said of a server over stdio.
fn stdio_server() -> Value {
    json!({
        "transport": "stdio",
        "limits": {
            "max_body_bytes": 1000, "max_json_depth": 32, "max_connections": 100, "max_in_flight": 1000,
            "max_in_flight_per_principal": 100, "max_subscriptions_per_principal": 8, "sse_queue": 32,
            "max_request_state_bytes": 1024, "request_timeout": "30s", "idle_timeout": "30s",
            "request_state_ttl": "5min", "tasks": { "max_tasks": 100 },
        },
        "rate_limits": { "per_principal": { "requests": 60, "per": "60s" }, "max_keys": 1024 },
        "policy": { "rules": [{ "name": "all", "effect": "allow", "tools": ["add"] }] },
        "audit": [{ "kind": "file", "path": "audit.jsonl", "fail": "closed" }],
        "sealing": { "keys": [observe::SEALING_KEY] },
        "dangerous": { "allow_inline_secrets": true },
    })
}

/// Little, so that what weakens security contradicts nothing.
fn small_server() -> Value {
    json!({
        "origins": { "allowed": [] },
        "authentication": [{ "kind": "bearer", "tokens": [{ "subject": "a", "secret": observe::TOKEN }] }],
        "dangerous": {
            "without_authentication": false, "plain_http_behind_proxy": false,
            "allow_inline_secrets": true, "without_backoff": false,
        },
    })
}

fn clients() -> Vec<Value> {
    let credentials = [
        json!({ "kind": "bearer", "token": observe::TOKEN }),
        json!({ "kind": "api_key", "header": "X-Team-Key", "key": observe::KEY }),
        json!({ "kind": "basic", "user": "alice", "password": "7xqV-plum-Ember-42" }),
        json!({ "kind": "custom", "headers": [{ "name": "X-Client-Secret", "value": observe::VALUE }] }),
    ];
    let client = |credentials| {
        json!({
            "url": "https://localhost:8443/mcp",
            "eras": "modern",
            "credentials": credentials,
            "tls": {
                "authorities": "file:ca.pem", "min_version": "1.2", "client_certificate": "client.pem",
                "client_key": "client.key", "crls": ["ca.crl"], "spki_pins": [PIN], "max_chain_depth": 3,
            },
            "limits": {
                "max_message_bytes": 1000, "max_idle_connections": 3, "connect_timeout": "5s",
                "idle_timeout": "30s",
            },
            "dangerous": { "allow_inline_secrets": true, "without_server_verification": false },
        })
    };
    credentials.map(client).to_vec()
}

/// Changes each leaf of each file, and gives the patterns of all that were changed.
async fn every_change_shows(
    schema: &'static Value,
    files: &[Value],
    observe: impl AsyncFn(&Value) -> String,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for file in files {
        let before = observe(file).await;
        assert!(!before.contains("error["), "the file must be usable: {before}");
        assert_eq!(before, observe(file).await, "observing twice must show the same");
        let mut leaves = Vec::new();
        walk::leaves(schema, file, &mut leaves);
        for Leaf { pattern, pointer } in leaves {
            let mut changed = file.clone();
            let place = changed.pointer_mut(&pointer).unwrap();
            let value = changes::change(&pattern, place);
            assert_ne!(*place, value, "{pattern}");
            *place = value;
            let after = observe(&changed).await;
            assert!(before != after, "`{pattern}` is ignored");
            seen.insert(pattern);
        }
    }
    seen
}

#[tokio::test]
async fn no_field_of_a_server_is_ignored() {
    let world = World::new("every-field-server");
    let files = [full_server(), small_server(), stdio_server()];
    let observe = async |file: &Value| observe::server(file, &world).await;
    let seen = every_change_shows(server_schema(), &files, observe).await;
    assert_eq!(seen, walk::patterns(server_schema()));
    println!("{} fields", seen.len());
}

/// Everything that a launched server can be given.
fn launched() -> Value {
    json!({
        "program": "node", "search_dirs": ["/usr/bin"], "args": ["--verbose", "server.js"],
        "flags": ["--verbose"], "env": { "MODE": "quiet" }, "secret_env": { "TOKEN": observe::TOKEN },
        "inherited_env": ["PATH"], "current_dir": "/srv",
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "process": {
            "max_memory_bytes": 1000, "max_open_files": 64, "max_processes": 100, "max_cpu_time": "60s",
            "max_file_bytes": 1000,
        },
        "restart": {
            "attempts": 3, "first_delay": "1s", "max_delay": "60s", "healthy_after": "10min",
        },
        "max_message_bytes": 1000, "start_timeout": "5s", "eras": "both",
        "dangerous": { "allow_inline_secrets": true },
    })
}

#[tokio::test]
async fn no_field_of_a_launch_is_ignored() {
    let observe = async |file: &Value| observe::launch(file);
    let seen = every_change_shows(launch_schema(), &[launched()], observe).await;
    assert_eq!(seen, walk::patterns(launch_schema()));
    println!("{} fields", seen.len());
}

#[tokio::test]
async fn no_field_of_a_client_is_ignored() {
    let world = World::new("every-field-client");
    let observe = async |file: &Value| observe::client(file, &world).await;
    let seen = every_change_shows(client_schema(), &clients(), observe).await;
    assert_eq!(seen, walk::patterns(client_schema()));
    println!("{} fields", seen.len());
}

/// What can be set in Rust can be set in a file.
#[test]
fn every_limit_is_in_the_schema() {
    let check = |limits: &str, schema: &Value, section: &str| {
        let (_, fields) = limits.split_once('{').unwrap();
        let fields = fields.trim_end_matches('}').split(", ");
        let fields: BTreeSet<_> =
            fields.map(|field| field.split_once(':').unwrap().0.trim().to_owned()).collect();
        let patterns = walk::patterns(schema);
        let prefix = format!("{section}.");
        let known: BTreeSet<_> = patterns
            .iter()
            .filter_map(|pattern| pattern.strip_prefix(&prefix))
            .filter(|field| !field.contains('.'))
            .map(str::to_owned)
            .collect();
        assert_eq!(fields, known);
    };
    let server = format!("{:?}", palisade_security::Limits::new());
    let tasks = format!("{:?}", palisade_security::TaskLimits::new());
    let sessions = format!("{:?}", palisade_security::SessionLimits::new());
    let own = server
        .replace(&format!(", sessions: {sessions}"), "")
        .replace(&format!(", tasks: {tasks}"), "");
    check(&own, server_schema(), "limits");
    check(&sessions, server_schema(), "limits.sessions");
    check(&tasks, server_schema(), "limits.tasks");
    let client = format!("{:?}", palisade_security::ClientLimits::new());
    check(&client, client_schema(), "limits");
}

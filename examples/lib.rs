//! Runnable examples of the palisade MCP stack: `cargo run --package palisade-examples --example NAME`.
//!
//! | example | what it shows |
//! |-|-|
//! | `demo` | a secured server and a client over TLS, and what is refused |
//! | `server` | the 20-line server of the README |
//! | `client` | the 15-line client of the README |
//! | `eras` | one handler for clients of every revision |
//! | `run_time_tools` | tools known only at run time, added and removed while the server runs |
//! | `resources_and_prompts` | resources, templates, prompts, completion |
//! | `tasks` | calls that outlive their request: questions, a stored handle, cancellation |
//! | `mutual_tls` | clients known by their certificates, a pinned server, revocation at run time |
//! | `axum` | the service mounted in an axum application |
//! | `browser_client` | one web page may use a server: preflight, rates, a path below a base |
//! | `audit_log` | a chained audit log: written, checked, edited in vain, mapped to OCSF |
//! | `authentication` | every kind of static credential, refusals, and a key exchanged while the server runs |
//! | `policy` | roles, demands on arguments, what is listed, and explanations |
//! | `security_file` | a server whose security is the file `security.toml` |
//!
//! `examples/opentelemetry` is a workspace of its own: one trace through client and server with OpenTelemetry.

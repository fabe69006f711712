//! The attack corpus: one test for one way to misbehave, named after its row, against the real transport.
//!
//! Each test asserts the outcome that the row demands, that no handler ran, that the audit log has one record of it,
//! and that the server still serves. Peers are raw sockets where a library would refuse to misbehave.

#[cfg(test)]
mod audit_log;
#[cfg(test)]
mod authz;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod client;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod disconnect;
#[cfg(test)]
mod envelope;
#[cfg(all(test, unix))]
mod files;
#[cfg(test)]
mod guessing;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod http;
#[cfg(test)]
mod input;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod mtls;
#[cfg(test)]
mod mtls_over_time;
#[cfg(test)]
mod origin;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod session;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod state;
#[cfg(test)]
mod stdio;
#[cfg(test)]
mod stdio_launch;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod wire;

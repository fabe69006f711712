//! Security configuration as files.
//!
//! A file (TOML or JSON) becomes a [`RawSecurityConfig`] for a server or a [`RawClientConfig`] for a client,
//! or a [`RawLaunchConfig`] for a client that launches its server, and that becomes a checked [`ServerConfig`],
//! [`ClientConfig`] or [`LaunchConfig`], or **all** that is wrong with it at once:
//! each [`Finding`] has the path of the field, a severity, a stable code, a message and the fix. A key that
//! is not known is an error, never ignored, and so is a setting that the transport cannot honour.
//!
//! Secrets stand in the file as references, `env:NAME` or `file:PATH`. Nothing here shows one.
//!
//! ```
//! use palisade_config::{Format, ServerConfig};
//!
//! let text = r#"
//!     listen = "127.0.0.1:8000"
//!     [orgins]
//!     allowed = []
//!     [dangerous]
//!     without_authentication = true
//! "#;
//! let checked = ServerConfig::check_text(text, Format::Toml);
//! let finding = &checked.findings()[0];
//! assert_eq!((finding.path(), finding.code()), ("orgins", "unknown_key"));
//! assert!(finding.fix().contains("`origins`"));
//! ```
//!
//! # Features
//!
//! `doctor`: examines live servers. `webpki-roots`: Mozilla's authorities, compiled in.
//!
//! [`Finding`]: palisade_security::Finding

mod build;
mod checked;
mod client;
#[cfg(feature = "doctor")]
pub mod doctor;
mod document;
mod findings;
mod launch;
mod nearest;
mod raw;
mod schema;
mod secret_ref;
mod server;
mod shape;
mod utilities;

pub use checked::{Checked, Role};
pub use client::ClientConfig;
pub use document::Format;
pub use launch::LaunchConfig;
pub use palisade_security::{build_auth_headers, build_security_headers};
pub use raw::{
    RawAudit, RawAuthentication, RawBackoff, RawCertificate, RawCertificateName,
    RawClientCertificates, RawClientConfig, RawClientCredentials, RawClientDangerous,
    RawClientLimits, RawClientTls, RawCombination, RawCors, RawDangerous, RawDuration, RawEras,
    RawFailMode, RawFlush, RawForwarded, RawHeader, RawHeaderSet, RawHosts, RawHsts,
    RawLaunchConfig, RawLaunchDangerous, RawLimits, RawOrigins, RawProcessLimits,
    RawProtectedResource, RawRate, RawRateLimits, RawRestart, RawSealing, RawSecret,
    RawSecurityConfig, RawSecurityHeaders, RawSessionLimits, RawTaskLimits, RawTime, RawTls,
    RawTlsVersion, RawTransport, RawTrustedProxies, RawUser,
};
pub use schema::{client_schema, launch_schema, server_schema};
pub use secret_ref::SecretRef;
pub use server::ServerConfig;
pub use utilities::{secure_defaults, validate};

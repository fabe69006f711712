//! The raw forms: what a file may hold, before anything of it is believed.

mod audit;
mod authentication;
mod client;
mod edge;
mod launch;
mod limits;
mod scalar;
mod tls;

use std::path::PathBuf;

use palisade_security::policy::RawPolicy;
use schemars::JsonSchema;
use serde::Deserialize;

pub use audit::{RawAudit, RawFailMode, RawFlush};
pub use authentication::{
    RawAuthentication, RawBackoff, RawCertificate, RawCertificateName, RawCombination, RawHeader,
    RawHeaderSet, RawSecret, RawUser,
};
pub(crate) use client::ShownUrl;
pub use client::{
    RawClientConfig, RawClientCredentials, RawClientDangerous, RawClientLimits, RawEras,
};
pub use edge::{
    RawCors, RawForwarded, RawHsts, RawProtectedResource, RawSecurityHeaders, RawTrustedProxies,
};
pub use launch::{RawLaunchConfig, RawLaunchDangerous, RawProcessLimits, RawRestart};
pub use limits::{RawLimits, RawRate, RawRateLimits, RawSessionLimits, RawTaskLimits};
#[cfg(feature = "doctor")]
pub(crate) use scalar::date;
pub use scalar::{RawDuration, RawTime};
pub use tls::{RawClientCertificates, RawClientTls, RawTls, RawTlsVersion};

use crate::SecretRef;

/// The security of a server, as a file holds it. Paths are relative to the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "palisade security configuration (server)")]
#[non_exhaustive]
pub struct RawSecurityConfig {
    /// How messages travel. Settings that the transport cannot honour are errors.
    pub transport: RawTransport,
    /// The address to listen on, such as `127.0.0.1:8000` or `[::]:443`. Beyond loopback, the server needs
    /// authentication, TLS and a name in `hosts`.
    #[schemars(example = &"127.0.0.1:8000")]
    pub listen: Option<String>,
    /// The path of the endpoint. Default: `/mcp`.
    #[schemars(example = &"/mcp")]
    pub path: Option<String>,
    /// The realm that challenges name. Default: `mcp`.
    pub realm: Option<String>,
    /// Which web pages may talk to this server. Required.
    pub origins: Option<RawOrigins>,
    /// The names this server answers to. Default: those of this machine.
    pub hosts: Option<RawHosts>,
    /// How callers prove who they are. Required, unless `dangerous.without_authentication` is set.
    pub authentication: Vec<RawAuthentication>,
    /// How several entries of `authentication` go together. Default: any of them.
    pub authentication_combination: RawCombination,
    /// How long whoever fails to authenticate has to wait.
    pub backoff: Option<RawBackoff>,
    /// What clients without a token are told about where to get one. Default: nothing.
    pub protected_resource: Option<RawProtectedResource>,
    /// What pages of the allowed origins may do. Without it, no page can read a response.
    pub cors: Option<RawCors>,
    /// What responses say to browsers.
    pub security_headers: Option<RawSecurityHeaders>,
    /// How connections are encrypted. Without it the server is for this machine only.
    pub tls: Option<RawTls>,
    /// What a peer may use.
    pub limits: RawLimits,
    /// How often callers may ask. Default: no rate is limited.
    pub rate_limits: Option<RawRateLimits>,
    /// The proxies that are believed when they say for whom they forward. Default: none.
    pub trusted_proxies: Option<RawTrustedProxies>,
    /// Who may do what. Default: everyone who authenticated may do everything.
    pub policy: Option<RawPolicy>,
    /// Where audit records go: all of these. Default: `tracing` events.
    pub audit: Vec<RawAudit>,
    /// The keys that seal what clients carry.
    pub sealing: Option<RawSealing>,
    /// What weakens security.
    pub dangerous: RawDangerous,
    /// The folder that relative paths start from.
    #[serde(skip)]
    pub(crate) base: Option<PathBuf>,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RawTransport {
    /// Streamable HTTP.
    #[default]
    StreamableHttp,
    /// Standard input and output.
    Stdio,
    /// The native cluster.
    Cluster,
}

/// Which web pages may talk to this server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawOrigins {
    /// Exactly these, such as `https://app.example.com`. Empty: no web page.
    #[schemars(example = ["https://app.example.com"])]
    pub allowed: Vec<String>,
    /// Pages served from this machine too, on any port. For development.
    #[serde(default)]
    pub loopback: bool,
}

/// The names this server answers to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawHosts {
    /// Exactly these: `host` for any port, or `host:port`.
    #[schemars(example = ["mcp.example.com"])]
    pub allowed: Vec<String>,
    /// The names of this machine too, for health checks.
    #[serde(default)]
    pub loopback: bool,
}

/// The keys that seal what clients carry.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawSealing {
    /// The first seals, all open. Without this section the key is random: what it sealed ends with the
    /// process, and other replicas cannot open it.
    #[schemars(example = ["env:MCP_SEALING_KEY"])]
    pub keys: Vec<SecretRef>,
}

/// What weakens security. Each setting is logged when the server starts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawDangerous {
    /// Serves everyone on this machine without credentials, and nobody else.
    pub without_authentication: bool,
    /// Serves plain http to other machines too, because a proxy in front encrypts.
    pub plain_http_behind_proxy: bool,
    /// Lets secrets stand in the file itself, where backups and version control see them.
    pub allow_inline_secrets: bool,
    /// Lets guessers guess on: failed attempts cost no time.
    pub without_backoff: bool,
    /// Takes secrets that can be guessed; each is a warning instead of an error.
    pub weak_secrets: bool,
}

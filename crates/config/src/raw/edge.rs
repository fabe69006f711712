//! What browsers are told, and clients that have no token.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{RawDuration, ShownUrl};

/// What pages of the allowed origins may do: see [`Cors`](palisade_security::Cors). The origins are those of
/// `origins`; there is no `*`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawCors {
    /// Request headers that a page may set, besides those of MCP.
    #[schemars(example = &["x-api-key"])]
    pub request_headers: Vec<String>,
    /// Response headers that a page may read, besides those of MCP.
    pub exposed_headers: Vec<String>,
    /// Lets pages use what the browser has stored for this server: cookies, passwords, client certificates.
    pub credentials: bool,
    /// For how long a browser may remember the answer to a preflight. Default: 10 min, at most a day.
    pub max_age: Option<RawDuration>,
    /// Lets pages of public websites reach this server on a private network.
    pub private_network: bool,
}

/// What responses say to browsers: see [`SecurityHeaders`](palisade_security::SecurityHeaders).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawSecurityHeaders {
    /// Whether they are sent. Default: yes. No, if a proxy adds its own.
    pub include: Option<bool>,
    /// For how long browsers insist on https for this host, or `off`. Default: 365 days.
    pub hsts: Option<RawHsts>,
    /// Whether they do so for all subdomains too. Default: no.
    pub hsts_subdomains: bool,
}

/// A duration, or `off`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct RawHsts(RawDuration);

impl RawHsts {
    /// The duration; none for `off`.
    #[must_use]
    pub fn duration(&self) -> Option<&RawDuration> {
        (self.0.as_str() != "off").then_some(&self.0)
    }
}

impl JsonSchema for RawHsts {
    fn schema_name() -> Cow<'static, str> {
        "Hsts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A whole number and ms, s, min, h or d; or off.",
            "pattern": "^([0-9]+ *(ms|s|min|h|d)|off)$",
            "examples": ["365d"],
        })
    }
}

/// What this server says of itself to clients that have no token yet: see
/// [`ProtectedResource`](palisade_security::ProtectedResource). The keys are those of RFC 9728.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawProtectedResource {
    /// The URL that clients connect to: whom tokens are for.
    #[schemars(example = &"https://mcp.example.com/mcp")]
    pub resource: String,
    /// Who issues tokens for it.
    #[serde(default)]
    #[schemars(example = &["https://login.example.com"])]
    pub authorization_servers: Vec<String>,
    /// The scopes that clients should ask for.
    #[serde(default)]
    #[schemars(example = &["tools:call"])]
    pub scopes_supported: Vec<String>,
    /// The name that people are shown.
    pub resource_name: Option<String>,
    /// The URL of a page for developers, without a query.
    pub resource_documentation: Option<String>,
}

/// Passwords may stand where a URL is expected.
impl fmt::Debug for RawProtectedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.authorization_servers.iter().map(|issuer| ShownUrl(issuer));
        f.debug_struct("RawProtectedResource")
            .field("resource", &ShownUrl(&self.resource))
            .field("authorization_servers", &issuers.collect::<Vec<_>>())
            .field("scopes_supported", &self.scopes_supported)
            .field("resource_name", &self.resource_name)
            .field("resource_documentation", &self.resource_documentation.as_deref().map(ShownUrl))
            .finish()
    }
}

/// The proxies in front of this server: see [`TrustedProxies`](palisade_security::TrustedProxies).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawTrustedProxies {
    /// Their addresses or networks.
    #[schemars(example = &["10.0.0.0/8"])]
    pub networks: Vec<String>,
    /// How they say for whom they forward.
    pub header: RawForwarded,
}

/// How proxies say for whom they forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RawForwarded {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and perhaps `X-Forwarded-Host`.
    XForwarded,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

//! The security of a client, as a file holds it.

use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawClientTls, RawDuration, RawHeader};
use crate::SecretRef;

/// The security of a client, as a file holds it. Paths are relative to the file.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "palisade security configuration (client)")]
#[non_exhaustive]
pub struct RawClientConfig {
    /// The URL of the MCP endpoint. Nothing is sent to another origin.
    #[schemars(example = &"https://mcp.example.com/mcp")]
    pub url: String,
    /// Which revisions of the protocol to speak. Default: both.
    pub eras: Option<RawEras>,
    /// What proves who this client is. Default: nothing.
    pub credentials: Option<RawClientCredentials>,
    /// Whom to trust. Default: whom the operating system trusts.
    pub tls: Option<RawClientTls>,
    /// What the server may use.
    #[serde(default)]
    pub limits: RawClientLimits,
    /// What weakens security.
    #[serde(default)]
    pub dangerous: RawClientDangerous,
    /// The folder that relative paths start from.
    #[serde(skip)]
    pub(crate) base: Option<PathBuf>,
}

impl fmt::Debug for RawClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawClientConfig")
            .field("url", &ShownUrl(&self.url))
            .field("eras", &self.eras)
            .field("credentials", &self.credentials)
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .field("dangerous", &self.dangerous)
            .finish_non_exhaustive()
    }
}

/// Which revisions of the protocol to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RawEras {
    /// All of them, the newest first.
    Both,
    /// 2026-07-28, without sessions.
    Modern,
    /// 2024-11-05 to 2025-11-25, with a session.
    Legacy,
}

/// Shows a URL without what may be a secret: user information and the query.
pub(crate) struct ShownUrl<'a>(pub(crate) &'a str);

impl fmt::Debug for ShownUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.find(['?', '#']).unwrap_or(self.0.len());
        let before_query = self.0.get(..end).unwrap_or_default();
        // Wherever it stands: what is no URL may hold a secret as well.
        match before_query.contains('@') {
            true => f.write_str("(a url with user information)"),
            false => fmt::Debug::fmt(before_query, f),
        }
    }
}

/// What proves who a client is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RawClientCredentials {
    /// `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// A key in a header of its own.
    ApiKey {
        /// The header. Default: `X-API-Key`.
        header: Option<String>,
        /// The key.
        key: SecretRef,
    },
    /// A user name and a password, RFC 7617.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: SecretRef,
    },
    /// Several headers.
    Custom {
        /// The headers.
        headers: Vec<RawHeader>,
    },
}

/// What a client lets a server use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawClientLimits {
    /// The largest message that is read, in bytes. Default: 16 MiB.
    pub max_message_bytes: Option<usize>,
    /// The most connections that are kept without use. Default: 32.
    pub max_idle_connections: Option<usize>,
    /// The time for a connection, names and TLS included. Default: 10 s.
    pub connect_timeout: Option<RawDuration>,
    /// The time a connection is kept without use. Default: 90 s.
    pub idle_timeout: Option<RawDuration>,
}

/// What weakens the security of a client.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawClientDangerous {
    /// Lets secrets stand in the file itself, where backups and version control see them.
    pub allow_inline_secrets: bool,
    /// Takes any certificate of a server on this machine, for development. Others are still refused.
    pub without_server_verification: bool,
}

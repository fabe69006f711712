//! How connections are encrypted.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::RawDuration;

/// The certificate of a server, and what it asks of clients.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawTls {
    /// A PEM file with the chain, the server's own certificate first.
    #[schemars(example = &"server.pem")]
    pub certificates: PathBuf,
    /// A PEM file with the key of the first certificate.
    #[schemars(example = &"server.key")]
    pub key: PathBuf,
    /// The oldest version of TLS that is spoken. Default: 1.2.
    #[serde(default)]
    pub min_version: RawTlsVersion,
    /// How often the files are read again. Default: 60 s.
    pub reload_interval: Option<RawDuration>,
    /// Asks clients for certificates. Default: no.
    pub client_certificates: Option<RawClientCertificates>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum RawTlsVersion {
    /// 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// What is asked of clients.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawClientCertificates {
    /// A PEM file with the authorities that vouch for clients.
    #[schemars(example = &"clients-ca.pem")]
    pub authorities: PathBuf,
    /// Lets clients without a certificate connect too. Default: no.
    #[serde(default)]
    pub optional: bool,
    /// PEM files with revocation lists. Default: none, and then nobody is revoked.
    pub crls: Option<Vec<PathBuf>>,
    /// Lets only clients with these keys in: `sha256/` and the digest in base64.
    pub spki_pins: Option<Vec<String>>,
    /// How many certificates a client may send. Default: 4.
    pub max_chain_depth: Option<usize>,
}

/// Whom a client trusts, and how it shows who it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawClientTls {
    /// Whose authorities to trust: `system`, `webpki` (Mozilla's, compiled in) or `file:PATH`. Default:
    /// `system`.
    #[schemars(example = &"file:ca.pem")]
    pub authorities: Option<String>,
    /// The oldest version of TLS that is spoken. Default: 1.2.
    pub min_version: RawTlsVersion,
    /// A PEM file with the client's own chain, for servers that ask.
    pub client_certificate: Option<PathBuf>,
    /// A PEM file with its key.
    pub client_key: Option<PathBuf>,
    /// PEM files with revocation lists. Default: none, and then nobody is revoked.
    pub crls: Option<Vec<PathBuf>>,
    /// Talks only to servers with these keys: `sha256/` and the digest in base64.
    pub spki_pins: Option<Vec<String>>,
    /// How many certificates a server may send. Default: 4.
    pub max_chain_depth: Option<usize>,
}

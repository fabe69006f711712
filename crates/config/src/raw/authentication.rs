//! How callers prove who they are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawDuration, RawTime};
use crate::SecretRef;

/// One way to prove who one is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RawAuthentication {
    /// `Authorization: Bearer`.
    Bearer {
        /// The tokens that are accepted.
        tokens: Vec<RawSecret>,
    },
    /// A key in a header of its own.
    ApiKey {
        /// The header. Default: `X-API-Key`.
        header: Option<String>,
        /// The keys that are accepted.
        keys: Vec<RawSecret>,
    },
    /// User names and passwords, RFC 7617.
    Basic {
        /// The users that are let in.
        users: Vec<RawUser>,
        /// How many passwords are hashed at once. Default: half of the processors.
        max_at_once: Option<usize>,
        /// How many attempts wait for others. Default: 64.
        max_waiting: Option<usize>,
    },
    /// Several headers of fixed values.
    Custom {
        /// The sets of headers that are accepted.
        sets: Vec<RawHeaderSet>,
    },
    /// Certificates of clients, which `tls.client_certificates` asks for.
    ClientCertificate {
        /// Which of the certificate's names says whose it is.
        name: RawCertificateName,
        /// The trust domains that SPIFFE IDs may be of.
        #[serde(default)]
        trust_domains: Vec<String>,
        /// Lets only these in. Default: all that the authorities vouch for.
        certificates: Option<Vec<RawCertificate>>,
    },
}

/// How several ways to prove who one is go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RawCombination {
    /// A request has credentials of exactly one of them.
    #[default]
    AnyOf,
    /// A request has credentials of each of them; the first says who it is.
    AllOf,
    /// As `all_of`, and all of them must name the same subject.
    AllOfSameSubject,
}

/// A secret and whose it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawSecret {
    /// Whose it is, as audit records show it. Secrets with the same subject are the same principal, as in a
    /// rotation.
    #[schemars(example = &"alice")]
    pub subject: String,
    /// The secret.
    pub secret: SecretRef,
    /// What it grants.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it begins. Default: at once.
    pub not_before: Option<RawTime>,
    /// When it ends. Default: never.
    pub expires_at: Option<RawTime>,
}

/// A user and the hash of a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawUser {
    /// The user's name, as audit records show it.
    #[schemars(example = &"alice")]
    pub name: String,
    /// Where the hash is: `$argon2id$v=19$m=..,t=..,p=..$salt$hash`. A hash can be guessed against, so it is
    /// kept like a secret.
    pub password_hash: SecretRef,
    /// What the password grants.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it begins. Default: at once.
    pub not_before: Option<RawTime>,
    /// When it ends. Default: never.
    pub expires_at: Option<RawTime>,
}

/// The headers of one caller.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawHeaderSet {
    /// Whose they are, as audit records show it.
    #[schemars(example = &"billing")]
    pub subject: String,
    /// The headers, all of which must be there.
    pub headers: Vec<RawHeader>,
    /// What they grant.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When they begin. Default: at once.
    pub not_before: Option<RawTime>,
    /// When they end. Default: never.
    pub expires_at: Option<RawTime>,
}

/// A header with a value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawHeader {
    /// The name of the header.
    #[schemars(example = &"X-Client-Secret")]
    pub name: String,
    /// The value.
    pub value: SecretRef,
}

/// Which of a certificate's names says whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RawCertificateName {
    /// The one DNS name.
    Dns,
    /// The one URI.
    Uri,
    /// The one e-mail address.
    Email,
    /// The one URI, which is a SPIFFE ID of one of the trust domains.
    Spiffe,
}

/// A certificate that is let in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawCertificate {
    /// The name, as it is in the certificate.
    #[schemars(example = &"ci.example.com")]
    pub name: String,
    /// What it grants.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// How long whoever fails to authenticate has to wait: see [`Backoff`](palisade_security::Backoff).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawBackoff {
    /// How many failures cost nothing. Default: 5.
    pub free_failures: Option<u32>,
    /// The first wait, doubled by each further failure. Default: 1 s.
    pub first_delay: Option<RawDuration>,
    /// The longest wait. Default: 15 min.
    pub max_delay: Option<RawDuration>,
    /// After which time without a failure the count starts anew. Default: 1 h.
    pub forget_after: Option<RawDuration>,
    /// How many addresses are remembered. Default: 16384.
    pub max_addresses: Option<usize>,
}

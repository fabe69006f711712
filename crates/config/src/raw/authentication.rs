//! How callers prove who they are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawDuration, RawTime};
use crate::SecretRef;

/// One way to prove who one is. A request has credentials of exactly one of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RawAuthentication {
    /// `Authorization: Bearer`.
    Bearer {
        /// The tokens that are accepted.
        tokens: Vec<RawBearerToken>,
    },
}

/// A token and whose it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawBearerToken {
    /// Whose it is, as audit records show it. Tokens with the same subject are the same principal.
    #[schemars(example = &"alice")]
    pub subject: String,
    /// The token.
    pub secret: SecretRef,
    /// What it grants.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it ends. Default: never.
    pub expires_at: Option<RawTime>,
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

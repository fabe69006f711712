//! How callers prove who they are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::RawTime;
use crate::SecretRef;

/// One way to prove who one is. The first that finds its kind of credential decides.
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

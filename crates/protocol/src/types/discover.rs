//! `server/discover`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CacheHints, ResultMeta, ResultType, ServerCapabilities};

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DiscoverResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The revisions that the server speaks, also those that this crate does not know.
    pub supported_versions: Vec<String>,
    /// What the server can do.
    pub capabilities: ServerCapabilities,
    /// How a model should use the server. Text of the server: a client that puts it into a prompt lets
    /// the server speak to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// How long and for whom the result may be kept.
    #[serde(
        flatten,
        deserialize_with = "CacheHints::decode",
        skip_serializing_if = "Option::is_none"
    )]
    pub cache: Option<CacheHints>,
    /// `_meta`, with the server's name.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl DiscoverResult {
    /// A server that speaks these revisions and can do this.
    #[must_use]
    pub fn new<V: Into<String>>(
        supported_versions: impl IntoIterator<Item = V>,
        capabilities: ServerCapabilities,
    ) -> Self {
        Self {
            supported_versions: supported_versions.into_iter().map(Into::into).collect(),
            capabilities,
            ..Self::default()
        }
    }
}

result_body!(DiscoverResult);
setters!(DiscoverResult {
    /// Sets the instructions.
    with_instructions(into instructions: String);
    /// Sets how long and for whom the result may be kept.
    with_cache(some cache: CacheHints);
});

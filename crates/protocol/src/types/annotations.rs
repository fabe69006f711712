//! Hints on content and resources: [`Annotations`], and the [`Role`] they speak of.

use serde::{Deserialize, Serialize};

use super::wire;

/// Who sends or receives a message in a conversation with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The person, or the program that acts for them.
    User,
    /// The model.
    Assistant,
}

/// Hints for the client on how to use or show content. Claims of the server, never a basis for a
/// security decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Annotations {
    /// Whom the content is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<Role>>,
    /// How important the content is, from 0 (optional) to 1 (required).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    pub priority: Option<f64>,
    /// When the resource last changed, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Annotations {
    /// No hints.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(Annotations {
    /// Sets whom the content is for.
    with_audience(into audience: Vec<Role>);
    /// Sets the importance, from 0 to 1.
    with_priority(some priority: f64);
    /// Sets the time of the last change, in ISO 8601.
    with_last_modified(into last_modified: String);
});

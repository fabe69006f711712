//! The params of requests that list things page by page.

use serde::{Deserialize, Serialize};

/// The params of `tools/list`, `prompts/list`, `resources/list` and `resources/templates/list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaginatedRequestParams {
    /// Where the page begins: `next_cursor` of the page before. Opaque to the client. Default: the first
    /// page. Abuse case: a server whose cursors never end, so clients limit the number of pages (attack
    /// D5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl PaginatedRequestParams {
    /// The first page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(PaginatedRequestParams {
    /// Sets where the page begins.
    with_cursor(into cursor: String);
});

//! The params of requests that only older revisions have.

use serde::{Deserialize, Serialize};

use crate::LoggingLevel;

/// The params of `logging/setLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SetLevelRequestParams {
    /// The least severe message wanted.
    pub level: LoggingLevel,
}

impl SetLevelRequestParams {
    /// Wants messages of this level and above.
    #[must_use]
    pub const fn new(level: LoggingLevel) -> Self {
        Self { level }
    }
}

/// The params of `resources/subscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubscribeRequestParams {
    /// The resource. Whoever may not read it may not watch it either.
    pub uri: String,
}

impl SubscribeRequestParams {
    /// Wants to know when this resource changes.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into() }
    }
}

/// The params of `resources/unsubscribe`.
pub type UnsubscribeRequestParams = SubscribeRequestParams;

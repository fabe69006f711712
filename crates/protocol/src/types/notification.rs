//! Notifications that belong to no other area: cancellation, progress, and those without details.

use serde::{Deserialize, Serialize};

use super::wire;
use crate::{Meta, RequestId};

/// Names the request that progress belongs to: a string or an integer that the requester chose.
pub type ProgressToken = RequestId;

/// The params of notifications without details, such as `notifications/tools/list_changed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotificationParams {
    /// `_meta`. On a subscription stream it has the subscription's id.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl NotificationParams {
    /// No details.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(NotificationParams {
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// The params of `notifications/cancelled`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CancelledNotificationParams {
    /// The request that is no longer wanted: one that the sender of this made.
    pub request_id: RequestId,
    /// Why, for people. Text of the peer: escape it before it goes into a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl CancelledNotificationParams {
    /// Cancels a request.
    #[must_use]
    pub fn new(request_id: RequestId) -> Self {
        Self { request_id, reason: None, meta: None }
    }
}

setters!(CancelledNotificationParams {
    /// Sets the reason.
    with_reason(into reason: String);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// The params of `notifications/progress`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProgressNotificationParams {
    /// The token of the request that this is about.
    pub progress_token: ProgressToken,
    /// How far it has come, in any unit. It grows with every notification. It must be finite: anything
    /// else fails to encode.
    #[serde(with = "wire::number")]
    pub progress: f64,
    /// How far there is to go, in the same unit, if known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    pub total: Option<f64>,
    /// What is happening, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl ProgressNotificationParams {
    /// Progress without a known total.
    #[must_use]
    pub fn new(progress_token: ProgressToken, progress: f64) -> Self {
        Self { progress_token, progress, total: None, message: None, meta: None }
    }
}

setters!(ProgressNotificationParams {
    /// Sets how far there is to go.
    with_total(some total: f64);
    /// Sets what is happening.
    with_message(into message: String);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

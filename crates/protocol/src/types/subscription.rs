//! Subscriptions: `subscriptions/listen` and what it delivers.

use serde::{Deserialize, Serialize};

use super::wire;
use crate::{EmptyResult, Meta};

/// Which notifications a client wants on a stream. A server sends no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubscriptionFilter {
    /// Changes of the list of tools.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub tools_list_changed: bool,
    /// Changes of the list of prompts.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub prompts_list_changed: bool,
    /// Changes of the list of resources.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub resources_list_changed: bool,
    /// Changes of the resources with these URIs. Abuse case: each URI costs the server memory for as
    /// long as the stream is open, so servers limit their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_subscriptions: Vec<String>,
    /// Changes of the tasks with these ids. Only for clients that declare the tasks extension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_ids: Vec<String>,
}

impl SubscriptionFilter {
    /// No notifications.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds changes of the list of tools.
    #[must_use]
    pub fn with_tools_list_changed(mut self) -> Self {
        self.tools_list_changed = true;
        self
    }

    /// Adds changes of the list of prompts.
    #[must_use]
    pub fn with_prompts_list_changed(mut self) -> Self {
        self.prompts_list_changed = true;
        self
    }

    /// Adds changes of the list of resources.
    #[must_use]
    pub fn with_resources_list_changed(mut self) -> Self {
        self.resources_list_changed = true;
        self
    }

    /// Adds changes of a resource.
    #[must_use]
    pub fn with_resource(mut self, uri: impl Into<String>) -> Self {
        self.resource_subscriptions.push(uri.into());
        self
    }

    /// Adds changes of a task.
    #[must_use]
    pub fn with_task(mut self, task_id: impl Into<String>) -> Self {
        self.task_ids.push(task_id.into());
        self
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The params of `subscriptions/listen`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionsListenRequestParams {
    /// What the client wants.
    pub notifications: SubscriptionFilter,
}

impl SubscriptionsListenRequestParams {
    /// Wants these notifications.
    #[must_use]
    pub fn new(notifications: SubscriptionFilter) -> Self {
        Self { notifications }
    }
}

/// The end of a stream that the server closes in good order: nothing but the subscription's id in `_meta`.
pub type SubscriptionsListenResult = EmptyResult;

/// The params of `notifications/subscriptions/acknowledged`, the first message of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionsAcknowledgedNotificationParams {
    /// What the server will deliver: a part of what the client wants.
    pub notifications: SubscriptionFilter,
    /// `_meta`, with the subscription's id.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl SubscriptionsAcknowledgedNotificationParams {
    /// Will deliver these notifications.
    #[must_use]
    pub fn new(notifications: SubscriptionFilter) -> Self {
        Self { notifications, meta: None }
    }
}

setters!(SubscriptionsAcknowledgedNotificationParams {
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// The params of `notifications/resources/updated`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceUpdatedNotificationParams {
    /// The resource that changed; it may be a part of the one subscribed to.
    pub uri: String,
    /// `_meta`, with the subscription's id.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl ResourceUpdatedNotificationParams {
    /// A resource changed.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), meta: None }
    }
}

setters!(ResourceUpdatedNotificationParams {
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

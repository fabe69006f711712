//! Notifications on the response stream of a request.

use palisade_protocol::{
    LoggingMessageNotificationParams, Notification, ProgressNotificationParams,
    ResourceUpdatedNotificationParams, method,
};
use serde::de::DeserializeOwned;

use crate::{
    CallOptions,
    cache::{Change, ResponseCache},
};

/// How far one request has come.
#[derive(Debug)]
pub(super) struct Progress {
    token: i64,
    last: f64,
}

impl Progress {
    pub(super) fn new(token: i64) -> Self {
        Self { token, last: f64::NEG_INFINITY }
    }

    /// Whether this is progress of this request, and more of it than before.
    fn advance(&mut self, params: &ProgressNotificationParams) -> bool {
        let ours = params.progress_token == palisade_protocol::RequestId::Integer(self.token);
        let more = params.progress > self.last;
        if ours && more {
            self.last = params.progress;
        }
        ours && more
    }
}

/// Handles one notification. Returns whether the request has come further, which resets its time-out.
///
/// What was not asked for, or cannot be read, is dropped: the response is what counts.
pub(super) fn notified(
    notification: &Notification<'_>,
    options: &mut CallOptions,
    progress: &mut Progress,
    cache: &ResponseCache,
) -> bool {
    match notification.method.as_ref() {
        method::NOTIFICATIONS_PROGRESS => {
            if let Some(callback) = &mut options.progress
                && let Some(params) = params(notification)
                && progress.advance(&params)
            {
                callback(params);
                return true;
            }
        }
        method::NOTIFICATIONS_MESSAGE => {
            if let Some((level, callback)) = &mut options.log
                && let Some(params) = params::<LoggingMessageNotificationParams>(notification)
                && params.level >= *level
            {
                callback(params);
            }
        }
        _ => changed(notification, cache),
    }
    false
}

/// Drops from the cache what a change notification makes stale.
pub(crate) fn changed(notification: &Notification<'_>, cache: &ResponseCache) {
    match notification.method.as_ref() {
        method::NOTIFICATIONS_TOOLS_LIST_CHANGED => cache.invalidate(Change::Tools),
        method::NOTIFICATIONS_PROMPTS_LIST_CHANGED => cache.invalidate(Change::Prompts),
        method::NOTIFICATIONS_RESOURCES_LIST_CHANGED => cache.invalidate(Change::Resources),
        method::NOTIFICATIONS_RESOURCES_UPDATED => {
            if let Some(params) = params::<ResourceUpdatedNotificationParams>(notification) {
                cache.invalidate(Change::Resource(&params.uri));
            }
        }
        _ => tracing::debug!("a notification that was not asked for was dropped"),
    }
}

pub(crate) fn params<T: DeserializeOwned>(notification: &Notification<'_>) -> Option<T> {
    let params = notification.params.map_or("{}", |params| params.get());
    serde_json::from_str(params).ok()
}

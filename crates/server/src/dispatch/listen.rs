//! `subscriptions/listen`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use palisade_protocol::{
    DetailedTask, EmptyResult, ErrorObject, Meta, RequestId, SubscriptionFilter,
    SubscriptionsListenRequestParams, encode, meta, method,
};
use palisade_security::{AccessRequest, RejectError, Target, authorize};
use palisade_transport::{Call, Reply, ReplyOutcome};
use serde::Serialize;
use serde_json::json;

use super::{reply, tasks};
use crate::{
    notifier::{Change, SubscribeError, Subscription},
    registry::Registry,
    server::Shared,
    task::TaskWatch,
};

/// How many tasks one subscription may name. Each one waits for its record to change.
const MAX_TASKS: usize = 64;

/// How many URIs one subscription may name. Each one costs memory for as long as the stream is open.
const MAX_URIS: usize = 256;

/// Sends the acknowledgment, then changes, until the client leaves or the server shuts down.
///
/// What it does besides waiting is boxed: a subscription rests most of the time, and there may be thousands.
pub(super) async fn listen(server: &Arc<Shared>, registry: &Registry, call: &Call<'_>) -> Reply {
    let subscription = match Box::pin(subscribe(server, registry, call)).await {
        Ok(subscription) => subscription,
        Err(refusal) => return refusal,
    };
    let mut watch = TaskWatch::new(server.tasks.store(), &subscription.filter().task_ids);
    loop {
        tokio::select! {
            changes = subscription.changes() => match changes {
                Some(changes) => Box::pin(send_changes(call, changes)).await,
                None => break,
            },
            // What is allowed may have changed since the subscription began.
            task = watch.next() => if tasks::check(call, &task).is_ok() {
                Box::pin(send_task(call, task.detailed())).await;
            },
        }
    }
    let mut result = EmptyResult::new();
    result.meta.extra = subscription_meta(&call.request.id);
    reply::complete(server, call, result, ReplyOutcome::Completed)
}

/// Takes the subscription, as far as it is granted, and acknowledges it.
///
/// # Errors
///
/// The reply that refuses it.
async fn subscribe<'a>(
    server: &'a Arc<Shared>,
    registry: &Registry,
    call: &Call<'_>,
) -> Result<Subscription<'a>, Reply> {
    let params: SubscriptionsListenRequestParams =
        call.decode_params().map_err(|error| reply::error(call, &error))?;
    let invalid = |what| Err(reply::error(call, &ErrorObject::invalid_params(what)));
    if params.notifications.resource_subscriptions.len() > MAX_URIS {
        return invalid("too many resource subscriptions");
    }
    let mut asked = params.notifications;
    let task_ids = std::mem::take(&mut asked.task_ids);
    if !task_ids.is_empty() && registry.has_tasks && !tasks::are_declared(call) {
        return Err(tasks::undeclared(call));
    }
    if task_ids.len() > MAX_TASKS {
        return invalid("too many task subscriptions");
    }
    let limit = call.security.limits().max_subscriptions_per_principal();
    let mut filter = granted(asked, registry, call);
    for id in task_ids.into_iter().collect::<BTreeSet<_>>() {
        // What is not one of this principal's tasks is not agreed to, whatever the reason.
        if registry.has_tasks && tasks::find(server, call, &id).await.is_ok() {
            filter.task_ids.push(id);
        }
    }
    let subscribed = server.hub.subscribe(call.principal.context_key(), filter, limit);
    let subscription = subscribed.map_err(|error| {
        let reject = match error {
            SubscribeError::TooMany => {
                RejectError::TooManySubscriptions { retry_after: Duration::from_secs(1) }
            }
            SubscribeError::Closing => RejectError::ShuttingDown,
        };
        reply::rejected(call, &reject)
    })?;
    let acknowledged = json!({ "notifications": subscription.filter() });
    send(call, method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED, acknowledged).await;
    Ok(subscription)
}

/// What the server has of what was asked for, and what this principal may know of.
fn granted(asked: SubscriptionFilter, registry: &Registry, call: &Call<'_>) -> SubscriptionFilter {
    let resources = !registry.resources.is_empty() || !registry.templates.is_empty();
    let may_read = |uri: &String| {
        let request = AccessRequest::new(call.principal, method::RESOURCES_READ)
            .with_target(Target::Resource(uri));
        resources && authorize(call.security.policy(), request).is_ok()
    };
    // Whoever may not list what there is learns nothing of its changes either.
    let may_list = |method| {
        authorize(call.security.policy(), AccessRequest::new(call.principal, method)).is_ok()
    };
    let mut granted = SubscriptionFilter::new();
    granted.tools_list_changed = asked.tools_list_changed && may_list(method::TOOLS_LIST);
    granted.prompts_list_changed = asked.prompts_list_changed
        && !registry.prompts.is_empty()
        && may_list(method::PROMPTS_LIST);
    granted.resources_list_changed = asked.resources_list_changed
        && resources
        && (may_list(method::RESOURCES_LIST) || may_list(method::RESOURCES_TEMPLATES_LIST));
    granted.resource_subscriptions =
        asked.resource_subscriptions.into_iter().filter(may_read).collect();
    granted
}

async fn send_changes(call: &Call<'_>, changes: BTreeSet<Change>) {
    for change in changes {
        let (method, params) = match change {
            Change::Tools => (method::NOTIFICATIONS_TOOLS_LIST_CHANGED, json!({})),
            Change::Prompts => (method::NOTIFICATIONS_PROMPTS_LIST_CHANGED, json!({})),
            Change::Resources => (method::NOTIFICATIONS_RESOURCES_LIST_CHANGED, json!({})),
            Change::Resource(uri) => {
                (method::NOTIFICATIONS_RESOURCES_UPDATED, json!({ "uri": uri }))
            }
        };
        send(call, method, params).await;
    }
}

/// What `tasks/get` would answer now.
async fn send_task(call: &Call<'_>, mut task: DetailedTask) {
    task.meta.extra = subscription_meta(&call.request.id);
    notify(call, method::NOTIFICATIONS_TASKS, &task).await;
}

async fn send(call: &Call<'_>, method: &str, mut params: serde_json::Value) {
    if let Some(params) = params.as_object_mut() {
        params.insert("_meta".into(), subscription_meta(&call.request.id).into());
    }
    notify(call, method, &params).await;
}

async fn notify(call: &Call<'_>, method: &str, params: &impl Serialize) {
    match encode::notification(method, params) {
        Ok(message) => call.outbox.send(message.into()).await,
        Err(error) => tracing::error!(%error, method, "notification does not encode"),
    }
}

/// `_meta` with the id of the subscription.
fn subscription_meta(id: &RequestId) -> Meta {
    Meta::from_iter([(meta::SUBSCRIPTION_ID.to_owned(), json!(id))])
}

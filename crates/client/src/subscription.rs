//! Subscriptions: a long-lived stream of what changes on the server.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use palisade_protocol::{
    DecodeLimits, DetailedTask, Message, Notification, RequestId,
    ResourceUpdatedNotificationParams, SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams, method,
};
use palisade_transport::TransportError;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    CallOptions, ClientError, InvalidResponse,
    engine::{
        EncodedParams, Engine, Exchange, Outgoing, Retry, changed, negotiated, notification_params,
    },
};

/// A change on the server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SubscriptionEvent {
    /// The list of tools has changed.
    ToolsListChanged,
    /// The list of prompts has changed.
    PromptsListChanged,
    /// The list of resources, or of resource templates, has changed.
    ResourcesListChanged,
    /// A resource has changed. It may be a part of the one subscribed to.
    ResourceUpdated(ResourceUpdatedNotificationParams),
    /// A task has changed: how it stands now.
    TaskChanged(Box<DetailedTask>),
}

/// How a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The server ended it in order, for example to shut down.
    Graceful,
    /// The connection was lost, or the server broke the protocol. Changes may have been missed: subscribe
    /// again, with back-off, and read again what matters.
    Interrupted,
}

/// The changes that a server reports. A [`Stream`] that reads no faster than it is read: what waits,
/// waits in the connection, not in memory.
///
/// Every event also makes the client forget the cached responses that it makes stale, so a subscription
/// keeps the cache right only while it is read. Dropping it cancels it on the server.
pub struct Subscription {
    engine: Arc<Engine>,
    exchange: Exchange,
    acknowledged: SubscriptionFilter,
    end: Option<SubscriptionEnd>,
}

impl Subscription {
    pub(crate) async fn open(
        engine: Arc<Engine>,
        filter: SubscriptionFilter,
        mut options: CallOptions,
    ) -> Result<Self, ClientError> {
        if let Some(session) = engine.session.get() {
            let (exchange, acknowledged) = session.subscribe(&engine, filter).await?;
            return Ok(Self { engine, exchange, acknowledged, end: None });
        }
        let params = EncodedParams::new(&SubscriptionsListenRequestParams::new(filter))?;
        let request = Outgoing::new(method::SUBSCRIPTIONS_LISTEN, &params);
        // Progress and log messages never come on this stream.
        options.progress = None;
        options.log = None;
        let (exchange, acknowledged) = match attempt(&engine, &request, &mut options).await {
            Err(error) if negotiated(&error)? => attempt(&engine, &request, &mut options).await?,
            other => other?,
        };
        Ok(Self { engine, exchange, acknowledged, end: None })
    }

    /// What the server agreed to report: the rest of what was asked for will not come.
    #[must_use]
    pub fn acknowledged(&self) -> &SubscriptionFilter {
        &self.acknowledged
    }

    /// How the subscription ended; `None` while it lasts.
    #[must_use]
    pub fn end(&self) -> Option<SubscriptionEnd> {
        self.end
    }

    /// The next event; `None` after a graceful end.
    ///
    /// # Errors
    ///
    /// [`ClientError`] once if the subscription is interrupted, then `None`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost.
    pub async fn next(&mut self) -> Option<Result<SubscriptionEvent, ClientError>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<SubscriptionEvent, ClientError>>> {
        loop {
            if self.end.is_some() {
                return Poll::Ready(None);
            }
            let message = match self.exchange.stream.as_mut().poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return self.interrupted(error.into()),
                Poll::Ready(None) => return self.interrupted(TransportError::Interrupted.into()),
            };
            match self.event(&message) {
                Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                Ok(None) => {}
                Err(error) => return self.interrupted(error),
            }
        }
    }

    fn interrupted(
        &mut self,
        error: ClientError,
    ) -> Poll<Option<Result<SubscriptionEvent, ClientError>>> {
        self.end = Some(SubscriptionEnd::Interrupted);
        Poll::Ready(Some(Err(error)))
    }

    /// What a message means; `None` for one that means nothing to the reader.
    fn event(&mut self, message: &Bytes) -> Result<Option<SubscriptionEvent>, ClientError> {
        match decode(message)? {
            Message::Notification(notification) => {
                check_id(notification.params, self.exchange.id)?;
                changed(&notification, &self.engine.cache);
                Ok(self.wanted(&notification))
            }
            Message::Response(response) => {
                self.exchange.outcome(response)?;
                self.end = Some(SubscriptionEnd::Graceful);
                Ok(None)
            }
            _ => Err(InvalidResponse::Request.into()),
        }
    }

    /// The event in a notification, if the server said that it would report such.
    fn wanted(&self, notification: &Notification<'_>) -> Option<SubscriptionEvent> {
        let (agreed, event) = match notification.method.as_ref() {
            method::NOTIFICATIONS_TOOLS_LIST_CHANGED => {
                (self.acknowledged.tools_list_changed, SubscriptionEvent::ToolsListChanged)
            }
            method::NOTIFICATIONS_PROMPTS_LIST_CHANGED => {
                (self.acknowledged.prompts_list_changed, SubscriptionEvent::PromptsListChanged)
            }
            method::NOTIFICATIONS_RESOURCES_LIST_CHANGED => {
                (self.acknowledged.resources_list_changed, SubscriptionEvent::ResourcesListChanged)
            }
            method::NOTIFICATIONS_RESOURCES_UPDATED => (
                !self.acknowledged.resource_subscriptions.is_empty(),
                SubscriptionEvent::ResourceUpdated(notification_params(notification)?),
            ),
            method::NOTIFICATIONS_TASKS => {
                let task: DetailedTask = notification_params(notification)?;
                let agreed = self.acknowledged.task_ids.contains(&task.task.task_id);
                (agreed, SubscriptionEvent::TaskChanged(Box::new(task)))
            }
            _ => return None,
        };
        agreed.then_some(event)
    }
}

impl Stream for Subscription {
    type Item = Result<SubscriptionEvent, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.exchange.id)
            .field("acknowledged", &self.acknowledged)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Subscribes and waits for the acknowledgment, which comes before anything else.
async fn attempt(
    engine: &Engine,
    request: &Outgoing<'_>,
    options: &mut CallOptions,
) -> Result<(Exchange, SubscriptionFilter), ClientError> {
    let mut exchange = engine.start(engine.prepare(request, options, &Retry::default())?).await?;
    let first = exchange.next().await?.ok_or(TransportError::Interrupted)?;
    let acknowledged = match decode(&first)? {
        Message::Notification(notification)
            if notification.method == method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED =>
        {
            check_id(notification.params, exchange.id)?;
            notification_params::<SubscriptionsAcknowledgedNotificationParams>(&notification)
                .ok_or(InvalidResponse::Acknowledgment)?
                .notifications
        }
        Message::Response(response) => {
            exchange.outcome(response)?;
            return Err(InvalidResponse::Acknowledgment.into());
        }
        _ => return Err(InvalidResponse::Acknowledgment.into()),
    };
    Ok((exchange, acknowledged))
}

fn decode(message: &Bytes) -> Result<Message<'_>, ClientError> {
    Message::decode(message, &DecodeLimits::default())
        .map_err(|error| InvalidResponse::Message(error.kind).into())
}

/// Whether `_meta` of these parameters names the subscription. What names none, or
/// another, was not meant for this reader.
fn check_id(params: Option<&RawValue>, id: i64) -> Result<(), InvalidResponse> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Option<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
        subscription: RequestId,
    }
    let named = params.and_then(|params| serde_json::from_str::<Params>(params.get()).ok());
    match named.and_then(|params| params.meta) {
        Some(meta) if meta.subscription == RequestId::Integer(id) => Ok(()),
        _ => Err(InvalidResponse::SubscriptionId),
    }
}

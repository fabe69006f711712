//! Subscriptions over a session: `resources/subscribe`, and what the listener hears, as the stream that the
//! newest revision has for it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use palisade_protocol::{
    Notification, ResourceUpdatedNotificationParams, ServerCapabilities, SubscriptionFilter,
    encode,
    legacy::{self, SubscribeRequestParams},
    meta, method,
};
use palisade_transport::{Inbox, MessageStream, TransportError};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{Command, Session, Shared, listener::Listening};
use crate::{
    ClientError,
    engine::{Deadline, EncodedParams, Engine, Exchange, notification_params},
};

/// How many events, and bytes of them, wait for a subscriber. One that does not read them is interrupted: it has
/// missed some.
const MAX_WAITING: usize = 64;
const MAX_WAITING_BYTES: usize = 1 << 20;

/// The subscriptions that are open.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<Vec<Open>>);

#[derive(Debug)]
struct Open {
    id: i64,
    wanted: SubscriptionFilter,
    events: Arc<Inbox>,
}

impl Subscriptions {
    /// Hands a change to whoever subscribed to it.
    pub(super) fn deliver(&self, notification: &Notification<'_>) {
        self.lock().retain(|open| {
            let fits = !open.wants(notification)
                || event(notification, open.id).is_none_or(|event| open.events.push(&event));
            if !fits {
                open.events.fail(TransportError::Unread { limit: MAX_WAITING });
            }
            fits
        });
    }

    /// Interrupts all of them: what they were promised cannot be kept.
    pub(super) fn end_all(&self) {
        self.lock().drain(..).for_each(|open| open.events.fail(TransportError::Interrupted));
    }

    /// Whether anyone watches this resource.
    pub(super) fn watches(&self, uri: &str) -> bool {
        self.lock().iter().any(|open| open.wanted.resource_subscriptions.iter().any(|it| it == uri))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn wants(&self, notification: &Notification<'_>) -> bool {
        match notification.method.as_ref() {
            method::NOTIFICATIONS_TOOLS_LIST_CHANGED => self.wanted.tools_list_changed,
            method::NOTIFICATIONS_PROMPTS_LIST_CHANGED => self.wanted.prompts_list_changed,
            method::NOTIFICATIONS_RESOURCES_LIST_CHANGED => self.wanted.resources_list_changed,
            method::NOTIFICATIONS_RESOURCES_UPDATED => {
                let params = notification_params::<ResourceUpdatedNotificationParams>(notification);
                // It may be a part of the one subscribed to.
                params.is_some_and(|params| {
                    self.wanted.resource_subscriptions.iter().any(|it| params.uri.starts_with(it))
                })
            }
            _ => false,
        }
    }
}

/// The notification as the newest revision sends it on the stream of a subscription.
fn event(notification: &Notification<'_>, id: i64) -> Option<Bytes> {
    let mut params: Map<String, Value> = notification_params(notification)?;
    let meta = params.entry("_meta").or_insert_with(|| Value::Object(Map::new()));
    meta.as_object_mut()?.insert(meta::SUBSCRIPTION_ID.to_owned(), id.into());
    encode::notification(&notification.method, &params).ok().map(Bytes::from)
}

/// Subscribes. Returns the stream, and what the server agreed to.
pub(super) async fn subscribe(
    session: &Session,
    engine: &Engine,
    wanted: SubscriptionFilter,
) -> Result<(Exchange, SubscriptionFilter), ClientError> {
    let settings = &engine.settings;
    let deadline = Deadline::start(settings.request_timeout, settings.max_request_time);
    let mut listening = session.shared.listening.subscribe();
    let heard = deadline.run(listening.wait_for(|state| *state != Listening::Opening)).await?;
    let heard = heard.map_or(Listening::Never, |state| *state);
    let mut agreed = match heard {
        Listening::Open => offered(&session.shared.current().capabilities, wanted),
        Listening::Gone => return Err(TransportError::SessionExpired.into()),
        _ => SubscriptionFilter::default(),
    };
    let id = session.shared.next_id();
    // Before the server is asked, so that nothing is lost in between.
    let events = Arc::new(Inbox::new(MAX_WAITING, MAX_WAITING_BYTES));
    let open = Open { id, wanted: agreed.clone(), events: Arc::clone(&events) };
    session.shared.subscriptions.lock().push(open);
    let stream = Events {
        id,
        uris: agreed.resource_subscriptions.clone(),
        shared: Arc::clone(&session.shared),
        commands: session.commands.clone(),
        events,
    };
    let mut refused = Vec::new();
    for uri in &agreed.resource_subscriptions {
        let params = EncodedParams::new(&SubscribeRequestParams::new(uri))?;
        match session.request(engine, legacy::method::RESOURCES_SUBSCRIBE, &params).await {
            Ok(_) => {}
            Err(ClientError::Rpc(_)) => refused.push(uri.clone()),
            Err(error) => return Err(error),
        }
    }
    agreed.resource_subscriptions.retain(|uri| !refused.contains(uri));
    Ok((Exchange { id, asked: 0, stream: Box::pin(stream), deadline }, agreed))
}

/// As much of it as the server says that it tells.
fn offered(server: &ServerCapabilities, wanted: SubscriptionFilter) -> SubscriptionFilter {
    let mut agreed = wanted;
    let resources = server.resources.as_ref();
    agreed.tools_list_changed &= server.tools.as_ref().is_some_and(|it| it.list_changed);
    agreed.prompts_list_changed &= server.prompts.as_ref().is_some_and(|it| it.list_changed);
    agreed.resources_list_changed &= resources.is_some_and(|it| it.list_changed);
    if !resources.is_some_and(|it| it.subscribe) {
        agreed.resource_subscriptions.clear();
    }
    agreed.task_ids.clear();
    agreed
}

/// The events of one subscription. Ends it when it is dropped.
struct Events {
    id: i64,
    uris: Vec<String>,
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    events: Arc<Inbox>,
}

impl MessageStream for Events {
    fn authn_context(&self) -> Option<[u8; 32]> {
        None
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.events.poll_next(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.subscriptions.lock().retain(|open| open.id != self.id);
        for uri in self.uris.drain(..) {
            if !self.shared.subscriptions.watches(&uri)
                && self.commands.try_send(Command::Unsubscribe(uri)).is_err()
            {
                tracing::debug!("the server was not told of the end of a subscription");
            }
        }
    }
}

//! Change notifications: who listens, and what they are told.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use palisade_protocol::SubscriptionFilter;
use tokio::sync::Notify;

use crate::server::Shared;

/// Tells subscribed clients what has changed. Cheap to clone; never blocks.
///
/// A subscriber that reads slowly is told less often, not less: what it has not been told yet is a set
/// of kinds and URIs, bounded by what it asked for, so it can neither exhaust memory nor miss a change.
#[derive(Clone)]
pub struct Notifier(pub(crate) Arc<Shared>);

impl Notifier {
    /// The list of tools has changed.
    pub fn tools_changed(&self) {
        self.0.hub.publish(&Change::Tools);
    }

    /// The list of prompts has changed.
    pub fn prompts_changed(&self) {
        self.0.hub.publish(&Change::Prompts);
    }

    /// The list of resources has changed.
    pub fn resources_changed(&self) {
        self.0.hub.publish(&Change::Resources);
    }

    /// The contents of a resource have changed.
    pub fn resource_updated(&self, uri: &str) {
        self.0.hub.publish(&Change::Resource(uri.to_owned()));
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

/// Something that subscribers are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Tools,
    Prompts,
    Resources,
    Resource(String),
}

/// All subscriptions of a server.
#[derive(Default)]
pub(crate) struct Hub {
    subscribers: Mutex<HashMap<u64, Arc<Subscriber>>>,
    next: AtomicU64,
    closing: AtomicBool,
}

/// One `subscriptions/listen` stream.
pub(crate) struct Subscriber {
    /// The context key of the principal.
    owner: [u8; 32],
    filter: SubscriptionFilter,
    pending: Mutex<BTreeSet<Change>>,
    wake: Notify,
}

/// Why a subscription was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscribeError {
    TooMany,
    Closing,
}

impl Hub {
    pub(crate) fn subscribe(
        self: &Hub,
        owner: [u8; 32],
        filter: SubscriptionFilter,
        limit: usize,
    ) -> Result<Subscription<'_>, SubscribeError> {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_closing() {
            return Err(SubscribeError::Closing);
        }
        if subscribers.values().filter(|subscriber| subscriber.owner == owner).count() >= limit {
            return Err(SubscribeError::TooMany);
        }
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let subscriber =
            Arc::new(Subscriber { owner, filter, pending: Mutex::default(), wake: Notify::new() });
        subscribers.insert(key, Arc::clone(&subscriber));
        Ok(Subscription { hub: self, key, subscriber })
    }

    pub(crate) fn publish(&self, change: &Change) {
        let subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.values().filter(|subscriber| subscriber.wants(change)) {
            subscriber
                .pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(change.clone());
            subscriber.wake.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        let subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        self.closing.store(true, Ordering::SeqCst);
        subscribers.values().for_each(|subscriber| subscriber.wake.notify_one());
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

impl Subscriber {
    fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Tools => self.filter.tools_list_changed,
            Change::Prompts => self.filter.prompts_list_changed,
            Change::Resources => self.filter.resources_list_changed,
            Change::Resource(uri) => self.filter.resource_subscriptions.iter().any(|u| u == uri),
        }
    }
}

/// A subscription that ends when it is dropped.
pub(crate) struct Subscription<'a> {
    hub: &'a Hub,
    key: u64,
    subscriber: Arc<Subscriber>,
}

impl Subscription<'_> {
    pub(crate) fn filter(&self) -> &SubscriptionFilter {
        &self.subscriber.filter
    }

    /// Waits for changes; `None` when the server shuts down.
    pub(crate) async fn changes(&self) -> Option<BTreeSet<Change>> {
        loop {
            let changes = std::mem::take(
                &mut *self.subscriber.pending.lock().unwrap_or_else(PoisonError::into_inner),
            );
            if !changes.is_empty() {
                return Some(changes);
            }
            if self.hub.is_closing() {
                return None;
            }
            self.subscriber.wake.notified().await;
        }
    }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.hub.subscribers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

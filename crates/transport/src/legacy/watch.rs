//! What a client of an older revision is told without asking: which lists have changed, and which of the
//! resources that it watches.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, ready},
};

use bytes::Bytes;
use palisade_protocol::{DecodeLimits, Inbound};
use palisade_security::{Principal, ServerSecurity};
use serde_json::json;

use super::slot::Slot;
use crate::{Call, Dispatcher, Outbox, Reply};

/// How many resources one session may watch: as many as one subscription may name.
const MAX_WATCHED: usize = 256;
/// The most bytes of all their names: each may be as long as a request, and outlives it.
const MAX_WATCHED_BYTES: usize = 64 * 1024;

/// The resources that a session watches.
#[derive(Debug, Default)]
pub(super) struct Watched {
    uris: Mutex<BTreeSet<String>>,
    changed: Slot<()>,
}

impl Watched {
    /// Watches a resource; whether there was room.
    pub(super) fn add(&self, uri: String) -> bool {
        let mut uris = self.lock();
        if uris.contains(&uri) {
            return true;
        }
        let bytes = uris.iter().map(String::len).sum::<usize>().saturating_add(uri.len());
        let room = uris.len() < MAX_WATCHED && bytes <= MAX_WATCHED_BYTES;
        if room {
            uris.insert(uri);
            self.changed.put(());
        }
        room
    }

    pub(super) fn remove(&self, uri: &str) {
        if self.lock().remove(uri) {
            self.changed.put(());
        }
    }

    /// Subscribes for this session, anew whenever it watches something else, until the engine ends the
    /// subscription.
    pub(super) async fn listen(
        &self,
        dispatcher: &dyn Dispatcher,
        principal: &Principal,
        security: &ServerSecurity,
        outbox: &Arc<Outbox>,
    ) -> Option<Reply> {
        loop {
            let body = self.subscription();
            let Ok(Inbound::Request(request, Ok(params))) =
                Inbound::decode(&body, &DecodeLimits::default())
            else {
                return None;
            };
            let call = Call::new(&body, &request, &params, principal, security, outbox);
            let mut listening = dispatcher.dispatch(call);
            let ended = poll_fn(|cx| {
                // First what has changed: the subscription that is about to end may know of something.
                if let Poll::Ready(reply) = listening.as_mut().poll(cx) {
                    return Poll::Ready(Some(reply));
                }
                // What it has taken note of and had no room for would end with it.
                ready!(outbox.poll_room(cx));
                self.changed.poll_take(cx).map(|()| None)
            });
            if let Some(reply) = ended.await {
                return Some(reply);
            }
        }
    }

    fn subscription(&self) -> Bytes {
        let uris = self.lock().clone();
        let filter = json!({
            "toolsListChanged": true,
            "promptsListChanged": true,
            "resourcesListChanged": true,
            "resourceSubscriptions": uris,
        });
        let message = json!({
            "jsonrpc": "2.0",
            "id": 0,
            "method": palisade_protocol::method::SUBSCRIPTIONS_LISTEN,
            "params": { "notifications": filter },
        });
        message.to_string().into_boxed_str().into_boxed_bytes().into()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.uris.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

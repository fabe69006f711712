//! Who waits for which message of a stream that carries them all.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use palisade_protocol::{
    DecodeLimits, Message, Notification, ProgressNotificationParams, RequestId, method,
};
use palisade_transport::{Inbox, MessageStream, TransportError};

use crate::client::session::CancelOnDrop;

/// How much waits for a reader that does not read it. More is lost, but for responses.
const MAX_WAITING: usize = 256;

/// The readers of one stream.
pub(super) struct Routes {
    readers: Mutex<Readers>,
    max_message_bytes: usize,
}

#[derive(Default)]
struct Readers {
    waiting: HashMap<RequestId, Arc<Inbox>>,
    heard: Option<Arc<Inbox>>,
    /// The stream has ended: nobody will be answered.
    ended: bool,
}

impl Routes {
    pub(super) fn new(max_message_bytes: usize) -> Self {
        Self { readers: Mutex::default(), max_message_bytes }
    }

    /// The messages of a request that is about to be sent; `None` after the end.
    pub(super) fn expect(
        routes: &Arc<Self>,
        id: RequestId,
        context: Option<[u8; 32]>,
        mut cancel: CancelOnDrop,
    ) -> Option<Answers> {
        let mut readers = routes.lock();
        if readers.ended {
            cancel.disarm();
            return None;
        }
        let inbox = routes.inbox();
        readers.waiting.insert(id.clone(), Arc::clone(&inbox));
        drop(readers);
        Some(Answers { routes: Arc::clone(routes), id, context, cancel, inbox })
    }

    /// What belongs to no request, from now on; `None` after the end.
    pub(super) fn listen(&self) -> Option<Heard> {
        let mut readers = self.lock();
        if readers.ended {
            return None;
        }
        let inbox = self.inbox();
        if let Some(former) = readers.heard.replace(Arc::clone(&inbox)) {
            former.fail(TransportError::Interrupted);
        }
        Some(Heard(inbox))
    }

    /// Hands a message to whoever waits for it.
    pub(super) fn deliver(&self, message: Bytes) {
        let decoded = Message::decode(&message, &DecodeLimits::default());
        let mut readers = self.lock();
        match decoded {
            Ok(Message::Response(response)) => {
                match response.id.and_then(|id| readers.waiting.remove(&id)) {
                    Some(inbox) => inbox.finish(message.clone()),
                    None => tracing::debug!("a response that nobody waits for was dropped"),
                }
            }
            Ok(Message::Notification(notification)) => {
                let about = progress_token(&notification);
                let reader = about.and_then(|id| readers.waiting.get(&id));
                tell(reader.or(readers.heard.as_ref()), &message);
            }
            Ok(_) => tell(readers.heard.as_ref(), &message),
            Err(error) => tracing::debug!(code = error.kind.code(), "a message was dropped"),
        }
    }

    /// The stream has ended, and everybody's wait with it.
    pub(super) fn end(&self) {
        let ended = Readers { ended: true, ..Readers::default() };
        let Readers { waiting, heard, .. } = std::mem::replace(&mut *self.lock(), ended);
        let readers = waiting.into_values().chain(heard);
        readers.for_each(|inbox| inbox.fail(TransportError::Interrupted));
    }

    fn inbox(&self) -> Arc<Inbox> {
        Arc::new(Inbox::new(MAX_WAITING, self.max_message_bytes))
    }

    fn lock(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(reader: Option<&Arc<Inbox>>, message: &[u8]) {
    if !reader.is_some_and(|inbox| inbox.push(message)) {
        tracing::debug!("a message was lost: nobody reads, or not fast enough");
    }
}

/// The request that progress is about: tokens are ids.
fn progress_token(notification: &Notification<'_>) -> Option<RequestId> {
    let params = notification
        .params
        .filter(|_| notification.method.as_ref() == method::NOTIFICATIONS_PROGRESS)?;
    let params: ProgressNotificationParams = serde_json::from_str(params.get()).ok()?;
    Some(params.progress_token)
}

/// The messages of one request.
pub(super) struct Answers {
    routes: Arc<Routes>,
    id: RequestId,
    context: Option<[u8; 32]>,
    cancel: CancelOnDrop,
    inbox: Arc<Inbox>,
}

impl Answers {
    /// The request never arrived.
    pub(super) fn disarm(&mut self) {
        self.cancel.disarm();
    }
}

impl MessageStream for Answers {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.context
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.inbox.poll_next(cx)
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        let mut readers = self.routes.lock();
        // What is over is not among them any more; its id may be another's.
        let waits = readers.waiting.get(&self.id).is_some_and(|it| Arc::ptr_eq(it, &self.inbox));
        if waits {
            readers.waiting.remove(&self.id);
        } else {
            self.cancel.disarm();
        }
    }
}

/// What belongs to no request.
pub(super) struct Heard(Arc<Inbox>);

impl MessageStream for Heard {
    fn authn_context(&self) -> Option<[u8; 32]> {
        None
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.0.poll_next(cx)
    }
}

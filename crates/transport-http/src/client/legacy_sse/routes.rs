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
use palisade_transport::{MessageStream, TransportError};
use tokio::sync::{mpsc, oneshot};

use crate::client::session::CancelOnDrop;

/// How much progress waits for a request that does not read it. More is lost: it is news, not a result.
const MAX_PROGRESS: usize = 64;

/// How much of what belongs to no request waits for whoever listens. More is lost.
const MAX_HEARD: usize = 256;

/// The readers of one stream.
#[derive(Default)]
pub(super) struct Routes(Mutex<Readers>);

#[derive(Default)]
struct Readers {
    waiting: HashMap<RequestId, Waiting>,
    heard: Option<mpsc::Sender<Bytes>>,
    /// The stream has ended: nobody will be answered.
    ended: bool,
}

struct Waiting {
    progress: mpsc::Sender<Bytes>,
    response: oneshot::Sender<Bytes>,
}

impl Routes {
    /// The messages of a request that is about to be sent; `None` after the end.
    pub(super) fn expect(
        routes: &Arc<Self>,
        id: RequestId,
        context: Option<[u8; 32]>,
        cancel: CancelOnDrop,
    ) -> Option<Answers> {
        let mut readers = routes.lock();
        if readers.ended {
            let mut cancel = cancel;
            cancel.disarm();
            return None;
        }
        let (progress, more) = mpsc::channel(MAX_PROGRESS);
        let (response, answer) = oneshot::channel();
        readers.waiting.insert(id.clone(), Waiting { progress, response });
        drop(readers);
        let routes = Arc::clone(routes);
        Some(Answers { routes, id, context, cancel, progress: more, response: Some(answer) })
    }

    /// What belongs to no request, from now on.
    pub(super) fn listen(&self) -> Heard {
        let (heard, receiver) = mpsc::channel(MAX_HEARD);
        let mut readers = self.lock();
        readers.heard = (!readers.ended).then_some(heard);
        Heard(receiver)
    }

    /// Hands a message to whoever waits for it.
    pub(super) fn deliver(&self, message: Bytes) {
        let decoded = Message::decode(&message, &DecodeLimits::default());
        let mut readers = self.lock();
        match decoded {
            Ok(Message::Response(response)) => {
                let waiting = response.id.and_then(|id| readers.waiting.remove(&id));
                if waiting.is_none_or(|it| it.response.send(message.clone()).is_err()) {
                    tracing::debug!("a response that nobody waits for was dropped");
                }
            }
            Ok(Message::Notification(notification)) => {
                let about = progress_token(&notification);
                match about.and_then(|id| readers.waiting.get(&id)) {
                    Some(waiting) => lost(waiting.progress.try_send(message.clone()).is_err()),
                    None => readers.heard(message.clone()),
                }
            }
            Ok(_) => readers.heard(message.clone()),
            Err(error) => tracing::debug!(code = error.kind.code(), "a message was dropped"),
        }
    }

    /// The stream has ended, and everybody's wait with it.
    pub(super) fn end(&self) {
        *self.lock() = Readers { ended: true, ..Readers::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Readers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers {
    fn heard(&self, message: Bytes) {
        lost(self.heard.as_ref().is_none_or(|heard| heard.try_send(message).is_err()));
    }
}

fn lost(is_lost: bool) {
    if is_lost {
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
    progress: mpsc::Receiver<Bytes>,
    /// `None` once it has come.
    response: Option<oneshot::Receiver<Bytes>>,
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        if let Poll::Ready(Some(message)) = self.progress.poll_recv(cx) {
            return Poll::Ready(Some(Ok(message)));
        }
        let Some(response) = &mut self.response else { return Poll::Ready(None) };
        let outcome = std::task::ready!(Pin::new(response).poll(cx));
        self.response = None;
        self.cancel.disarm();
        Poll::Ready(Some(outcome.map_err(|_| TransportError::Interrupted)))
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.routes.lock().waiting.remove(&self.id);
    }
}

/// What belongs to no request.
pub(super) struct Heard(mpsc::Receiver<Bytes>);

impl MessageStream for Heard {
    fn authn_context(&self) -> Option<[u8; 32]> {
        None
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.0.poll_recv(cx).map(|message| message.map(Ok))
    }
}

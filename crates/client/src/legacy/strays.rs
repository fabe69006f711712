//! Progress and log messages that came on another stream than that of the request they are about: many
//! servers send them where they send everything.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use palisade_transport::{MessageStream, TransportError};
use tokio::sync::mpsc;

/// How many wait for a request that does not read them. More are lost: they are news, not results.
const MAX_WAITING: usize = 64;

/// The requests that want them.
#[derive(Debug, Default)]
pub(super) struct Strays(Mutex<Vec<mpsc::Sender<Bytes>>>);

impl Strays {
    /// A stream that has them too. Which of them are about its request, its reader finds out.
    pub(super) fn merge(&self, stream: Pin<Box<dyn MessageStream>>) -> Pin<Box<dyn MessageStream>> {
        let (sender, strays) = mpsc::channel(MAX_WAITING);
        self.with(|senders| senders.push(sender));
        Box::pin(Merged { stream, strays })
    }

    /// Hands a message to whoever may want it.
    pub(super) fn offer(&self, message: &Bytes) {
        self.with(|senders| {
            for sender in senders {
                if sender.try_send(message.clone()).is_err() {
                    tracing::debug!("a notification was lost: its reader is too slow");
                }
            }
        });
    }

    fn with(&self, act: impl FnOnce(&mut Vec<mpsc::Sender<Bytes>>)) {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|sender| !sender.is_closed());
        act(&mut senders);
    }
}

struct Merged {
    stream: Pin<Box<dyn MessageStream>>,
    strays: mpsc::Receiver<Bytes>,
}

impl MessageStream for Merged {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.stream.authn_context()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        if let Poll::Ready(Some(stray)) = self.strays.poll_recv(cx) {
            return Poll::Ready(Some(Ok(stray)));
        }
        self.stream.as_mut().poll_next(cx)
    }
}

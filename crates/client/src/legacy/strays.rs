//! Progress and log messages that came on another stream than that of the request they are about: many
//! servers send them where they send everything.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
};

use bytes::Bytes;
use palisade_transport::{Inbox, MessageStream, TransportError};

/// How many, and bytes of them, wait for a request that does not read them. More are lost: they are news, not
/// results.
const MAX_WAITING: usize = 64;
const MAX_WAITING_BYTES: usize = 1 << 20;

/// The requests that want them.
#[derive(Debug, Default)]
pub(super) struct Strays(Mutex<Vec<Weak<Inbox>>>);

impl Strays {
    /// A stream that has them too. Which of them are about its request, its reader finds out.
    pub(super) fn merge(&self, stream: Pin<Box<dyn MessageStream>>) -> Pin<Box<dyn MessageStream>> {
        let strays = Arc::new(Inbox::new(MAX_WAITING, MAX_WAITING_BYTES));
        self.with(|readers| readers.push(Arc::downgrade(&strays)));
        Box::pin(Merged { stream, strays })
    }

    /// Hands a message to whoever may want it.
    pub(super) fn offer(&self, message: &Bytes) {
        self.with(|readers| {
            for reader in readers.iter().filter_map(Weak::upgrade) {
                if !reader.push(message) {
                    tracing::debug!("a notification was lost: its reader is too slow");
                }
            }
        });
    }

    fn with(&self, act: impl FnOnce(&mut Vec<Weak<Inbox>>)) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| reader.strong_count() > 0);
        act(&mut readers);
    }
}

struct Merged {
    stream: Pin<Box<dyn MessageStream>>,
    strays: Arc<Inbox>,
}

impl MessageStream for Merged {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.stream.authn_context()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        if let Poll::Ready(stray) = self.strays.poll_next(cx) {
            return Poll::Ready(stray);
        }
        self.stream.as_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    struct Silent;

    impl MessageStream for Silent {
        fn authn_context(&self) -> Option<[u8; 32]> {
            None
        }

        fn poll_next(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Bytes, TransportError>>> {
            Poll::Pending
        }
    }

    #[test]
    fn n8_what_waits_is_bounded_in_bytes_and_goes_with_its_reader() {
        let strays = Strays::default();
        let mut merged = strays.merge(Box::pin(Silent));
        for _ in 0..10 {
            strays.offer(&Bytes::from(vec![b' '; MAX_WAITING_BYTES / 3]));
        }
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(merged.as_mut().poll_next(&mut cx).is_ready());
        }
        assert!(merged.as_mut().poll_next(&mut cx).is_pending());
        drop(merged);
        strays.with(|readers| assert!(readers.is_empty()));
    }
}

//! What one reader has not read yet.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use palisade_transport::TransportError;

/// The most messages that wait for one reader.
pub(super) const MAX_MESSAGES: usize = 1024;

/// A bounded queue with an end. The connection is shared, so a reader that does not read cannot hold it up:
/// what does not fit is the sender's problem.
#[derive(Debug, Default)]
pub(super) struct Inbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Bytes>,
    bytes: usize,
    /// What comes after the messages: the end, or an error before it.
    end: Option<Option<TransportError>>,
    reader: Option<Waker>,
}

impl Inbox {
    /// Queues a message, unless the reader has this much to read already.
    pub(super) fn push(&self, message: &[u8], max_bytes: usize) -> bool {
        let mut state = self.lock();
        // One message always fits: each alone is within the limit of a line.
        let fits = state.messages.is_empty()
            || (state.messages.len() < MAX_MESSAGES
                && state.bytes.saturating_add(message.len()) <= max_bytes);
        if fits {
            // A copy: a slice would keep all that was read together with it, which nothing counts.
            state.add(Bytes::copy_from_slice(message));
        }
        fits
    }

    /// Queues the last message, which always fits.
    pub(super) fn finish(&self, last: Bytes) {
        let mut state = self.lock();
        state.add(last);
        state.end = Some(None);
    }

    /// Ends with an error, after what is there.
    pub(super) fn fail(&self, error: TransportError) {
        let mut state = self.lock();
        state.end.get_or_insert(Some(error));
        state.wake();
    }

    pub(super) fn poll_next(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        let mut state = self.lock();
        if let Some(message) = state.messages.pop_front() {
            state.bytes = state.bytes.saturating_sub(message.len());
            return Poll::Ready(Some(Ok(message)));
        }
        if let Some(error) = &mut state.end {
            return Poll::Ready(error.take().map(Err));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole, so a poisoned lock is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, message: Bytes) {
        self.bytes = self.bytes.saturating_add(message.len());
        self.messages.push_back(message);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn what_waits_keeps_nothing_else_alive() {
        let inbox = Inbox::default();
        let chunk = Bytes::from(vec![b'a'; 64 << 10]);
        assert!(inbox.push(&chunk.slice(..10), 10));
        assert!(!inbox.push(&chunk.slice(..1), 10), "its bytes count");
        assert!(chunk.is_unique());
        let message = poll_fn(|cx| inbox.poll_next(cx)).await;
        assert_eq!(message.unwrap().unwrap(), "aaaaaaaaaa");
    }
}

//! What one reader of a shared connection has not read yet.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

use crate::TransportError;

/// A bounded queue with an end, for one of many readers of a connection. The connection is shared, so a reader
/// that does not read cannot hold it up, nor fill the memory: what does not fit is the sender's problem.
pub struct Inbox {
    state: Mutex<State>,
    max_messages: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Bytes>,
    bytes: usize,
    /// What comes after the messages: the end, or an error before it.
    end: Option<Option<TransportError>>,
    reader: Option<Waker>,
}

impl Inbox {
    /// An empty queue. One message always fits: the connection bounds each alone.
    #[must_use]
    pub fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self { state: Mutex::default(), max_messages, max_bytes }
    }

    /// Queues a message, unless the reader has this much to read already. Returns whether it did.
    pub fn push(&self, message: &[u8]) -> bool {
        let mut state = self.lock();
        let fits = state.messages.is_empty()
            || (state.messages.len() < self.max_messages
                && state.bytes.saturating_add(message.len()) <= self.max_bytes);
        if fits {
            // A copy: a slice would keep all that was read together with it, which nothing counts.
            state.add(Bytes::copy_from_slice(message));
        }
        fits
    }

    /// Queues the last message, which always fits.
    pub fn finish(&self, last: Bytes) {
        let mut state = self.lock();
        state.add(last);
        state.end = Some(None);
    }

    /// Ends with an error, after what is there.
    pub fn fail(&self, error: TransportError) {
        let mut state = self.lock();
        state.end.get_or_insert(Some(error));
        state.wake();
    }

    /// Polls for the next message, as [`MessageStream::poll_next`](crate::MessageStream::poll_next) does. Only the
    /// last poller is woken.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, TransportError>>> {
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the messages: they may hold anything.
        f.debug_struct("Inbox")
            .field("waiting", &self.lock().messages.len())
            .finish_non_exhaustive()
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
    use super::*;

    fn next(inbox: &Inbox) -> Poll<Option<Result<Bytes, &'static str>>> {
        let next = inbox.poll_next(&mut Context::from_waker(Waker::noop()));
        next.map(|next| next.map(|next| next.map_err(|error| error.code())))
    }

    #[test]
    fn messages_and_their_bytes_are_bounded() {
        let inbox = Inbox::new(3, 10);
        assert!(inbox.push(b"twenty bytes or more"), "one always fits");
        assert!(!inbox.push(b"a"));
        assert!(next(&inbox).is_ready());
        assert!([b"a", b"b", b"c"].into_iter().all(|it| inbox.push(it)));
        assert!(!inbox.push(b"d"), "one too many");
        assert!(next(&inbox).is_ready() && next(&inbox).is_ready());
        assert!(inbox.push(b"123456789"), "what was read makes room");
        assert!(!inbox.push(b"1"), "a byte too many");
        assert!(!format!("{inbox:?}").contains("123456789"));
    }

    #[test]
    fn what_waits_keeps_nothing_else_alive() {
        let inbox = Inbox::new(1, 10);
        let chunk = Bytes::from(vec![b'a'; 64 << 10]);
        assert!(inbox.push(&chunk.slice(..10)));
        assert!(chunk.is_unique());
        assert_eq!(next(&inbox), Poll::Ready(Some(Ok("aaaaaaaaaa".into()))));
    }

    #[test]
    fn the_end_comes_after_what_is_there() {
        let inbox = Inbox::new(1, 10);
        inbox.push(b"a");
        inbox.finish("b".into());
        inbox.fail(TransportError::Interrupted);
        for expected in [Some(Ok("a".into())), Some(Ok("b".into())), None, None] {
            assert_eq!(next(&inbox), Poll::Ready(expected));
        }
        let inbox = Inbox::new(1, 10);
        assert!(next(&inbox).is_pending());
        inbox.fail(TransportError::Interrupted);
        for expected in [Some(Err("interrupted")), None, None] {
            assert_eq!(next(&inbox), Poll::Ready(expected));
        }
    }
}

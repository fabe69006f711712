//! The notifications of one request, from its handler to the transport.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;

/// A bounded queue of encoded notifications. It costs nothing until the first message, and it needs no
/// task of its own: the transport polls the handler and this queue in turn.
///
/// A full queue makes the sender wait, so a slow reader slows its own request and holds no memory
/// beyond the bound.
pub struct Outbox {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Bytes>,
    reader: Option<Waker>,
    writers: Vec<Waker>,
    closed: bool,
    let_go: bool,
}

impl Outbox {
    /// A queue of at most `capacity` messages, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), capacity: capacity.max(1) }
    }

    /// Queues a message, waiting for room. A message for a request that has ended is dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was not queued.
    pub async fn send(&self, message: Bytes) {
        let mut message = Some(message);
        poll_fn(|cx| {
            let mut state = self.lock();
            ready!(state.poll_room(self.capacity, cx));
            if let Some(message) = message.take() {
                state.push(message);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Queues a message if there is room. Returns whether it was queued or no longer wanted.
    pub fn try_send(&self, message: Bytes) -> bool {
        let mut state = self.lock();
        let room = state.queue.len() < self.capacity;
        if room {
            state.push(message);
        }
        room || state.closed
    }

    /// Takes the next message without waiting.
    #[must_use]
    pub fn try_next(&self) -> Option<Bytes> {
        self.lock().take()
    }

    /// Polls for the next message. Only the last poller is woken.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let mut state = self.lock();
        if let Some(message) = state.take() {
            return Poll::Ready(message);
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            reader @ None => *reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Ready when there is room for a message, or none is wanted any more. Until then somebody may be about to
    /// queue one.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.lock().poll_room(self.capacity, cx)
    }

    /// Ready when nothing more is taken: the request has ended, and with it whatever is waited for in its name.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(());
        }
        state.remember(cx);
        Poll::Pending
    }

    /// Tells the reader that it need not wait for what is still to come, if its wire can fetch that later.
    pub fn let_go(&self) {
        let mut state = self.lock();
        state.let_go = true;
        if let Some(reader) = &state.reader {
            reader.wake_by_ref();
        }
    }

    /// Whether the reader was let go since it was last asked.
    #[must_use]
    pub fn take_let_go(&self) -> bool {
        std::mem::take(&mut self.lock().let_go)
    }

    /// Whether messages wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// Takes nothing more, and keeps what waits: the handler has ended. Whoever it left behind with a way
    /// to send, and still sends, would otherwise hold back the response for ever.
    pub fn finish(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.writers.drain(..).for_each(Waker::wake);
    }

    /// The same, and takes the first of what waits.
    #[must_use]
    pub fn finish_and_take(&self) -> Option<Bytes> {
        let mut state = self.lock();
        state.closed = true;
        state.writers.drain(..).for_each(Waker::wake);
        state.queue.pop_front()
    }

    /// Drops what waits and what still comes: the request has ended.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue.clear();
        state.writers.drain(..).for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_room(&mut self, capacity: usize, cx: &mut Context<'_>) -> Poll<()> {
        if self.queue.len() < capacity || self.closed {
            return Poll::Ready(());
        }
        self.remember(cx);
        Poll::Pending
    }

    /// Has this task woken when something is taken, or the request ends.
    fn remember(&mut self, cx: &mut Context<'_>) {
        if !self.writers.iter().any(|writer| writer.will_wake(cx.waker())) {
            self.writers.push(cx.waker().clone());
        }
    }

    /// Takes the next message. Whoever waits for room learns that there is some.
    fn take(&mut self) -> Option<Bytes> {
        let message = self.queue.pop_front();
        if message.is_some() {
            self.writers.drain(..).for_each(Waker::wake);
        }
        message
    }

    fn push(&mut self, message: Bytes) {
        if !self.closed {
            self.queue.push_back(message);
            if let Some(reader) = &self.reader {
                reader.wake_by_ref();
            }
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.lock().queue.len();
        f.debug_struct("Outbox")
            .field("waiting", &waiting)
            .field("capacity", &self.capacity)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        sync::Arc,
        task::{Context, Poll, Wake, Waker},
    };

    use bytes::Bytes;

    use super::Outbox;

    struct CountingWaker(std::sync::atomic::AtomicUsize);

    impl Wake for CountingWaker {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    #[test]
    fn a_full_queue_makes_the_sender_wait_and_a_read_wakes_it() {
        let outbox = Outbox::new(1);
        let counter = Arc::new(CountingWaker(0.into()));
        let waker = Waker::from(Arc::clone(&counter));
        let mut cx = Context::from_waker(&waker);

        assert!(outbox.poll_next(&mut cx).is_pending());
        assert!(outbox.try_send(Bytes::from_static(b"1")));
        assert_eq!(counter.0.load(std::sync::atomic::Ordering::SeqCst), 1, "the reader is woken");
        assert!(!outbox.try_send(Bytes::from_static(b"2")), "full");

        let mut send = pin!(outbox.send(Bytes::from_static(b"2")));
        assert!(send.as_mut().poll(&mut cx).is_pending());
        assert_eq!(outbox.poll_next(&mut cx), Poll::Ready(Bytes::from_static(b"1")));
        assert_eq!(counter.0.load(std::sync::atomic::Ordering::SeqCst), 2, "the sender is woken");
        assert!(send.as_mut().poll(&mut cx).is_ready());
        assert_eq!(outbox.try_next(), Some(Bytes::from_static(b"2")));
    }

    #[test]
    fn a_finished_queue_keeps_what_waits_and_blocks_nobody() {
        let outbox = Outbox::new(1);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(outbox.try_send(Bytes::from_static(b"1")));
        let mut waiting = pin!(outbox.send(Bytes::from_static(b"2")));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        outbox.finish();
        assert!(waiting.poll(&mut cx).is_ready());
        assert!(outbox.try_send(Bytes::from_static(b"3")), "no longer wanted");
        assert_eq!(outbox.try_next(), Some(Bytes::from_static(b"1")));
        assert_eq!(outbox.try_next(), None);
    }

    #[test]
    fn a_closed_queue_takes_nothing_and_blocks_nobody() {
        let outbox = Outbox::new(1);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(outbox.try_send(Bytes::from_static(b"1")));
        outbox.close();
        assert!(outbox.is_empty());
        assert!(pin!(outbox.send(Bytes::from_static(b"2"))).poll(&mut cx).is_ready());
        assert!(outbox.is_empty());
    }
}

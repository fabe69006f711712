//! Requests that have not ended: what they still send, and how they are ended from outside.

use std::{
    collections::HashMap,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use palisade_protocol::{Request, RequestId, method};
use palisade_transport::{BoxFuture, Outbox, legacy::Session};

use super::exchange::Done;

/// What one stream knows: the requests that have not ended, by their ids, and the session of a client of an
/// older revision. One table a stream: what two clients call by the same id never meets.
#[derive(Debug, Default)]
pub(super) struct Table {
    requests: Mutex<HashMap<RequestId, Arc<Slot>>>,
    session: OnceLock<Session>,
    /// What tells such a client of changes; it has no id. Held weakly: it holds the table.
    teller: OnceLock<Weak<Slot>>,
}

/// The place of one request: reached by the request itself, and by whoever ends it.
pub(super) struct Slot {
    outbox: Arc<Outbox>,
    /// Whether nobody else sends by the same outbox.
    alone: bool,
    table: Arc<Table>,
    /// The id, once it is known, and whether it is a subscription.
    request: OnceLock<(RequestId, bool)>,
    /// Whether what it sends is for a client of an older revision.
    in_session: AtomicBool,
    ended: AtomicU8,
    waker: AtomicWaker,
}

/// Why a request ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Ending {
    /// The client gave it up.
    Cancelled = 1,
    /// The client left.
    Disconnected = 2,
}

impl Table {
    /// Ends the request with this id, if there is one. The id is free from now on.
    pub(super) fn cancel(&self, id: &RequestId) {
        let slot = self.lock().remove(id);
        if let Some(slot) = slot {
            slot.end(Ending::Cancelled);
        }
    }

    /// Ends the subscriptions, and the session: nobody is there to tell, or to answer.
    pub(super) fn end_subscriptions(&self) {
        let slots: Vec<_> = self.lock().values().map(Arc::clone).collect();
        let subscriptions = slots.into_iter().filter(|slot| slot.is_subscription());
        for slot in subscriptions.chain(self.teller.get().and_then(Weak::upgrade)) {
            slot.end(Ending::Disconnected);
        }
        if let Some(session) = self.session.get() {
            session.close();
        }
    }

    /// The session of the client, once it has initialized one.
    pub(super) fn session(&self) -> Option<&Session> {
        self.session.get()
    }

    /// Begins the session. Returns whether there was none.
    pub(super) fn open(&self, session: Session) -> bool {
        self.session.set(session).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Arc<Slot>>> {
        // Every critical section leaves the map whole, so a poisoned lock is still good.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub(super) fn new(table: &Arc<Table>, queue: usize) -> Arc<Self> {
        Self::with_outbox(table, Arc::new(Outbox::new(queue)), true)
    }

    /// A slot that sends as this one does: for one message of a batch.
    pub(super) fn sibling(&self) -> Arc<Self> {
        self.enter_session();
        Self::with_outbox(&self.table, Arc::clone(&self.outbox), false)
    }

    fn with_outbox(table: &Arc<Table>, outbox: Arc<Outbox>, alone: bool) -> Arc<Self> {
        Arc::new(Self {
            outbox,
            alone,
            table: Arc::clone(table),
            request: OnceLock::new(),
            in_session: AtomicBool::new(false),
            ended: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        })
    }

    /// Where notifications of the request go.
    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// What its stream knows.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// Has what it sends written in the words of the session.
    pub(super) fn enter_session(&self) {
        self.in_session.store(true, Ordering::Relaxed);
    }

    /// Becomes what tells the client of changes. Returns whether it is the first.
    pub(super) fn become_teller(self: &Arc<Self>) -> bool {
        self.enter_session();
        self.table.teller.set(Arc::downgrade(self)).is_ok()
    }

    /// What is to be sent for a message from the outbox, if the client's revision has anything like it.
    fn outgoing(&self, message: Bytes) -> Option<Bytes> {
        match self.table.session.get() {
            Some(session) if self.in_session.load(Ordering::Relaxed) => session.outgoing(&message),
            _ => Some(message),
        }
    }

    /// Takes the id of a request for it. Returns whether it was free.
    pub(super) fn claim(&self, request: &Request<'_>) -> bool {
        let free = !self.table.lock().contains_key(&request.id);
        if free {
            let subscription = request.method == method::SUBSCRIPTIONS_LISTEN;
            let _ = self.request.set((request.id.clone(), subscription));
        }
        free
    }

    /// Runs the request until it, or somebody else, ends it; then what is left of it is dropped, nothing more
    /// of it is sent, and the code says why.
    pub(super) async fn until_ended<F: Future>(
        &self,
        request: F,
    ) -> Result<F::Output, &'static str> {
        let mut request = pin!(request);
        poll_fn(|cx| {
            if let Some(code) = self.ended() {
                if self.alone {
                    self.outbox.close();
                }
                return Poll::Ready(Err(code));
            }
            let polled = request.as_mut().poll(cx);
            if polled.is_pending() {
                self.waker.register(cx.waker());
            }
            polled.map(Ok)
        })
        .await
    }

    fn ended(&self) -> Option<&'static str> {
        match self.ended.load(Ordering::Acquire) {
            0 => None,
            1 => Some("cancelled"),
            _ => Some("disconnected"),
        }
    }

    fn end(&self, ending: Ending) {
        self.ended.store(ending as u8, Ordering::Release);
        self.waker.wake();
    }

    fn is_subscription(&self) -> bool {
        self.request.get().is_some_and(|(_, subscription)| *subscription)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("request", &self.request).finish_non_exhaustive()
    }
}

/// One message under way.
pub(super) struct Running {
    /// `None` when it has ended, and only its messages are left.
    exchange: Option<BoxFuture<'static, Done>>,
    slot: Arc<Slot>,
    last: Option<Bytes>,
}

/// What a message under way has to say.
#[derive(Debug)]
pub(super) enum Event {
    /// This is to be sent, and more may follow.
    Message(Bytes),
    /// This is to be sent, if anything, and nothing follows.
    End(Option<Bytes>),
    /// The request with this id is to be cancelled, and nothing follows.
    Cancel(RequestId),
}

impl Running {
    pub(super) fn new(exchange: BoxFuture<'static, Done>, slot: Arc<Slot>) -> Self {
        Self { exchange: Some(exchange), slot, last: None }
    }

    /// Makes the request known to those who may end it: it will not end by itself at once.
    pub(super) fn enter_table(&self) {
        if let Some((id, _)) = self.slot.request.get() {
            self.slot.table.lock().insert(id.clone(), Arc::clone(&self.slot));
        }
    }

    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some(exchange) = &mut self.exchange
            && let Poll::Ready(done) = exchange.as_mut().poll(cx)
        {
            self.exchange = None;
            self.slot.outbox.finish();
            match done {
                Done::Answer(answer) => self.last = Some(answer),
                Done::Silence | Done::Tell => {}
                Done::Cancel(id) => return Poll::Ready(Event::Cancel(id)),
            }
        }
        // What the handler sent before it ended goes before its answer.
        loop {
            match (self.slot.outbox.poll_next(cx), &self.exchange) {
                (Poll::Ready(message), _) => {
                    if let Some(message) = self.slot.outgoing(message) {
                        return Poll::Ready(Event::Message(message));
                    }
                }
                (Poll::Pending, Some(_)) => return Poll::Pending,
                (Poll::Pending, None) => return Poll::Ready(Event::End(self.last.take())),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A task that the handler left behind must not wait for a reader that will never come.
        self.slot.outbox.close();
        if let Some((id, _)) = self.slot.request.get() {
            let mut table = self.slot.table.lock();
            if table.get(id).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot)) {
                table.remove(id);
            }
        }
    }
}

/// A future of the next event, which hands back what it came from.
pub(super) struct NextEvent(Option<Running>);

impl From<Running> for NextEvent {
    fn from(running: Running) -> Self {
        Self(Some(running))
    }
}

impl Future for NextEvent {
    type Output = (Event, Option<Running>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.0 else { return Poll::Pending };
        running.poll_event(cx).map(|event| (event, self.0.take()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_ends_with_its_stream_although_its_client_was_told_of_changes() {
        let table = Arc::<Table>::default();
        let teller = Slot::new(&table, 1);
        assert!(teller.become_teller() && !Slot::new(&table, 1).become_teller());
        table.end_subscriptions();
        assert_eq!(teller.ended(), Some("disconnected"));
        let left = Arc::downgrade(&table);
        drop((table, teller));
        assert_eq!(left.strong_count(), 0);
    }
}

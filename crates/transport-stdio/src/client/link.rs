//! What a transport and the task that serves its streams share: requests on their way out, and who waits for
//! which messages.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use palisade_protocol::{CancelledNotificationParams, RequestId, encode, method};
use palisade_transport::{Inbox, LineError, TransportError, encode_line};
use tokio::{sync::Notify, time::timeout};

use super::peek::{self, Addressee};
use crate::stream::{HIGH_WATER, Output};

/// The most messages that wait for one reader.
pub(super) const MAX_MESSAGES: usize = 1024;

/// The meeting place. Nothing in it is held across an await.
pub(super) struct Link {
    state: Mutex<State>,
    /// Told whenever something that somebody may wait for has changed.
    changed: Notify,
    max_message_bytes: usize,
    /// How long a request waits for a server that is being started.
    start_timeout: Duration,
}

struct State {
    phase: Phase,
    closing: bool,
    /// Encoded lines that the driver has not taken yet.
    out: Vec<u8>,
    driver: Option<Waker>,
    routes: HashMap<RequestId, Route>,
    listener: Option<Arc<Inbox>>,
}

#[derive(Debug)]
enum Phase {
    /// There is no server, but there will be.
    Starting,
    Up,
    /// There will be no server again.
    Ended(TransportError),
}

struct Route {
    inbox: Arc<Inbox>,
    wants_log: bool,
}

/// What a request needs to find back to who made it.
pub(super) struct Ticket {
    pub(super) id: RequestId,
    pub(super) inbox: Arc<Inbox>,
}

impl Link {
    pub(super) fn new(max_message_bytes: usize, start_timeout: Duration) -> Self {
        let state = State {
            phase: Phase::Starting,
            closing: false,
            out: Vec::new(),
            driver: None,
            routes: HashMap::new(),
            listener: None,
        };
        Self { state: Mutex::new(state), changed: Notify::new(), max_message_bytes, start_timeout }
    }

    pub(super) fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Queues a request, as soon as there is a server and room.
    pub(super) async fn request(&self, body: &[u8]) -> Result<Ticket, TransportError> {
        let Some((id, wants_log)) = peek::request(body) else {
            return Err(TransportError::InvalidRequest("it has no id"));
        };
        self.when_up(|state| {
            if state.routes.contains_key(&id) {
                return Err(TransportError::InvalidRequest("its id is in use"));
            }
            let inbox = self.inbox();
            let route = Route { inbox: Arc::clone(&inbox), wants_log };
            state.routes.insert(id.clone(), route);
            state.send(body);
            Ok(Ticket { id: id.clone(), inbox })
        })
        .await
    }

    /// Queues a message that nothing comes back for.
    pub(super) async fn send(&self, message: &[u8]) -> Result<(), TransportError> {
        self.when_up(|state| {
            state.send(message);
            Ok(())
        })
        .await
    }

    /// Becomes the one who gets what belongs to no request.
    pub(super) fn listen(&self) -> Result<Arc<Inbox>, TransportError> {
        let mut state = self.lock();
        if let Phase::Ended(error) = &state.phase {
            return Err(error.clone());
        }
        let inbox = self.inbox();
        if let Some(former) = state.listener.replace(Arc::clone(&inbox)) {
            former.fail(TransportError::Interrupted);
        }
        Ok(inbox)
    }

    /// Gives up a request: its messages are not wanted any more. `tell` the server.
    pub(super) fn give_up(&self, ticket: &Ticket, tell: bool) {
        let mut state = self.lock();
        // What was answered, or asked of a former server, is not in the table any more; its id may be another's.
        let route = state.routes.get(&ticket.id);
        if !route.is_some_and(|route| Arc::ptr_eq(&route.inbox, &ticket.inbox)) {
            return;
        }
        state.routes.remove(&ticket.id);
        if tell {
            state.send_cancelled(&ticket.id);
        }
    }

    fn inbox(&self) -> Arc<Inbox> {
        Arc::new(Inbox::new(MAX_MESSAGES, self.max_message_bytes))
    }

    async fn when_up<T>(
        &self,
        mut act: impl FnMut(&mut State) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let starting = {
                let mut state = self.lock();
                match &state.phase {
                    Phase::Ended(error) => return Err(error.clone()),
                    _ if state.closing => return Err(TransportError::Closed),
                    Phase::Up if state.out.len() < HIGH_WATER => return act(&mut state),
                    Phase::Up => false,
                    Phase::Starting => true,
                }
            };
            if !starting {
                changed.await;
            } else if timeout(self.start_timeout, changed).await.is_err() {
                return Err(TransportError::ConnectTimeout(self.start_timeout));
            }
        }
    }

    /// A server is connected.
    pub(super) fn set_up(&self) {
        let mut state = self.lock();
        state.phase = Phase::Up;
        state.out.clear();
        self.changed.notify_waiters();
    }

    /// The server is gone: whoever waits for it waits in vain. Another one may come.
    pub(super) fn drop_waiting(&self, error: TransportError) {
        self.end_all(Phase::Starting, &error);
    }

    /// The server is gone for good.
    pub(super) fn set_ended(&self, error: TransportError) {
        self.end_all(Phase::Ended(error.clone()), &error);
    }

    fn end_all(&self, phase: Phase, error: &TransportError) {
        let mut state = self.lock();
        // The first reason is the one that counts.
        if !matches!(state.phase, Phase::Ended(_)) {
            state.phase = phase;
        }
        state.out = Vec::new();
        let waiting = std::mem::take(&mut state.routes).into_values().map(|route| route.inbox);
        waiting.chain(state.listener.take()).for_each(|inbox| inbox.fail(error.clone()));
        self.changed.notify_waiters();
    }

    /// Asks whoever serves the streams to end.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.wake_driver();
        self.changed.notify_waiters();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Waits until the transport is to be closed.
    pub(super) async fn closing(&self) {
        self.until(|state| state.closing).await;
    }

    /// Waits until there will be no server again.
    pub(super) async fn ended(&self) {
        self.until(|state| matches!(state.phase, Phase::Ended(_))).await;
    }

    async fn until(&self, reached: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if reached(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Hands what waits to the writer, and notes who is to be woken for more.
    pub(super) fn refill<W: tokio::io::AsyncWrite + Unpin>(
        &self,
        output: &mut Output<W>,
        cx: &mut Context<'_>,
    ) {
        let mut state = self.lock();
        match &mut state.driver {
            Some(driver) => driver.clone_from(cx.waker()),
            driver @ None => *driver = Some(cx.waker().clone()),
        }
        let was_full = state.out.len() >= HIGH_WATER;
        output.take_over(&mut state.out);
        if was_full && state.out.len() < HIGH_WATER {
            self.changed.notify_waiters();
        }
    }

    /// Hands the messages of a line to whom they are for.
    pub(super) fn deliver(&self, line: Bytes) {
        match peek::batch(&line) {
            None => self.deliver_one(line),
            Some(Ok(messages)) => messages.into_iter().for_each(|it| self.deliver_one(it)),
            Some(Err(error)) => {
                tracing::warn!(%error, "a batch of the server was left out");
                self.lost(TransportError::InvalidResponse("its batch is not one"));
            }
        }
    }

    fn deliver_one(&self, message: Bytes) {
        let mut state = self.lock();
        match peek::addressee(&message) {
            Some(Addressee::Requester(Some(id))) => match state.routes.remove(&id) {
                Some(route) => route.inbox.finish(message),
                None => tracing::debug!("a response to no request was dropped"),
            },
            Some(Addressee::Requester(None)) => match state.take_only_route() {
                Some(route) => route.inbox.finish(message),
                None => tracing::debug!("an error about an unknown message was dropped"),
            },
            Some(Addressee::Follower { id, droppable }) => {
                state.follow(&id, &message, droppable);
            }
            Some(Addressee::LogReader) => match state.only_log_reader() {
                Some(id) => state.follow(&id, &message, true),
                None => state.tell_listener(&message),
            },
            Some(Addressee::Listener) => state.tell_listener(&message),
            None => tracing::debug!("what is no message was dropped"),
        }
    }

    /// A line was left out.
    pub(super) fn lost_line(&self, error: LineError) {
        tracing::warn!(code = error.code(), "a line of the server was left out");
        self.lost(match error {
            LineError::TooLong { limit } => TransportError::ResponseTooLarge { limit },
            _ => TransportError::InvalidResponse("it is not utf-8"),
        });
    }

    /// Something was lost. If it can only have been one response, its request need not wait.
    fn lost(&self, error: TransportError) {
        if let Some(route) = self.lock().take_only_route() {
            route.inbox.fail(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the messages say is not for logs.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Link")
            .field("phase", &state.phase)
            .field("waiting", &state.routes.len())
            .finish_non_exhaustive()
    }
}

impl State {
    fn send(&mut self, message: &[u8]) {
        encode_line(&mut self.out, message);
        self.wake_driver();
    }

    fn send_cancelled(&mut self, id: &RequestId) {
        let params = CancelledNotificationParams::new(id.clone());
        if let Ok(message) = encode::notification(method::NOTIFICATIONS_CANCELLED, &params) {
            self.send(&message);
        }
    }

    fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    fn take_only_route(&mut self) -> Option<Route> {
        let mut ids = self.routes.keys();
        let (Some(id), None) = (ids.next().cloned(), ids.next()) else { return None };
        self.routes.remove(&id)
    }

    /// Log messages do not say which request they are about.
    fn only_log_reader(&self) -> Option<RequestId> {
        let mut readers = self.routes.iter().filter(|(_, route)| route.wants_log);
        let (Some((id, _)), None) = (readers.next(), readers.next()) else { return None };
        Some(id.clone())
    }

    fn follow(&mut self, id: &RequestId, message: &[u8], droppable: bool) {
        let Some(route) = self.routes.get(id) else { return };
        if route.inbox.push(message) {
            return;
        }
        if droppable {
            tracing::debug!("progress that nobody reads was dropped");
            return;
        }
        // To miss a change without a word would be worse than to lose the subscription.
        if let Some(route) = self.routes.remove(id) {
            route.inbox.fail(TransportError::Unread { limit: MAX_MESSAGES });
            self.send_cancelled(id);
        }
    }

    fn tell_listener(&self, message: &[u8]) {
        let listener = self.listener.as_ref();
        if !listener.is_some_and(|inbox| inbox.push(message)) {
            tracing::debug!("a message that nobody listens to was dropped");
        }
    }
}

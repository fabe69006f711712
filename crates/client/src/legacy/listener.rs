//! The one task of a session: it hears what belongs to no request, answers it, and does what nobody waits for.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use palisade_protocol::{
    CancelledNotificationParams, DecodeLimits, Message, Notification, encode,
    legacy::{self, UnsubscribeRequestParams},
    method,
};
use palisade_transport::{MessageStream, OutboundRequest, TransportError};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::{
    Shared,
    answer::{self, Answered},
    under_way::UnderWay,
};
use crate::{
    cache::ResponseCache,
    engine::{changed, notification_params},
    input::Handlers,
};

/// How often in a row a stream that breaks at once is opened again.
const MAX_FAILURES: u32 = 10;

/// A stream that lasted this long did not break at once.
const STABLE: Duration = Duration::from_secs(30);

/// The first wait before a stream is opened again, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How long a command may take, or the sending of an answer: there is room for few of them.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the server can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listening {
    /// Not known yet, or not at the moment.
    Opening,
    Open,
    /// The server has forgotten the session: whoever wants something of it begins a new one.
    Gone,
    /// It has no stream for it.
    Never,
}

/// What nobody waits for.
#[derive(Debug)]
pub(super) enum Command {
    Unsubscribe(String),
}

/// What came of opening the stream.
type Opened = Result<Box<dyn MessageStream>, TransportError>;

#[derive(Debug)]
pub(super) struct Listener {
    shared: Arc<Shared>,
    handlers: Handlers,
    cache: Arc<ResponseCache>,
    queue: mpsc::Receiver<Command>,
    under_way: UnderWay,
}

impl Listener {
    pub(super) fn new(
        shared: Arc<Shared>,
        handlers: Handlers,
        cache: Arc<ResponseCache>,
        queue: mpsc::Receiver<Command>,
    ) -> Self {
        Self { shared, handlers, cache, queue, under_way: UnderWay::default() }
    }

    /// Listens until the session is dropped or the transport closed.
    pub(super) async fn run(mut self) {
        let mut failures = 0_u32;
        loop {
            let number = self.shared.current().number;
            let Some(opened) = self.open(number).await else { continue };
            match opened {
                Ok(stream) => {
                    self.shared.listening.send_replace(Listening::Open);
                    let begin = Instant::now();
                    let replaced = self.replaced(number);
                    self.follow(Box::into_pin(stream), replaced).await;
                    if self.shared.current().number != number {
                        continue;
                    }
                    // What is said until it is open again is lost.
                    self.shared.subscriptions.end_all();
                    failures =
                        if begin.elapsed() >= STABLE { 0 } else { failures.saturating_add(1) };
                }
                Err(TransportError::Closed) => break,
                Err(TransportError::NotOffered) => failures = MAX_FAILURES,
                Err(TransportError::SessionExpired) => {
                    self.wait_until(Listening::Gone, number).await;
                    failures = 0;
                    continue;
                }
                Err(error) => {
                    tracing::debug!(code = error.code(), "the server cannot be listened to");
                    failures = failures.saturating_add(1);
                }
            }
            if failures >= MAX_FAILURES {
                self.wait_until(Listening::Never, number).await;
                failures = 0;
            } else {
                self.shared.listening.send_replace(Listening::Opening);
                let pause = sleep(BACK_OFF.0.saturating_mul(1 << failures.min(8)).min(BACK_OFF.1));
                self.work_until(pause).await;
            }
        }
        self.shared.listening.send_replace(Listening::Never);
        self.shared.subscriptions.end_all();
    }

    /// Opens the stream of this session; `None` if there is another one before it is open. Some servers do not
    /// open it before they have something to say, and what they wait for may be an answer.
    async fn open(&mut self, number: u64) -> Option<Opened> {
        let shared = Arc::clone(&self.shared);
        let mut replaced = std::pin::pin!(self.replaced(number));
        let mut opening =
            std::pin::pin!(async move { shared.transport.listen(shared.version()).await });
        self.work_until(poll_fn(|cx| match replaced.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => opening.as_mut().poll(cx).map(Some),
        }))
        .await
    }

    /// Does what there is to do until there is another session than this.
    async fn wait_until(&mut self, state: Listening, number: u64) {
        self.shared.listening.send_replace(state);
        self.work_until(self.replaced(number)).await;
        self.shared.listening.send_replace(Listening::Opening);
    }

    /// Ends when there is another session than this.
    fn replaced(&self, number: u64) -> impl Future<Output = ()> + use<> {
        let mut renewed = self.shared.renewed.subscribe();
        async move {
            // The sender is in `shared`, which outlives this.
            let _ = renewed.wait_for(|now| *now != number).await;
        }
    }

    async fn work_until<T>(&mut self, end: impl Future<Output = T>) -> T {
        let mut end = std::pin::pin!(end);
        poll_fn(|cx| {
            while self.under_way.poll(cx).is_ready() || self.command(cx) {}
            end.as_mut().poll(cx)
        })
        .await
    }

    /// Handles the messages of a stream until it ends, or the session does.
    async fn follow(
        &mut self,
        mut stream: Pin<Box<dyn MessageStream>>,
        end: impl Future<Output = ()>,
    ) {
        let mut end = std::pin::pin!(end);
        poll_fn(|cx| {
            if end.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            loop {
                while self.under_way.poll(cx).is_ready() || self.command(cx) {}
                if self.under_way.is_full() {
                    return Poll::Pending;
                }
                match stream.as_mut().poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(message))) => self.heard(message),
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn heard(&mut self, bytes: Bytes) {
        match Message::decode(&bytes, &DecodeLimits::default()) {
            Ok(Message::Request(request)) => {
                let (shared, handlers) = (Arc::clone(&self.shared), self.handlers.clone());
                let id = request.id;
                self.under_way.push(Some(id), reply(shared, handlers, bytes.clone()));
            }
            Ok(Message::Notification(notification)) => self.notified(&notification, &bytes),
            _ => tracing::debug!("a message that nobody waits for was dropped"),
        }
    }

    fn notified(&mut self, notification: &Notification<'_>, bytes: &Bytes) {
        match notification.method.as_ref() {
            method::NOTIFICATIONS_CANCELLED => {
                let params = notification_params::<CancelledNotificationParams>(notification);
                if let Some(params) = params {
                    self.under_way.cancel(&params.request_id);
                }
            }
            method::NOTIFICATIONS_PROGRESS | method::NOTIFICATIONS_MESSAGE => {
                self.shared.strays.offer(bytes);
            }
            _ => {
                changed(notification, &self.cache);
                self.shared.subscriptions.deliver(notification);
            }
        }
    }

    /// Begins with the next command, if there is one and room for it.
    fn command(&mut self, cx: &mut std::task::Context<'_>) -> bool {
        if self.under_way.is_full() {
            return false;
        }
        match self.queue.poll_recv(cx) {
            Poll::Ready(Some(Command::Unsubscribe(uri))) => {
                self.under_way.push(None, unsubscribe(Arc::clone(&self.shared), uri));
                true
            }
            _ => false,
        }
    }
}

/// Answers a request of the server.
async fn reply(shared: Arc<Shared>, handlers: Handlers, bytes: Bytes) {
    let Ok(Message::Request(request)) = Message::decode(&bytes, &DecodeLimits::default()) else {
        return;
    };
    let Answered { response: (response, version), outcome, .. } =
        answer::answer(&shared, &handlers, request).await;
    if let Err(error) = outcome {
        tracing::debug!(code = error.code(), "a request of the server was refused");
    }
    let sent = timeout(SEND_TIMEOUT, shared.transport.send(response, version)).await;
    if !matches!(sent, Ok(Ok(()))) {
        tracing::debug!("a request of the server was not answered");
    }
}

/// Tells the server that nobody watches a resource any more, unless somebody does again.
async fn unsubscribe(shared: Arc<Shared>, uri: String) {
    if shared.subscriptions.watches(&uri) {
        return;
    }
    let method = legacy::method::RESOURCES_UNSUBSCRIBE;
    let params = UnsubscribeRequestParams::new(uri);
    let Ok(body) = encode::request(&shared.next_id().into(), method, &params) else { return };
    let request = OutboundRequest::new(body.into(), shared.version(), method);
    let told = timeout(SEND_TIMEOUT, async {
        let mut stream = Box::into_pin(shared.transport.request(request).await.ok()?);
        poll_fn(|cx| stream.as_mut().poll_next(cx)).await
    });
    if !matches!(told.await, Ok(Some(Ok(_)))) {
        tracing::debug!("the server was not told of the end of a subscription");
    }
}

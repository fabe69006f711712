//! A stream of events that goes on where it broke off.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use palisade_protocol::ProtocolVersion;
use palisade_transport::{MessageStream, TransportError};
use tokio::time::{Sleep, sleep};

use super::{CancelOnDrop, batch::split, get};
use crate::client::{Core, stream::EventStream};

/// How often in a row it is tried to go on, without any message in between. The engine's deadline bounds
/// the whole.
const MAX_TRIES: u32 = 8;

/// How long to wait before that if the server does not say.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

/// The bounds of what a server may say: it can neither make its clients spin nor hold them for ever.
const RETRY_BOUNDS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(60));

type Opening = Pin<Box<dyn Future<Output = Result<EventStream, TransportError>> + Send>>;

/// The messages of one stream, over as many connections as it takes.
///
/// A stream whose events have ids is resumed after the last of them; one without ends with its connection.
///
/// # Specification
///
/// MCP 2025-11-25, Transports, "Resumability and Redelivery".
pub(super) struct Resumable {
    core: Arc<Core>,
    version: ProtocolVersion,
    state: State,
    context: Option<[u8; 32]>,
    /// The request whose stream it is; `None` for the stream of what belongs to no request.
    request: Option<CancelOnDrop>,
    /// The request was answered: the end of the stream is its end.
    answered: bool,
    /// What is left of the last event.
    messages: VecDeque<Bytes>,
    last_event_id: Option<String>,
    retry: Duration,
    tries: u32,
}

enum State {
    Reading(Box<EventStream>),
    Waiting(Pin<Box<Sleep>>),
    Opening(Opening),
    Done,
}

impl Resumable {
    pub(super) fn new(
        core: Arc<Core>,
        version: ProtocolVersion,
        events: EventStream,
        request: Option<CancelOnDrop>,
    ) -> Self {
        Self {
            core,
            version,
            context: events.authn_context(),
            state: State::Reading(Box::new(events)),
            request,
            answered: false,
            messages: VecDeque::new(),
            last_event_id: None,
            retry: DEFAULT_RETRY,
            tries: 0,
        }
    }

    /// A message has arrived.
    fn received(&mut self, message: &Bytes) {
        self.tries = 0;
        if let Some(request) = &mut self.request
            && request.is_answered_by(message)
        {
            request.disarm();
            self.answered = true;
        }
    }

    /// The connection has ended; `error` if not in order. Goes on if it can.
    fn broken_off(&mut self, error: Option<TransportError>) -> Option<TransportError> {
        if self.answered {
            self.state = State::Done;
            return None;
        }
        if self.last_event_id.is_none() {
            self.state = State::Done;
            return error;
        }
        if self.tries >= MAX_TRIES {
            self.state = State::Done;
            return Some(TransportError::Interrupted);
        }
        self.tries = self.tries.saturating_add(1);
        self.state = State::Waiting(Box::pin(sleep(self.retry)));
        None
    }

    fn resume(&self) -> Opening {
        let (core, version) = (Arc::clone(&self.core), self.version);
        let last_event_id = self.last_event_id.clone();
        Box::pin(
            async move { core.until_closed(get(&core, version, last_event_id.as_deref())).await },
        )
    }
}

impl MessageStream for Resumable {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.context
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        let this = &mut *self;
        loop {
            if let Some(message) = this.messages.pop_front() {
                this.received(&message);
                return Poll::Ready(Some(Ok(message)));
            }
            let broken = match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Reading(events) => {
                    let next = std::task::ready!(Pin::new(&mut **events).poll_next(cx));
                    if let Some(id) = events.last_event_id() {
                        this.last_event_id = Some(id.to_owned());
                    }
                    if let Some(retry) = events.retry() {
                        this.retry = retry.clamp(RETRY_BOUNDS.0, RETRY_BOUNDS.1);
                    }
                    match next {
                        Some(Ok(event)) => match split(this.version, event) {
                            Ok(messages) => {
                                this.messages = messages;
                                continue;
                            }
                            Err(error) => {
                                this.state = State::Done;
                                return Poll::Ready(Some(Err(error)));
                            }
                        },
                        None => None,
                        Some(Err(TransportError::Interrupted)) => Some(TransportError::Interrupted),
                        Some(Err(error)) => {
                            this.state = State::Done;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                State::Waiting(sleep) => {
                    std::task::ready!(sleep.as_mut().poll(cx));
                    this.state = State::Opening(this.resume());
                    continue;
                }
                State::Opening(opening) => match std::task::ready!(opening.as_mut().poll(cx)) {
                    Ok(events) => {
                        // Whose messages these are is what the newest connection says.
                        this.context =
                            this.context.filter(|context| events.authn_context() == Some(*context));
                        this.state = State::Reading(Box::new(events));
                        continue;
                    }
                    Err(error) if is_passing(&error) => Some(error),
                    // Ids alone do not mean that the server keeps what it sent.
                    Err(TransportError::NotOffered) => {
                        this.state = State::Done;
                        return Poll::Ready(Some(Err(TransportError::Interrupted)));
                    }
                    Err(error) => {
                        this.state = State::Done;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            };
            if let Some(error) = this.broken_off(broken) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

/// Whether another try may do better.
fn is_passing(error: &TransportError) -> bool {
    matches!(
        error,
        TransportError::Interrupted
            | TransportError::ConnectionRefused { .. }
            | TransportError::ConnectTimeout(_)
            | TransportError::Status { status: 429 | 500..=599 }
    )
}

//! Response bodies: nothing, one JSON message, or a stream of events.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use palisade_transport::{BoxFuture, Outbox};
use tokio::time::{Instant, Sleep};

use super::{
    answer::Answer,
    rest::{InFlight, Streaming},
};
use crate::sse;

/// The body of a response of [`HttpService`](super::HttpService).
pub struct HttpBody {
    kind: Kind,
    /// Held for the listener's connection until a stream ends.
    streaming: Option<Streaming>,
}

enum Kind {
    Full(Bytes),
    Stream(Box<EventStream>),
    Lasting(Box<Lasting>),
}

/// A stream that says itself how its events are written.
pub(super) trait Frames: Send {
    /// The next event, as it is sent; none at the end.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// A stream of a session.
struct Lasting {
    frames: Box<dyn Frames>,
    pulse: Pulse,
}

/// When a silent stream is to say something.
pub(super) struct Pulse {
    every: Duration,
    idle: Pin<Box<Sleep>>,
}

/// The rest of a request that has begun to stream: its future runs on inside the body, so a client that
/// goes away drops it.
pub(super) struct EventStream {
    pub(super) exchange: Option<BoxFuture<'static, Answer>>,
    pub(super) outbox: Arc<Outbox>,
    /// Read from the outbox or answered already, and not sent yet.
    pub(super) first: Option<Bytes>,
    pub(super) last: Option<Bytes>,
    pub(super) pulse: Pulse,
}

impl Pulse {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, idle: Box::pin(tokio::time::sleep(every)) }
    }

    /// Ready when it is time.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.idle.as_mut().poll(cx)
    }

    /// Something is said now.
    fn reset(&mut self, cx: &mut Context<'_>) {
        // A time that cannot be represented never comes.
        if let Some(next) = Instant::now().checked_add(self.every) {
            self.idle.as_mut().reset(next);
        }
        // Registers the new deadline, unless something else wakes the task anyway.
        let _ = self.idle.as_mut().poll(cx);
    }
}

impl HttpBody {
    pub(super) fn full(bytes: Bytes) -> Self {
        Self { kind: Kind::Full(bytes), streaming: None }
    }

    pub(super) fn stream(stream: EventStream) -> Self {
        Self { kind: Kind::Stream(Box::new(stream)), streaming: None }
    }

    pub(super) fn lasting(frames: Box<dyn Frames>, keep_alive: Duration) -> Self {
        let lasting = Lasting { frames, pulse: Pulse::new(keep_alive) };
        Self { kind: Kind::Lasting(Box::new(lasting)), streaming: None }
    }

    /// Counts the body, if it is a stream, as a request in flight for as long as it lives.
    pub(super) fn hold(&mut self, in_flight: InFlight) {
        if let Kind::Stream(_) | Kind::Lasting(_) = self.kind {
            self.streaming = Some(in_flight.streaming());
        }
    }
}

impl EventStream {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if let Some(exchange) = &mut self.exchange
            && let Poll::Ready(answer) = exchange.as_mut().poll(cx)
        {
            self.exchange = None;
            self.outbox.finish();
            self.last = Some(answer.message);
        }
        // What the handler sent before it ended goes before its answer.
        match (self.outbox.poll_next(cx), &self.exchange) {
            (Poll::Ready(message), _) => Poll::Ready(Some(message)),
            (Poll::Pending, Some(_)) => Poll::Pending,
            (Poll::Pending, None) => Poll::Ready(self.last.take()),
        }
    }
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let (event, pulse) = match &mut self.kind {
            Kind::Full(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Kind::Full(bytes) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Stream(stream) => {
                let event = stream.poll_event(cx).map(|message| {
                    message.map(|message| {
                        let mut event = Vec::with_capacity(message.len() + 8);
                        sse::encode_data(&mut event, &message);
                        Bytes::from(event)
                    })
                });
                (event, &mut stream.pulse)
            }
            Kind::Lasting(lasting) => (lasting.frames.poll_frame(cx), &mut lasting.pulse),
        };
        let data = match event {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(event)) => event,
            Poll::Pending => {
                std::task::ready!(pulse.poll(cx));
                Bytes::from_static(sse::KEEP_ALIVE)
            }
        };
        pulse.reset(cx);
        if let Some(streaming) = &self.streaming {
            streaming.event();
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.kind, Kind::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_) | Kind::Lasting(_) => SizeHint::default(),
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Full(bytes) => f.debug_tuple("Full").field(&bytes.len()).finish(),
            Kind::Stream(_) => f.write_str("Stream"),
            Kind::Lasting(_) => f.write_str("Lasting"),
        }
    }
}

//! The two kinds of response: one message, or a stream of events.

use std::{
    future::Future,
    option,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use palisade_transport::{MessageStream, TransportError};
use tokio::sync::watch;

use crate::sse::{SseDecoder, SseEvent};

/// What a line of an event has besides its data: `data: ` and a few bytes to spare.
const LINE_OVERHEAD: usize = 16;

/// The messages of a body that has come as a whole.
pub(super) struct Arrived<M> {
    messages: M,
    context: Option<[u8; 32]>,
}

/// One message, or none.
pub(super) type Single = Arrived<option::IntoIter<Bytes>>;

impl<M: Iterator<Item = Bytes>> Arrived<M> {
    pub(super) fn new(
        messages: impl IntoIterator<IntoIter = M>,
        context: Option<[u8; 32]>,
    ) -> Self {
        Self { messages: messages.into_iter(), context }
    }

    /// The next message that has not been read.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.messages.next()
    }
}

impl<M: Iterator<Item = Bytes> + Send + Unpin> MessageStream for Arrived<M> {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.context
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        Poll::Ready(self.take().map(Ok))
    }
}

/// The messages of an event stream. Reads no further than it is asked.
pub(super) struct EventStream {
    /// `None` after the end or an error.
    body: Option<Incoming>,
    decoder: SseDecoder,
    limit: usize,
    context: Option<[u8; 32]>,
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl EventStream {
    pub(super) fn new(
        body: Incoming,
        limit: usize,
        context: Option<[u8; 32]>,
        mut closed: watch::Receiver<bool>,
    ) -> Self {
        let closed = Box::pin(async move {
            // A transport that is gone is as good as closed only if it said so: its streams may outlive it.
            if closed.wait_for(|closed| *closed).await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let decoder = SseDecoder::new(limit.saturating_add(LINE_OVERHEAD));
        Self { body: Some(body), decoder, limit, context, closed }
    }

    /// Where the stream can be resumed, if the server said so.
    pub(super) fn last_event_id(&self) -> Option<&str> {
        self.decoder.last_event_id()
    }

    /// How long to wait before that.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }

    /// Polls for the next event with data; `None` after the last.
    pub(super) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<SseEvent, TransportError>>> {
        if self.body.is_some() && self.closed.as_mut().poll(cx).is_ready() {
            return self.fail(TransportError::Closed);
        }
        while let Some(body) = &mut self.body {
            match self.decoder.next_event() {
                Ok(Some(event)) if event.data.len() > self.limit => {
                    return self.fail(TransportError::ResponseTooLarge { limit: self.limit });
                }
                // Events without data prime a stream.
                Ok(Some(event)) if event.data.is_empty() => continue,
                Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                Ok(None) => {}
                Err(_) => return self.fail(TransportError::ResponseTooLarge { limit: self.limit }),
            }
            match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.decoder.feed(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => return self.fail(TransportError::Interrupted),
                Poll::Ready(None) => self.body = None,
            }
        }
        Poll::Ready(None)
    }

    fn fail(&mut self, error: TransportError) -> Poll<Option<Result<SseEvent, TransportError>>> {
        self.body = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl MessageStream for EventStream {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.context
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        loop {
            return Poll::Ready(match ready!(self.poll_event(cx)) {
                // Other names are not for MCP.
                Some(Ok(event)) if event.event.as_deref().is_some_and(|it| it != "message") => {
                    continue;
                }
                event => event.map(|event| event.map(|event| event.data)),
            });
        }
    }
}

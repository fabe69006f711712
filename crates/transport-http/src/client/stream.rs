//! The two kinds of response: one message, or a stream of events.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use palisade_transport::{MessageStream, TransportError};
use tokio::sync::watch;

use crate::sse::SseDecoder;

/// What a line of an event has besides its data: `data: ` and a few bytes to spare.
const LINE_OVERHEAD: usize = 16;

/// One message, or none.
pub(super) struct Single {
    message: Option<Bytes>,
    context: Option<[u8; 32]>,
}

impl Single {
    pub(super) fn new(message: Option<Bytes>, context: Option<[u8; 32]>) -> Self {
        Self { message, context }
    }
}

impl MessageStream for Single {
    fn authn_context(&self) -> Option<[u8; 32]> {
        self.context
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        Poll::Ready(self.message.take().map(Ok))
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

    fn fail(&mut self, error: TransportError) -> Poll<Option<Result<Bytes, TransportError>>> {
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
        let this = &mut *self;
        if this.body.is_some() && this.closed.as_mut().poll(cx).is_ready() {
            return this.fail(TransportError::Closed);
        }
        while let Some(body) = &mut this.body {
            match this.decoder.next_event() {
                Ok(Some(event)) if event.data.len() > this.limit => {
                    return this.fail(TransportError::ResponseTooLarge { limit: this.limit });
                }
                // Events without data prime a stream; other names are not for MCP.
                Ok(Some(event)) if event.data.is_empty() => continue,
                Ok(Some(event)) if event.event.as_deref().is_some_and(|it| it != "message") => {
                    continue;
                }
                Ok(Some(event)) => return Poll::Ready(Some(Ok(event.data))),
                Ok(None) => {}
                Err(_) => return this.fail(TransportError::ResponseTooLarge { limit: this.limit }),
            }
            match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        this.decoder.feed(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => return this.fail(TransportError::Interrupted),
                Poll::Ready(None) => this.body = None,
            }
        }
        Poll::Ready(None)
    }
}

//! The tower service: one future for one request, no task, no channel.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use palisade_security::{CorrelationIds, PeerInfo, ServerSecurity};
use palisade_transport::{BoxFuture, Dispatcher, Outbox};
use tower_service::Service;

use super::{
    admission::Admission,
    answer::{Answer, stream_response},
    body::{EventStream, HttpBody},
    exchange::{Shared, exchange},
};

/// Serves MCP over any HTTP server that speaks tower: mount it in axum with `route_service`.
///
/// It answers every path it is asked for. Whoever mounts it inserts a
/// [`PeerInfo`](palisade_security::PeerInfo) into the request's extensions to say where the request comes
/// from; without one the peer counts as a stranger on an unencrypted connection, and is refused.
/// [`HttpServer`](super::HttpServer) does all that.
#[derive(Clone, Debug)]
pub struct HttpService {
    shared: Arc<Shared>,
}

impl HttpService {
    /// A service for an engine under these rules.
    #[must_use]
    pub fn new(dispatcher: impl Dispatcher, security: ServerSecurity) -> Self {
        let shared = Shared {
            dispatcher: Arc::new(dispatcher),
            security,
            admission: Admission::default(),
            ids: CorrelationIds::random().unwrap_or_default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Ends open subscriptions with a result, and takes no new ones.
    pub fn shutdown(&self) {
        self.shared.dispatcher.shutdown();
    }

    /// Answers one request of this peer.
    pub(super) fn respond<B>(&self, request: Request<B>, peer: PeerInfo) -> ResponseFuture
    where
        B: Body<Data: Send> + Send + 'static,
    {
        let limits = self.shared.security.limits();
        let outbox = Arc::new(Outbox::new(limits.sse_queue()));
        let keep_alive = limits.sse_keep_alive();
        let (parts, body) = request.into_parts();
        let exchange = exchange(Arc::clone(&self.shared), parts, body, peer, Arc::clone(&outbox));
        ResponseFuture { exchange: Some(Box::pin(exchange)), outbox: Some(outbox), keep_alive }
    }

    pub(super) fn security(&self) -> &ServerSecurity {
        &self.shared.security
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body<Data: Send> + Send + 'static,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let peer = request.extensions().get::<PeerInfo>().cloned();
        self.respond(request, peer.unwrap_or(PeerInfo::unknown()))
    }
}

/// The response to one request. It is ready with JSON when the handler ends, or with a stream as soon
/// as the handler sends a notification.
///
/// # Cancel safety
///
/// Dropping it cancels the request.
pub struct ResponseFuture {
    exchange: Option<BoxFuture<'static, Answer>>,
    outbox: Option<Arc<Outbox>>,
    keep_alive: Duration,
}

impl ResponseFuture {
    fn stream(
        &mut self,
        first: Bytes,
        outbox: Arc<Outbox>,
        last: Option<Bytes>,
    ) -> Poll<Result<Response<HttpBody>, Infallible>> {
        let stream = EventStream {
            exchange: self.exchange.take(),
            outbox,
            first: Some(first),
            last,
            keep_alive: self.keep_alive,
            idle: Box::pin(tokio::time::sleep(self.keep_alive)),
        };
        Poll::Ready(Ok(stream_response(HttpBody::stream(stream))))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<HttpBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some((exchange, outbox)) = this.exchange.as_mut().zip(this.outbox.as_ref()) else {
            return Poll::Pending;
        };
        let answer = exchange.as_mut().poll(cx);
        let first = outbox.poll_next(cx);
        match (answer, first) {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            (Poll::Ready(answer), Poll::Pending) => {
                this.exchange = None;
                Poll::Ready(Ok(answer.into_response()))
            }
            (answer, Poll::Ready(first)) => {
                let outbox = Arc::clone(outbox);
                let last = match answer {
                    Poll::Ready(answer) => {
                        this.exchange = None;
                        Some(answer.message)
                    }
                    Poll::Pending => None,
                };
                this.stream(first, outbox, last)
            }
        }
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

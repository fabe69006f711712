//! The tower service: one future for one request, no task, no channel.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use palisade_security::{
    AuditRecord, CorrelationId, CorrelationIds, Outcome, PeerInfo, ResponseHeaders, ServerSecurity,
};
use palisade_transport::{
    BoxFuture, Dispatcher, Outbox,
    pipeline::{Admission, request_span},
};
use tower_service::Service;
use tracing::Instrument as _;

use super::{
    answer::{Answer, stream_response},
    body::{EventStream, HttpBody, Pulse},
    exchange::{Entrance, Shared, TRANSPORT, exchange},
    sessions::{EventStore, MemoryEventStore, Sessions, Settings},
};

/// Serves MCP over any HTTP server that speaks tower: mount it in axum with `route_service`.
///
/// It answers every path it is asked for; that of the metadata of a
/// [`ProtectedResource`](palisade_security::ProtectedResource) must lead to it too, if there is one. Whoever mounts it inserts a
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
        let settings = Settings {
            places: Arc::default(),
            events: Arc::new(MemoryEventStore::new(security.limits().sessions().clone())),
            streams: false,
            legacy_sse: false,
        };
        Self::build(Arc::new(dispatcher), security, Arc::default(), settings)
    }

    fn build(
        dispatcher: Arc<dyn Dispatcher>,
        security: ServerSecurity,
        admission: Arc<Admission>,
        settings: Settings,
    ) -> Self {
        let legacy = dispatcher.supported_versions().iter().any(|version| !version.is_modern());
        let sessions = legacy.then(|| Arc::new(Sessions::new(settings.clone())));
        let ids = CorrelationIds::random().unwrap_or_default();
        Self {
            shared: Arc::new(Shared { dispatcher, security, admission, settings, sessions, ids }),
        }
    }

    /// The same rules, counted together with this service's, for another engine.
    pub(super) fn with_dispatcher(&self, dispatcher: impl Dispatcher) -> Self {
        let Shared { security, admission, settings, .. } = &*self.shared;
        let (security, admission) = (security.clone(), Arc::clone(admission));
        Self::build(Arc::new(dispatcher), security, admission, settings.clone())
    }

    fn with_settings(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let Shared { dispatcher, security, admission, .. } = &*self.shared;
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self::build(Arc::clone(dispatcher), security.clone(), Arc::clone(admission), settings)
    }

    /// Keeps the events of sessions elsewhere, such as where several servers find them. Default: a
    /// [`MemoryEventStore`]. Sessions of older revisions only. Set it before the service is cloned or used.
    #[must_use]
    pub fn with_event_store(self, events: Arc<dyn EventStore>) -> Self {
        self.with_settings(|settings| settings.events = events)
    }

    /// Answers every request of a session by a stream, so that a client which loses its connection finds the
    /// result when it comes back. Default: JSON, unless something is said before the result; a client
    /// without a stream has nothing to come back to. Sessions of older revisions only. Set it before the
    /// service is cloned or used.
    #[must_use]
    pub fn with_streamed_responses(self) -> Self {
        self.with_settings(|settings| settings.streams = true)
    }

    /// Serves HTTP+SSE too, the transport of revision 2024-11-05: `GET` without a session opens its stream.
    /// Default: not, as it has been deprecated since 2025-03-26: its sessions are named in URLs, which end up
    /// in logs, and nothing of it can be resumed. Set it before the service is cloned or used.
    #[must_use]
    pub fn with_legacy_sse(self) -> Self {
        self.with_settings(|settings| settings.legacy_sse = true)
    }

    /// Counts the sessions of all endpoints.
    pub(super) fn places(&self) -> &Arc<Admission> {
        &self.shared.settings.places
    }

    /// Ends the sessions in which nothing has happened for too long. Services without a listener do so when
    /// sessions are opened.
    pub(super) async fn sweep(&self) {
        if let Some(sessions) = &self.shared.sessions {
            sessions.sweep(&self.shared.security).await;
        }
    }

    /// Ends all sessions.
    pub(super) async fn close_sessions(&self) {
        if let Some(sessions) = &self.shared.sessions {
            sessions.close_all().await;
        }
    }

    /// Ends open subscriptions with a result, and takes no new ones.
    pub fn shutdown(&self) {
        self.shared.dispatcher.shutdown();
    }

    /// Answers one request that came in here.
    pub(super) fn respond<B>(&self, request: Request<B>, entrance: Entrance) -> ResponseFuture
    where
        B: Body<Data: Send> + Send + 'static,
    {
        let limits = self.shared.security.limits();
        let outbox = Arc::new(Outbox::new(limits.sse_queue()));
        let keep_alive = limits.sse_keep_alive();
        let (parts, body) = request.into_parts();
        let entrance = entrance.resolve(&self.shared.security, &parts.headers);
        let headers = self
            .shared
            .security
            .response_headers(&self.shared.input(&parts), entrance.peer.is_tls());
        let id = self.shared.ids.next_id();
        // Made where it is to stay: it is large.
        let exchange = Box::write(
            Box::new_uninit(),
            exchange(Arc::clone(&self.shared), parts, body, entrance, Arc::clone(&outbox), id)
                .instrument(request_span(id, TRANSPORT)),
        );
        ResponseFuture {
            exchange: Some(Box::into_pin(exchange)),
            outbox: Some(outbox),
            keep_alive,
            headers,
            id,
        }
    }

    /// Records that a connection was refused before it could carry a request, or what it carried was none.
    pub(super) fn record_refused_connection(
        &self,
        peer: SocketAddr,
        code: &str,
        http_status: Option<u16>,
        duration: Duration,
    ) {
        let Shared { security, ids, .. } = &*self.shared;
        let record = AuditRecord::new(
            security.clock().now(),
            ids.next_id(),
            TRANSPORT,
            Outcome::Denied,
            code,
        )
        .with_peer(Some(peer))
        .with_http_status(http_status)
        .with_duration(duration);
        security.audit().record(&record);
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
        self.respond(request, Entrance::new(peer.unwrap_or(PeerInfo::unknown()), true))
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
    id: CorrelationId,
    headers: ResponseHeaders,
}

/// What a peer quotes to have its request found in logs and audit records.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl ResponseFuture {
    /// Names the request in its response.
    fn name(&self, response: &mut Response<HttpBody>) {
        if let Ok(id) = HeaderValue::from_bytes(&self.id.to_ascii()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
    }

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
            pulse: Pulse::new(self.keep_alive),
        };
        let mut response = stream_response(HttpBody::stream(stream), &self.headers);
        self.name(&mut response);
        Poll::Ready(Ok(response))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<HttpBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some((exchange, outbox)) = this.exchange.as_mut().zip(this.outbox.as_ref()) else {
            return Poll::Pending;
        };
        let (first, last) = match exchange.as_mut().poll(cx) {
            Poll::Ready(answer) => {
                let first = outbox.finish_and_take();
                this.exchange = None;
                match first {
                    Some(first) => (first, Some(answer.message)),
                    None => {
                        // Nobody waits for it any more, and nothing is in it.
                        this.outbox = None;
                        let mut response = answer.into_response(&this.headers, this.keep_alive);
                        this.name(&mut response);
                        return Poll::Ready(Ok(response));
                    }
                }
            }
            Poll::Pending => (std::task::ready!(outbox.poll_next(cx)), None),
        };
        // From here on the stream closes it.
        let Some(outbox) = this.outbox.take() else { return Poll::Pending };
        this.stream(first, outbox, last)
    }
}

impl Drop for ResponseFuture {
    fn drop(&mut self) {
        // A task that the handler left behind must not wait for a reader that will never come.
        if let Some(outbox) = &self.outbox {
            outbox.close();
        }
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        future::{Future, pending},
        pin::pin,
        sync::{Arc, Mutex},
        task::{Context, Waker},
    };

    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;
    use palisade_protocol::{ProtocolVersion, header::ParamHeaders};
    use palisade_security::{AllowedOrigins, Limits, PeerInfo, SecurityConfig, ServerSecurity};
    use palisade_transport::{BoxFuture, Call, Dispatcher, Outbox, Reply};
    use tokio::sync::Notify;
    use tower_service::Service;

    use super::HttpService;

    pub(crate) const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{}}}}"#;

    /// Never answers, and keeps the outbox as a task would that a handler spawned.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Keeper {
        outbox: Arc<Mutex<Option<Arc<Outbox>>>>,
        pub(crate) called: Arc<Notify>,
    }

    impl Keeper {
        /// Whether the one request ended: nobody who still sends waits for a reader.
        pub(crate) fn has_ended(&self) -> bool {
            let outbox = self.outbox.lock().unwrap().clone().unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            // More than fit.
            (0..100).all(|_| pin!(outbox.send(Bytes::from_static(b"{}"))).poll(&mut cx).is_ready())
        }
    }

    pub(crate) fn security(limits: Limits) -> ServerSecurity {
        SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_limits(limits)
            .build()
            .unwrap()
    }

    impl Dispatcher for Keeper {
        fn dispatch<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Reply> {
            *self.outbox.lock().unwrap() = Some(Arc::clone(call.outbox));
            self.called.notify_one();
            Box::pin(pending())
        }

        fn supported_versions(&self) -> &[ProtocolVersion] {
            &[ProtocolVersion::V2026_07_28]
        }

        fn param_headers(&self, _: &str) -> Option<Arc<ParamHeaders>> {
            None
        }

        fn shutdown(&self) {}
    }

    #[tokio::test]
    async fn h11_a_request_given_up_blocks_nobody_who_still_sends() {
        let keeper = Keeper::default();
        let mut service = HttpService::new(keeper.clone(), security(Limits::new()));
        let request = Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/list")
            .extension(PeerInfo::in_process())
            .body(Full::new(Bytes::from_static(BODY.as_bytes())))
            .unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut response = Box::pin(service.call(request));
        assert!(response.as_mut().poll(&mut cx).is_pending());
        drop(response);
        assert!(keeper.has_ended());
    }
}

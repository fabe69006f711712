//! The listener: connections, TLS, HTTP, and how they end.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use palisade_security::{EndpointPath, PeerInfo, SecurityConfigError, ServerSecurity};
#[cfg(feature = "tls")]
use palisade_security::{TlsConfigError, tls::Reload};
use palisade_transport::{Dispatcher, pipeline::Admission};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};

#[cfg(feature = "tls")]
use super::tls::Trust;
use super::{
    EventStore, HttpService,
    exchange::Entrance,
    neighbours::{Neighbour, Neighbours},
    rest::Requests,
    routes::Routes,
    wire::{Findings, Wire},
};

/// How long requests in flight may take after a shutdown began.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How often sessions that are over are looked for at most.
const SHORTEST_UPKEEP: Duration = Duration::from_secs(1);

/// Serves MCP on a TCP port: HTTP/1.1 and HTTP/2, over TLS if the configuration has a certificate.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    routes: Routes,
    shutdown: watch::Sender<bool>,
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The security configuration does not allow this address: beyond loopback, a server needs
    /// authentication, TLS and the names it is known by.
    #[error(transparent)]
    Security(#[from] SecurityConfigError),
    /// The system refused.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another endpoint has the path, or the metadata of the protected resource.
    #[error("something else is at the path {path}")]
    PathTaken {
        /// The path.
        path: EndpointPath,
    },
}

impl BindError {
    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Security(error) => error.code(),
            Self::Io { .. } => "bind_failed",
            Self::PathTaken { .. } => "path_taken",
        }
    }
}

/// Ends a running server, tells of its sessions, and has it read its certificates again.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    shutdown: watch::Sender<bool>,
    sessions: Arc<Admission>,
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
}

impl ServerHandle {
    /// Begins the shutdown: no new connections, subscriptions end with a result, requests in flight have
    /// ten seconds. [`HttpServer::serve`] returns when all is done.
    pub fn shutdown(&self) {
        self.shutdown.send_replace(true);
    }

    /// How many sessions of older revisions there are, at all endpoints.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    /// Reads certificates, authorities and revocation lists again, at once instead of within the interval
    /// of [`ServerTls::reload_interval`](palisade_security::ServerTls::reload_interval). Open connections
    /// go on, except those of clients whose certificates are excluded now. Reads files; without TLS
    /// nothing changes.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] with all findings; what was in force stays so.
    #[cfg(feature = "tls")]
    pub fn reload_tls(&self) -> Result<Reload, TlsConfigError> {
        self.trust.as_ref().map_or(Ok(Reload::Unchanged), Trust::reload)
    }
}

impl HttpServer {
    /// Listens, after checking that the rules allow this address. The endpoint is `/mcp`.
    ///
    /// # Errors
    ///
    /// [`BindError`]; nothing listens then.
    pub async fn bind(
        address: SocketAddr,
        dispatcher: impl Dispatcher,
        security: ServerSecurity,
    ) -> Result<Self, BindError> {
        security.check_bind(address)?;
        let listener =
            TcpListener::bind(address).await.map_err(|source| BindError::Io { address, source })?;
        Ok(Self {
            listener,
            #[cfg(feature = "tls")]
            trust: security.tls().map(Trust::new),
            routes: Routes::new(HttpService::new(dispatcher, security)),
            shutdown: watch::Sender::new(false),
        })
    }

    /// Sets the path of the endpoint, `/mcp` by default. Other paths are `404`, however similar.
    ///
    /// # Errors
    ///
    /// [`BindError::PathTaken`] by an endpoint that was added.
    pub fn with_path(mut self, path: EndpointPath) -> Result<Self, BindError> {
        self.routes.move_first(path)?;
        Ok(self)
    }

    /// Serves another engine at a path of its own, under the same rules: what counts against a principal
    /// or an address counts on all endpoints together.
    ///
    /// # Errors
    ///
    /// [`BindError::PathTaken`] by another endpoint.
    pub fn with_endpoint(
        mut self,
        path: EndpointPath,
        dispatcher: impl Dispatcher,
    ) -> Result<Self, BindError> {
        self.routes.add(path, dispatcher)?;
        Ok(self)
    }

    /// Keeps the events of sessions elsewhere: see [`HttpService::with_event_store`]. At every endpoint.
    #[must_use]
    pub fn with_event_store(mut self, events: Arc<dyn EventStore>) -> Self {
        self.routes.configure(|service| service.with_event_store(Arc::clone(&events)));
        self
    }

    /// Answers every request of a session by a stream: see [`HttpService::with_streamed_responses`]. At every
    /// endpoint.
    #[must_use]
    pub fn with_streamed_responses(mut self) -> Self {
        self.routes.configure(HttpService::with_streamed_responses);
        self
    }

    /// Serves HTTP+SSE too: see [`HttpService::with_legacy_sse`]. At every endpoint.
    #[must_use]
    pub fn with_legacy_sse(mut self) -> Self {
        self.routes.configure(HttpService::with_legacy_sse);
        self
    }

    /// The address that is listened on.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Ends the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            shutdown: self.shutdown.clone(),
            sessions: Arc::clone(self.routes.first().places()),
            #[cfg(feature = "tls")]
            trust: self.trust.clone(),
        }
    }

    /// Serves until [`ServerHandle::shutdown`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops listening; open connections go on until they end.
    pub async fn serve(self) {
        #[cfg(feature = "tls")]
        let trust = self.trust.clone();
        let Self { listener, routes, shutdown, .. } = self;
        let routes = Arc::new(routes);
        let most = routes.security().limits().max_connections().min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        let neighbours = Neighbours::default();
        let graceful = GracefulShutdown::new();
        let (cut, cut_off) = watch::channel(false);
        let http = Arc::new(http_of(routes.security()));
        let connection = Connection {
            routes: Arc::clone(&routes),
            http,
            cut_off,
            #[cfg(feature = "tls")]
            trust,
        };
        let mut stop = shutdown.subscribe();
        let upkeep = connection.clone().upkeep();
        tokio::pin!(upkeep);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &places) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
                () = &mut upkeep => break,
            };
            let (stream, address, place) = accepted;
            let Some(neighbour) = neighbours.admit(address.ip(), routes.security()) else {
                let (code, no_time) = ("too_many_connections", Duration::ZERO);
                routes.first().record_refused_connection(address, code, None, no_time);
                continue;
            };
            let place = (place, neighbour);
            let serving = connection.clone().serve(stream, address, place, graceful.watcher());
            tokio::spawn(serving);
        }
        drop(listener);
        routes.shutdown();
        if timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections still open after the shutdown grace are cut off");
            cut.send_replace(true);
        }
        // Requests without a connection end too.
        routes.close_sessions().await;
    }
}

/// Waits for a free place, then for a connection. Without a free place nothing is accepted: peers queue
/// in the system's backlog instead of in this process.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, place),
            Err(error) => {
                // Out of descriptors, or a peer that left at once: wait a little, never give up.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn http_of(security: &ServerSecurity) -> auto::Builder<TokioExecutor> {
    let limits = security.limits();
    let mut http = auto::Builder::new(TokioExecutor::new());
    // A little more than the guard allows, so that it is the guard who refuses, and records, what is not
    // far beyond its limits.
    // Heads are timed where the wire is read along: a timer here would be armed for every request.
    http.http1()
        .header_read_timeout(None)
        .writev(false)
        .max_buf_size(limits.max_header_bytes().saturating_add(8192));
    // Up to 100 headers are the parser's own bound and need no allocation.
    if limits.max_headers() > 100 {
        http.http1().max_headers(limits.max_headers());
    }
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(u32::try_from(limits.max_concurrent_streams()).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(limits.max_header_bytes()).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(limits.max_reset_streams())
        .max_local_error_reset_streams(limits.max_reset_streams())
        .keep_alive_interval(limits.idle_timeout())
        .keep_alive_timeout(limits.handshake_timeout());
    http
}

/// What every connection is served with.
#[derive(Clone)]
struct Connection {
    routes: Arc<Routes>,
    http: Arc<auto::Builder<TokioExecutor>>,
    cut_off: watch::Receiver<bool>,
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
}

impl Connection {
    /// What a listener does besides accepting. Never ready.
    async fn upkeep(self) {
        let sessions = async {
            let every = self.routes.security().limits().sessions().idle_timeout() / 4;
            loop {
                tokio::time::sleep(every.max(SHORTEST_UPKEEP)).await;
                self.routes.sweep().await;
            }
        };
        let trust = async {
            #[cfg(feature = "tls")]
            if let Some(trust) = &self.trust {
                trust.keep_fresh().await;
            }
        };
        tokio::join!(sessions, trust);
    }

    /// Waits until the peer is no longer who the handshake said it is.
    #[cfg_attr(
        not(feature = "tls"),
        expect(unused_variables, reason = "no handshake, no certificate")
    )]
    async fn peer_lost(&self, peer: &PeerInfo) {
        #[cfg(feature = "tls")]
        if let (Some(trust), Some(certificate)) = (&self.trust, peer.certificate()) {
            return Box::pin(trust.lost(certificate, self.routes.security().clock())).await;
        }
        std::future::pending().await
    }

    async fn serve(
        self,
        stream: TcpStream,
        address: SocketAddr,
        _place: (Option<OwnedSemaphorePermit>, Neighbour),
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        // Events are small and must leave at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        #[cfg(feature = "tls")]
        if let Some(trust) = &self.trust {
            // Boxed: what a handshake needs would be kept for as long as the connection rests.
            let accepted = Box::pin(trust.accept(self.routes.first(), stream, address)).await;
            if let Some((stream, peer)) = accepted {
                Box::pin(self.clone().serve_http(stream, peer, watcher)).await;
            }
            return;
        }
        self.serve_http(stream, PeerInfo::new(address), watcher).await;
    }

    async fn serve_http<S>(
        self,
        stream: S,
        peer: PeerInfo,
        watcher: hyper_util::server::graceful::Watcher,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut cut_off = self.cut_off.clone();
        let limits = self.routes.security().limits();
        let known = peer.clone();
        let requests = Requests::default();
        let (mut serving, findings) = self.spawn(stream, peer, requests.clone(), watcher);
        let started = Instant::now();
        let refused = |code, status| {
            if let Some(address) = known.address() {
                let first = self.routes.first();
                first.record_refused_connection(address, code, status, started.elapsed());
            }
        };
        tokio::select! {
            served = &mut serving => {
                if let Ok(Err(error)) = served {
                    tracing::debug!(%error, "connection failed");
                    if let Some((code, status)) = refusal(&*error, &findings) {
                        refused(code, status);
                    }
                }
                return;
            }
            () = findings.head_overdue(limits.header_timeout()) => {
                tracing::debug!("connection with a slow head closed");
                refused(HEADER_TIMEOUT, None);
            }
            () = requests.none(limits) => {
                tracing::debug!("connection without requests closed");
                if findings.within_head() {
                    refused(HEADER_TIMEOUT, None);
                }
            }
            () = self.peer_lost(&known) => tracing::debug!("connection closed: its certificate is no longer good"),
            // Not if the server was dropped: then connections go on until they end.
            Ok(_) = cut_off.wait_for(|cut| *cut) => {}
        }
        serving.abort();
        // The place is free when the connection is gone, not before; how it ended is of no interest.
        let _ = serving.await;
    }

    /// Serves HTTP in a task of its own: traffic wakes it alone, and what watches over the connection sleeps
    /// on. Apart, so that none of it is kept twice.
    fn spawn<S>(
        &self,
        stream: S,
        peer: PeerInfo,
        counted: Requests,
        watcher: hyper_util::server::graceful::Watcher,
    ) -> (JoinHandle<Served>, Findings)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let routes = Arc::clone(&self.routes);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let in_flight = counted.begin();
            let (service, served) = routes.find(request.uri().path());
            let entrance = Entrance::new(peer.clone(), served);
            let response = service.respond(request, entrance);
            async move {
                let response = response.await?;
                Ok::<_, Infallible>(response.map(|body| body.with_in_flight(in_flight)))
            }
        });
        let wire = Wire::new(stream, self.routes.security().limits());
        let findings = wire.findings();
        let connection = self.http.serve_connection(TokioIo::new(wire), service).into_owned();
        (tokio::spawn(watcher.watch(connection)), findings)
    }
}

/// How a connection ended.
type Served = Result<(), Box<dyn Error + Send + Sync>>;

/// The stable name of a head that did not arrive in time. There is nobody to tell it to.
const HEADER_TIMEOUT: &str = "header_timeout";

/// The stable name and the status of what the parser refused, if it did: a peer that merely left did
/// nothing wrong.
fn refusal(
    error: &(dyn Error + 'static),
    findings: &Findings,
) -> Option<(&'static str, Option<u16>)> {
    if let Some(refusal) = findings.refusal() {
        return Some(refusal);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_parse_too_large() {
            return Some(("headers_too_large", Some(431)));
        }
        if error.is_parse() {
            return Some(("malformed_request", Some(400)));
        }
        let source = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
        if source.is_some_and(|error| error.is_library() && error.is_go_away()) {
            return Some(("http2_violation", None));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use palisade_security::Limits;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::{
        super::service::tests::{BODY, Keeper, security},
        HttpServer,
    };

    #[tokio::test]
    async fn requests_have_ten_seconds_when_the_server_ends() {
        let keeper = Keeper::default();
        let server =
            HttpServer::bind(([127, 0, 0, 1], 0).into(), keeper.clone(), security(Limits::new()))
                .await
                .unwrap();
        let (address, handle) = (server.local_addr().unwrap(), server.handle());
        let serving = tokio::spawn(server.serve());
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
             mcp-method: tools/list\r\ncontent-length: {}\r\n\r\n",
            BODY.len()
        );
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(BODY.as_bytes()).await.unwrap();
        keeper.called.notified().await;

        tokio::time::pause();
        let start = tokio::time::Instant::now();
        handle.shutdown();
        serving.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), super::SHUTDOWN_GRACE.as_secs());
        assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0, "cut off");
        assert!(keeper.has_ended());
    }

    /// A refusal is an answer too, and its reader needs no credentials.
    #[tokio::test]
    async fn h4_http2_without_room_for_an_answer() {
        let limits = Limits::new()
            .with_header_timeout(Duration::from_millis(200))
            .with_idle_timeout(Duration::from_millis(200))
            .with_handshake_timeout(Duration::from_secs(3600));
        let server =
            HttpServer::bind(([127, 0, 0, 1], 0).into(), Keeper::default(), security(limits))
                .await
                .unwrap();
        let address = server.local_addr().unwrap();
        let serving = tokio::spawn(server.serve());
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // SETTINGS: the window of every stream is zero.
        bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
        // HEADERS of stream 1: GET, http, and as literals the path and the authority.
        let mut block = vec![0x82, 0x86, 0x04, 4];
        block.extend(b"/mcp");
        block.extend([0x01, 9]);
        block.extend(b"localhost");
        bytes.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
        bytes.extend(block);
        client.write_all(&bytes).await.unwrap();
        let mut said = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(20), client.read_to_end(&mut said));
        assert!(closed.await.is_ok(), "a window of zero holds the connection");
        // The head of the refusal came, its body had no room.
        assert!(said.windows(6).any(|frame| frame.starts_with(&[1, 4, 0, 0, 0, 1])), "{said:?}");
        assert!(!said.windows(8).any(|text| text == b"\"jsonrpc"), "{said:?}");
        serving.abort();
    }
}

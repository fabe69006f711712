//! The listener: where it listens, whom it lets in, and how it ends.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::server::graceful::GracefulShutdown;
use palisade_security::{EndpointPath, SecurityConfigError, ServerSecurity};
#[cfg(feature = "tls")]
use palisade_security::{TlsConfigError, tls::Reload};
use palisade_transport::{Dispatcher, pipeline::Admission};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

#[cfg(feature = "tls")]
use super::tls::Trust;
use super::{
    EventStore, HttpService,
    connection::{Connections, Http},
    neighbours::Neighbours,
    routes::Routes,
};

/// How long requests in flight may take after a shutdown began.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

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
        let mut stop = shutdown.subscribe();
        let connections = Arc::new(Connections {
            routes: Arc::clone(&routes),
            http: Http::new(routes.security().limits()),
            stop: stop.clone(),
            cut_off,
            #[cfg(feature = "tls")]
            trust,
        });
        let upkeep = connections.upkeep();
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
            tokio::spawn(connections.serve(stream, address, place, graceful.watcher()));
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

    #[tokio::test]
    async fn a_peer_that_has_said_nothing_yet_does_not_hold_the_server() {
        let limits = Limits::new();
        let server =
            HttpServer::bind(([127, 0, 0, 1], 0).into(), Keeper::default(), security(limits))
                .await
                .unwrap();
        let (address, handle) = (server.local_addr().unwrap(), server.handle());
        let serving = tokio::spawn(server.serve());
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"PRI").await.unwrap();
        // One that is served shows that the other one was accepted before.
        let mut later = TcpStream::connect(address).await.unwrap();
        later.write_all(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
        later.read_to_end(&mut Vec::new()).await.unwrap();
        handle.shutdown();
        let ended = tokio::time::timeout(super::SHUTDOWN_GRACE / 2, serving).await;
        assert!(ended.is_ok(), "the server waits for it");
        assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0);
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

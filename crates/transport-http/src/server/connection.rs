//! One connection: its handshake, which HTTP it speaks, its requests, and how it ends.

use std::{
    convert::Infallible,
    error::Error,
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::{GracefulConnection, Watcher},
};
use palisade_security::{Limits, PeerInfo, ServerSecurity};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
    task::JoinHandle,
};

#[cfg(feature = "tls")]
use super::tls::Trust;
use super::{
    body::HttpBody,
    exchange::Entrance,
    neighbours::Neighbour,
    rest::Requests,
    routes::Routes,
    wake,
    wire::{Findings, Version, Wire},
};

/// How often sessions that are over are looked for at most.
const SHORTEST_UPKEEP: Duration = Duration::from_secs(1);

/// The stable name of a head that did not arrive in time. There is nobody to tell it to.
const HEADER_TIMEOUT: &str = "header_timeout";

/// Both kinds of HTTP, as the limits have them.
pub(super) struct Http {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Http {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut http1 = http1::Builder::new();
        // A little more than the guard allows, so that it is the guard who refuses, and records, what is not
        // far beyond its limits.
        // Heads are timed where the wire is read along: a timer here would be armed for every request.
        http1
            .header_read_timeout(None)
            .writev(false)
            .max_buf_size(limits.max_header_bytes().saturating_add(8192));
        // Up to 100 headers are the parser's own bound and need no allocation.
        if limits.max_headers() > 100 {
            http1.max_headers(limits.max_headers());
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(
                u32::try_from(limits.max_concurrent_streams()).unwrap_or(u32::MAX),
            )
            .max_header_list_size(u32::try_from(limits.max_header_bytes()).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(limits.max_reset_streams())
            .max_local_error_reset_streams(limits.max_reset_streams())
            .keep_alive_interval(limits.idle_timeout())
            .keep_alive_timeout(limits.handshake_timeout());
        Self { http1, http2 }
    }
}

/// What the connections of a listener have in common.
pub(super) struct Connections {
    pub(super) routes: Arc<Routes>,
    pub(super) http: Http,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) cut_off: watch::Receiver<bool>,
    #[cfg(feature = "tls")]
    pub(super) trust: Option<Trust>,
}

impl Connections {
    /// What a listener does besides accepting. Never ready.
    pub(super) async fn upkeep(&self) {
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

    /// Serves one connection to its end. Its place is free when it is gone, not before.
    pub(super) fn serve(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        place: (Option<OwnedSemaphorePermit>, Neighbour),
        watcher: Watcher,
    ) -> impl Future<Output = ()> + Send + 'static {
        // Boxed: what a handshake needs would be kept for as long as the connection rests.
        let begun = Box::pin(Arc::clone(self).begin(stream, address, watcher));
        async move {
            let begun = begun.await;
            if let Some((serving, open)) = begun {
                open.watch_over(serving).await;
            }
            drop(place);
        }
    }

    async fn begin(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        watcher: Watcher,
    ) -> Option<(JoinHandle<Served>, Open)> {
        // Events are small and must leave at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        #[cfg(feature = "tls")]
        if let Some(trust) = &self.trust {
            let accepting = trust.accept(self.routes.first(), stream, address);
            let (stream, peer) = Box::pin(accepting).await?;
            return Some(self.open(stream, peer, watcher));
        }
        Some(self.open(stream, PeerInfo::new(address), watcher))
    }

    /// Serves HTTP in a task of its own: traffic wakes it alone, and what watches over the connection sleeps
    /// on.
    fn open<S>(
        self: Arc<Self>,
        stream: S,
        peer: PeerInfo,
        watcher: Watcher,
    ) -> (JoinHandle<Served>, Open)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let requests = Requests::default();
        // Boxed, as it is moved twice and a task keeps the room.
        let mut wire = Box::new(Wire::new(stream, self.routes.security().limits()));
        let findings = wire.findings();
        let service = self.service(peer.clone(), requests.clone());
        let connections = Arc::clone(&self);
        let serving = tokio::spawn(async move {
            let stop = connections.stop.clone();
            let version = {
                let mut stop = stop.clone();
                tokio::select! {
                    version = wire.version() => version,
                    Ok(_) = stop.wait_for(|stop| *stop) => None,
                }
            };
            let (wire, Http { http1, http2 }) = (TokioIo::new(wire), &connections.http);
            let served = match version {
                Some(Version::Http1) => {
                    let connection = pin!(http1.serve_connection(wire, service));
                    wake::with_holding(pin!(until_stopped(connection, stop))).await
                }
                Some(Version::Http2) => {
                    // Boxed: it is the bigger of the two, and holds many streams.
                    let mut connection = Box::pin(http2.serve_connection(wire, service));
                    until_stopped(connection.as_mut(), stop).await
                }
                None => Ok(()),
            };
            drop(watcher);
            served
        });
        (serving, Open { connections: self, peer, requests, findings, started: Instant::now() })
    }

    /// Answers the requests of one connection.
    fn service(
        self: &Arc<Self>,
        peer: PeerInfo,
        requests: Requests,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<HttpBody>,
        Error = Infallible,
        Future: Send + 'static,
    > + Send
    + 'static {
        let routes = Arc::clone(&self.routes);
        service_fn(move |request: Request<Incoming>| {
            let in_flight = requests.begin();
            let (service, served) = routes.find(request.uri().path());
            let entrance = Entrance::new(peer.clone(), served);
            let response = service.respond(request, entrance);
            async move {
                let mut response = response.await?;
                response.body_mut().hold(in_flight);
                Ok(response)
            }
        })
    }
}

/// Serves a connection; when the server is to stop, to the end of what is under way. The signal is looked at
/// once, and then only when it has come: a connection is polled for every request.
async fn until_stopped<C: GracefulConnection>(
    mut connection: Pin<&mut C>,
    mut stop: watch::Receiver<bool>,
) -> C::Output {
    let signal = stop.clone();
    let mut stopping = pin!(stop.changed());
    let (mut waits, mut told) = (false, false);
    poll_fn(|cx| {
        let look = !waits || signal.has_changed().unwrap_or(false);
        if !told
            && look
            && let Poll::Ready(stop) = stopping.as_mut().poll(cx)
        {
            told = true;
            // If the server was dropped, connections go on until they end.
            if stop.is_ok() {
                connection.as_mut().graceful_shutdown();
            }
        }
        waits = true;
        connection.as_mut().poll(cx)
    })
    .await
}

/// A connection on which HTTP is spoken.
struct Open {
    connections: Arc<Connections>,
    peer: PeerInfo,
    requests: Requests,
    findings: Findings,
    started: Instant,
}

/// How a connection ended.
type Served = Result<(), hyper::Error>;

impl Open {
    /// Waits for the end of the connection, or brings it about when it is time.
    async fn watch_over(self, mut serving: JoinHandle<Served>) {
        let limits = self.security().limits();
        let mut cut_off = self.connections.cut_off.clone();
        tokio::select! {
            served = &mut serving => {
                if let Ok(Err(error)) = served {
                    tracing::debug!(%error, "connection failed");
                    if let Some((code, status)) = refusal(&error, &self.findings) {
                        self.refused(code, status);
                    }
                }
                return;
            }
            () = self.findings.head_overdue(limits.header_timeout()) => {
                tracing::debug!("connection with a slow head closed");
                self.refused(HEADER_TIMEOUT, None);
            }
            () = self.requests.none(limits) => {
                tracing::debug!("connection without requests closed");
                if self.findings.within_head() {
                    self.refused(HEADER_TIMEOUT, None);
                }
            }
            () = self.peer_lost() => tracing::debug!("connection closed: its certificate is no longer good"),
            // Not if the server was dropped: then connections go on until they end.
            Ok(_) = cut_off.wait_for(|cut| *cut) => {}
        }
        serving.abort();
        // How it ended is of no interest.
        let _ = serving.await;
    }

    fn security(&self) -> &ServerSecurity {
        self.connections.routes.security()
    }

    fn refused(&self, code: &str, status: Option<u16>) {
        if let Some(address) = self.peer.address() {
            let first = self.connections.routes.first();
            first.record_refused_connection(address, code, status, self.started.elapsed());
        }
    }

    /// Waits until the peer is no longer who the handshake said it is.
    async fn peer_lost(&self) {
        #[cfg(feature = "tls")]
        if let (Some(trust), Some(certificate)) = (&self.connections.trust, self.peer.certificate())
        {
            return Box::pin(trust.lost(certificate, self.security().clock())).await;
        }
        std::future::pending().await
    }
}

/// The stable name and the status of what the parser refused, if it did: a peer that merely left did
/// nothing wrong.
fn refusal(error: &hyper::Error, findings: &Findings) -> Option<(&'static str, Option<u16>)> {
    if let Some(refusal) = findings.refusal() {
        return Some(refusal);
    }
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
    None
}

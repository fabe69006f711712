//! The server half: from a line to the engine and back.
//!
//! A message is walked through in this order: [`connection`] (bytes to lines, answers to bytes),
//! [`exchange`] (decode, limits, dispatch, audit), [`session`] (clients of older revisions), [`running`] (what
//! has not ended yet). Where the bytes come from is [`standard`] (the process's own streams) or [`unix`] (sockets).

mod connection;
mod exchange;
mod running;
mod session;
mod standard;
mod unix;

use std::{io, sync::Arc, time::Duration};

use palisade_security::{CorrelationIds, Principal, ServerSecurity};
use palisade_transport::{Dispatcher, pipeline::Admission};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixListener,
};

use self::{connection::Connection, exchange::Shared};

/// Serves MCP over streams of lines: standard input and output, Unix sockets, or any pair of streams.
///
/// Who the peer is, is not for the peer to say: on standard streams it is the owner of this process, on Unix
/// sockets whom the kernel names. From there on a request goes the way of every other transport: decoded
/// once, counted, authorized, bounded in time, audited.
///
/// The first `initialize` of a client makes its stream a session of its revision; requests of the newest revision
/// are served beside it.
///
/// Requests run concurrently in the task that serves their stream; a handler that waits holds up nobody, one
/// that computes for long belongs into `spawn_blocking`. What is ready together is written together.
///
/// # Specification
///
/// MCP 2026-07-28, Transports, "stdio".
#[derive(Clone, Debug)]
pub struct StdioServer {
    shared: Arc<Shared>,
    allowed_uids: Arc<[u32]>,
    /// How long requests may go on when the peer has closed its end.
    drain: Duration,
}

impl StdioServer {
    /// A server for an engine under these rules.
    /// [`SecurityConfig::stdio`](palisade_security::SecurityConfig::stdio) asks only for what matters here; with
    /// any other configuration, credentials, origins and hosts are those of its HTTP server, and mean nothing
    /// on a pipe.
    #[must_use]
    pub fn new(dispatcher: impl Dispatcher, security: ServerSecurity) -> Self {
        let shared = Shared {
            dispatcher: Arc::new(dispatcher),
            security,
            admission: Admission::default(),
            ids: CorrelationIds::random().unwrap_or_default(),
        };
        let allowed_uids = Arc::from([unix::own_uid()]);
        Self { shared: Arc::new(shared), allowed_uids, drain: Duration::from_secs(2) }
    }

    /// Sets how long requests may go on when the peer has closed its end. Default: 2 s, the time that clients
    /// commonly wait before they send a signal. Abuse: a peer that leaves, and leaves its work behind.
    #[must_use]
    pub fn with_drain_timeout(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Sets which users may connect to Unix sockets. Default: the one that this process runs as. Abuse: a
    /// socket is a file, and its mode is easily wider than was meant; the kernel's word on who connected is
    /// not.
    #[must_use]
    pub fn with_allowed_uids(mut self, uids: impl IntoIterator<Item = u32>) -> Self {
        self.allowed_uids = uids.into_iter().collect();
        self
    }

    /// Serves standard input and output until the client closes its end, as a child process is expected to.
    ///
    /// The two streams are taken out of the process's hands: whatever else it prints to standard output
    /// (a stray `println!`, a library, a child) lands on standard error, and whatever else reads standard
    /// input finds it empty. Nothing but messages can reach the client.
    ///
    /// # Errors
    ///
    /// [`ServeError`] if the streams cannot be taken or break.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels all requests. The streams stay taken.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        let (reader, writer) = standard::take().map_err(ServeError::Take)?;
        let owner = unix::principal("process", unix::own_uid());
        self.serve(reader, writer, owner).await
    }

    /// Serves one pair of streams until the peer closes its end. `peer` is who is at the other end: whoever
    /// calls this vouches for it.
    ///
    /// # Errors
    ///
    /// [`ServeError`] if a stream breaks. A peer that is gone is no error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels all requests.
    pub async fn serve(
        self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
        peer: Principal,
    ) -> Result<(), ServeError> {
        Connection::new(self.shared, peer, reader, writer).serve(self.drain).await
    }

    /// Serves a Unix socket for as long as it can accept. Each connection is served in a task of its own, up
    /// to [`Limits::max_connections`](palisade_security::Limits::max_connections); users that are not allowed
    /// are disconnected.
    ///
    /// # Errors
    ///
    /// [`ServeError::Accept`] if the socket breaks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends all connections.
    pub async fn serve_unix(self, listener: UnixListener) -> Result<(), ServeError> {
        unix::serve(self, listener).await
    }

    /// Ends open subscriptions with a result, and takes no new ones.
    pub fn shutdown(&self) {
        self.shared.dispatcher.shutdown();
    }
}

/// Why serving ended otherwise than by the peer's wish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Standard input and output cannot be taken.
    #[error("standard input and output cannot be taken")]
    Take(#[source] io::Error),
    /// The stream cannot be read.
    #[error("the stream cannot be read")]
    Read(#[source] io::Error),
    /// The stream cannot be written.
    #[error("the stream cannot be written")]
    Write(#[source] io::Error),
    /// The socket accepts no connections.
    #[error("the socket cannot accept connections")]
    Accept(#[source] io::Error),
}

impl ServeError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Take(_) => "stdio_not_taken",
            Self::Read(_) => "stdio_read_failed",
            Self::Write(_) => "stdio_write_failed",
            Self::Accept(_) => "accept_failed",
        }
    }
}

//! The client half: a server that is launched, or one at the other end of a stream.
//!
//! A request is walked through in this order: [`link`] (its line is queued, its reader noted), [`drive`] (the one
//! task of the streams writes it, and reads what comes), [`peek`] (whose it is), [`Inbox`] (until it is read).
//! [`check`] says what may be launched, [`process`] how it runs and ends, [`supervise`] that it runs again.

mod check;
mod drive;
mod link;
mod peek;
mod process;
mod supervise;

use std::{
    borrow::Cow,
    fmt,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use palisade_protocol::ProtocolVersion;
use palisade_security::ClientLimits;
pub use palisade_security::{ProcessLimits, Restart, ServerCommand};
use palisade_transport::{ClientTransport, Inbox, MessageStream, OutboundRequest, TransportError};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    runtime::Handle,
    time::timeout,
};

pub use self::check::LaunchError;
use self::{
    check::checked,
    link::{Link, Ticket},
    supervise::{serve_once, start, supervise},
};

/// What stands for "no credentials" in [`ClientTransport::authn_context`].
const ANONYMOUS: [u8; 32] = [0; 32];
/// How long [`ClientTransport::close`] waits for everything to be gone.
const TO_CLOSE: Duration = Duration::from_secs(5);
/// Before this revision a client could not give up the handshake.
const INITIALIZE: &str = "initialize";

/// MCP over lines: to a server that this transport launches, and takes down with everything that it started,
/// or to one at the other end of a Unix socket or any pair of streams.
///
/// - All requests share one stream. Each response finds its request by the id, each notification by the id that
///   it names; a reader that does not read loses its own messages and holds up nobody.
/// - Dropping a response stream cancels the request.
/// - A launched server that ends is started again, see [`Restart`]; requests under way fail with
///   [`TransportError::Interrupted`], and subscriptions have to be made anew.
/// - [`ClientTransport::close`], or dropping the transport, closes the server's input, waits, sends `SIGTERM`
///   and `SIGKILL` to its whole process group: everything is gone within five seconds.
///
/// # Specification
///
/// MCP 2026-07-28, Transports, "stdio".
#[derive(Debug)]
pub struct StdioTransport {
    link: Arc<Link>,
}

/// The settings of a [`StdioTransport`].
#[derive(Clone, Debug)]
#[must_use]
pub struct StdioTransportBuilder {
    max_message_bytes: usize,
    start_timeout: Duration,
    restart: Restart,
}

impl StdioTransport {
    /// Launches a server, with the defaults.
    ///
    /// # Errors
    ///
    /// [`LaunchError`] says what is wrong with the command, or why the system does not start it.
    pub fn launch(command: ServerCommand) -> Result<Self, LaunchError> {
        Self::builder().launch(command)
    }

    /// Checks a command as [`Self::launch`] does, and launches nothing.
    ///
    /// # Errors
    ///
    /// The first [`LaunchError`] that applies.
    pub fn check(command: &ServerCommand) -> Result<(), LaunchError> {
        checked(command).map(drop)
    }

    /// Starts with the defaults.
    pub fn builder() -> StdioTransportBuilder {
        let limits = ClientLimits::new();
        StdioTransportBuilder {
            max_message_bytes: limits.max_message_bytes(),
            start_timeout: limits.connect_timeout(),
            restart: Restart::new(),
        }
    }
}

impl StdioTransportBuilder {
    /// Sets the largest message that is read, in bytes: 16 MiB by default. It also bounds what waits for one
    /// reader. Abuse: a server that fills the memory of its clients.
    pub fn with_max_message_bytes(mut self, max_message_bytes: usize) -> Self {
        self.max_message_bytes = max_message_bytes;
        self
    }

    /// Sets how long a request waits for a server that is being started again: 10 seconds by default.
    pub fn with_start_timeout(mut self, start_timeout: Duration) -> Self {
        self.start_timeout = start_timeout;
        self
    }

    /// Sets when a launched server that ended is started again.
    pub fn with_restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Launches a server.
    ///
    /// # Errors
    ///
    /// [`LaunchError`] says what is wrong with the command, or why the system does not start it.
    pub fn launch(self, command: ServerCommand) -> Result<StdioTransport, LaunchError> {
        let runtime = Handle::try_current().map_err(|_| LaunchError::NoRuntime)?;
        let process = start(&command)?;
        let (link, restart) = (self.link(), self.restart);
        runtime.spawn(supervise(Arc::clone(&link), command, restart, process));
        Ok(StdioTransport { link })
    }

    /// Talks to a server at the other end of a pair of streams. Call it within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`LaunchError::NoRuntime`] if there is no runtime.
    pub fn over(
        self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<StdioTransport, LaunchError> {
        let runtime = Handle::try_current().map_err(|_| LaunchError::NoRuntime)?;
        let link = self.link();
        runtime.spawn(serve_once(Arc::clone(&link), reader, writer));
        Ok(StdioTransport { link })
    }

    /// Connects to a server at a Unix socket, which must run as this user or as root: a path may lead to
    /// another's socket, the kernel knows whose it is.
    ///
    /// # Errors
    ///
    /// [`TransportError::ConnectionRefused`] if there is no server, or another user's.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn connect_unix(
        self,
        path: impl AsRef<Path>,
    ) -> Result<StdioTransport, TransportError> {
        let refused = |reason: String| {
            let origin = format!("unix:{}", path.as_ref().display());
            TransportError::ConnectionRefused { origin, reason }
        };
        let stream =
            UnixStream::connect(&path).await.map_err(|error| refused(error.kind().to_string()))?;
        let uid = stream.peer_cred().map_err(|error| refused(error.kind().to_string()))?.uid();
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            return Err(refused(format!("it is served by the user {uid}")));
        }
        let (reader, writer) = stream.into_split();
        self.over(reader, writer).map_err(|error| refused(error.to_string()))
    }

    fn link(&self) -> Arc<Link> {
        Arc::new(Link::new(self.max_message_bytes, self.start_timeout))
    }
}

#[async_trait]
impl ClientTransport for StdioTransport {
    async fn request(
        &self,
        request: OutboundRequest,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        let ticket = self.link.request(&request.body).await?;
        Ok(Box::new(Responses { link: Arc::clone(&self.link), ticket, method: request.method }))
    }

    async fn send(&self, message: Bytes, _: ProtocolVersion) -> Result<(), TransportError> {
        self.link.send(&message).await
    }

    async fn listen(&self, _: ProtocolVersion) -> Result<Box<dyn MessageStream>, TransportError> {
        Ok(Box::new(Heard(self.link.listen()?)))
    }

    fn authn_context(&self) -> Option<[u8; 32]> {
        Some(ANONYMOUS)
    }

    async fn close(&self) {
        self.link.close();
        if timeout(TO_CLOSE, self.link.ended()).await.is_err() {
            tracing::error!("a server could not be ended");
        }
    }
}

impl Drop for StdioTransport {
    fn drop(&mut self) {
        self.link.close();
    }
}

/// The messages about one request.
struct Responses {
    link: Arc<Link>,
    ticket: Ticket,
    method: Cow<'static, str>,
}

impl MessageStream for Responses {
    fn authn_context(&self) -> Option<[u8; 32]> {
        Some(ANONYMOUS)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.ticket.inbox.poll_next(cx)
    }
}

impl Drop for Responses {
    fn drop(&mut self) {
        // The one request that cannot be given up is the handshake of older revisions.
        self.link.give_up(&self.ticket, self.method != INITIALIZE);
    }
}

impl fmt::Debug for Responses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responses").field("id", &self.ticket.id).finish_non_exhaustive()
    }
}

/// What belongs to no request.
#[derive(Debug)]
struct Heard(Arc<Inbox>);

impl MessageStream for Heard {
    fn authn_context(&self) -> Option<[u8; 32]> {
        Some(ANONYMOUS)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        self.0.poll_next(cx)
    }
}

#[cfg(test)]
mod tests;

//! What a transport offers to a client engine.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use palisade_protocol::ProtocolVersion;

/// Sends requests of one client and yields what the server answers. Object-safe.
///
/// A transport holds the credentials: the engine never sees them.
#[async_trait]
pub trait ClientTransport: Send + Sync + std::fmt::Debug {
    /// Sends one request and returns the messages of its response stream: any number of notifications,
    /// then exactly one response. One JSON body is a stream of one message. In revisions up to 2025-11-25
    /// requests of the server may come among them, to be answered by [`Self::send`].
    ///
    /// How long to wait for the response is the engine's decision: it drops the future or the stream. A
    /// transport bounds only what the engine cannot see, such as making a connection.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if no response could be had. A JSON-RPC error in a response of any HTTP status
    /// is not an error here: it is yielded as a message.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the stream cancels the request on the server.
    async fn request(
        &self,
        request: OutboundRequest,
    ) -> Result<Box<dyn MessageStream>, TransportError>;

    /// Sends a message that gets no response of its own: a notification, or the response to a request of
    /// the server. Revisions up to 2025-11-25 alone have such messages on every transport.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if the server did not take it. A JSON-RPC error that it answered with is then a
    /// status like any other: there is nobody to hand it to.
    ///
    /// # Cancel safety
    ///
    /// After the future is dropped the message may or may not have been sent.
    async fn send(&self, message: Bytes, version: ProtocolVersion) -> Result<(), TransportError>;

    /// The messages of the server that belong to no request: notifications and requests of its own, in
    /// revisions up to 2025-11-25. The stream lasts as long as the server and the connection allow; one
    /// that has ended may be opened again. Until it is, what the server says may be lost.
    ///
    /// # Errors
    ///
    /// [`TransportError::NotOffered`] if the server has no such stream, any other if it could not be
    /// opened.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the stream ends the listening, and nothing else.
    async fn listen(
        &self,
        version: ProtocolVersion,
    ) -> Result<Box<dyn MessageStream>, TransportError>;

    /// The context of the credentials that the next request would use. It differs whenever the
    /// credentials differ and reveals nothing about them: private cache entries are bound to it.
    ///
    /// `None` if that is not known before the request is sent. Then nothing private is served from a cache.
    fn authn_context(&self) -> Option<[u8; 32]>;

    /// Ends the transport. Requests in flight fail with [`TransportError::Closed`].
    async fn close(&self);
}

/// The messages of one response. Each item is one complete JSON-RPC message.
pub trait MessageStream: Send {
    /// The context of the credentials that the request was really sent with, to which a private response
    /// is bound. Credentials may change while a request is under way; if it is not certain which were
    /// used, this is `None`, and nothing private is kept.
    fn authn_context(&self) -> Option<[u8; 32]>;

    /// Polls for the next message; `None` after the last.
    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>>;
}

/// One request on its way out: the encoded message, and what transports mirror into headers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundRequest {
    /// The JSON-RPC request, encoded.
    pub body: Bytes,
    /// The protocol version in the request's `_meta`.
    pub protocol_version: ProtocolVersion,
    /// The method.
    pub method: Cow<'static, str>,
    /// `params.name` or `params.uri`, where the method has one.
    pub name: Option<String>,
    /// Arguments that the tool's schema mirrors into headers: header name without the `Mcp-Param-`
    /// prefix, and the plain value. The transport encodes it.
    pub param_headers: Vec<(String, String)>,
}

impl OutboundRequest {
    /// A request without mirrored names or arguments.
    #[must_use]
    pub fn new(
        body: Bytes,
        protocol_version: ProtocolVersion,
        method: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            body,
            protocol_version,
            method: method.into(),
            name: None,
            param_headers: Vec::new(),
        }
    }

    /// Adds the name or URI that transports mirror.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds the arguments that transports mirror.
    #[must_use]
    pub fn with_param_headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.param_headers = headers;
        self
    }
}

/// Why a request got no response. Local failures and faults of the peer, never a JSON-RPC error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The connection was refused or could not be made.
    #[error("connection to {origin} failed: {reason}")]
    ConnectionRefused {
        /// Scheme, host and port, without path or credentials.
        origin: String,
        /// What the system said.
        reason: String,
    },
    /// TLS failed: wrong certificate, name, version.
    #[error("tls handshake with {origin} failed: {reason}")]
    Tls {
        /// Scheme, host and port.
        origin: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The server wants (other) credentials: HTTP 401.
    #[error("the server refused the credentials")]
    Unauthorized {
        /// The `WWW-Authenticate` header, as sent, at most 4 KiB.
        challenge: Option<String>,
    },
    /// The credentials do not suffice: HTTP 403 without a JSON-RPC body.
    #[error("the server forbids the request with these credentials")]
    Forbidden {
        /// The `WWW-Authenticate` header, as sent, at most 4 KiB.
        challenge: Option<String>,
    },
    /// The server refused: another HTTP status without a JSON-RPC body. Redirects are never followed and
    /// end here: a redirect chooses who sees the credentials.
    #[error("the server answered http {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// A connection could not be made in time.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The response is larger than allowed.
    #[error("response exceeds {limit} bytes")]
    ResponseTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The request cannot be written on this transport.
    #[error("invalid request: {0}")]
    InvalidRequest(&'static str),
    /// The response is not what the protocol allows.
    #[error("invalid response: {0}")]
    InvalidResponse(&'static str),
    /// The session, of a revision up to 2025-11-25, is gone: the server has ended it or forgotten it.
    /// Nothing of the request was done. A new session can be begun.
    #[error("the session is gone")]
    SessionExpired,
    /// The server has no messages of its own to offer, or cannot be listened to.
    #[error("the server offers no messages of its own")]
    NotOffered,
    /// The connection ended before the response was complete.
    #[error("the connection ended before the response was complete")]
    Interrupted,
    /// The transport was closed.
    #[error("the transport is closed")]
    Closed,
    /// The process of the server has ended too often, and is not started again.
    #[error("the process of the server has ended too often and is not started again")]
    ProcessEnded,
    /// The server sends more about one request than anybody reads.
    #[error("more than {limit} messages wait to be read")]
    Unread {
        /// The limit, in messages.
        limit: usize,
    },
    /// The credentials cannot be sent there: plain http beyond loopback, or another origin.
    #[error("credentials are not sent to {origin}")]
    CredentialsNotSent {
        /// Scheme, host and port.
        origin: String,
    },
    /// The credential provider failed.
    #[error("no credentials: {0}")]
    Credentials(String),
}

impl TransportError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConnectionRefused { .. } => "connection_refused",
            Self::Tls { .. } => "tls_failed",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Status { .. } => "http_status",
            Self::ConnectTimeout(_) => "connect_timeout",
            Self::ResponseTooLarge { .. } => "response_too_large",
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidResponse(_) => "invalid_response",
            Self::SessionExpired => "session_expired",
            Self::NotOffered => "not_offered",
            Self::Interrupted => "interrupted",
            Self::Closed => "closed",
            Self::ProcessEnded => "process_ended",
            Self::Unread { .. } => "unread_messages",
            Self::CredentialsNotSent { .. } => "credentials_not_sent",
            Self::Credentials(_) => "no_credentials",
        }
    }
}

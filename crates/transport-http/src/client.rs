//! The client half: every JSON-RPC request is one POST, its response one JSON body or one event stream.
//!
//! A request is walked through in this order: [`head`] (headers, credentials), [`connect`] (TCP, TLS; one
//! origin, no redirects), [`receive`] (status, media type, limits), [`stream`] (messages). Revisions up to
//! 2025-11-25 have a [`session`] around it, the first of them a transport of its own, [`legacy_sse`].

mod build;
mod connect;
mod head;
mod legacy_sse;
mod receive;
mod session;
mod stream;

use std::{fmt, future::Future, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use palisade_protocol::ProtocolVersion;
use palisade_security::{CredentialError, CredentialProvider, Origin, build_auth_headers};
use palisade_transport::{ClientTransport, MessageStream, OutboundRequest, TransportError};
use tokio::sync::watch;

pub use self::build::{HttpTransportBuilder, HttpTransportError};
use self::{
    connect::{ConnectError, Connector},
    receive::Received,
};
use crate::Endpoint;

/// What stands for "no credentials" in [`ClientTransport::authn_context`].
const ANONYMOUS: [u8; 32] = [0; 32];

/// Streamable HTTP, client side: HTTP/1.1 and HTTP/2 over TLS by rustls, connections kept and reused.
///
/// - All requests go to one origin. Redirects are never followed: they would let a server choose who sees
///   the credentials.
/// - Credentials are sent over TLS, or within this machine, and nowhere else.
/// - A response is read up to a limit; compressed bodies are refused, as they would get around it.
/// - Dropping a response stream cancels the request: HTTP/2 resets the stream, HTTP/1.1 closes the
///   connection.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP.
pub struct HttpTransport {
    core: Arc<Core>,
}

impl HttpTransport {
    /// A transport without credentials; `https` trusts what the operating system trusts.
    ///
    /// # Errors
    ///
    /// [`HttpTransportError`] says what is wrong with the URL, or that there are no trusted certificates.
    pub fn new(url: &str) -> Result<Self, HttpTransportError> {
        Self::builder(url)?.build()
    }

    /// Starts with the URL of the MCP endpoint.
    ///
    /// # Errors
    ///
    /// [`HttpTransportError::Endpoint`] says what is wrong with the URL.
    pub fn builder(url: &str) -> Result<HttpTransportBuilder, HttpTransportError> {
        HttpTransportBuilder::new(url)
    }

    /// Where requests go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.core.endpoint
    }
}

#[async_trait]
impl ClientTransport for HttpTransport {
    async fn request(
        &self,
        request: OutboundRequest,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        self.core
            .until_closed(async {
                if request.protocol_version.is_modern() {
                    self.core.exchange(request).await
                } else {
                    session::exchange(&self.core, request).await
                }
            })
            .await
    }

    async fn send(&self, message: Bytes, version: ProtocolVersion) -> Result<(), TransportError> {
        self.core.until_closed(session::send(&self.core, message, version)).await
    }

    async fn listen(
        &self,
        version: ProtocolVersion,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        self.core.until_closed(session::listen(&self.core, version)).await
    }

    fn authn_context(&self) -> Option<[u8; 32]> {
        Some(self.core.credentials.as_ref().map_or(ANONYMOUS, |provider| provider.context_key()))
    }

    async fn close(&self) {
        if !self.core.closed.send_replace(true) {
            session::end(&self.core).await;
        }
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("endpoint", &self.core.endpoint)
            .field("credentials", &self.core.credentials.is_some())
            .field("max_message_bytes", &self.core.max_message_bytes)
            .finish_non_exhaustive()
    }
}

/// What a transport and its streams share.
struct Core {
    endpoint: Endpoint,
    origin: Origin,
    client: legacy::Client<Connector, Full<Bytes>>,
    credentials: Option<Arc<dyn CredentialProvider>>,
    headers: HeaderMap,
    max_message_bytes: usize,
    closed: watch::Sender<bool>,
    session: session::State,
}

impl Core {
    /// Awaits the future unless the transport is closed before.
    async fn until_closed<T>(
        &self,
        future: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => Err(TransportError::Closed),
            outcome = future => outcome,
        }
    }

    /// One request of the newest revision.
    async fn exchange(
        &self,
        request: OutboundRequest,
    ) -> Result<Box<dyn MessageStream>, TransportError> {
        let headers = head::mirrored(&self.headers, &request)?;
        let (response, context) = self.send(Method::POST, headers, request.body).await?;
        Ok(self.receive(response, context).await?.into_stream())
    }

    async fn receive(
        &self,
        response: Response<Incoming>,
        context: Option<[u8; 32]>,
    ) -> Result<Received, TransportError> {
        receive::receive(response, self.max_message_bytes, context, self.closed.subscribe()).await
    }

    /// Sends one HTTP request to the endpoint, and returns the context of its credentials too.
    async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response<Incoming>, Option<[u8; 32]>), TransportError> {
        self.send_to(self.endpoint.uri(), method, headers, body).await
    }

    /// The same to another path of the same origin.
    async fn send_to(
        &self,
        uri: &Uri,
        method: Method,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response<Incoming>, Option<[u8; 32]>), TransportError> {
        let (credentials, context) = self.authenticate().await?;
        head::authenticate(&mut headers, credentials)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        let response = self.client.request(request).await;
        Ok((response.map_err(|error| self.explain(&error))?, context))
    }

    /// The credentials for one request, and the context they stand for.
    async fn authenticate(&self) -> Result<(HeaderMap, Option<[u8; 32]>), TransportError> {
        let Some(provider) = &self.credentials else {
            return Ok((HeaderMap::new(), Some(ANONYMOUS)));
        };
        if !self.origin.is_trustworthy() {
            return Err(self.not_sent());
        }
        let before = provider.context_key();
        let headers =
            build_auth_headers(provider, &self.origin).await.map_err(|error| match error {
                CredentialError::OtherOrigin { .. } | CredentialError::Insecure { .. } => {
                    self.not_sent()
                }
                other => TransportError::Credentials(other.to_string()),
            })?;
        // If they changed meanwhile, it is not certain whose response this will be.
        let context = (provider.context_key() == before).then_some(before);
        Ok((headers, context))
    }

    fn not_sent(&self) -> TransportError {
        TransportError::CredentialsNotSent { origin: self.endpoint.origin().to_owned() }
    }

    /// What went wrong, as far as it can be told apart.
    fn explain(&self, error: &legacy::Error) -> TransportError {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(cause) = source {
            if let Some(connect) = cause.downcast_ref::<ConnectError>() {
                return connect.to_transport_error(self.endpoint.origin());
            }
            if let Some(http) = cause.downcast_ref::<hyper::Error>()
                && http.is_parse()
            {
                return TransportError::InvalidResponse("it is not http");
            }
            source = cause.source();
        }
        TransportError::Interrupted
    }
}

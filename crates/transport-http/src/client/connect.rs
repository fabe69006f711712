//! Connections: always to the one endpoint, whatever a URI says.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
#[cfg(feature = "tls")]
use palisade_security::ClientTls;
use palisade_transport::TransportError;
#[cfg(feature = "tls")]
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
#[cfg(feature = "tls")]
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower_service::Service;

#[cfg(feature = "tls")]
use crate::EndpointError;
use crate::{Endpoint, EndpointHost};

/// Makes connections to one endpoint.
#[derive(Clone)]
pub(super) struct Connector(Arc<Target>);

struct Target {
    host: EndpointHost,
    port: u16,
    timeout: Duration,
    #[cfg(feature = "tls")]
    tls: Option<(ClientTls, ServerName<'static>)>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Refused(io::Error),
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Tls(io::Error),
    #[error("no connection within {0:?}")]
    Timeout(Duration),
}

impl ConnectError {
    pub(super) fn to_transport_error(&self, origin: &str) -> TransportError {
        let origin = origin.to_owned();
        match self {
            Self::Refused(error) => {
                TransportError::ConnectionRefused { origin, reason: error.to_string() }
            }
            #[cfg(feature = "tls")]
            Self::Tls(error) => TransportError::Tls { origin, reason: error.to_string() },
            Self::Timeout(timeout) => TransportError::ConnectTimeout(*timeout),
        }
    }
}

impl Connector {
    #[cfg(feature = "tls")]
    pub(super) fn new(
        endpoint: &Endpoint,
        timeout: Duration,
        tls: Option<&ClientTls>,
    ) -> Result<Self, EndpointError> {
        let name = match endpoint.host() {
            EndpointHost::Name(name) => {
                ServerName::try_from(name.to_string()).map_err(|_| EndpointError::Host)?
            }
            EndpointHost::Address(address) => ServerName::from(*address),
        };
        let tls = tls.map(|tls| (tls.clone(), name));
        let (host, port) = (endpoint.host().clone(), endpoint.port());
        Ok(Self(Arc::new(Target { host, port, timeout, tls })))
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn new(endpoint: &Endpoint, timeout: Duration) -> Self {
        let (host, port) = (endpoint.host().clone(), endpoint.port());
        Self(Arc::new(Target { host, port, timeout }))
    }
}

impl Target {
    async fn connect(&self) -> Result<TokioIo<Stream>, ConnectError> {
        let connected = tokio::time::timeout(self.timeout, self.stream()).await;
        connected.unwrap_or(Err(ConnectError::Timeout(self.timeout))).map(TokioIo::new)
    }

    async fn stream(&self) -> Result<Stream, ConnectError> {
        let tcp = self.tcp().await.map_err(ConnectError::Refused)?;
        tcp.set_nodelay(true).map_err(ConnectError::Refused)?;
        #[cfg(feature = "tls")]
        if let Some((tls, name)) = &self.tls {
            let connector = TlsConnector::from(tls.config());
            let tls = connector.connect(name.clone(), tcp).await.map_err(ConnectError::Tls)?;
            return Ok(Stream::Tls(Box::new(tls)));
        }
        Ok(Stream::Plain(tcp))
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        match &self.host {
            // Not left to a resolver, which could say anything: plain http with credentials goes there.
            EndpointHost::Name(name) if name.as_ref() == "localhost" => {
                let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                TcpStream::connect(loopback.map(|ip| SocketAddr::new(ip, self.port)).as_slice())
                    .await
            }
            EndpointHost::Name(name) => TcpStream::connect((name.as_ref(), self.port)).await,
            EndpointHost::Address(address) => TcpStream::connect((*address, self.port)).await,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let target = Arc::clone(&self.0);
        Box::pin(async move { target.connect().await })
    }
}

/// A connection, encrypted or not.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Plain(_) => Connected::new(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => match tls.get_ref().1.alpn_protocol() {
                Some(b"h2") => Connected::new().negotiated_h2(),
                _ => Connected::new(),
            },
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

//! Connections, and why there are none.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use palisade_security::{
    ClientTls, Origin, PeerCertificate, TlsConfigError, UnixMillis, tls::SubjectName,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The name has no address.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// No connection in time.
    Timeout,
    /// Another failure of the network.
    Network(io::ErrorKind),
    /// The handshake failed.
    Tls(Box<rustls::Error>),
    /// The peer closed the connection, or reset it, during the handshake.
    HandshakeCut,
    /// The answer is not HTTP.
    NotHttp,
    /// The answer is the beginning of a TLS alert: the port wants TLS.
    SpeaksTls,
    /// Connected, but no answer in time, or none at all.
    NoAnswer,
}

/// How to encrypt.
pub(super) struct Encryption {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Encryption {
    pub(super) fn new(tls: Option<&ClientTls>, origin: &Origin) -> Result<Self, TlsConfigError> {
        let tls = tls.cloned().map_or_else(ClientTls::system_roots, Ok)?;
        let mut config = ClientConfig::clone(&tls.config());
        // The probes speak HTTP/1.1 only, each on a connection of its own.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        let name = match address_of(origin) {
            Some(address) => ServerName::from(address),
            // Parsed as the host of an origin, so it is a name; else the handshake says what is wrong.
            None => ServerName::try_from(origin.host().to_owned())
                .unwrap_or_else(|_| ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
        };
        Ok(Self { config: Arc::new(config), name })
    }
}

/// A connection, encrypted or not.
pub(super) struct Connection {
    address: SocketAddr,
    stream: Stream,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What was seen while connecting.
pub(super) struct Seen {
    pub(super) address: String,
    pub(super) tls: Option<SeenTls>,
}

/// What was seen in the handshake.
pub(super) struct SeenTls {
    pub(super) version: String,
    pub(super) names: Vec<String>,
    pub(super) ends: Option<UnixMillis>,
}

impl Connection {
    pub(super) fn seen(&self) -> Seen {
        let tls = match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(tls) => {
                let (_, session) = tls.get_ref();
                let version = session.protocol_version();
                let chain = session.peer_certificates().unwrap_or_default();
                let certificate = PeerCertificate::from_verified_chain(chain).ok();
                let names = certificate.iter().flat_map(|certificate| certificate.names());
                Some(SeenTls {
                    version: version.and_then(|version| version.as_str()).unwrap_or("?").to_owned(),
                    names: names.filter_map(name_of).take(16).collect(),
                    ends: certificate.as_ref().map(PeerCertificate::expires_at),
                })
            }
        };
        Seen { address: self.address.to_string(), tls }
    }
}

fn name_of(name: &SubjectName) -> Option<String> {
    match name {
        SubjectName::Dns(name) | SubjectName::Uri(name) | SubjectName::Email(name) => {
            Some(name.chars().filter(|c| !c.is_control()).take(256).collect())
        }
        _ => None,
    }
}

/// The address that the host is, if it is one.
fn address_of(origin: &Origin) -> Option<IpAddr> {
    origin.host().trim_start_matches('[').trim_end_matches(']').parse().ok()
}

pub(super) async fn connect(
    origin: &Origin,
    encryption: Option<&Encryption>,
    limit: Duration,
) -> Result<Connection, Failure> {
    let tcp = timeout(limit, tcp(origin)).await.unwrap_or(Err(Failure::Timeout))?;
    let address = tcp.peer_addr().map_err(|error| Failure::Network(error.kind()))?;
    let Some(Encryption { config, name }) = encryption else {
        return Ok(Connection { address, stream: Stream::Plain(tcp) });
    };
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp);
    match timeout(limit, handshake).await {
        Ok(Ok(tls)) => Ok(Connection { address, stream: Stream::Tls(Box::new(tls)) }),
        Ok(Err(error)) => Err(tls_failure(&error).unwrap_or(Failure::HandshakeCut)),
        Err(_) => Err(Failure::Timeout),
    }
}

/// The TLS error within an error of the stream.
pub(super) fn tls_failure(error: &io::Error) -> Option<Failure> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(Failure::Tls(Box::new(inner.clone())))
}

async fn tcp(origin: &Origin) -> Result<TcpStream, Failure> {
    let port = origin.port();
    let addresses: Vec<SocketAddr> = if let Some(address) = address_of(origin) {
        vec![SocketAddr::new(address, port)]
    } else if origin.host() == "localhost" {
        // Not left to a resolver, which could say anything: credentials may go there.
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        loopback.map(|address| SocketAddr::new(address, port)).to_vec()
    } else {
        let found = tokio::net::lookup_host((origin.host(), port)).await;
        found.map_err(|_| Failure::Unresolved)?.take(8).collect()
    };
    if addresses.is_empty() {
        return Err(Failure::Unresolved);
    }
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut => Failure::Timeout,
        other => Failure::Network(other),
    })
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

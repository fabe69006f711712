//! Connections on which any bytes can be written at any time.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::wire::{Framing, WireReader, is_closing, malformed};
use super::{RawRequest, RawResponse};
use crate::guard::{PATIENCE, try_within};

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct RawPeer {
    address: SocketAddr,
    authority: String,
    source: Option<IpAddr>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    patience: Duration,
}

impl RawPeer {
    /// Plain HTTP to this address; `Host` is the address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            authority: address.to_string(),
            source: None,
            tls: None,
            patience: PATIENCE,
        }
    }

    /// HTTPS for `localhost`; see [`TestCa::client_config`](crate::TestCa::client_config).
    ///
    /// # Panics
    ///
    /// Never: the name is valid.
    pub fn with_tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some((config, ServerName::try_from("localhost").expect("a valid name")));
        self.authority = format!("localhost:{}", self.address.port());
        self
    }

    /// Puts this into `Host` where a request does not set its own.
    pub fn with_authority(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// Comes from this address, such as another one of 127.0.0.0/8.
    pub fn with_source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// How long to wait for each read or write; default [`PATIENCE`].
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or TLS is refused.
    pub async fn connect(&self) -> io::Result<RawConnection> {
        let connecting = async {
            let tcp = match self.source {
                Some(source) => {
                    let socket = match source {
                        IpAddr::V4(_) => TcpSocket::new_v4()?,
                        IpAddr::V6(_) => TcpSocket::new_v6()?,
                    };
                    socket.bind(SocketAddr::new(source, 0))?;
                    socket.connect(self.address).await?
                }
                None => TcpStream::connect(self.address).await?,
            };
            tcp.set_nodelay(true)?;
            let io: Box<dyn Io> = match &self.tls {
                Some((config, name)) => Box::new(
                    TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await?,
                ),
                None => Box::new(tcp),
            };
            io::Result::Ok(io)
        };
        let io = in_time(self.patience, connecting).await?;
        Ok(RawConnection::from_io(io, &self.authority, self.patience))
    }

    /// Sends one request on a connection of its own and reads the response.
    ///
    /// # Errors
    ///
    /// If there is no complete response in time.
    pub async fn send(&self, request: &RawRequest) -> io::Result<RawResponse> {
        self.connect().await?.send(request).await
    }
}

/// One connection.
pub struct RawConnection {
    reader: WireReader<ReadHalf<Box<dyn Io>>>,
    writer: WriteHalf<Box<dyn Io>>,
    authority: String,
    body: Framing,
}

impl RawConnection {
    /// Speaks over an in-memory pipe, so that the clock can be paused.
    pub fn over(pipe: DuplexStream, authority: &str) -> Self {
        Self::from_io(Box::new(pipe), authority, PATIENCE)
    }

    fn from_io(io: Box<dyn Io>, authority: &str, patience: Duration) -> Self {
        let (reader, writer) = tokio::io::split(io);
        let mut reader = WireReader::new(reader);
        reader.patience = patience;
        Self { reader, writer, authority: authority.to_owned(), body: Framing::Length(0) }
    }

    /// How long to wait for each read or write from now on.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.reader.patience = patience;
        self
    }

    /// Writes these bytes, and has them sent, before it returns. Whatever the test does between two calls is the pause.
    ///
    /// # Errors
    ///
    /// If the peer has closed or does not take them in time.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        in_time(self.reader.patience, async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        })
        .await
    }

    /// Writes a request whole.
    ///
    /// # Errors
    ///
    /// If the peer has closed or does not take it in time.
    pub async fn write_request(&mut self, request: &RawRequest) -> io::Result<()> {
        let bytes = request.to_bytes(&self.authority);
        self.write(&bytes).await
    }

    /// Writes only the request line and the headers.
    ///
    /// # Errors
    ///
    /// If the peer has closed or does not take them in time.
    pub async fn write_head(&mut self, request: &RawRequest) -> io::Result<()> {
        let bytes = request.head_bytes(&self.authority);
        self.write(&bytes).await
    }

    /// Writes a request and reads the response, both at once: a server that refuses a long body may answer before it
    /// has read it all, and close.
    ///
    /// # Errors
    ///
    /// If there is no complete response in time.
    pub async fn send(&mut self, request: &RawRequest) -> io::Result<RawResponse> {
        let bytes = request.to_bytes(&self.authority);
        let Self { reader, writer, body, .. } = self;
        let writing = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        let reading = read_response(reader, body);
        tokio::pin!(reading);
        tokio::select! {
            biased;
            response = &mut reading => response,
            written = writing => match written {
                Err(error) if !is_closing(&error) => Err(error),
                _ => reading.await,
            },
        }
    }

    /// Reads a whole response; interim ones (1xx) are skipped.
    ///
    /// # Errors
    ///
    /// If there is no complete response in time.
    pub async fn read_response(&mut self) -> io::Result<RawResponse> {
        read_response(&mut self.reader, &mut self.body).await
    }

    /// Reads the head of a response and leaves the body to [`next_piece`](Self::next_piece).
    ///
    /// # Errors
    ///
    /// If there is no complete head in time.
    pub async fn read_head(&mut self) -> io::Result<RawResponse> {
        read_head(&mut self.reader, &mut self.body).await
    }

    /// The next piece of the body: one chunk where it is chunked. `None` after the last one.
    ///
    /// # Errors
    ///
    /// If nothing comes in time, or the connection ends within the body.
    pub async fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.reader.piece(&mut self.body).await
    }

    /// Waits until the peer closes, and gives what it sent until then. A reset counts as closing.
    ///
    /// # Errors
    ///
    /// If it does not close in time.
    pub async fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        self.reader.rest().await
    }

    /// Says that nothing more will be written, and stays open for reading.
    ///
    /// # Errors
    ///
    /// If the peer has closed.
    pub async fn finish_writing(&mut self) -> io::Result<()> {
        in_time(self.reader.patience, self.writer.shutdown()).await
    }

    /// Tears the connection down without a goodbye: a TCP reset.
    pub fn abort(self) {
        self.reader.into_inner().unsplit(self.writer).reset();
    }
}

impl fmt::Debug for RawConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawConnection")
            .field("authority", &self.authority)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

async fn read_head<R: AsyncRead + Unpin>(
    reader: &mut WireReader<R>,
    body: &mut Framing,
) -> io::Result<RawResponse> {
    let head = reader.head().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let (response, framing) = RawResponse::from_head(head)?;
    *body = framing;
    Ok(response)
}

async fn read_response<R: AsyncRead + Unpin>(
    reader: &mut WireReader<R>,
    body: &mut Framing,
) -> io::Result<RawResponse> {
    let mut response = read_head(reader, body).await?;
    for _ in 0..10 {
        if response.status() >= 200 {
            while let Some(piece) = reader.piece(body).await? {
                response.push(&piece);
            }
            return Ok(response);
        }
        response = read_head(reader, body).await?;
    }
    Err(malformed("exchange: interim responses without end"))
}

async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    try_within(patience, work)
        .await
        .map_err(|late| io::Error::new(io::ErrorKind::TimedOut, late))?
}

/// What a connection runs over.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {
    /// Closes with a reset instead of a goodbye, where there is such a thing.
    fn reset(self: Box<Self>);
}

impl Io for TcpStream {
    fn reset(self: Box<Self>) {
        // Best effort: a socket that cannot linger is closed normally.
        let _ = self.set_zero_linger();
    }
}

impl Io for TlsStream<TcpStream> {
    fn reset(self: Box<Self>) {
        let _ = self.get_ref().0.set_zero_linger();
    }
}

impl Io for DuplexStream {
    fn reset(self: Box<Self>) {}
}

//! The framing of HTTP/1.1 that both directions share: heads, lengths and chunks. It accepts what it understands and
//! reports the rest; it repairs nothing.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::guard::{PATIENCE, try_within};

/// Names and values as they stood on the wire.
pub(crate) type Headers = Vec<(String, String)>;

/// How the end of a body is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many more bytes.
    Length(usize),
    /// Chunks, the last one empty.
    Chunked,
    /// Until the peer closes.
    UntilClose,
}

/// The first line and the headers.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    pub(crate) headers: Headers,
}

impl Head {
    pub(crate) fn framing(&self, without_either: Framing) -> io::Result<Framing> {
        if values(&self.headers, "transfer-encoding")
            .any(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Ok(Framing::Chunked);
        }
        match values(&self.headers, "content-length").next() {
            Some(length) => {
                length.parse().map(Framing::Length).map_err(|_| malformed("content-length"))
            }
            None => Ok(without_either),
        }
    }
}

/// The values of a header, whatever the case of its name.
pub(crate) fn values<'h>(
    headers: &'h Headers,
    name: &str,
) -> impl Iterator<Item = &'h str> + use<'h> {
    let name = name.to_ascii_lowercase();
    headers
        .iter()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(&name))
        .map(|(_, value)| value.as_str())
}

/// Reads one direction of a connection.
#[derive(Debug)]
pub(crate) struct WireReader<R> {
    io: R,
    received: Vec<u8>,
    pub(crate) patience: Duration,
}

impl<R: AsyncRead + Unpin> WireReader<R> {
    pub(crate) fn new(io: R) -> Self {
        Self { io, received: Vec::new(), patience: PATIENCE }
    }

    pub(crate) fn into_inner(self) -> R {
        self.io
    }

    /// The next head; `None` if the peer closed before its first byte.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(text) = self.until(b"\r\n\r\n").await? else { return Ok(None) };
        let text = String::from_utf8(text).map_err(|_| malformed("head"))?;
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        let first_line = lines.next().ok_or_else(|| malformed("first line"))?.to_owned();
        let headers = lines
            .map(|line| {
                line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            })
            .collect::<Option<Headers>>()
            .ok_or_else(|| malformed("header line"))?;
        Ok(Some(Head { first_line, headers }))
    }

    /// The next piece of a body; `None` after the last one.
    pub(crate) async fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<Vec<u8>>> {
        match framing {
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                if self.received.is_empty() && !self.more().await? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let piece = self.take((*left).min(self.received.len()));
                *left -= piece.len();
                Ok(Some(piece))
            }
            Framing::Chunked => {
                let piece = self.chunk().await?;
                if piece.is_empty() {
                    *framing = Framing::Length(0);
                    return Ok(None);
                }
                Ok(Some(piece))
            }
            Framing::UntilClose => {
                if self.received.is_empty() && !self.more().await? {
                    *framing = Framing::Length(0);
                    return Ok(None);
                }
                Ok(Some(self.take(self.received.len())))
            }
        }
    }

    /// Everything until the peer closes; a reset counts as closing.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.more().await {
                Ok(true) => {}
                Ok(false) => return Ok(std::mem::take(&mut self.received)),
                Err(error) if is_closing(&error) => return Ok(std::mem::take(&mut self.received)),
                Err(error) => return Err(error),
            }
        }
    }

    async fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.until(b"\r\n").await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let line = String::from_utf8_lossy(&line);
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
        while self.received.len() < size + 2 {
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let chunk = self.take(size);
        // Trailers are not supported: after the last chunk comes the empty line at once.
        if self.take(2) == b"\r\n" { Ok(chunk) } else { Err(malformed("end of chunk")) }
    }

    /// Everything up to and with the mark; `None` if the peer closed and nothing was there.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(start) = self.received.windows(mark.len()).position(|window| window == mark)
            {
                return Ok(Some(self.take(start + mark.len())));
            }
            if !self.more().await? {
                return if self.received.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.received.drain(..count).collect()
    }

    /// Waits for more bytes; `false` at the end.
    async fn more(&mut self) -> io::Result<bool> {
        let read = try_within(self.patience, self.io.read_buf(&mut self.received)).await;
        Ok(read.map_err(|late| io::Error::new(io::ErrorKind::TimedOut, late))?? > 0)
    }
}

/// Whether an error only says that the peer is gone.
pub(crate) fn is_closing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    ) || (error.kind() == io::ErrorKind::UnexpectedEof
        && error.to_string().contains("close_notify"))
}

pub(crate) fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

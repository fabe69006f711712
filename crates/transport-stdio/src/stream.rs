//! Lines from a stream and to one: as few system calls as there are chunks.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
#[cfg(feature = "server")]
use palisade_transport::encode_line;
use palisade_transport::{LineDecoder, LineError};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{Sleep, sleep},
};

/// What waits to be written before a peer counts as one that does not read.
pub(crate) const HIGH_WATER: usize = 64 << 10;
/// How much is read at once: at first, and while the peer sends more than that.
const READ: usize = 8 << 10;
const MAX_READ: usize = 64 << 10;
/// What is kept of the memory for output while there is none.
const KEPT: usize = 256 << 10;

/// Lines from a stream.
pub(crate) struct Input<R> {
    reader: R,
    buffer: BytesMut,
    /// How much to make room for.
    size: usize,
    lines: LineDecoder,
    /// The peer has closed its end.
    ended: bool,
}

/// Lines to a stream.
pub(crate) struct Output<W> {
    writer: W,
    buffer: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// How long the peer may take nothing of what waits.
    patience: Option<Duration>,
    stalled: Option<Pin<Box<Sleep>>>,
}

/// Why there is no line.
#[derive(Debug)]
pub(crate) enum InputError {
    /// One was left out; the next one may be good.
    Line(LineError),
    /// The stream is broken.
    Read(io::Error),
}

impl<R: AsyncRead + Unpin> Input<R> {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        let lines = LineDecoder::new(limit);
        Self { reader, buffer: BytesMut::new(), size: READ, lines, ended: false }
    }

    /// Whether the peer has closed its end, and all that it sent before was handed out.
    #[cfg(feature = "server")]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next line, or why one was left out; `None` when the peer has closed its end.
    pub(crate) fn poll_line(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, InputError>>> {
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) => return Poll::Ready(Some(Ok(line))),
                Ok(None) if self.ended => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(InputError::Line(error)))),
            }
            if let Err(error) = ready!(self.poll_read(cx)) {
                return Poll::Ready(Some(Err(InputError::Read(error))));
            }
        }
    }

    /// Hands the next chunk to the decoder.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.buffer.capacity() < self.size / 2 {
            self.buffer.reserve(self.size);
        }
        let room = self.buffer.capacity();
        let read = pin!(self.reader.read_buf(&mut self.buffer)).poll(cx);
        let Poll::Ready(read) = read else { return Poll::Pending };
        match read? {
            0 => {
                self.ended = true;
                let unread = self.lines.pending();
                if unread > 0 {
                    tracing::debug!(unread, "the peer left within a message");
                }
            }
            read => {
                if read == room {
                    self.size = self.size.saturating_mul(2).min(MAX_READ);
                }
                self.lines.feed(self.buffer.split().freeze());
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> Output<W> {
    pub(crate) fn new(writer: W) -> Self {
        let (buffer, written, unflushed) = (Vec::new(), 0, false);
        Self { writer, buffer, written, unflushed, patience: None, stalled: None }
    }

    /// Fails when the peer takes nothing of what waits for so long.
    #[cfg(feature = "server")]
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// Takes over lines that were encoded elsewhere, if there is nothing to write before them.
    #[cfg(feature = "client")]
    pub(crate) fn take_over(&mut self, lines: &mut Vec<u8>) {
        if self.buffer.is_empty() {
            std::mem::swap(&mut self.buffer, lines);
        }
    }

    #[cfg(feature = "server")]
    pub(crate) fn push(&mut self, message: &[u8]) {
        // A peer that never takes all that waits would keep all that it ever took. Half of the memory at least:
        // what is moved is then less than what was written.
        if self.written >= HIGH_WATER && self.written >= self.buffer.len() / 2 {
            self.buffer.drain(..self.written);
            self.written = 0;
        }
        encode_line(&mut self.buffer, message);
    }

    #[cfg(feature = "server")]
    pub(crate) fn has_room(&self) -> bool {
        self.buffer.len().saturating_sub(self.written) < HIGH_WATER
    }

    #[cfg(feature = "server")]
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && !self.unflushed
    }

    /// Writes all that waits, in one piece if the peer has room for it. Returns whether it took anything.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut any = false;
        while let Some(rest) = self.buffer.get(self.written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.writer).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.written = self.written.saturating_add(written?),
                Poll::Pending => {
                    self.poll_patience(cx, any)?;
                    return Ok(any);
                }
            }
            any = true;
            self.unflushed = true;
        }
        if any {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
            self.written = 0;
            self.stalled = None;
        }
        if self.unflushed && Pin::new(&mut self.writer).poll_flush(cx)?.is_ready() {
            self.unflushed = false;
        }
        Ok(any)
    }

    /// Fails if the peer has taken nothing for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>, took_some: bool) -> io::Result<()> {
        let Some(patience) = self.patience else { return Ok(()) };
        if took_some {
            self.stalled = None;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

/// Whether an error says that the peer has left, which it may.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn a_peer_that_never_takes_all_does_not_keep_what_it_took() {
        let (ours, mut theirs) = duplex(4 << 10);
        let mut output = Output::new(ours);
        let (message, mut taken) = ([b'a'; 1 << 10], [0; 1 << 10]);
        for _ in 0..4096 {
            while output.has_room() {
                output.push(&message);
            }
            std::future::poll_fn(|cx| Poll::Ready(output.poll_write(cx).map(drop))).await.unwrap();
            theirs.read_exact(&mut taken).await.unwrap();
        }
        assert!(output.buffer.len() < 4 * HIGH_WATER, "{} bytes are kept", output.buffer.len());
    }
}

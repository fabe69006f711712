//! One pair of streams: lines in, answers out, everything in one task.

use std::{
    future::{Future, poll_fn},
    io,
    ops::ControlFlow,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, Stream};
use palisade_security::Principal;
use palisade_transport::{LineDecoder, encode_line};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{Sleep, sleep},
};
use tracing::Instrument as _;

use super::{
    ServeError,
    exchange::{Shared, exchange, refuse_line},
    running::{Event, NextEvent, Running, Slot, Table},
};

/// What waits to be written before nothing more is read or run: a peer that does not read its answers gets
/// no more of them.
const HIGH_WATER: usize = 64 << 10;
/// How much is read at once: at first, and while the peer sends more than that.
const READ: usize = 8 << 10;
const MAX_READ: usize = 64 << 10;
/// What is kept of the memory for output while there is none.
const KEPT: usize = 256 << 10;

/// Everything about one pair of streams.
pub(super) struct Connection<R, W> {
    shared: Arc<Shared>,
    peer: Principal,
    input: Input<R>,
    output: Output<W>,
    running: FuturesUnordered<NextEvent>,
    table: Arc<Table>,
    /// Set when the peer has closed its end: the time that requests have left.
    drain: Option<Pin<Box<Sleep>>>,
}

struct Input<R> {
    reader: R,
    buffer: BytesMut,
    /// How much to make room for.
    size: usize,
    lines: LineDecoder,
    /// The peer has closed its end.
    ended: bool,
}

struct Output<W> {
    writer: W,
    buffer: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// How long the peer may take nothing of what waits.
    patience: Option<Duration>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    pub(super) fn new(shared: Arc<Shared>, peer: Principal, reader: R, writer: W) -> Self {
        let lines = LineDecoder::new(shared.security.limits().max_body_bytes());
        let buffer = BytesMut::new();
        Self {
            shared,
            peer,
            input: Input { reader, buffer, size: READ, lines, ended: false },
            output: Output {
                writer,
                buffer: Vec::new(),
                written: 0,
                unflushed: false,
                patience: None,
                stalled: None,
            },
            running: FuturesUnordered::new(),
            table: Arc::default(),
            drain: None,
        }
    }

    /// Gives up on a peer that reads nothing of what waits for so long. By default nobody is given up: the
    /// peer that launched this process may be stopped for as long as it likes.
    pub(super) fn with_patience(mut self, patience: Duration) -> Self {
        self.output.patience = Some(patience);
        self
    }

    /// Serves until the peer has closed its end and what it asked is answered, or `drain` later.
    pub(super) async fn serve(mut self, drain: Duration) -> Result<(), ServeError> {
        poll_fn(|cx| self.poll(cx, drain)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, drain: Duration) -> Poll<Result<(), ServeError>> {
        loop {
            let ran = self.poll_running(cx);
            let read = match self.poll_input(cx) {
                Ok(read) => read,
                Err(error) if is_gone(&error) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(ServeError::Read(error))),
            };
            let wrote = match self.output.poll_write(cx) {
                Ok(wrote) => wrote,
                Err(error) if is_gone(&error) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(ServeError::Write(error))),
            };
            if self.input.ended {
                if self.running.is_empty() && self.output.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                let table = &self.table;
                let time = self.drain.get_or_insert_with(|| {
                    table.end_subscriptions();
                    Box::pin(sleep(drain))
                });
                if time.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
            }
            if !(ran || read || wrote) {
                return Poll::Pending;
            }
        }
    }

    /// Lets requests go on. Returns whether one of them had something to say.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while self.output.has_room()
            && let Poll::Ready(Some((event, running))) = Pin::new(&mut self.running).poll_next(cx)
        {
            any = true;
            match (event, running) {
                (Event::Message(message), Some(running)) => {
                    self.output.push(&message);
                    self.running.push(running.into());
                }
                (Event::End(Some(message)) | Event::Message(message), _) => {
                    self.output.push(&message);
                }
                (Event::End(None), _) => {}
                (Event::Cancel(id), _) => self.table.cancel(&id),
            }
        }
        any
    }

    /// Serves what has arrived. Returns whether anything had.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut any = false;
        while self.output.has_room() && !self.input.ended {
            match self.input.lines.next_line() {
                Ok(Some(line)) => {
                    if self.start(line, cx).is_break() {
                        // Who is cancelled ends before anything else begins.
                        return Ok(true);
                    }
                }
                Ok(None) => match self.input.poll_read(cx) {
                    Poll::Pending => break,
                    Poll::Ready(read) => read?,
                },
                Err(error) => self.output.push(&refuse_line(&self.shared, &self.peer, error)),
            }
            any = true;
        }
        Ok(any)
    }

    /// Serves one message as far as it goes at once; most end there, and leave nothing behind. Breaks where
    /// another one was cancelled.
    fn start(&mut self, line: Bytes, cx: &mut Context<'_>) -> ControlFlow<()> {
        let slot = Slot::new(&self.table, self.shared.security.limits().sse_queue());
        let id = self.shared.ids.next_id();
        let exchange =
            exchange(Arc::clone(&self.shared), self.peer.clone(), line, Arc::clone(&slot), id)
                .instrument(tracing::info_span!("request", correlation_id = %id));
        let mut running = Running::new(Box::pin(exchange), slot);
        loop {
            match running.poll_event(cx) {
                Poll::Ready(Event::Message(message)) => self.output.push(&message),
                Poll::Ready(Event::End(message)) => {
                    message.into_iter().for_each(|message| self.output.push(&message));
                    return ControlFlow::Continue(());
                }
                Poll::Ready(Event::Cancel(id)) => {
                    self.table.cancel(&id);
                    return ControlFlow::Break(());
                }
                Poll::Pending => break,
            }
        }
        running.enter_table();
        self.running.push(running.into());
        ControlFlow::Continue(())
    }
}

impl<R: AsyncRead + Unpin> Input<R> {
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
    fn push(&mut self, message: &[u8]) {
        encode_line(&mut self.buffer, message);
    }

    fn has_room(&self) -> bool {
        self.buffer.len().saturating_sub(self.written) < HIGH_WATER
    }

    fn is_empty(&self) -> bool {
        self.buffer.is_empty() && !self.unflushed
    }

    /// Writes all that waits, in one piece if the peer has room for it. Returns whether it took anything.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
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
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
}

#[cfg(test)]
mod tests;

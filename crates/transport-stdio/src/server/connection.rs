//! One pair of streams: lines in, answers out, everything in one task.

use std::{
    future::{Future, poll_fn},
    io,
    ops::ControlFlow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream};
use palisade_security::Principal;
use palisade_transport::pipeline::request_span;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Sleep, sleep},
};
use tracing::Instrument as _;

use super::{
    ServeError,
    exchange::{Shared, TRANSPORT, exchange, refuse_line},
    running::{Event, NextEvent, Running, Slot, Table},
};
use crate::stream::{Input, InputError, Output, is_gone};

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

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    pub(super) fn new(shared: Arc<Shared>, peer: Principal, reader: R, writer: W) -> Self {
        let input = Input::new(reader, shared.security.limits().max_body_bytes());
        Self {
            shared,
            peer,
            input,
            output: Output::new(writer),
            running: FuturesUnordered::new(),
            table: Arc::default(),
            drain: None,
        }
    }

    /// Gives up on a peer that reads nothing of what waits for so long. By default nobody is given up: the
    /// peer that launched this process may be stopped for as long as it likes.
    pub(super) fn with_patience(mut self, patience: Duration) -> Self {
        self.output.set_patience(patience);
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
            if self.input.has_ended() {
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
        while self.output.has_room() {
            match self.input.poll_line(cx) {
                Poll::Pending | Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(line))) => {
                    if self.start(line, cx).is_break() {
                        // Who is cancelled ends before anything else begins.
                        return Ok(true);
                    }
                }
                Poll::Ready(Some(Err(InputError::Line(error)))) => {
                    self.output.push(&refuse_line(&self.shared, &self.peer, error));
                }
                Poll::Ready(Some(Err(InputError::Read(error)))) => return Err(error),
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
                .instrument(request_span(id, TRANSPORT));
        let mut running = Running::new(Box::pin(exchange), slot);
        // A handler that sends without end never waits while its messages are taken.
        while self.output.has_room() {
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

#[cfg(test)]
mod tests;

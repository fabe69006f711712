//! The task that serves the streams to one server: what others queue goes out, what comes in finds its reader.

use std::{future::poll_fn, task::Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::link::Link;
use crate::stream::{Input, InputError, Output, is_gone};

/// Why a server is no longer served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It has closed its end, or the streams broke.
    Gone,
    /// The transport is to be closed.
    Closing,
}

/// Serves the streams until they end or the transport is to be closed. Dropping it closes them.
pub(super) async fn drive(
    link: &Link,
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
) -> End {
    let mut input = Input::new(reader, link.max_message_bytes());
    let mut output = Output::new(writer);
    poll_fn(move |cx| {
        loop {
            if link.is_closing() {
                return Poll::Ready(End::Closing);
            }
            link.refill(&mut output, cx);
            let wrote = match output.poll_write(cx) {
                Ok(wrote) => wrote,
                Err(error) => {
                    tracing::debug!(%error, "the server takes no more requests");
                    return Poll::Ready(End::Gone);
                }
            };
            match input.poll_line(cx) {
                Poll::Ready(Some(Ok(line))) => link.deliver(line),
                Poll::Ready(Some(Err(InputError::Line(error)))) => link.lost_line(error),
                Poll::Ready(Some(Err(InputError::Read(error)))) => {
                    if !is_gone(&error) {
                        tracing::warn!(%error, "the streams to the server broke");
                    }
                    return Poll::Ready(End::Gone);
                }
                Poll::Ready(None) => return Poll::Ready(End::Gone),
                Poll::Pending if !wrote => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    })
    .await
}

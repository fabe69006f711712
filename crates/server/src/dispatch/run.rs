//! Running a handler so that its panic ends only its own request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use palisade_protocol::ErrorObject;
use palisade_security::Authorized;
use palisade_transport::BoxFuture;

use crate::{HandlerError, panics};

/// Calls a handler and awaits it. Only an authorized request gets here: the proof is used up.
///
/// A panic, in the call or in the future, becomes `-32603` without detail: the panic's message may hold
/// anything.
pub(super) async fn guarded<T>(
    authorized: Authorized<'_>,
    start: impl FnOnce() -> BoxFuture<'static, Result<T, HandlerError>>,
) -> Result<T, HandlerError> {
    begin(authorized, start)?.await
}

/// Calls a handler. What is returned runs it, anywhere.
pub(super) fn begin<T>(
    _: Authorized<'_>,
    start: impl FnOnce() -> BoxFuture<'static, Result<T, HandlerError>>,
) -> Result<CatchPanic<T>, HandlerError> {
    panics::contain(start).map(CatchPanic).ok_or_else(panicked)
}

/// A handler whose panic is its error.
pub(super) struct CatchPanic<T>(BoxFuture<'static, Result<T, HandlerError>>);

impl<T> Future for CatchPanic<T> {
    type Output = Result<T, HandlerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        // The future is not polled again after a panic, so no broken state is seen.
        panics::contain(|| self.0.as_mut().poll(cx)).unwrap_or_else(|| Poll::Ready(Err(panicked())))
    }
}

fn panicked() -> HandlerError {
    tracing::error!("handler panicked");
    HandlerError::protocol(ErrorObject::internal())
}

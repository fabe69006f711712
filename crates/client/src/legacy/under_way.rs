//! What the listener has begun and not finished: a few futures, polled in its own task.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use palisade_protocol::RequestId;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Futures that run side by side. Whoever adds to it looks at [`Self::is_full`] first.
#[derive(Default)]
pub(super) struct UnderWay(Vec<(Option<RequestId>, Work)>);

/// How many requests of a server are answered at once; the next waits in the connection.
const MAX: usize = 8;

impl UnderWay {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX
    }

    /// Begins with a piece of work, for the request with this id if it is for one.
    pub(super) fn push(
        &mut self,
        request: Option<RequestId>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.0.push((request, Box::pin(work)));
    }

    /// The server wants no answer to this request any more.
    pub(super) fn cancel(&mut self, request: &RequestId) {
        self.0.retain(|(id, _)| id.as_ref() != Some(request));
    }

    /// Goes on with all of it. Ready if something was finished.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let before = self.0.len();
        self.0.retain_mut(|(_, work)| work.as_mut().poll(cx).is_pending());
        if self.0.len() < before { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnderWay").field("len", &self.0.len()).finish()
    }
}

//! The requests of one session that run, so that a notification can cancel them.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use palisade_protocol::RequestId;

use super::slot::Slot;

/// Requests by id. As many as the transport lets run.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<RequestId, Arc<Slot<()>>>>);

/// A request with this id runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdInUse;

impl Running {
    /// Runs a request; `None` if it was cancelled.
    ///
    /// # Errors
    ///
    /// [`IdInUse`]: an answer could not be told from that of the other.
    pub(super) async fn run<F: Future>(
        &self,
        id: &RequestId,
        future: F,
    ) -> Result<Option<F::Output>, IdInUse> {
        let place = self.begin(id)?;
        let mut future = pin!(future);
        let outcome = poll_fn(|cx| match place.cancelled.poll_take(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(cx).map(Some),
        });
        Ok(outcome.await)
    }

    /// Cancels a request; whether there is one.
    pub(super) fn cancel(&self, id: &RequestId) -> bool {
        let cancelled = self.lock().get(id).cloned();
        cancelled.is_some_and(|cancelled| {
            cancelled.put(());
            true
        })
    }

    /// Cancels all.
    pub(super) fn cancel_all(&self) {
        self.lock().values().for_each(|cancelled| cancelled.put(()));
    }

    fn begin(&self, id: &RequestId) -> Result<Place<'_>, IdInUse> {
        let mut all = self.lock();
        if all.contains_key(id) {
            return Err(IdInUse);
        }
        let cancelled = Arc::new(Slot::default());
        all.insert(id.clone(), Arc::clone(&cancelled));
        Ok(Place { running: self, id: id.clone(), cancelled })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Arc<Slot<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place<'r> {
    running: &'r Running,
    id: RequestId,
    cancelled: Arc<Slot<()>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.running.lock().remove(&self.id);
    }
}

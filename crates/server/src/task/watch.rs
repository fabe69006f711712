//! [`TaskWatch`]: the tasks that one subscription follows.

use std::{future::poll_fn, sync::Arc, task::Poll};

use palisade_transport::BoxFuture;

use super::{StoredTask, TaskStore, TaskStoreError};

/// Tells how tasks stand, first at once and then whenever one has changed. A slow reader is told less often,
/// and of each task no older state than the last.
pub(crate) struct TaskWatch {
    store: Arc<dyn TaskStore>,
    waiting: Vec<BoxFuture<'static, Result<Option<StoredTask>, TaskStoreError>>>,
}

impl TaskWatch {
    pub(crate) fn new<'a>(
        store: &Arc<dyn TaskStore>,
        ids: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let mut watch = Self { store: Arc::clone(store), waiting: Vec::new() };
        for id in ids {
            // No record has the version 0: the first state is a change.
            watch.wait(id.clone(), 0);
        }
        watch
    }

    /// The next task that has changed. Tasks that are over or gone are followed no longer; when none is left,
    /// it is never ready.
    ///
    /// Cancel safe. Boxed: whoever waits need not keep room for it.
    pub(crate) async fn next(&mut self) -> Box<StoredTask> {
        loop {
            let (index, changed) =
                poll_fn(|cx| {
                    let ready = self.waiting.iter_mut().enumerate().find_map(|(index, waiting)| {
                        match waiting.as_mut().poll(cx) {
                            Poll::Ready(changed) => Some((index, changed)),
                            Poll::Pending => None,
                        }
                    });
                    ready.map_or(Poll::Pending, Poll::Ready)
                })
                .await;
            drop(self.waiting.swap_remove(index));
            match changed {
                Ok(Some(task)) => {
                    if !task.status().is_terminal() {
                        self.wait(task.id().to_owned(), task.version());
                    }
                    return Box::new(task);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a task is no longer followed"),
            }
        }
    }

    fn wait(&mut self, id: String, version: u64) {
        let store = Arc::clone(&self.store);
        self.waiting.push(Box::pin(async move {
            store.changed(&id, version).await?;
            store.load(&id).await
        }));
    }
}

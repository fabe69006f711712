//! [`TaskAsker`]: questions of a running task, which its client finds when it asks how the task stands.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use palisade_protocol::{InputRequest, RawJson};
use palisade_security::{ServerSecurity, UnixMillis};
use palisade_transport::{AskError, Asker, BoxFuture, Outbox};
use tokio::sync::Notify;

use super::TaskStoreError;
use crate::server::Shared;

/// Asks by changing the task's record, and waits until the record has the answer.
pub(crate) struct TaskAsker {
    server: Arc<Shared>,
    security: ServerSecurity,
    id: String,
    /// Questions that nobody waits for any more. Whoever drops one cannot wait for the store.
    dropped: Mutex<Vec<String>>,
    wake: Notify,
}

impl TaskAsker {
    pub(super) fn new(server: &Arc<Shared>, security: &ServerSecurity, id: String) -> Self {
        Self {
            server: Arc::clone(server),
            security: security.clone(),
            id,
            dropped: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Says what is happening, for people.
    pub(crate) async fn note(&self, message: &str) {
        let now = self.now();
        let noted = self.server.tasks.change(&self.id, |task| task.note(message, now)).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "the status of a task was not noted");
        }
    }

    /// Takes questions back that were dropped, whenever some are. Never ready.
    pub(super) async fn withdraw_dropped(&self) {
        loop {
            self.wake.notified().await;
            let dropped =
                std::mem::take(&mut *self.dropped.lock().unwrap_or_else(PoisonError::into_inner));
            for name in dropped {
                let now = self.now();
                let taken = self.server.tasks.change(&self.id, |task| task.withdraw(&name, now));
                if let Err(error) = taken.await {
                    tracing::warn!(%error, "a question of a task could not be taken back");
                }
            }
        }
    }

    fn now(&self) -> UnixMillis {
        self.security.clock().now()
    }

    async fn ask(&self, key: &str, request: &InputRequest) -> Result<RawJson, AskError> {
        let (tasks, now) = (&self.server.tasks, self.now());
        let max_bytes = self.security.limits().tasks().max_bytes();
        let opened = tasks.change(&self.id, |task| task.ask(key, request, max_bytes, now)).await;
        let name = opened.map_err(gone)?.ok_or(AskError::TooMany)?;
        let question = Question { asker: self, name };
        loop {
            let task = tasks.store().load(&self.id).await.map_err(gone)?;
            let task = task.ok_or(AskError::Gone)?;
            if task.is_answered(&question.name) {
                let taken = tasks.change(&self.id, |task| task.take_answer(&question.name)).await;
                return taken.map_err(gone)?.ok_or(AskError::Gone);
            }
            if task.status().is_terminal() {
                return Err(AskError::Gone);
            }
            tasks.store().changed(&self.id, task.version()).await.map_err(gone)?;
        }
    }
}

impl Asker for TaskAsker {
    fn ask<'a>(
        &'a self,
        key: &'a str,
        request: &'a InputRequest,
        _: &'a Outbox,
    ) -> BoxFuture<'a, Result<RawJson, AskError>> {
        Box::pin(self.ask(key, request))
    }
}

impl fmt::Debug for TaskAsker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the id: who has it may reach the task.
        f.debug_struct("TaskAsker").finish_non_exhaustive()
    }
}

/// A question that somebody waits for.
struct Question<'a> {
    asker: &'a TaskAsker,
    name: String,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        self.asker.dropped.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        self.asker.wake.notify_one();
    }
}

fn gone(error: TaskStoreError) -> AskError {
    tracing::error!(%error, "a task could not ask");
    AskError::Gone
}

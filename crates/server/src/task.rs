//! Tasks: tool calls that outlive the request that began them.
//!
//! A record of every task is in a [`TaskStore`], and all that changes a task changes its record there: the
//! handler that asks or ends, the client that answers or cancels. Each waits for the other by waiting for
//! the record to change, so the two may meet at different processes. The handler itself runs in a task of
//! the runtime, the only place where this engine spawns one.
//!
//! # Specification
//!
//! SEP-2663, Tasks Extension.

mod asker;
mod memory;
mod record;
mod runner;
mod store;
mod watch;

use std::{fmt, sync::Arc};

use palisade_protocol::TASKS_EXTENSION;
use palisade_security::digest::random_bytes;
use serde_json::{Map, Value};

pub(crate) use self::{asker::TaskAsker, runner::Start, watch::TaskWatch};
pub use self::{
    memory::MemoryTaskStore,
    record::StoredTask,
    store::{TaskBounds, TaskStore, TaskStoreError},
};

/// Whether a tool runs as a task.
///
/// # Specification
///
/// The names are those of MCP 2025-11-25, Tools, `execution.taskSupport`; since SEP-2663 the server alone
/// decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskSupport {
    /// Never. The default.
    #[default]
    Forbidden,
    /// For clients that declare the extension; for others it runs within the request.
    Optional,
    /// Always. Clients that do not declare the extension are answered with `-32021`.
    Required,
}

/// The tasks of a server.
pub(crate) struct Tasks {
    store: Arc<dyn TaskStore>,
    closing: tokio::sync::watch::Sender<bool>,
}

/// How often a change is tried again because another one came between. Each attempt that fails is one that
/// succeeded elsewhere.
const MAX_ATTEMPTS: usize = 64;

impl Tasks {
    pub(crate) fn new(store: Arc<dyn TaskStore>) -> Self {
        Self { store, closing: tokio::sync::watch::Sender::new(false) }
    }

    pub(crate) fn store(&self) -> &Arc<dyn TaskStore> {
        &self.store
    }

    /// Ends the tasks at work, and takes no new ones.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Ready when the server shuts down.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as this does.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Changes a record and stores it. `None` if there is no such task, or if `apply` says that there is
    /// nothing to change.
    pub(crate) async fn change<T>(
        &self,
        id: &str,
        mut apply: impl FnMut(&mut StoredTask) -> Option<T>,
    ) -> Result<Option<T>, TaskStoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(mut task) = self.store.load(id).await? else { return Ok(None) };
            let version = task.version();
            let Some(changed) = apply(&mut task) else { return Ok(None) };
            if self.store.replace(task.next_version(), version).await? {
                return Ok(Some(changed));
            }
        }
        Err(TaskStoreError::Unavailable)
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A new id: 128 bits of the operating system, because it is all that protects the tasks of principals
/// that the server cannot tell apart.
pub(crate) fn new_id() -> Result<String, TaskStoreError> {
    let bytes: [u8; 16] = random_bytes().map_err(|_| TaskStoreError::Unavailable)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The extension as the server's capabilities name it.
pub(crate) fn extension() -> Map<String, Value> {
    Map::from_iter([(TASKS_EXTENSION.to_owned(), Value::Object(Map::new()))])
}

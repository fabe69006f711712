//! [`TaskStore`]: where the records of tasks are.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use palisade_security::UnixMillis;

use super::StoredTask;

/// Keeps the records of tasks. Object-safe, so that several processes can share one.
///
/// The engine decides what may change and who may ask; a store only keeps what it is given. It finds a
/// record by its id alone, whoever asks: that the asker is the owner is checked by the engine, in one place
/// for all stores.
#[async_trait]
pub trait TaskStore: fmt::Debug + Send + Sync {
    /// Adds a record under its id. Once this is ready, [`Self::load`] finds it, in every process.
    ///
    /// # Errors
    ///
    /// [`TaskStoreError::TooMany`] if the owner has as many as it may, [`TaskStoreError::Full`] if there
    /// are as many as there may be. Records whose time is up do not count.
    async fn insert(&self, task: StoredTask, bounds: &TaskBounds) -> Result<(), TaskStoreError>;

    /// The record with this id; `None` if there is none. One whose time is up may still be found.
    ///
    /// # Errors
    ///
    /// [`TaskStoreError::Unavailable`] if nobody can say.
    async fn load(&self, id: &str) -> Result<Option<StoredTask>, TaskStoreError>;

    /// Replaces a record, in one step, if it still has this version. Whether it did.
    ///
    /// # Errors
    ///
    /// [`TaskStoreError::Unavailable`]: whether it was replaced is unknown.
    async fn replace(&self, task: StoredTask, version: u64) -> Result<bool, TaskStoreError>;

    /// Waits until the record has another version than this one, or is gone. It may be ready too early, but
    /// never too late: a change that was made before the call is one.
    ///
    /// # Errors
    ///
    /// [`TaskStoreError::Unavailable`] if nobody can say.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    async fn changed(&self, id: &str, version: u64) -> Result<(), TaskStoreError>;
}

/// How many records there may be, and what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskBounds {
    /// Of all owners together.
    pub max_tasks: usize,
    /// Of one owner.
    pub max_per_owner: usize,
    /// Records whose time is up by now do not count.
    pub now: UnixMillis,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskStoreError {
    /// The owner has as many tasks as it may have.
    #[error("too many tasks of one owner")]
    TooMany {
        /// When the time of one of them is up.
        retry_after: Duration,
    },
    /// There are as many tasks as there may be.
    #[error("too many tasks")]
    Full,
    /// The store cannot be reached, or is not sure of what it has.
    #[error("the task store is unavailable")]
    Unavailable,
}

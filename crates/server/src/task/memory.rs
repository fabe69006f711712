//! [`MemoryTaskStore`]: records in the memory of one process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{StoredTask, TaskBounds, TaskStore, TaskStoreError};

/// Keeps the records of tasks in memory: they end with the process. Bounded by the
/// [`TaskLimits`](palisade_security::TaskLimits) of the server.
#[derive(Default)]
pub struct MemoryTaskStore(Mutex<HashMap<String, Entry>>);

struct Entry {
    task: StoredTask,
    version: watch::Sender<u64>,
}

impl MemoryTaskStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskStore for MemoryTaskStore {
    async fn insert(&self, task: StoredTask, bounds: &TaskBounds) -> Result<(), TaskStoreError> {
        let mut entries = self.lock();
        // Few tasks begin, next to how many calls there are: looking at all of them costs less than an order
        // that would have to be kept.
        entries.retain(|_, entry| entry.task.expires_at() > bounds.now);
        let owned = entries.values().filter(|entry| entry.task.owner() == task.owner());
        if owned.clone().count() >= bounds.max_per_owner {
            let first = owned.map(|entry| entry.task.expires_at()).min().unwrap_or(bounds.now);
            let retry_after = first.saturating_duration_since(bounds.now);
            return Err(TaskStoreError::TooMany { retry_after });
        }
        if entries.len() >= bounds.max_tasks {
            return Err(TaskStoreError::Full);
        }
        let version = watch::Sender::new(task.version());
        entries.insert(task.id().to_owned(), Entry { task, version });
        Ok(())
    }

    async fn load(&self, id: &str) -> Result<Option<StoredTask>, TaskStoreError> {
        Ok(self.lock().get(id).map(|entry| entry.task.clone()))
    }

    async fn replace(&self, task: StoredTask, version: u64) -> Result<bool, TaskStoreError> {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(task.id()) else { return Ok(false) };
        if entry.task.version() != version {
            return Ok(false);
        }
        let version = task.version();
        entry.task = task;
        entry.version.send_replace(version);
        Ok(true)
    }

    async fn changed(&self, id: &str, version: u64) -> Result<(), TaskStoreError> {
        let receiver = self.lock().get(id).map(|entry| entry.version.subscribe());
        if let Some(mut receiver) = receiver {
            // An error is the end of the record.
            let _ = receiver.wait_for(|current| *current != version).await;
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryTaskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTaskStore").field("tasks", &self.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use palisade_security::UnixMillis;

    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    fn task(id: &str, owner: u8, now: u64) -> StoredTask {
        StoredTask::new(id.into(), [owner; 32], "tool", UnixMillis::new(now), TTL, TTL)
    }

    fn bounds(now: u64) -> TaskBounds {
        TaskBounds { max_tasks: 3, max_per_owner: 2, now: UnixMillis::new(now) }
    }

    #[tokio::test]
    async fn counts_are_bounded_and_time_makes_room() {
        let store = MemoryTaskStore::new();
        let insert = async |task: StoredTask, now| store.insert(task, &bounds(now)).await;
        assert_eq!(insert(task("a", 1, 0), 0).await, Ok(()));
        assert_eq!(insert(task("b", 1, 10_000), 10_000).await, Ok(()));
        let retry_after = Duration::from_secs(40);
        let refused = Err(TaskStoreError::TooMany { retry_after });
        assert_eq!(insert(task("c", 1, 20_000), 20_000).await, refused);
        assert_eq!(insert(task("d", 2, 20_000), 20_000).await, Ok(()));
        assert_eq!(insert(task("e", 3, 20_000), 20_000).await, Err(TaskStoreError::Full));
        assert_eq!(insert(task("c", 1, 60_000), 60_000).await, Ok(()));
        assert!(store.load("a").await.unwrap().is_none(), "its time is up");
        assert!(store.load("b").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_record_is_replaced_only_as_it_was_seen() {
        let store = MemoryTaskStore::new();
        store.insert(task("a", 1, 0), &bounds(0)).await.unwrap();
        let seen = store.load("a").await.unwrap().unwrap();
        let changed = seen.clone().next_version();
        assert!(store.replace(changed.clone(), seen.version()).await.unwrap());
        assert!(!store.replace(changed.clone(), seen.version()).await.unwrap());
        assert!(!store.replace(task("b", 1, 0), 1).await.unwrap());
        assert_eq!(store.load("a").await.unwrap(), Some(changed));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_change_is_woken_by_it_and_by_the_end() {
        let store = MemoryTaskStore::new();
        store.insert(task("a", 1, 0), &bounds(0)).await.unwrap();
        let changed = async |version| store.changed("a", version).await;
        assert_eq!(changed(7).await, Ok(()), "it has another version already");
        assert_eq!(store.changed("b", 1).await, Ok(()), "there is none");
        let replace = store.replace(task("a", 1, 0).next_version(), 1);
        let (woken, replaced) = tokio::join!(changed(1), replace);
        assert_eq!((woken, replaced), (Ok(()), Ok(true)));
        let later = bounds(60_000);
        let (woken, _) = tokio::join!(changed(2), store.insert(task("c", 1, 60_000), &later));
        assert_eq!(woken, Ok(()), "it is gone");
    }
}

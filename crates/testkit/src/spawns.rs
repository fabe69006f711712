//! Counting spawned tasks with what tokio offers on stable: on a current-thread runtime nothing else runs while a
//! future is polled, so the number of tasks alive grows during a poll by exactly those that the poll spawned.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// What a future gave to other tasks and threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spawns {
    /// Tasks it spawned.
    pub tasks: usize,
    /// Threads of the blocking pool that were started meanwhile (`spawn_blocking`, file access, name look-up).
    pub threads: usize,
}

/// A current-thread runtime that counts what the futures run on it spawn.
#[derive(Debug)]
pub struct CountingRuntime {
    runtime: Runtime,
    threads: Arc<AtomicUsize>,
}

impl CountingRuntime {
    /// A runtime with timers and I/O.
    ///
    /// # Panics
    ///
    /// If the system refuses the runtime its resources.
    pub fn new() -> Self {
        let threads = Arc::new(AtomicUsize::new(0));
        let started = Arc::clone(&threads);
        let runtime = Builder::new_current_thread()
            .enable_all()
            // An idle thread that is used again would not be counted.
            .thread_keep_alive(Duration::ZERO)
            .on_thread_start(move || {
                started.fetch_add(1, Ordering::SeqCst);
            })
            .build()
            .expect("a current-thread runtime");
        Self { runtime, threads }
    }

    /// Runs a future without counting: preparations and what follows.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Runs a future and counts what it spawns.
    pub fn count<F: Future>(&self, future: F) -> (F::Output, Spawns) {
        let before = self.threads.load(Ordering::SeqCst);
        let (output, tasks) = self.runtime.block_on(count_tasks(future));
        (output, Spawns { tasks, threads: self.threads.load(Ordering::SeqCst) - before })
    }
}

impl Default for CountingRuntime {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts the tasks that `future` spawns while it is polled; for use inside a `#[tokio::test]` (current-thread, which
/// is its default).
///
/// # Panics
///
/// On a multi-thread runtime, where a task can come and go during one poll.
pub async fn count_tasks<F: Future>(future: F) -> (F::Output, usize) {
    let handle = Handle::current();
    assert_eq!(
        handle.runtime_flavor(),
        RuntimeFlavor::CurrentThread,
        "tasks can only be counted on a current-thread runtime"
    );
    let metrics = handle.metrics();
    let mut future = pin!(future);
    let mut spawned = 0;
    let output = poll_fn(|cx| {
        let before = metrics.num_alive_tasks();
        let poll = future.as_mut().poll(cx);
        spawned += metrics.num_alive_tasks().saturating_sub(before);
        poll
    })
    .await;
    (output, spawned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_counted_even_if_they_end_before_the_future() {
        let runtime = CountingRuntime::new();
        let ((), spawns) = runtime.count(async {
            tokio::spawn(async {}).await.unwrap();
            tokio::task::yield_now().await;
            tokio::spawn(async {}).await.unwrap();
        });
        assert_eq!(spawns, Spawns { tasks: 2, threads: 0 });
    }

    #[test]
    fn timers_and_yields_are_no_tasks() {
        let runtime = CountingRuntime::new();
        let ((), spawns) = runtime.count(async {
            tokio::time::timeout(Duration::from_secs(5), tokio::task::yield_now()).await.unwrap();
        });
        assert_eq!(spawns, Spawns::default());
    }

    #[test]
    fn what_was_spawned_before_does_not_count() {
        let runtime = CountingRuntime::new();
        let (wake, woken) = tokio::sync::oneshot::channel::<()>();
        let background = runtime.runtime.spawn(woken);
        let ((), spawns) = runtime.count(async {
            wake.send(()).unwrap();
            background.await.unwrap().unwrap();
        });
        assert_eq!(spawns.tasks, 0);
    }

    #[test]
    fn the_blocking_pool_shows() {
        let runtime = CountingRuntime::new();
        let ((), spawns) =
            runtime.count(async { tokio::task::spawn_blocking(|| {}).await.unwrap() });
        assert!(spawns.threads >= 1, "{spawns:?}");
    }

    #[test]
    #[should_panic(expected = "current-thread")]
    fn a_multi_thread_runtime_is_refused() {
        Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap()
            .block_on(count_tasks(async {}));
    }
}

//! The guard against hanging: a limit in real time, whatever the runtime's clock does.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a test waits for one thing before it fails, unless it says otherwise: 10 seconds.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The future did not finish within its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLate {
    /// The limit it was given.
    pub limit: Duration,
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not finished within {:?}", self.limit)
    }
}

impl std::error::Error for TooLate {}

/// Waits for a future, and fails the test at the caller's line if it takes longer than `limit`.
///
/// The limit is counted by a thread in real time and not by the runtime, so that the guard also works where the test
/// has paused the runtime's clock (there a timer of the runtime would go off as soon as everybody waits for a socket).
///
/// # Panics
///
/// When the limit passes.
#[track_caller]
pub fn within<F: Future>(limit: Duration, future: F) -> impl Future<Output = F::Output> {
    let caller = Location::caller();
    async move {
        match try_within(limit, future).await {
            Ok(output) => output,
            Err(late) => panic!("{late}, at {caller}"),
        }
    }
}

/// Waits for a future, and gives up when it takes longer than `limit` in real time.
///
/// # Errors
///
/// [`TooLate`] when the limit passes; the future is dropped.
///
/// # Panics
///
/// If the machine has no thread left.
pub async fn try_within<F: Future>(limit: Duration, future: F) -> Result<F::Output, TooLate> {
    let (alarm, rings) = oneshot::channel::<()>();
    let (keep, dropped) = channel::<()>();
    std::thread::Builder::new()
        .name("hang-guard".into())
        .spawn(move || {
            // Ends at once when the waiting side is done or dropped, because that drops `keep`.
            if dropped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let _ = alarm.send(());
            }
        })
        .expect("a thread for the hang guard");
    let outcome = tokio::select! {
        biased;
        output = future => Ok(output),
        _ = rings => Err(TooLate { limit }),
    };
    drop(keep);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_output_comes_back() {
        assert_eq!(within(PATIENCE, async { 7 }).await, 7);
    }

    #[tokio::test]
    async fn a_hanging_future_is_given_up() {
        let limit = Duration::from_millis(5);
        assert_eq!(try_within(limit, std::future::pending::<()>()).await, Err(TooLate { limit }));
    }

    #[tokio::test]
    #[should_panic(expected = "guard.rs")]
    async fn the_panic_names_the_caller() {
        within(Duration::from_millis(5), std::future::pending::<()>()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_does_not_set_it_off() {
        // The runtime skips this whole minute, the guard does not notice.
        within(PATIENCE, tokio::time::sleep(Duration::from_secs(60))).await;
    }
}

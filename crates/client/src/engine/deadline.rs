//! The two clocks of a request: the time-out, which progress resets, and the maximum, which nothing does.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::ClientError;

#[derive(Debug)]
pub(crate) struct Deadline {
    timeout: Duration,
    max_time: Duration,
    next: Instant,
    last: Instant,
}

impl Deadline {
    pub(crate) fn start(timeout: Duration, max_time: Duration) -> Self {
        let now = Instant::now();
        let last = far(now, max_time);
        Self { timeout, max_time, next: far(now, timeout).min(last), last }
    }

    /// Progress was made.
    pub(crate) fn reset(&mut self) {
        self.next = far(Instant::now(), self.timeout).min(self.last);
    }

    /// Awaits the future until one of the clocks has run out.
    pub(crate) async fn run<F: Future>(&self, future: F) -> Result<F::Output, ClientError> {
        timeout_at(self.next, future).await.map_err(|_| {
            ClientError::Timeout(if self.next == self.last { self.max_time } else { self.timeout })
        })
    }
}

/// `now + time`, or a year from now if that cannot be represented.
fn far(now: Instant, time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now.checked_add(time.min(YEAR)).unwrap_or(now)
}

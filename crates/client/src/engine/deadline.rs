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

    /// A handler took this long: its time does not count.
    pub(crate) fn extend(&mut self, by: Duration) {
        self.last = far(self.last, by);
        self.next = far(self.next, by).min(self.last);
    }

    /// Counts the time-out from `since`. Returns whether there is anything left of it.
    pub(crate) fn restart(&mut self, since: Instant) -> bool {
        self.next = far(since, self.timeout).min(self.last);
        self.next > Instant::now()
    }

    /// Awaits the future until one of the clocks has run out. One that has run out counts even if the
    /// future is ready: a server that always has one more notification at hand would never be timed out.
    pub(crate) async fn run<F: Future>(&self, future: F) -> Result<F::Output, ClientError> {
        let timed_out = || {
            ClientError::Timeout(if self.next == self.last { self.max_time } else { self.timeout })
        };
        if Instant::now() >= self.next {
            return Err(timed_out());
        }
        timeout_at(self.next, future).await.map_err(|_| timed_out())
    }
}

/// `now + time`, or a year from now if that cannot be represented.
fn far(now: Instant, time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now.checked_add(time.min(YEAR)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::{future::ready, time::Duration};

    use super::Deadline;

    #[tokio::test(start_paused = true)]
    async fn what_is_always_ready_is_timed_out_too() {
        let deadline = Deadline::start(Duration::from_secs(2), Duration::from_secs(9));
        assert_eq!(deadline.run(ready(1)).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(deadline.run(ready(1)).await.unwrap_err().code(), "timeout");
    }
}

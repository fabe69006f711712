//! What a server writes to standard error: read to the end, and logged within bounds.

use std::{future::poll_fn, task::Poll, time::Duration};

use palisade_security::audit::Escaped;
use tokio::{io::AsyncRead, time::Instant};

use crate::stream::{Input, InputError};

/// The longest line that is logged, in bytes.
const MAX_LINE: usize = 4 << 10;
/// How many bytes are logged in each period; the rest is read, counted and dropped.
const BUDGET: usize = 64 << 10;
const PERIOD: Duration = Duration::from_secs(10);
/// What a line counts for at least: each is an event, however short.
const MIN_LINE: usize = 64;

/// Logs lines as `tracing` events at `INFO` with the target `palisade::stdio::stderr` until the stream ends.
/// A server that floods it neither fills the log nor blocks itself.
pub(super) async fn drain(stderr: impl AsyncRead + Unpin) {
    let mut input = Input::new(stderr, MAX_LINE);
    let mut budget = Budget { left: BUDGET, dropped: 0, began: Instant::now() };
    poll_fn(|cx| {
        loop {
            match input.poll_line(cx) {
                Poll::Ready(Some(Ok(line))) => {
                    if budget.spend(line.len())
                        && let Ok(line) = std::str::from_utf8(&line)
                    {
                        tracing::info!(target: TARGET, line = %Escaped::new(line), "server");
                    }
                }
                Poll::Ready(Some(Err(InputError::Line(error)))) => {
                    if budget.spend(MAX_LINE) {
                        tracing::info!(target: TARGET, code = error.code(), "a line was left out");
                    }
                }
                Poll::Ready(Some(Err(InputError::Read(_))) | None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    budget.report();
}

const TARGET: &str = "palisade::stdio::stderr";

/// How much may still be logged.
#[derive(Debug)]
struct Budget {
    left: usize,
    dropped: usize,
    began: Instant,
}

impl Budget {
    /// Whether a line of so many bytes may be logged.
    fn spend(&mut self, bytes: usize) -> bool {
        let cost = bytes.max(MIN_LINE);
        if self.left < cost && self.began.elapsed() >= PERIOD {
            self.report();
            *self = Self { left: BUDGET, dropped: 0, began: Instant::now() };
        }
        let within = self.left >= cost;
        if within {
            self.left -= cost;
        } else {
            self.left = 0;
            self.dropped = self.dropped.saturating_add(bytes);
        }
        within
    }

    fn report(&self) {
        if self.dropped > 0 {
            tracing::warn!(target: TARGET, bytes = self.dropped, "what a server wrote was dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_spends_its_budget_and_the_next_period_has_its_own() {
        let mut budget = Budget { left: BUDGET, dropped: 0, began: Instant::now() };
        let spent = (0..100).filter(|_| budget.spend(1 << 10)).count();
        assert_eq!((spent, budget.dropped), (64, 36 << 10));
        tokio::time::advance(PERIOD).await;
        let spent = (0..10_000).filter(|_| budget.spend(1)).count();
        assert_eq!((spent, budget.dropped), (1024, 10_000 - 1024), "events count too");
        tokio::time::advance(PERIOD).await;
        assert!(budget.spend(1));
        assert_eq!(budget.dropped, 0);
    }
}

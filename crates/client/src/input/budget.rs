//! What servers may use of this client's model.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often a server may ask the model of this client, and for how many tokens. Models cost, and a server
/// that asks without end would use up what the user has paid for.
///
/// Default: 60 requests and 100,000 tokens in 10 minutes. What a request asks for counts (`maxTokens`), not what
/// the model then needs. All clones of a client have one budget.
///
/// # Specification
///
/// MCP 2026-07-28, Sampling, "Security Considerations".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplingBudget {
    requests: u32,
    tokens: u64,
    per: Duration,
}

impl Default for SamplingBudget {
    fn default() -> Self {
        Self::new(60, 100_000, Duration::from_secs(10 * 60))
    }
}

impl SamplingBudget {
    /// So many requests for so many tokens, in any such time. 0 allows none.
    #[must_use]
    pub const fn new(requests: u32, tokens: u64, per: Duration) -> Self {
        Self { requests, tokens, per }
    }
}

/// What is left of a budget. It fills up evenly, so that no two periods can be used up back to back.
#[derive(Debug)]
pub(super) struct Budget {
    most: SamplingBudget,
    left: Mutex<Left>,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    requests: f64,
    tokens: f64,
    at: Instant,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(SamplingBudget::default())
    }
}

impl Budget {
    pub(super) fn new(most: SamplingBudget) -> Self {
        let left = Left {
            requests: f64::from(most.requests),
            tokens: count(most.tokens),
            at: Instant::now(),
        };
        Self { most, left: Mutex::new(left) }
    }

    /// Takes one request for this many tokens, whole or not at all; whether there was enough.
    pub(super) fn take(&self, tokens: u64) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let past = now.saturating_duration_since(left.at).as_secs_f64();
        let share = past / self.most.per.as_secs_f64().max(f64::MIN_POSITIVE);
        let refill = |left: f64, most: f64| (left + most * share).min(most);
        left.requests = refill(left.requests, f64::from(self.most.requests));
        left.tokens = refill(left.tokens, count(self.most.tokens));
        left.at = now;
        let enough = left.requests >= 1.0 && left.tokens >= count(tokens);
        if enough {
            left.requests -= 1.0;
            left.tokens -= count(tokens);
        }
        enough
    }
}

#[expect(clippy::cast_precision_loss, reason = "a budget of 2^53 tokens is none")]
fn count(tokens: u64) -> f64 {
    tokens as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Budget, SamplingBudget};

    #[tokio::test(start_paused = true)]
    async fn e4_requests_and_tokens_run_out_and_come_back_evenly() {
        let budget = Budget::new(SamplingBudget::new(3, 100, Duration::from_secs(30)));
        assert!(!budget.take(101), "more than there ever is");
        assert!(budget.take(60));
        assert!(!budget.take(41), "too many tokens, and nothing is taken");
        assert!(budget.take(40));
        assert!(budget.take(0));
        assert!(!budget.take(0), "no request is left");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!budget.take(34));
        assert!(budget.take(33));
        assert!(!budget.take(0));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(budget.take(100));
        assert!(!budget.take(1), "no more than the budget gathers");
    }

    #[tokio::test(start_paused = true)]
    async fn e4_a_budget_of_nothing_allows_nothing() {
        for budget in [
            SamplingBudget::new(0, 100, Duration::from_secs(1)),
            SamplingBudget::new(1, 0, Duration::from_secs(1)),
        ] {
            let budget = Budget::new(budget);
            tokio::time::advance(Duration::from_secs(5)).await;
            assert!(!budget.take(1));
        }
    }
}

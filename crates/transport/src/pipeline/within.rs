//! Time limits that cost nothing where there is nothing to wait for.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

/// Awaits a future for at most this long; `None` when the time is up. The clock is asked, and a timer
/// armed, only if the future is not ready at once: most requests arrive whole and most handlers do not
/// wait.
///
/// Hand in what is large pinned: what an async function takes by value is in its future twice.
///
/// # Cancel safety
///
/// That of the future.
pub async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        return Some(output);
    }
    // A timer is large, and most requests need none.
    Box::pin(tokio::time::timeout(limit, future)).await.ok()
}

#[cfg(test)]
mod tests {
    use std::{future, time::Duration};

    use super::within;

    #[tokio::test(start_paused = true)]
    async fn the_limit_holds_for_what_waits() {
        let limit = Duration::from_secs(5);
        assert_eq!(within(limit, future::ready(1)).await, Some(1));
        assert_eq!(within(limit, tokio::task::yield_now()).await, Some(()));
        let before = tokio::time::Instant::now();
        assert_eq!(within(limit, future::pending::<()>()).await, None);
        assert_eq!(before.elapsed(), limit);
    }
}

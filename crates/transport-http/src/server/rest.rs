//! Connections on which nothing happens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use palisade_security::Limits;

/// Counts the requests of one connection. A request costs a few counters and no timer: the connection
/// looks at them now and then.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// Requests that are being answered by a stream.
    streaming: AtomicUsize,
    /// Events and comments that the peer had room for.
    events: AtomicUsize,
}

/// What the counters say at one time.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    begun: usize,
    ended: usize,
    streaming: usize,
    events: usize,
}

/// One request, until this is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Counts>);

/// One request that is being answered by a stream, until this is dropped.
#[derive(Debug)]
pub(super) struct Streaming(InFlight);

impl Requests {
    /// Notes that a request has begun.
    pub(super) fn begin(&self) -> InFlight {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(&self.0))
    }

    /// Waits until the connection is of no use. Never ready while a request waits for its handler.
    ///
    /// - No request within the time for headers, whatever was sent instead: half a preface is no request,
    ///   and HTTP/2 has no limit of its own.
    /// - Later, none for the idle time, at most twice that. An answer in one piece counts as sent when it
    ///   is ready: a peer that leaves no room for it (an HTTP/2 window of zero is enough) would otherwise
    ///   hold a connection for ever, without credentials.
    /// - Streams that the peer reads nothing of, for as long and at least two keep-alive comments: each
    ///   holds a handler, which waits for room and for no time limit.
    pub(super) async fn none(&self, limits: &Limits) {
        let mut seen = self.0.seen();
        let mut time = limits.header_timeout();
        let mut quiet = Duration::ZERO;
        loop {
            tokio::time::sleep(time).await;
            let now = self.0.seen();
            quiet = if now == seen { quiet.saturating_add(time) } else { Duration::ZERO };
            let patience = match now.streaming {
                0 => Duration::ZERO,
                _ => limits.sse_keep_alive().saturating_mul(2),
            };
            if now == seen && now.waiting() == 0 && quiet > patience {
                return;
            }
            seen = now;
            time = limits.idle_timeout();
        }
    }
}

impl Counts {
    fn seen(&self) -> Seen {
        let of = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Seen {
            begun: of(&self.begun),
            ended: of(&self.ended),
            streaming: of(&self.streaming),
            events: of(&self.events),
        }
    }
}

impl Seen {
    /// Requests whose answer has not begun.
    fn waiting(self) -> usize {
        self.begun.wrapping_sub(self.ended).wrapping_sub(self.streaming)
    }
}

impl InFlight {
    /// Notes that the answer is a stream.
    pub(super) fn streaming(self) -> Streaming {
        self.0.streaming.fetch_add(1, Ordering::SeqCst);
        Streaming(self)
    }
}

impl Streaming {
    /// Notes that the peer had room for an event.
    pub(super) fn event(&self) {
        self.0.0.events.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.0.streaming.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use palisade_security::Limits;
    use tokio::time::{Instant, timeout};

    use super::Requests;

    const HOUR: Duration = Duration::from_secs(3600);

    fn limits() -> Limits {
        Limits::new()
            .with_header_timeout(Duration::from_secs(10))
            .with_idle_timeout(Duration::from_secs(20))
            .with_sse_keep_alive(Duration::from_secs(15))
    }

    /// When a connection is given up, in seconds.
    async fn given_up(requests: &Requests) -> Option<u64> {
        let start = Instant::now();
        timeout(HOUR, requests.none(&limits())).await.ok().map(|()| start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn h3_a_connection_rests_only_between_requests() {
        let requests = Requests::default();
        assert_eq!(given_up(&requests).await, Some(10), "no request at all");
        let waiting = requests.begin();
        assert_eq!(given_up(&requests).await, None, "a handler has its own time limit");
        drop(waiting);
        assert_eq!(given_up(&requests).await, Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn h4_streams_that_nobody_reads_are_given_up() {
        let requests = Requests::default();
        let stream = requests.begin().streaming();
        assert_eq!(given_up(&requests).await, Some(50), "two comments fell due");
        let read = async {
            loop {
                tokio::time::sleep(Duration::from_secs(15)).await;
                stream.event();
            }
        };
        tokio::select! {
            seconds = given_up(&requests) => assert_eq!(seconds, None, "somebody reads"),
            () = read => {}
        }
        let waiting = requests.begin();
        assert_eq!(given_up(&requests).await, None, "a handler beside the stream");
        drop((waiting, stream));
        assert_eq!(given_up(&requests).await, Some(10));
    }
}

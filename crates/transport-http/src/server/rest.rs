//! Connections on which nothing happens.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use palisade_security::Limits;

/// Counts the requests of one connection. A request costs two counters and no timer: the connection looks
/// at them now and then.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// One request, until this is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Counts>);

impl Requests {
    /// Notes that a request has begun.
    pub(super) fn begin(&self) -> InFlight {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(&self.0))
    }

    /// Waits until the connection is of no use: no request within the time for headers, whatever was sent
    /// instead (half a preface is no request, and HTTP/2 has no limit of its own), or later none for the
    /// idle time, at most twice that. Never ready while a request is in flight.
    pub(super) async fn none(&self, limits: &Limits) {
        let mut seen = self.counts();
        let mut time = limits.header_timeout();
        loop {
            tokio::time::sleep(time).await;
            let now = self.counts();
            if now == seen && now.0 == now.1 {
                return;
            }
            seen = now;
            time = limits.idle_timeout();
        }
    }

    fn counts(&self) -> (usize, usize) {
        (self.0.begun.load(Ordering::SeqCst), self.0.ended.load(Ordering::SeqCst))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

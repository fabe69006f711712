//! [`MemoryEventStore`]: events in this process, bounded.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use palisade_security::SessionLimits;

use super::{super::shards::Shards, EventId, EventStore};

/// What an event costs besides its data: its id, its place in the queue, and what allocators round up.
const OVERHEAD: usize = 96;

/// Keeps events in memory. Of each session the newest, within the limits of
/// [`SessionLimits`]: number and bytes of a session, and bytes of all. Gone when the process ends.
#[derive(Debug)]
pub struct MemoryEventStore {
    sessions: Shards<Kept>,
    bytes: AtomicUsize,
    limits: SessionLimits,
}

/// The events of one session, oldest first.
#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<(EventId, Bytes)>,
    bytes: usize,
}

impl MemoryEventStore {
    /// An empty store within these limits.
    #[must_use]
    pub fn new(limits: SessionLimits) -> Self {
        Self { sessions: Shards::default(), bytes: AtomicUsize::new(0), limits }
    }

    /// Takes so many bytes of what all share; whether they were there.
    fn reserve(&self, bytes: usize) -> bool {
        let most = self.limits.max_replay_bytes_in_all();
        let more = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= most);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn keep(&self, kept: &mut Kept, id: EventId, data: Bytes) {
        let cost = data.len().saturating_add(OVERHEAD);
        let full = |kept: &Kept| {
            kept.events.len() >= self.limits.max_replay_events()
                || kept.bytes.saturating_add(cost) > self.limits.max_replay_bytes()
        };
        while full(kept)
            && let Some((_, oldest)) = kept.events.pop_front()
        {
            let freed = oldest.len().saturating_add(OVERHEAD);
            kept.bytes = kept.bytes.saturating_sub(freed);
            self.release(freed);
        }
        if full(kept) || !self.reserve(cost) {
            // A gap: nothing before it may be replayed.
            self.release(kept.bytes);
            *kept = Kept::default();
            return;
        }
        kept.bytes = kept.bytes.saturating_add(cost);
        kept.events.push_back((id, data));
    }
}

#[async_trait]
impl EventStore for MemoryEventStore {
    async fn append(&self, session: &[u8; 32], id: EventId, data: Bytes) {
        self.sessions.with(session, |part| self.keep(part.entry(*session).or_default(), id, data));
    }

    async fn after(&self, session: &[u8; 32], id: EventId) -> Option<Vec<(EventId, Bytes)>> {
        self.sessions.with(session, |part| {
            let mut events = part.get(session)?.events.iter();
            events.find(|(kept, _)| *kept == id)?;
            Some(events.filter(|(kept, _)| kept.stream == id.stream).cloned().collect())
        })
    }

    async fn remove(&self, session: &[u8; 32]) {
        if let Some(kept) = self.sessions.with(session, |part| part.remove(session)) {
            self.release(kept.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use bytes::Bytes;
    use palisade_security::SessionLimits;

    use super::{EventId, EventStore, MemoryEventStore, OVERHEAD};

    const ONE: [u8; 32] = [1; 32];
    const TWO: [u8; 32] = [2; 32];

    async fn append(store: &MemoryEventStore, session: &[u8; 32], stream: u64, number: u64) {
        let data = Bytes::from(format!("{stream}/{number}"));
        store.append(session, EventId { stream, number }, data).await;
    }

    async fn after(store: &MemoryEventStore, stream: u64, number: u64) -> Option<Vec<u64>> {
        let events = store.after(&ONE, EventId { stream, number }).await?;
        assert!(events.iter().all(|(id, _)| id.stream == stream));
        Some(events.iter().map(|(id, _)| id.number).collect())
    }

    #[tokio::test]
    async fn a_stream_goes_on_where_it_was_and_no_other_does() {
        let store = MemoryEventStore::new(SessionLimits::new());
        for number in 0..3 {
            append(&store, &ONE, 1, number).await;
            append(&store, &ONE, 2, number).await;
            append(&store, &TWO, 1, number).await;
        }
        append(&store, &TWO, 9, 9).await;
        assert_eq!(after(&store, 1, 0).await, Some(vec![1, 2]));
        assert_eq!(after(&store, 2, 2).await, Some(vec![]));
        assert_eq!(after(&store, 1, 3).await, None, "not there yet");
        assert_eq!(after(&store, 9, 9).await, None, "of another session");
        store.remove(&ONE).await;
        assert_eq!(after(&store, 1, 0).await, None);
        store.remove(&TWO).await;
        assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_nothing_follows_a_gap() {
        let cost = 3 + OVERHEAD;
        let limits = SessionLimits::new().with_max_replay_events(3);
        let store = MemoryEventStore::new(limits.with_max_replay_bytes(4 * cost));
        for number in 0..5 {
            append(&store, &ONE, 1, number).await;
        }
        assert_eq!(after(&store, 1, 1).await, None);
        assert_eq!(after(&store, 1, 2).await, Some(vec![3, 4]));
        let large = Bytes::from(vec![b'x'; 4 * cost]);
        store.append(&ONE, EventId { stream: 1, number: 5 }, large).await;
        assert_eq!(after(&store, 1, 4).await, None, "the large one would be missing");
        append(&store, &ONE, 1, 6).await;
        assert_eq!(after(&store, 1, 6).await, Some(vec![]));
    }

    #[tokio::test]
    async fn all_sessions_together_have_a_bound() {
        let cost = 3 + OVERHEAD;
        let limits = SessionLimits::new().with_max_replay_bytes_in_all(2 * cost);
        let store = MemoryEventStore::new(limits);
        append(&store, &ONE, 1, 0).await;
        append(&store, &TWO, 1, 0).await;
        append(&store, &TWO, 1, 1).await;
        assert_eq!(after(&store, 1, 0).await, Some(vec![]), "what others keep is not touched");
        assert_eq!(store.after(&TWO, EventId { stream: 1, number: 0 }).await, None);
        assert_eq!(store.bytes.load(Ordering::Relaxed), cost);
    }
}

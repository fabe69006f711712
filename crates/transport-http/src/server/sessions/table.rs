//! [`Sessions`]: all sessions of a service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use palisade_security::{Principal, RejectError, ServerSecurity};
use palisade_transport::{legacy::Session, pipeline::Admission};

use super::{
    events::EventStore,
    id::SessionId,
    live::{Live, Use},
    shards::Shards,
    sse::Channel,
};

/// How often all sessions are looked at for who finds no place: one who floods must not have it done each time.
/// Those who are refused are told to wait as long.
const SWEEP_WHEN_FULL: Duration = Duration::from_secs(1);

/// The sessions of one endpoint: an id of another one is unknown here.
#[derive(Debug)]
pub(in crate::server) struct Sessions {
    table: Shards<Arc<Live>>,
    pub(in crate::server) settings: Settings,
    /// When those that are over were last looked for, in milliseconds of the clock.
    swept: AtomicU64,
}

/// How sessions are served.
#[derive(Clone, Debug)]
pub(in crate::server) struct Settings {
    /// Counts the sessions of all endpoints of a listener.
    pub(in crate::server) places: Arc<Admission>,
    pub(in crate::server) events: Arc<dyn EventStore>,
    /// Whether every request is answered by a stream, which can be resumed from its beginning.
    pub(in crate::server) streams: bool,
    /// Whether HTTP+SSE is served.
    pub(in crate::server) legacy_sse: bool,
}

impl Sessions {
    pub(in crate::server) fn new(settings: Settings) -> Self {
        Self { table: Shards::default(), settings, swept: AtomicU64::new(0) }
    }

    /// Opens a session for this principal.
    ///
    /// # Errors
    ///
    /// [`RejectError::TooManySessions`]; [`RejectError::Overloaded`] if the system has no randomness.
    pub(super) async fn open(
        &self,
        principal: &Principal,
        security: &ServerSecurity,
        session: Option<Session>,
        channel: Option<Channel>,
    ) -> Result<Use, RejectError> {
        let limits = security.limits();
        // A service without a listener has nobody else to do it.
        self.sweep_every(limits.sessions().idle_timeout() / 4, security).await;
        let place = match self.settings.places.admit_session(principal, limits) {
            Ok(place) => place,
            Err(_) => {
                self.sweep_every(SWEEP_WHEN_FULL, security).await;
                self.settings.places.admit_session(principal, limits)?
            }
        };
        let place = place.detach(&self.settings.places);
        let unavailable = |_| RejectError::Overloaded { retry_after: Duration::from_secs(1) };
        let id = SessionId::random().map_err(unavailable)?;
        let live = Arc::new(Live::new(id, principal, security, session, channel, place));
        let used = Use::new(&live);
        self.table.with(id.key(), |part| part.insert(*id.key(), live));
        Ok(used)
    }

    /// The session with this id, if it is this principal's and not over. Whether there is one that is
    /// another's cannot be told.
    pub(super) fn find(&self, id: &SessionId, principal: &Principal) -> Option<Use> {
        self.table.with(id.key(), |part| {
            let live = part.get(id.key())?;
            (live.is_owned_by(principal) && !live.is_over()).then(|| Use::new(live))
        })
    }

    /// Ends a session.
    pub(super) async fn close(&self, live: &Live) {
        self.end(live);
        self.settings.events.remove(&live.digest).await;
    }

    /// Ends a session of which no events are kept.
    pub(super) fn end(&self, live: &Live) {
        self.table.with(live.id.key(), |part| part.remove(live.id.key()));
        live.close();
    }

    /// Has the stream of one session of this principal, which nobody reads, give up what it kept; whether
    /// there was one.
    pub(super) fn forget_resting(&self, principal: &Principal) -> bool {
        let mut found: Option<(u64, Arc<Live>)> = None;
        let left = |live: &&Arc<Live>| {
            live.is_owned_by(principal) && live.rests() && live.has_left_standing()
        };
        self.table.for_each(|part| {
            for live in part.values().filter(left) {
                let since = live.rests_since();
                if found.as_ref().is_none_or(|(oldest, _)| since < *oldest) {
                    found = Some((since, Arc::clone(live)));
                }
            }
        });
        found.is_some_and(|(_, live)| live.forget_standing())
    }

    /// Ends all that are over.
    pub(in crate::server) async fn sweep(&self, security: &ServerSecurity) {
        self.swept.store(security.clock().now().as_millis(), Ordering::Relaxed);
        self.close_all_that(|live| live.is_over()).await;
    }

    /// Ends all.
    pub(in crate::server) async fn close_all(&self) {
        self.close_all_that(|_| true).await;
    }

    async fn close_all_that(&self, over: impl Fn(&Live) -> bool) {
        let mut found = Vec::new();
        self.table.for_each(|part| found.extend(part.values().filter(|live| over(live)).cloned()));
        for live in found {
            // Each when its turn comes: whoever has this done may leave, and the others must be found again.
            let key = live.id.key();
            let ended = self.table.with(key, |part| over(&live) && part.remove(key).is_some());
            if ended {
                live.close();
                self.settings.events.remove(&live.digest).await;
            }
        }
    }

    /// Ends all that are over, unless that was done less than this long ago.
    async fn sweep_every(&self, every: Duration, security: &ServerSecurity) {
        let now = security.clock().now().as_millis();
        let since = now.saturating_sub(self.swept.load(Ordering::Relaxed));
        if u128::from(since) >= every.as_millis() {
            self.sweep(security).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future as _,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Waker},
        time::Duration,
    };

    use bytes::Bytes;
    use palisade_security::{
        AllowedOrigins, Limits, ManualClock, Principal, SecurityConfig, ServerSecurity,
        SessionLimits, UnixMillis,
    };

    use super::{
        super::events::{EventId, EventStore, MemoryEventStore},
        Sessions, Settings,
    };

    fn security(limits: SessionLimits) -> (ServerSecurity, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(1_800_000_000)));
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_limits(Limits::new().with_sessions(limits))
            .with_clock(Arc::clone(&clock))
            .build()
            .unwrap();
        (security, clock)
    }

    fn sessions(events: Arc<dyn EventStore>) -> Sessions {
        let places = Arc::default();
        Sessions::new(Settings { places, events, streams: false, legacy_sse: false })
    }

    /// Counts what it is to forget, and takes its time.
    #[derive(Debug, Default)]
    struct Slow(AtomicUsize);

    #[async_trait::async_trait]
    impl EventStore for Slow {
        async fn append(&self, _: &[u8; 32], _: EventId, _: Bytes) {}

        async fn after(&self, _: &[u8; 32], _: EventId) -> Option<Vec<(EventId, Bytes)>> {
            None
        }

        async fn remove(&self, _: &[u8; 32]) {
            self.0.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_sweep_that_is_not_finished_forgets_no_session() {
        let (security, clock) = security(SessionLimits::new());
        let store = Arc::new(Slow::default());
        let sessions = sessions(Arc::clone(&store) as _);
        for _ in 0..3 {
            sessions.open(&Principal::anonymous(), &security, None, None).await.unwrap();
        }
        clock.advance(security.limits().sessions().idle_timeout());
        {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(pin!(sessions.sweep(&security)).poll(&mut cx).is_pending());
        }
        sessions.sweep(&security).await;
        assert_eq!(store.0.load(Ordering::SeqCst), 3);
        assert_eq!(sessions.settings.places.count(), 0);
    }

    #[tokio::test]
    async fn a_flood_does_not_have_all_sessions_looked_at_each_time() {
        let limits = SessionLimits::new()
            .with_max_per_principal(1)
            .with_idle_timeout(Duration::from_secs(60));
        let (security, clock) = security(limits.clone());
        let sessions = sessions(Arc::new(MemoryEventStore::new(limits)));
        let alice = Principal::new("alice", "bearer");
        let open = async || sessions.open(&alice, &security, None, None).await.is_ok();
        assert!(open().await);
        clock.advance(Duration::from_millis(59_500));
        assert!(!open().await, "the first one is not over");
        clock.advance(Duration::from_millis(500));
        assert!(!open().await, "nobody looks again so soon");
        clock.advance(Duration::from_millis(500));
        assert!(open().await, "whoever comes back when told to finds the place free");
    }
}

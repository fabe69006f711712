//! [`Live`]: one session over HTTP, and the streams of it that can be resumed.

use std::{
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use palisade_security::{Principal, RejectError, ServerSecurity};
use palisade_transport::{Outbox, legacy::Session, pipeline::Place};
use tokio::sync::Notify;

use super::{id::SessionId, sse::Channel, teller::Teller};

/// The stream that belongs to no request. Those of requests are counted from one.
pub(super) const STANDING: u64 = 0;

/// One session.
pub(super) struct Live {
    pub(super) id: SessionId,
    /// What the event store knows it by.
    pub(super) digest: [u8; 32],
    owner: [u8; 32],
    security: ServerSecurity,
    /// Not there before `initialize`, which is the first message of HTTP+SSE.
    session: OnceLock<Arc<Session>>,
    /// Where everything goes in HTTP+SSE.
    channel: Option<Channel>,
    standing: Mutex<Standing>,
    /// Under whose credentials it is told, and from which event on.
    told: Mutex<Option<(Principal, u64)>>,
    /// The number of the next event there.
    next_standing: AtomicU64,
    /// What is sent there.
    standing_outbox: Arc<Outbox>,
    /// The streams of requests that run.
    streams: Mutex<HashMap<u64, Arc<Progress>>>,
    next_stream: AtomicU64,
    /// Requests and streams that are open.
    open: AtomicUsize,
    /// When the last of them ended, in milliseconds of the clock.
    rests_since: AtomicU64,
    closed: AtomicBool,
    _place: Place<'static>,
}

/// The stream that belongs to no request.
enum Standing {
    /// Nobody listens. Whoever did may have left it, with what has not been told.
    Free(Option<Box<Teller>>),
    Taken,
}

/// How far the stream of a running request is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether somebody reads it.
    taken: AtomicBool,
    /// Whether its reader is to come back later.
    let_go: AtomicBool,
    done: AtomicBool,
    changed: Notify,
}

impl Live {
    pub(super) fn new(
        id: SessionId,
        principal: &Principal,
        security: &ServerSecurity,
        session: Option<Session>,
        channel: Option<Channel>,
        place: Place<'static>,
    ) -> Self {
        Self {
            id,
            digest: id.digest(),
            owner: principal.context_key(),
            security: security.clone(),
            session: session.map_or_else(OnceLock::new, |session| Arc::new(session).into()),
            channel,
            standing: Mutex::new(Standing::Free(None)),
            told: Mutex::default(),
            next_standing: AtomicU64::new(0),
            standing_outbox: Arc::new(Outbox::new(security.limits().sse_queue())),
            streams: Mutex::default(),
            next_stream: AtomicU64::new(STANDING + 1),
            open: AtomicUsize::new(0),
            rests_since: AtomicU64::new(security.clock().now().as_millis()),
            closed: AtomicBool::new(false),
            _place: place,
        }
    }

    /// The session, if `initialize` has opened it.
    pub(super) fn session(&self) -> Result<&Arc<Session>, RejectError> {
        self.session.get().ok_or(RejectError::SessionRequired)
    }

    /// Opens it; whether it was not.
    pub(super) fn set_session(&self, session: Session) -> bool {
        self.session.set(Arc::new(session)).is_ok()
    }

    pub(super) fn channel(&self) -> Option<&Channel> {
        self.channel.as_ref()
    }

    pub(super) fn is_sse(&self) -> bool {
        self.channel.is_some()
    }

    pub(super) fn is_owned_by(&self, principal: &Principal) -> bool {
        self.owner == principal.context_key()
    }

    /// Whether nothing has happened for so long that the session is over.
    pub(super) fn is_over(&self) -> bool {
        let limit = self.security.limits().sessions().idle_timeout();
        let now = self.security.clock().now().as_millis();
        let rested = now.saturating_sub(self.rests_since());
        self.rests() && u128::from(rested) >= limit.as_millis()
    }

    /// Whether nobody uses it now.
    pub(super) fn rests(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }

    pub(super) fn rests_since(&self) -> u64 {
        self.rests_since.load(Ordering::SeqCst)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Ends it: requests are cancelled, streams end, nothing is kept.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(session) = self.session.get() {
            session.close();
        }
        if let Some(channel) = &self.channel {
            channel.close();
        }
        if let Standing::Free(resting) = &mut *lock(&self.standing) {
            *resting = None;
        }
        // Has every reader of a stream look whether the session is closed.
        self.standing_outbox.let_go();
        lock(&self.streams).values().for_each(|progress| progress.changed.notify_waiters());
    }

    pub(super) fn next_standing(&self) -> u64 {
        self.next_standing.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn standing_outbox(&self) -> &Arc<Outbox> {
        &self.standing_outbox
    }

    /// Takes the stream that belongs to no request, with what its last reader left.
    pub(super) fn take_standing(&self) -> Result<Option<Box<Teller>>, RejectError> {
        match std::mem::replace(&mut *lock(&self.standing), Standing::Taken) {
            Standing::Free(resting) => Ok(resting),
            Standing::Taken => Err(RejectError::StreamTaken),
        }
    }

    /// Notes under whose credentials it is told from now on. Gives the number of the first event that was told
    /// under such a grant; none if all that is left was told under another one.
    pub(super) fn tell_to(&self, principal: &Principal) -> Option<u64> {
        let mut told = lock(&self.told);
        let since = match &*told {
            Some((before, since)) if before.scopes() == principal.scopes() => Some(*since),
            Some(_) => None,
            None => Some(0),
        };
        let next = || self.next_standing.load(Ordering::Relaxed);
        *told = Some((principal.clone(), since.unwrap_or_else(next)));
        since
    }

    /// Gives it back.
    pub(super) fn leave_standing(&self, resting: Option<Box<Teller>>) {
        let mut standing = lock(&self.standing);
        *standing = Standing::Free(resting.filter(|_| !self.is_closed()));
    }

    /// Whether the last reader left anything.
    pub(super) fn has_left_standing(&self) -> bool {
        matches!(&*lock(&self.standing), Standing::Free(Some(_)))
    }

    /// Forgets what the last reader left; whether there was anything.
    pub(super) fn forget_standing(&self) -> bool {
        match &mut *lock(&self.standing) {
            Standing::Free(resting) => resting.take().is_some(),
            Standing::Taken => false,
        }
    }

    /// Begins the stream of a request, which its own connection reads.
    pub(super) fn begin_stream(&self) -> (u64, Arc<Progress>) {
        let progress = Arc::new(Progress { taken: true.into(), ..Progress::default() });
        let stream = self.next_stream.fetch_add(1, Ordering::Relaxed);
        lock(&self.streams).insert(stream, Arc::clone(&progress));
        (stream, progress)
    }

    /// Ends it: what is kept is all there is.
    pub(super) fn end_stream(&self, stream: u64) {
        if let Some(progress) = lock(&self.streams).remove(&stream) {
            progress.done.store(true, Ordering::SeqCst);
            progress.changed.notify_waiters();
        }
    }

    /// The stream of a request that runs.
    pub(super) fn stream(&self, stream: u64) -> Option<Arc<Progress>> {
        lock(&self.streams).get(&stream).cloned()
    }
}

impl Progress {
    /// Takes the place of its reader.
    pub(super) fn take(&self) -> Result<(), RejectError> {
        if self.taken.swap(true, Ordering::SeqCst) {
            return Err(RejectError::StreamTaken);
        }
        // It was for a reader before.
        self.let_go.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// The reader has left.
    pub(super) fn leave(&self) {
        self.taken.store(false, Ordering::SeqCst);
    }

    /// There is more to read.
    pub(super) fn advance(&self) {
        self.changed.notify_waiters();
    }

    /// The reader is to come back later.
    pub(super) fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(super) fn take_let_go(&self) -> bool {
        self.let_go.swap(false, Ordering::SeqCst)
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("open", &self.open).finish_non_exhaustive()
    }
}

/// A session in use: it does not rest before this is dropped.
#[derive(Debug)]
pub(super) struct Use(Arc<Live>);

impl Use {
    pub(super) fn new(live: &Arc<Live>) -> Self {
        live.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(live))
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.0
    }
}

impl Clone for Use {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Deref for Use {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.0
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let now = self.0.security.clock().now().as_millis();
        self.0.rests_since.store(now, Ordering::SeqCst);
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves the state whole, so a poisoned lock is still good.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What waits to be written: bounded, with room kept for requests that have started.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{AuditError, ChainHead, FailMode};

/// Memory that a batch may keep for the next one.
const KEPT_BYTES: usize = 1 << 20;

/// So many bytes of records are written as soon as they are there, to be handed to the disk later: all of a
/// tenth of a second together would push out of the processor's cache what requests use. Less at a time would
/// wake the writer more often, which takes the processor from them.
const BATCH_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) capacity: usize,
    pub(super) fail_mode: FailMode,
    /// How long the writer lets records gather before it hands them to the disk.
    pub(super) gather: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Queue {
    rules: Rules,
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes who waits for the writer.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Records, each preceded by its length.
    records: Vec<u8>,
    queued: usize,
    /// Taken by the writer, and not on the disk yet.
    writing: usize,
    /// Promised to requests that have started.
    reserved: usize,
    /// Not yet told in the log, and ever.
    lost: u64,
    ever_lost: u64,
    pushed: u64,
    written: u64,
    /// Attempts to write that failed.
    failures: u64,
    error: Option<AuditError>,
    head: Option<ChainHead>,
    writer: Phase,
    /// When the first of what is not on the disk has gathered for long enough.
    sync_by: Option<Instant>,
    /// Someone waits: write at once.
    urgent: bool,
    closing: bool,
}

/// What the writer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Busy,
    /// Waits for the first record.
    Idle,
    /// Waits for more of them.
    Gathering,
}

/// What the writer is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// So many records were lost after those of the batch.
    pub(super) lost: u64,
    /// There will be no more.
    pub(super) last: bool,
    /// The batch, and those before it, are to be handed to the disk.
    pub(super) sync: bool,
}

impl State {
    fn occupied(&self) -> usize {
        self.queued.saturating_add(self.writing).saturating_add(self.reserved)
    }

    fn is_closed(&self) -> bool {
        self.error == Some(AuditError::Closed)
    }

    fn has_work(&self) -> bool {
        self.queued > 0 || self.lost > 0 || self.closing
    }
}

impl Queue {
    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, state: Mutex::default(), work: Condvar::new(), done: Condvar::new() }
    }

    /// Whether what has gathered has to go to the disk before its time.
    fn is_due(&self, state: &State) -> bool {
        let unsynced = state.queued.saturating_add(state.writing);
        state.urgent || state.closing || unsynced >= (self.rules.capacity / 4).max(1)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reserve(&self) -> Result<(), AuditError> {
        if self.rules.fail_mode == FailMode::Open {
            return Ok(());
        }
        let mut state = self.lock();
        if let Some(error) = state.error {
            return Err(error);
        }
        if state.occupied() >= self.rules.capacity {
            return Err(AuditError::QueueFull);
        }
        state.reserved += 1;
        Ok(())
    }

    pub(super) fn release(&self) {
        if self.rules.fail_mode == FailMode::Closed {
            let mut state = self.lock();
            state.reserved = state.reserved.saturating_sub(1);
        }
    }

    pub(super) fn push(&self, fields: &[u8], reserved: bool) {
        let mut state = self.lock();
        if reserved && self.rules.fail_mode == FailMode::Closed {
            state.reserved = state.reserved.saturating_sub(1);
        }
        let length = u32::try_from(fields.len()).ok();
        // Room that was reserved was counted above until now, so what has it always finds it.
        let room = state.occupied() < self.rules.capacity && !state.is_closed();
        let Some(length) = length.filter(|_| room) else {
            state.lost = state.lost.saturating_add(1);
            state.ever_lost = state.ever_lost.saturating_add(1);
            return;
        };
        state.records.extend_from_slice(&length.to_le_bytes());
        state.records.extend_from_slice(fields);
        state.queued += 1;
        state.pushed += 1;
        let wake = match state.writer {
            Phase::Busy => false,
            Phase::Idle => true,
            Phase::Gathering => self.is_due(&state) || state.records.len() >= BATCH_BYTES,
        };
        if wake {
            state.writer = Phase::Busy;
            drop(state);
            self.work.notify_one();
        }
    }

    pub(super) fn head(&self) -> Option<ChainHead> {
        self.lock().head
    }

    pub(super) fn ever_lost(&self) -> u64 {
        self.lock().ever_lost
    }

    pub(super) fn flush(&self, patience: Duration) -> Result<(), AuditError> {
        let mut state = self.lock();
        let (pushed, failures) = (state.pushed, state.failures);
        let told =
            |state: &State| state.written >= pushed && state.lost == 0 && state.head.is_some();
        if !told(&state) {
            state.urgent = true;
            self.work.notify_one();
        }
        self.wait(state, patience, |state| {
            if state.is_closed() || (state.error.is_some() && state.failures > failures) {
                return state.error.map(Err);
            }
            told(state).then_some(Ok(()))
        })
    }

    /// Tells the writer to write what is left, and waits for its end.
    pub(super) fn close(&self, patience: Duration) -> Result<(), AuditError> {
        let mut state = self.lock();
        state.closing = true;
        self.work.notify_one();
        self.wait(state, patience, |state| {
            let all = state.written >= state.pushed;
            state.is_closed().then_some(if all { Ok(()) } else { Err(AuditError::Closed) })
        })
    }

    fn wait(
        &self,
        mut state: MutexGuard<'_, State>,
        patience: Duration,
        ready: impl Fn(&State) -> Option<Result<(), AuditError>>,
    ) -> Result<(), AuditError> {
        let start = Instant::now();
        loop {
            if let Some(result) = ready(&state) {
                return result;
            }
            let left = patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(AuditError::TimedOut);
            }
            (state, _) =
                self.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// For the writer.
impl Queue {
    /// Waits for records and takes them all; `batch` gives its memory for the next ones.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> Work {
        batch.clear();
        batch.shrink_to(KEPT_BYTES);
        let mut state = self.lock();
        while !state.has_work() && !state.urgent && state.sync_by.is_none() {
            state.writer = Phase::Idle;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut sync = true;
        if let Some(gather) = self.rules.gather {
            state.writer = Phase::Gathering;
            let now = Instant::now();
            let left = match state.sync_by {
                Some(time) => time.saturating_duration_since(now),
                None => gather,
            };
            state.sync_by = state.sync_by.or_else(|| now.checked_add(gather));
            let more = |state: &mut State| !self.is_due(state) && state.records.len() < BATCH_BYTES;
            let waited = self
                .work
                .wait_timeout_while(state, left, more)
                .unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            sync = waited.1.timed_out() || self.is_due(&state);
        }
        state.writer = Phase::Busy;
        mem::swap(&mut state.records, batch);
        state.writing = state.writing.saturating_add(mem::take(&mut state.queued));
        if sync {
            state.urgent = false;
            state.sync_by = None;
        }
        // What was lost is told once, where it is also noted that it was.
        let lost = if sync { state.lost } else { 0 };
        Work { lost, last: state.closing, sync }
    }

    /// Notes that all batches are on the disk, and the number of lost records in the log.
    pub(super) fn wrote(&self, told: u64, head: Option<ChainHead>) {
        let mut state = self.lock();
        state.written += mem::take(&mut state.writing) as u64;
        state.lost = state.lost.saturating_sub(told);
        state.head = head;
        if state.queued == 0 && state.lost == 0 {
            // Whoever waited has nothing left to wait for.
            state.urgent = false;
        }
        let recovered = state.error.take().is_some();
        drop(state);
        self.done.notify_all();
        if recovered {
            tracing::warn!("audit records are written again");
        }
    }

    /// Notes that writing failed, and waits before it is tried again. `false` if it is time to give up.
    pub(super) fn failed(&self, error: AuditError, pause: Duration) -> bool {
        let mut state = self.lock();
        let first = state.error.replace(error).is_none();
        state.failures += 1;
        drop(state);
        self.done.notify_all();
        if first {
            tracing::error!(code = error.code(), %error, "audit records cannot be written");
        }
        let state = self.lock();
        if state.closing {
            return false;
        }
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, pause, |state| !state.urgent && !state.closing)
            .unwrap_or_else(PoisonError::into_inner);
        state.urgent = false;
        true
    }

    /// Notes that the writer has ended, in order or not.
    pub(super) fn ended(&self) {
        let mut state = self.lock();
        state.error = Some(AuditError::Closed);
        // Nobody will write these.
        let unwritten = (state.queued + state.writing) as u64;
        state.lost = state.lost.saturating_add(unwritten);
        state.ever_lost = state.ever_lost.saturating_add(unwritten);
        state.records = Vec::new();
        drop(state);
        self.done.notify_all();
        if unwritten > 0 {
            tracing::error!(records = unwritten, "audit records are lost");
        }
    }
}

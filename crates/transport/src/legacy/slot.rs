//! A place for one value that one task waits for.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Holds a value from whoever has it to whoever waits for it. Of several values the last counts.
pub(super) struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    value: Option<T>,
    waiting: Option<Waker>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(State { value: None, waiting: None }))
    }
}

impl<T> Slot<T> {
    pub(super) fn put(&self, value: T) {
        let waiting = {
            let mut state = self.lock();
            state.value = Some(value);
            state.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Takes the value. Only the last who polled is woken.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.lock();
        if let Some(value) = state.value.take() {
            return Poll::Ready(value);
        }
        match &mut state.waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            waiting @ None => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every critical section leaves the state whole, so a poisoned lock is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("full", &self.lock().value.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Poll, Wake, Waker},
    };

    use super::Slot;

    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_value_wakes_who_waits_and_is_taken_once() {
        let counter = Arc::new(Counter(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&counter));
        let mut cx = Context::from_waker(&waker);
        let slot = Slot::default();
        assert_eq!(slot.poll_take(&mut cx), Poll::Pending);
        slot.put(1);
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
        slot.put(2);
        assert_eq!(slot.poll_take(&mut cx), Poll::Ready(2), "the last counts");
        assert_eq!(slot.poll_take(&mut cx), Poll::Pending);
    }
}

//! Panics of handlers: contained, and kept out of standard error by choice.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// Keeps what handlers say when they panic out of standard error: a message may hold anything, such as the
/// password that did not parse. Logged is where it happened. Panics elsewhere are reported as before.
///
/// It replaces the panic hook of the process, once, so only a program may decide it: call it in `main`,
/// after whatever else sets a hook.
pub fn hide_handler_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_HANDLER.try_with(Cell::get).unwrap_or(false) {
                return before(info);
            }
            let place = info.location().map(tracing::field::display);
            tracing::error!(place, "handler panicked; its message is not shown");
        }));
    });
}

/// Runs a piece of a handler. `None` if it panicked.
pub(crate) fn contain<T>(run: impl FnOnce() -> T) -> Option<T> {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = IN_HANDLER.try_with(|within| within.set(self.0));
        }
    }
    let _restore = Restore(IN_HANDLER.try_with(|within| within.replace(true)).unwrap_or(false));
    // What the piece has broken is not used again: its request ends.
    panic::catch_unwind(AssertUnwindSafe(run)).ok()
}

//! Counting heap allocations: a global allocator that forwards to the system's and keeps a tally for each thread.
//!
//! A test binary opts in with
//! `#[global_allocator] static ALLOCATOR: CountingAllocator = CountingAllocator::new();`.
#![allow(
    unsafe_code,
    reason = "`GlobalAlloc` is an unsafe trait; every method only forwards to `System`"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    // Constant and without a destructor, so touching it neither allocates nor registers anything.
    static TALLY: Cell<Allocations> = const { Cell::new(Allocations { allocations: 0, reallocations: 0, bytes: 0 }) };
}

/// What a piece of code took from the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allocations {
    /// New blocks.
    pub allocations: u64,
    /// Blocks that were grown or shrunk, in place or not.
    pub reallocations: u64,
    /// Bytes asked for, a reallocation counted with its new size.
    pub bytes: u64,
}

impl Allocations {
    /// Allocations and reallocations together: the number that budgets are about.
    pub fn total(&self) -> u64 {
        self.allocations + self.reallocations
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            allocations: self.allocations - earlier.allocations,
            reallocations: self.reallocations - earlier.reallocations,
            bytes: self.bytes - earlier.bytes,
        }
    }

    fn and(self, more: Self) -> Self {
        Self {
            allocations: self.allocations + more.allocations,
            reallocations: self.reallocations + more.reallocations,
            bytes: self.bytes + more.bytes,
        }
    }
}

/// The system's allocator with a tally for each thread.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CountingAllocator;

impl CountingAllocator {
    /// For the `static` that `#[global_allocator]` stands on.
    pub const fn new() -> Self {
        Self
    }
}

fn note(more: Allocations) {
    // A thread that is being torn down may have lost its tally; nobody reads it then.
    let _ = TALLY.try_with(|tally| tally.set(tally.get().and(more)));
}

// SAFETY: every method passes its arguments on to `System` unchanged and returns its answer unchanged; the tally is a
// constant-initialized thread local, so it cannot re-enter the allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(Allocations { allocations: 1, reallocations: 0, bytes: layout.size() as u64 });
        // SAFETY: the caller's guarantees about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(Allocations { allocations: 1, reallocations: 0, bytes: layout.size() as u64 });
        // SAFETY: the caller's guarantees about `layout` are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(Allocations { allocations: 0, reallocations: 1, bytes: new_size as u64 });
        // SAFETY: `block` came from `System` with `layout`, because every method forwards there.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `System` with `layout`, because every method forwards there.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Counts what `work` allocates on this thread.
///
/// # Panics
///
/// If [`CountingAllocator`] is not this binary's global allocator: everything would count as zero.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Allocations) {
    assert_installed();
    let before = TALLY.get();
    let output = work();
    (output, TALLY.get().since(before))
}

/// Counts what `future` allocates while it is polled, wherever it is polled. What other tasks allocate between its
/// polls does not count, nor does a task that it spawns.
///
/// # Panics
///
/// If [`CountingAllocator`] is not this binary's global allocator: everything would count as zero.
pub async fn count_async<F: Future>(future: F) -> (F::Output, Allocations) {
    assert_installed();
    let mut future = pin!(future);
    let mut sum = Allocations::default();
    let output = poll_fn(|cx| {
        let before = TALLY.get();
        let poll = future.as_mut().poll(cx);
        sum = sum.and(TALLY.get().since(before));
        poll
    })
    .await;
    (output, sum)
}

fn assert_installed() {
    let before = TALLY.get();
    drop(std::hint::black_box(Box::new(0_u64)));
    assert!(
        TALLY.get().since(before).allocations > 0,
        "CountingAllocator is not the global allocator of this binary"
    );
}

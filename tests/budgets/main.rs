//! What one request may take from the heap and from the scheduler. Counted, not timed.

use palisade_testkit::alloc::CountingAllocator;

#[cfg(test)]
mod call;
#[cfg(test)]
mod envelope;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

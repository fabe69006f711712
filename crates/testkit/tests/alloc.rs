//! The counting allocator, installed for this binary.

use std::hint::black_box;

use palisade_testkit::alloc::{CountingAllocator, count, count_async};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

#[test]
fn blocks_and_growth_are_told_apart() {
    let (_, nothing) = count(|| black_box(1) + 1);
    assert_eq!(nothing.total(), 0);

    let (kept, one) = count(|| black_box(Vec::<u8>::with_capacity(100)));
    assert_eq!((one.allocations, one.reallocations, one.bytes), (1, 0, 100));

    let (_, grown) = count(move || {
        let mut kept = kept;
        kept.resize(200, 0);
        black_box(kept)
    });
    assert_eq!((grown.allocations, grown.reallocations), (0, 1));
    assert_eq!(grown.total(), 1);
}

#[test]
fn zeroed_memory_counts() {
    let (_, zeroed) = count(|| black_box(vec![0_u8; 64]));
    assert_eq!(zeroed.allocations, 1);
}

#[test]
fn other_threads_do_not_count() {
    let ((), here) = count(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..1000).map(|i| black_box(Box::new(i))).for_each(drop));
        });
    });
    assert!(
        here.total() < 100,
        "starting a thread allocates a little, its work must not show: {here:?}"
    );
}

#[tokio::test]
async fn only_the_polls_of_the_future_count() {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let noise = tokio::spawn(async move {
        (0..1000).map(|i| black_box(Box::new(i))).for_each(drop);
        sender.send(()).unwrap();
    });
    let ((), counted) = count_async(async {
        black_box(Box::new(1));
        receiver.await.unwrap();
        black_box(Box::new(2));
    })
    .await;
    noise.await.unwrap();
    assert_eq!(counted.total(), 2);
}

//! A wake-up that nobody needs, held back.
//!
//! When the last piece of a request's body is taken, hyper wakes the connection's task to have more of it
//! read. There is no more, and the task is just being polled: it would run once more for nothing, for every
//! request.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    ptr,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use http_body::{Body, Frame};

thread_local! {
    static HELD: Cell<Held> = const { Cell::new(Held::NOTHING) };
}

/// Whose wake-ups wait on this thread, and whether there was one.
#[derive(Clone, Copy)]
struct Held {
    whose: *const (),
    came: bool,
}

impl Held {
    const NOTHING: Self = Self { whose: ptr::null(), came: false };
}

/// The waker of a task, whose wake-ups can be held back.
struct Holding(Waker);

impl Wake for Holding {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let held = HELD.get();
        if ptr::eq(held.whose, Arc::as_ptr(self).cast()) {
            HELD.set(Held { came: true, ..held });
        } else {
            self.0.wake_by_ref();
        }
    }
}

/// Runs a connection of HTTP/1 so that [`poll_frame`] can hold back its wake-ups.
pub(super) async fn with_holding<F: Future>(mut connection: Pin<&mut F>) -> F::Output {
    let mut wakers: Option<(Waker, Waker)> = None;
    poll_fn(|cx| {
        let known = wakers.take().filter(|(task, _)| task.will_wake(cx.waker()));
        let (_, holding) = wakers.insert(known.unwrap_or_else(|| {
            let task = cx.waker().clone();
            (task.clone(), Arc::new(Holding(task)).into())
        }));
        connection.as_mut().poll(&mut Context::from_waker(holding))
    })
    .await
}

type Polled<B> = Result<Frame<<B as Body>::Data>, <B as Body>::Error>;

/// Polls a body. The wake-up that this causes is let go only if more of the body may come.
pub(super) fn poll_frame<B: Body>(
    mut body: Pin<&mut B>,
    cx: &mut Context<'_>,
) -> Poll<Option<Polled<B>>> {
    let holding = Hold::new(cx.waker());
    let frame = body.as_mut().poll_frame(cx);
    if holding.end() && !body.is_end_stream() {
        cx.waker().wake_by_ref();
    }
    frame
}

/// Holds back the wake-ups of one task until this is dropped.
struct Hold(Held);

impl Hold {
    fn new(waker: &Waker) -> Self {
        Self(HELD.replace(Held { whose: waker.data(), came: false }))
    }

    /// Whether there was one.
    fn end(self) -> bool {
        HELD.get().came
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::{body::Incoming, server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use palisade_security::Limits;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::server::read;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives so many pieces, and wakes somebody with each of them.
    struct Pieces {
        left: usize,
        wakes: Waker,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.left -= 1;
            self.wakes.wake_by_ref();
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }

        fn is_end_stream(&self) -> bool {
            self.left == 0
        }
    }

    /// How often a task is woken that takes so many pieces from a body which wakes `wakes`, or itself.
    fn woken(left: usize, wakes: Option<Waker>) -> usize {
        let count = Arc::new(Count::default());
        let task = Waker::from(Arc::clone(&count));
        let mut taking = pin!(poll_fn(|cx| {
            let wakes = wakes.clone().unwrap_or_else(|| cx.waker().clone());
            let mut pieces = pin!(Pieces { left, wakes });
            for _ in 0..left {
                assert!(poll_frame(pieces.as_mut(), cx).is_ready());
            }
            Poll::Ready(cx.waker().clone())
        }));
        let mut connection = pin!(with_holding(taking.as_mut()));
        let polled = connection.as_mut().poll(&mut Context::from_waker(&task));
        let woken = count.0.load(Ordering::Relaxed);
        // What is held back is held back for the time of a call.
        let Poll::Ready(waker) = polled else { panic!("it takes what is there") };
        waker.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), woken + 1);
        woken
    }

    #[test]
    fn the_last_piece_of_a_body_wakes_nobody() {
        assert_eq!(woken(1, None), 0);
        assert_eq!(woken(3, None), 2);
    }

    #[test]
    fn whoever_else_is_woken_meanwhile_is_woken() {
        let other = Arc::new(Count::default());
        let wakes = Waker::from(Arc::new(Holding(Waker::from(Arc::clone(&other)))));
        assert_eq!(woken(2, Some(wakes)), 0);
        assert_eq!(other.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_connection_is_woken_once_for_a_request() {
        let (mut client, server) = duplex(4096);
        let service = service_fn(|request: Request<Incoming>| async {
            let body = pin!(request.into_body());
            let body = read::read(body, &Limits::new()).await.unwrap();
            Ok::<_, Infallible>(Response::new(Full::new(body)))
        });
        let mut connection =
            pin!(http1::Builder::new().serve_connection(TokioIo::new(server), service));
        let mut connection = pin!(with_holding(connection.as_mut()));
        let count = Arc::new(Count::default());
        let task = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&task);
        assert!(connection.as_mut().poll(&mut cx).is_pending());
        for requests in 1..=3 {
            client.write_all(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody").await.unwrap();
            assert!(connection.as_mut().poll(&mut cx).is_pending());
            assert_eq!(count.0.load(Ordering::Relaxed), requests);
            let mut response = [0; 256];
            let length = client.read(&mut response).await.unwrap();
            assert!(response[..length].ends_with(b"\r\n\r\nbody"));
        }
    }

    #[test]
    fn a_body_that_panics_leaves_nothing_held_back() {
        struct Panics;
        impl Body for Panics {
            type Data = Bytes;
            type Error = Infallible;

            fn poll_frame(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
                panic!("as a test wants it")
            }
        }
        let count = Arc::new(Count::default());
        let holding = Waker::from(Arc::new(Holding(Waker::from(Arc::clone(&count)))));
        let polled = std::panic::catch_unwind(|| {
            poll_frame(pin!(Panics), &mut Context::from_waker(&holding)).is_ready()
        });
        assert!(polled.is_err());
        holding.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}

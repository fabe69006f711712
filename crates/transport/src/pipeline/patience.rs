//! The time limits of a session's requests: of the first, and of the others, which stands still while the client is asked.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::{remaining_life, timed_out, within};
use crate::{
    Call, Dispatcher, Reply,
    legacy::{Opened, Session},
};

/// Opens a session within the time of a request, as [`Session::open`] does.
///
/// # Errors
///
/// The reply that refuses; that the time is up, too.
///
/// # Cancel safety
///
/// Dropping the future opens nothing.
pub async fn open_in_time(dispatcher: &dyn Dispatcher, call: Call<'_>) -> Result<Opened, Reply> {
    let limit = call.security.limits().request_timeout();
    let opening = pin!(Session::open(dispatcher, call));
    let opened = within(limit, opening).await;
    opened.unwrap_or_else(|| Err(timed_out(&call.request.id)))
}

/// Answers a request of a session within the time that a handler has, as
/// [`dispatch_in_time`](super::dispatch_in_time) does. The time in which the client is asked is not the
/// handler's: each question may stay open for as long as a `requestState` can be redeemed. What is left of the
/// principal's credentials bounds all of it.
///
/// # Cancel safety
///
/// Dropping the future cancels the request.
pub async fn request_in_time(
    session: &Session,
    dispatcher: &dyn Dispatcher,
    call: Call<'_>,
) -> Reply {
    let mut request = pin!(session.request(dispatcher, call));
    if let Poll::Ready(reply) = poll_fn(|cx| Poll::Ready(request.as_mut().poll(cx))).await {
        return reply;
    }
    let limits = call.security.limits();
    let mut patience = Patience {
        left: limits.request_timeout(),
        question: limits.request_state_ttl(),
        life: remaining_life(call.security, call.principal)
            .and_then(|life| Instant::now().checked_add(life)),
        asking: None,
        sleep: Box::pin(sleep(Duration::ZERO)),
    };
    patience.begin();
    poll_fn(|cx| {
        if let Poll::Ready(reply) = request.as_mut().poll(cx) {
            return Poll::Ready(reply);
        }
        patience
            .poll(session.question(call.outbox), cx)
            .map(|()| timed_out(&call.request.id).with_http_status(200))
    })
    .await
}

/// What is left of the time for a request.
struct Patience {
    /// Of the handler's own time, when the deadline was last set.
    left: Duration,
    /// For one question.
    question: Duration,
    /// When the credentials end.
    life: Option<Instant>,
    /// The newest question that is open.
    asking: Option<i64>,
    sleep: Pin<Box<Sleep>>,
}

impl Patience {
    /// Sets the deadline.
    fn begin(&mut self) {
        let time = if self.asking.is_some() { self.question } else { self.left };
        let deadline = Instant::now() + time;
        let deadline = self.life.map_or(deadline, |life| life.min(deadline));
        self.sleep.as_mut().reset(deadline);
    }

    /// Ready when the time is up.
    fn poll(&mut self, asking: Option<i64>, cx: &mut Context<'_>) -> Poll<()> {
        if asking != self.asking {
            if self.asking.is_none() {
                self.left = self.sleep.deadline().saturating_duration_since(Instant::now());
            }
            // An answer to one of several questions gives the others no more time.
            let anew = asking.is_none() || asking > self.asking;
            self.asking = asking;
            if anew {
                self.begin();
            }
        }
        self.sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::time::{Instant, advance, sleep};

    use super::Patience;

    /// Ten seconds for the handler, a hundred for a question.
    fn patience(life: Option<Instant>, asking: Option<i64>) -> Patience {
        let mut patience = Patience {
            left: Duration::from_secs(10),
            question: Duration::from_secs(100),
            life,
            asking,
            sleep: Box::pin(sleep(Duration::ZERO)),
        };
        patience.begin();
        patience
    }

    #[tokio::test(start_paused = true)]
    async fn questions_have_a_time_of_their_own() {
        let seconds = Duration::from_secs;
        let mut patience = patience(None, None);
        let mut poll = async |asking: Option<i64>| {
            poll_fn(|cx| std::task::Poll::Ready(patience.poll(asking, cx))).await.is_ready()
        };
        advance(seconds(6)).await;
        assert!(!poll(Some(1)).await);
        advance(seconds(90)).await;
        assert!(!poll(Some(1)).await, "the client may think");
        assert!(!poll(None).await);
        advance(seconds(3)).await;
        assert!(!poll(None).await, "four seconds were left");
        assert!(!poll(Some(2)).await, "another question");
        advance(seconds(90)).await;
        assert!(!poll(Some(3)).await, "the next one follows the answer at once");
        advance(seconds(90)).await;
        assert!(!poll(Some(3)).await, "its time is its own");
        assert!(!poll(Some(2)).await, "an older one has waited all the while");
        advance(seconds(11)).await;
        assert!(poll(Some(2)).await, "nobody answered");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_the_handler_ends_too() {
        let mut patience = patience(None, None);
        let mut poll = async |asking: Option<i64>| {
            poll_fn(|cx| std::task::Poll::Ready(patience.poll(asking, cx))).await.is_ready()
        };
        advance(Duration::from_secs(6)).await;
        assert!(!poll(Some(1)).await);
        advance(Duration::from_secs(50)).await;
        assert!(!poll(None).await);
        advance(Duration::from_secs(5)).await;
        assert!(poll(None).await, "four seconds were left");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_end_questions_too() {
        let life = Instant::now() + Duration::from_secs(20);
        let mut patience = patience(Some(life), Some(1));
        let start = Instant::now();
        poll_fn(|cx| patience.poll(Some(1), cx)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(20));
    }
}

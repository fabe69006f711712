//! The stream that belongs to no request: `GET`.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use palisade_protocol::header;
use palisade_security::{Outcome, Principal, RejectError};
use palisade_transport::{
    BoxFuture, Outbox, Reply, ReplyOutcome,
    legacy::Session,
    pipeline::{Place, Trail, remaining_life},
};

use super::{
    Incoming,
    events::EventId,
    live::{Live, STANDING, Use},
    replay,
    run::Said,
    sse,
    teller::{Attached, Source, Teller},
};
use crate::server::{answer::Answer, exchange::Shared};

/// The subscription of a session to whatever changes.
pub(super) struct Listening {
    subscription: Option<BoxFuture<'static, Option<Reply>>>,
    outbox: Arc<Outbox>,
    session: Arc<Session>,
    /// Why there is none.
    refusal: Option<Reply>,
}

impl Listening {
    pub(super) fn new(
        shared: &Arc<Shared>,
        session: &Arc<Session>,
        principal: &Principal,
        outbox: &Arc<Outbox>,
    ) -> Self {
        // What was said under other credentials is not for these.
        while outbox.try_next().is_some() {}
        let subscription = {
            let (shared, session) = (Arc::clone(shared), Arc::clone(session));
            let (principal, outbox) = (principal.clone(), Arc::clone(outbox));
            Box::pin(async move {
                session.listen(&*shared.dispatcher, &principal, &shared.security, &outbox).await
            })
        };
        Self {
            subscription: Some(subscription),
            outbox: Arc::clone(outbox),
            session: Arc::clone(session),
            refusal: None,
        }
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.subscription.is_none()
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        if let Some(subscription) = &mut self.subscription
            && let Poll::Ready(reply) = subscription.as_mut().poll(cx)
        {
            self.subscription = None;
            self.refusal = reply.filter(|reply| reply.outcome != ReplyOutcome::Completed);
        }
        while let Poll::Ready(message) = self.outbox.poll_next(cx) {
            if let Some(message) = self.session.outgoing(&message) {
                return Poll::Ready(Said::Message(message));
            }
        }
        if self.outbox.take_let_go() {
            return Poll::Ready(Said::LetGo);
        }
        if self.has_ended() { Poll::Ready(Said::End(Bytes::new())) } else { Poll::Pending }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

/// Answers `GET`: the stream that belongs to no request, or another one that goes on after an event.
///
/// # Specification
///
/// MCP 2025-11-25, Transports, "Listening for Messages from the Server" and "Resumability and Redelivery".
pub(super) async fn listen(
    incoming: &Incoming<'_>,
    trail: &mut Trail<'_>,
    place: Place<'_>,
) -> Result<Answer, RejectError> {
    let Some(used) = incoming.session() else {
        return sse::open(incoming, trail, place).await;
    };
    let used = used?;
    let last = last_event(incoming)?;
    let place = place.detach(&incoming.shared.admission);
    let answer = match last {
        Some(id) if id.stream != STANDING => {
            Answer::stream(replay::resume(incoming, used, id, place).await?)
        }
        last => match attach(incoming, &used, last, place).await? {
            Ok(attached) => Answer::stream(attached),
            Err(refusal) => {
                trail.finish_with(&refusal, Some(refusal.http_status));
                return Ok(Answer::reply(refusal));
            }
        },
    };
    trail.finish(Outcome::Allowed, "stream_opened", Some(200), None);
    Ok(answer)
}

fn last_event(incoming: &Incoming<'_>) -> Result<Option<EventId>, RejectError> {
    let mut values = incoming.parts.headers.get_all(header::LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.filter(|_| values.next().is_none()).map(Some).ok_or(RejectError::EventNotFound)
}

/// Takes the stream that belongs to no request; or the engine's reply that refuses it.
async fn attach(
    incoming: &Incoming<'_>,
    used: &Use,
    last: Option<EventId>,
    place: Place<'static>,
) -> Result<Result<Attached, Reply>, RejectError> {
    let (shared, sessions) = (incoming.shared, incoming.sessions);
    let session = used.session()?;
    let replay = match last {
        Some(id) => {
            let kept = sessions.settings.events.after(&used.digest, id).await;
            Some(kept.ok_or(RejectError::EventNotFound)?)
        }
        None => None,
    };
    let resting = used.take_standing()?;
    let taken = Taken(Some(Arc::clone(used.live())));
    // What is told depends on what was granted: what was told under another grant is not told again.
    let since = used.tell_to(incoming.principal);
    let mut resting = resting.filter(|_| since.is_some());
    let replay = replay.map(|mut replay| {
        replay.retain(|(id, _)| since.is_some_and(|since| id.number >= since));
        replay
    });
    let mut place = Some(place);
    for attempt in 0..2 {
        let mut teller = match resting.take() {
            Some(teller) => teller,
            None => {
                let listening =
                    Listening::new(shared, session, incoming.principal, used.standing_outbox());
                let source = Source::Listening(Box::new(listening), None);
                let retry = shared.security.limits().sessions().retry();
                let events = &sessions.settings.events;
                Box::new(Teller::new(used.clone(), session, source, events, retry))
            }
        };
        teller.wake(used.clone());
        let Source::Listening(_, held) = teller.source_mut() else {
            return Err(RejectError::StreamTaken);
        };
        *held = place.take();
        // A subscription is refused at once, or not at all.
        let said = poll_fn(|cx| Poll::Ready(teller.poll_said(cx))).await;
        // It may have ended meanwhile. What ends it later tells the stream.
        if used.is_closed() {
            return Err(RejectError::SessionNotFound);
        }
        let said = match said {
            Poll::Ready(Said::Message(message)) => Some(message),
            Poll::Ready(Said::LetGo) | Poll::Pending => None,
            Poll::Ready(Said::End(_)) => {
                let Source::Listening(listening, held) = teller.source_mut() else {
                    return Err(RejectError::StreamTaken);
                };
                place = held.take();
                let refusal = listening.refusal.take();
                let Some(refusal) = refusal else { return Err(RejectError::ShuttingDown) };
                let crowded = refusal.retry_after.is_some();
                // Streams that their readers left hold places too: the one that was left first gives way.
                if attempt == 0 && crowded && sessions.forget_resting(incoming.principal) {
                    continue;
                }
                return Ok(Err(refusal));
            }
        };
        teller.set_life(remaining_life(&shared.security, incoming.principal));
        match replay {
            Some(replay) => teller.resume(replay, said),
            None => teller.begin(said),
        }
        taken.keep();
        return Ok(Ok(Attached::again(teller)));
    }
    Err(RejectError::StreamTaken)
}

/// Gives the stream back unless it is kept.
struct Taken(Option<Arc<Live>>);

impl Taken {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(live) = &self.0 {
            live.leave_standing(None);
        }
    }
}

//! Streams of requests that go on after an event: `GET` with `Last-Event-ID`.

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use palisade_protocol::ProtocolVersion;
use palisade_security::RejectError;
use palisade_transport::{
    BoxFuture,
    pipeline::{Place, remaining_life},
};
use tokio::time::{Sleep, sleep};

use super::{
    Incoming,
    events::{EventId, EventStore},
    live::{Progress, Use},
    teller::frame,
};
use crate::server::body::Frames;

/// Reads what is kept of a stream, and what is still to come of it.
pub(super) struct Replay {
    state: State,
    life: Option<Pin<Box<Sleep>>>,
    _place: Place<'static>,
}

enum State {
    Here(Box<Reader>),
    Reading(BoxFuture<'static, (Box<Reader>, Option<Bytes>)>),
    Over,
}

struct Reader {
    used: Use,
    events: Arc<dyn EventStore>,
    /// The last event that was read.
    last: EventId,
    queue: VecDeque<(EventId, Bytes)>,
    /// None if the request has ended: what is kept is all there is.
    progress: Option<Taken>,
    retry: Option<Duration>,
}

/// The place of a reader, given back when this is dropped.
struct Taken(Arc<Progress>);

/// Goes on after an event.
pub(super) async fn resume(
    incoming: &Incoming<'_>,
    used: Use,
    last: EventId,
    place: Place<'static>,
) -> Result<Replay, RejectError> {
    let session = used.session()?;
    let retry = incoming.shared.security.limits().sessions().retry();
    let retry = (session.version() >= ProtocolVersion::V2025_11_25).then_some(retry);
    let events = Arc::clone(&incoming.sessions.settings.events);
    let progress = used.stream(last.stream);
    if let Some(progress) = &progress {
        progress.take()?;
    }
    let progress = progress.map(Taken);
    let kept = events.after(&used.digest, last).await.ok_or(RejectError::EventNotFound)?;
    let reader = Reader { used, events, last, queue: kept.into(), progress, retry };
    let life = remaining_life(&incoming.shared.security, incoming.principal);
    Ok(Replay {
        state: State::Here(Box::new(reader)),
        life: life.map(|life| Box::pin(sleep(life))),
        _place: place,
    })
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some((id, data)) = self.queue.pop_front() {
                self.last = id;
                return Some(frame(id, &data, self.retry));
            }
            let Taken(progress) = self.progress.as_ref()?;
            let mut changed = pin!(progress.changed().notified());
            changed.as_mut().enable();
            // Asked first: whatever is kept afterwards is read.
            let done = progress.is_done() || self.used.is_closed();
            let let_go = progress.take_let_go();
            let kept = self.events.after(&self.used.digest, self.last).await?;
            if kept.is_empty() {
                if done || let_go {
                    return None;
                }
                changed.await;
            }
            self.queue = kept.into();
        }
    }
}

impl Frames for Replay {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(life) = &mut self.life
            && life.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Here(mut reader) => {
                    self.state = State::Reading(Box::pin(async move {
                        let frame = reader.next().await;
                        (reader, frame)
                    }));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready((reader, frame)) = reading.as_mut().poll(cx) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    if frame.is_some() {
                        self.state = State::Here(reader);
                    }
                    return Poll::Ready(frame);
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.leave();
    }
}

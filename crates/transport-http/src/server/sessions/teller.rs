//! [`Teller`]: tells a client, event by event, what a request or a subscription says, and keeps it for when
//! the client comes back.

use std::{
    collections::VecDeque,
    future::{Future as _, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use palisade_protocol::ProtocolVersion;
use palisade_transport::{BoxFuture, legacy::Session, pipeline::Place};
use tokio::time::{Sleep, sleep};

use super::{
    events::{EventId, EventStore},
    listen::Listening,
    live::{Progress, STANDING, Use},
    run::{Run, Said},
};
use crate::{server::body::Frames, sse};

/// One stream of a session.
pub(super) struct Teller {
    /// None while nobody uses it.
    used: Option<Use>,
    source: Source,
    events: Arc<dyn EventStore>,
    /// How long clients are told to wait before they come back; none if their revision has no such word.
    retry: Option<Duration>,
    /// None before the stream has begun.
    stream: Option<u64>,
    /// The number of the next event of a request's stream.
    number: u64,
    /// For whoever resumes the stream of a request.
    progress: Option<Arc<Progress>>,
    /// What goes before anything else: messages, or nothing to prime the client with.
    queue: VecDeque<Bytes>,
    /// What has been told before, and is told again.
    replay: VecDeque<(EventId, Bytes)>,
    /// An event that is being kept, and is sent then.
    keeping: Option<Keeping>,
    /// When the credentials of the reader end.
    life: Option<Pin<Box<Sleep>>>,
    ended: bool,
    /// Whether the reader is to go, and come back.
    let_go: bool,
}

struct Keeping {
    done: BoxFuture<'static, ()>,
    frame: Bytes,
    data: Bytes,
}

/// Where a stream comes from.
pub(super) enum Source {
    /// A request. It runs on without a reader.
    Run(Run),
    /// What changes. It rests while nobody reads.
    Listening(Box<Listening>, Option<Place<'static>>),
}

impl Teller {
    pub(super) fn new(
        used: Use,
        session: &Session,
        source: Source,
        events: &Arc<dyn EventStore>,
        retry: Duration,
    ) -> Self {
        let polls = session.version() >= ProtocolVersion::V2025_11_25;
        Self {
            used: Some(used),
            source,
            events: Arc::clone(events),
            retry: polls.then_some(retry),
            stream: None,
            number: 0,
            progress: None,
            queue: VecDeque::new(),
            replay: VecDeque::new(),
            keeping: None,
            life: None,
            ended: false,
            let_go: false,
        }
    }

    /// What is said next, before any stream has begun.
    pub(super) fn poll_said(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        let said = ready!(self.source.poll_next(cx));
        self.ended = matches!(said, Said::End(_));
        Poll::Ready(said)
    }

    /// Begins the stream, with a message that was said already. If the revision allows for it, the client is
    /// told first how to come back.
    pub(super) fn begin(&mut self, said: Option<Bytes>) {
        match (&self.source, &self.used) {
            (Source::Run(_), Some(used)) if self.stream.is_none() => {
                let (stream, progress) = used.begin_stream();
                (self.stream, self.progress) = (Some(stream), Some(progress));
            }
            (Source::Listening(..), _) => self.stream = Some(STANDING),
            _ => {}
        }
        if self.retry.is_some() {
            self.queue.push_back(Bytes::new());
        }
        self.queue.extend(said);
    }

    /// Goes on with the stream that belongs to no request, after what was told before.
    pub(super) fn resume(&mut self, replay: Vec<(EventId, Bytes)>, said: Option<Bytes>) {
        self.stream = Some(STANDING);
        self.replay = replay.into();
        self.queue.extend(said);
    }

    /// Ends the stream when these credentials end.
    pub(super) fn set_life(&mut self, life: Option<Duration>) {
        self.life = life.map(|life| Box::pin(sleep(life)));
    }

    /// The connection is to end, and the client to come back.
    pub(super) fn let_go(&mut self) {
        self.let_go = self.retry.is_some();
    }

    pub(super) fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }

    /// Takes it up again.
    pub(super) fn wake(&mut self, used: Use) {
        self.used = Some(used);
        self.ended = false;
    }

    fn is_closed(&self) -> bool {
        self.used.as_ref().is_none_or(|used| used.is_closed())
    }

    /// Keeps an event, to be sent then.
    fn keep(&mut self, data: Bytes) -> Option<Keeping> {
        let used = self.used.clone()?;
        let number = match self.stream? {
            STANDING => used.next_standing(),
            _ => {
                let number = self.number;
                self.number = number.saturating_add(1);
                number
            }
        };
        let id = EventId { stream: self.stream?, number };
        let frame = frame(id, &data, self.retry);
        let again = data.clone();
        let events = Arc::clone(&self.events);
        let done = Box::pin(async move {
            if !used.is_closed() {
                events.append(&used.digest, id, data).await;
            }
            // It may have been closed meanwhile.
            if used.is_closed() {
                events.remove(&used.digest).await;
            }
        });
        Some(Keeping { done, frame, data: again })
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(keeping) = &mut self.keeping {
                ready!(keeping.done.as_mut().poll(cx));
                let frame = self.keeping.take().map(|keeping| keeping.frame);
                if let Some(progress) = &self.progress {
                    progress.advance();
                }
                return Poll::Ready(frame);
            }
            if let Some((id, data)) = self.replay.pop_front() {
                return Poll::Ready(Some(frame(id, &data, self.retry)));
            }
            let data = match self.queue.pop_front() {
                Some(data) => {
                    if self.queue.is_empty() {
                        // A stream may rest for long.
                        self.queue = VecDeque::new();
                    }
                    data
                }
                None if self.ended || self.let_go => return Poll::Ready(None),
                None => match ready!(self.source.poll_next(cx)) {
                    Said::Message(data) => data,
                    Said::LetGo => {
                        self.let_go = self.retry.is_some();
                        self.ended |= self.is_closed();
                        continue;
                    }
                    Said::End(data) => {
                        self.ended = true;
                        if data.is_empty() {
                            continue;
                        }
                        data
                    }
                },
            };
            self.keeping = self.keep(data);
        }
    }

    /// Goes on without a reader, until the request has ended.
    async fn run_to_end(mut self: Box<Self>) {
        self.life = None;
        // The reader that was let go is gone.
        self.let_go = false;
        if let Some(progress) = &self.progress {
            progress.leave();
        }
        if self.stream.is_none() {
            // Nobody could ask for it.
            while !matches!(poll_fn(|cx| self.poll_said(cx)).await, Said::End(_)) {}
            return;
        }
        while !(self.ended && self.queue.is_empty() && self.keeping.is_none()) {
            if std::mem::take(&mut self.let_go)
                && let Some(progress) = &self.progress
            {
                progress.let_go();
            }
            poll_fn(|cx| self.poll_event(cx)).await;
        }
    }
}

impl Frames for Teller {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(life) = &mut self.life
            && life.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        self.poll_event(cx)
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let (Some(stream), Some(used), Source::Run(_)) = (self.stream, &self.used, &self.source)
        {
            used.end_stream(stream);
        }
    }
}

impl Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        match self {
            Self::Run(run) => run.poll_next(cx),
            Self::Listening(listening, _) => listening.poll_next(cx),
        }
    }
}

/// A stream with a reader. When the reader is gone, a request runs on in a task of its own, as long as its
/// limits allow: in these revisions a lost connection cancels nothing. A subscription rests.
pub(super) struct Attached(Option<Box<Teller>>);

impl Attached {
    pub(super) fn new(teller: Teller) -> Self {
        Self(Some(Box::new(teller)))
    }

    pub(super) fn again(teller: Box<Teller>) -> Self {
        Self(Some(teller))
    }

    /// Works with it.
    pub(super) fn teller(&mut self) -> Option<&mut Teller> {
        self.0.as_deref_mut()
    }
}

impl Frames for Attached {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.0 {
            Some(teller) => teller.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let Some(mut teller) = self.0.take() else { return };
        match &mut teller.source {
            Source::Run(_)
                if teller.ended && teller.queue.is_empty() && teller.keeping.is_none() => {}
            Source::Run(_) => {
                // Without a runtime, the process ends.
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(teller.run_to_end());
                }
            }
            Source::Listening(listening, place) => {
                *place = None;
                let rests = !listening.has_ended();
                teller.life = None;
                teller.replay.clear();
                // What was being kept may not be, so it is told again.
                if let Some(keeping) = teller.keeping.take() {
                    teller.queue.push_front(keeping.data);
                }
                // Whoever comes next is primed anew.
                teller.queue.retain(|data| !data.is_empty());
                teller.let_go = false;
                if let Some(used) = teller.used.take() {
                    used.live().leave_standing(Some(teller).filter(|_| rests));
                }
            }
        }
    }
}

/// An event as it is sent.
pub(super) fn frame(id: EventId, data: &Bytes, retry: Option<Duration>) -> Bytes {
    let mut event = Vec::with_capacity(data.len().saturating_add(64));
    if let Some(retry) = retry.filter(|_| data.is_empty()) {
        event.extend_from_slice(format!("retry: {}\n", retry.as_millis()).as_bytes());
    }
    // An id of ours is one line.
    let _ = sse::encode_event(&mut event, None, Some(&id.to_string()), data);
    event.into()
}

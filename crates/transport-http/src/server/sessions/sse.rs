//! HTTP+SSE, the transport of revision 2024-11-05: one stream for everything the server says, and a second
//! URL for everything the client says.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use palisade_protocol::{DecodeError, Inbound, legacy};
use palisade_security::{Outcome, RejectError};
use palisade_transport::{
    Outbox,
    legacy::Session,
    pipeline::{Place, Trail, remaining_life},
};
use tokio::{
    task::JoinSet,
    time::{Sleep, sleep},
};

use super::{
    Incoming, SessionId,
    listen::Listening,
    live::Use,
    post::{asked, initialize, malformed},
    run::{Run, Said},
    table::Sessions,
};
use crate::{
    server::{answer::Answer, body::Frames},
    sse,
};

/// What names the session in the URL that messages are sent to.
const PARAMETER: &str = "sessionId";

/// Where everything goes that is said in a session.
pub(super) struct Channel {
    outbox: Arc<Outbox>,
    /// What runs for it; ends with it.
    tasks: Mutex<Option<JoinSet<()>>>,
}

impl Channel {
    fn new(capacity: usize) -> Self {
        let tasks = Mutex::new(Some(JoinSet::new()));
        Self { outbox: Arc::new(Outbox::new(capacity)), tasks }
    }

    /// Runs something until the session ends.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tasks) = &mut *tasks {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    pub(super) fn close(&self) {
        self.outbox.close();
        self.outbox.let_go();
        // Dropped when the lock is free again: the tasks of a session may hold the last reference to it.
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(tasks);
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

/// Answers a `GET` without a session: the stream of a new one, if HTTP+SSE is served.
///
/// # Specification
///
/// MCP 2024-11-05, Transports, "HTTP with SSE".
pub(super) async fn open(
    incoming: &Incoming<'_>,
    trail: &mut Trail<'_>,
    place: Place<'_>,
) -> Result<Answer, RejectError> {
    if !incoming.sessions.settings.legacy_sse {
        return Err(RejectError::SessionRequired);
    }
    let security = &incoming.shared.security;
    let channel = Channel::new(security.limits().sse_queue());
    let outbox = Arc::clone(&channel.outbox);
    let used = incoming.sessions.open(incoming.principal, security, None, Some(channel)).await?;
    let url = format!("{}?{PARAMETER}={}", incoming.parts.uri.path(), used.id.to_text());
    let mut endpoint = Vec::new();
    // A path has no line breaks.
    let _ = sse::encode_event(&mut endpoint, Some("endpoint"), None, url.as_bytes());
    let life = remaining_life(security, incoming.principal);
    trail.finish(Outcome::Allowed, "stream_opened", Some(200), None);
    Ok(Answer::stream(Stream {
        sessions: Arc::clone(incoming.sessions),
        used,
        outbox,
        endpoint: Some(endpoint.into()),
        life: life.map(|life| Box::pin(sleep(life))),
        _place: place.detach(&incoming.shared.admission),
    }))
}

/// The session that the URL of a request names; none if it names none, or HTTP+SSE is not served.
pub(super) fn named(incoming: &Incoming<'_>) -> Option<Result<Use, RejectError>> {
    if !incoming.sessions.settings.legacy_sse {
        return None;
    }
    let mut pairs = incoming.parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, id) = pairs.find(|(name, _)| *name == PARAMETER)?;
    let found = incoming.find(SessionId::parse(id.as_bytes()));
    Some(found.and_then(|used| match used.is_sse() {
        true => Ok(used),
        false => Err(RejectError::SessionNotFound),
    }))
}

/// Takes a message. What there is to answer goes to the stream.
pub(super) async fn post(
    incoming: &Incoming<'_>,
    used: Use,
    body: &Bytes,
    message: &Result<Inbound<'_>, DecodeError>,
    trail: &mut Trail<'_>,
    place: Place<'_>,
) -> Result<Answer, RejectError> {
    let channel = used.channel().ok_or(RejectError::SessionNotFound)?;
    let accepted = |trail: &mut Trail<'_>, code| {
        trail.finish(Outcome::Allowed, code, Some(202), None);
        Ok(Answer::accepted())
    };
    match message {
        Ok(Inbound::Request(request, _)) => {
            if request.method == legacy::method::INITIALIZE && used.session().is_err() {
                return begin(incoming, &used, channel, body, message, trail).await;
            }
        }
        Ok(Inbound::Notification(notification)) => {
            used.session()?.notification(notification);
            return accepted(trail, "notification_accepted");
        }
        Ok(Inbound::Response(response)) => {
            let known = used.session()?.response(response);
            return accepted(trail, if known { "response_accepted" } else { "response_ignored" });
        }
        Ok(_) => return accepted(trail, "message_ignored"),
        Err(error) => return Ok(malformed(error, trail)),
    }
    let session = Arc::clone(used.session()?);
    let place = place.detach(&incoming.shared.admission);
    let run = Run::one(asked(incoming, &session, body.clone(), trail.detach(), None));
    channel.spawn(tell(run, Arc::clone(&channel.outbox), place));
    Ok(Answer::accepted())
}

/// Answers `initialize`, and listens to what changes.
async fn begin(
    incoming: &Incoming<'_>,
    used: &Use,
    channel: &Channel,
    body: &Bytes,
    message: &Result<Inbound<'_>, DecodeError>,
    trail: &mut Trail<'_>,
) -> Result<Answer, RejectError> {
    let reply = match initialize(incoming, body, message, trail).await {
        Ok(opened) => {
            if !used.set_session(opened.session) {
                return Err(RejectError::StreamTaken);
            }
            let session = Arc::clone(used.session()?);
            channel.spawn(listen(incoming, &session, Arc::clone(&channel.outbox)));
            opened.reply
        }
        Err(reply) => reply,
    };
    trail.finish_with(&reply, Some(202));
    channel.outbox.send(reply.message).await;
    Ok(Answer::accepted())
}

/// Tells what a request says. It holds its place until all is told: a client that reads nothing could otherwise
/// have answers without end wait for it.
async fn tell(mut run: Run, outbox: Arc<Outbox>, _place: Place<'static>) {
    loop {
        match poll_fn(|cx| run.poll_next(cx)).await {
            Said::Message(message) => outbox.send(message).await,
            Said::LetGo => {}
            Said::End(message) => {
                if !message.is_empty() {
                    outbox.send(message).await;
                }
                return;
            }
        }
    }
}

/// Tells what changes.
fn listen(
    incoming: &Incoming<'_>,
    session: &Arc<Session>,
    outbox: Arc<Outbox>,
) -> impl Future<Output = ()> + Send + 'static {
    let own = Arc::new(Outbox::new(incoming.shared.security.limits().sse_queue()));
    let mut listening = Listening::new(incoming.shared, session, incoming.principal, &own);
    async move {
        while let Said::Message(message) = poll_fn(|cx| listening.poll_next(cx)).await {
            outbox.send(message).await;
        }
    }
}

/// The stream of a session. It ends with it, and the session with the stream: there is nothing to go on with.
struct Stream {
    sessions: Arc<Sessions>,
    used: Use,
    outbox: Arc<Outbox>,
    endpoint: Option<Bytes>,
    life: Option<std::pin::Pin<Box<Sleep>>>,
    _place: Place<'static>,
}

impl Frames for Stream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(life) = &mut self.life
            && life.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        if let Some(endpoint) = self.endpoint.take() {
            return Poll::Ready(Some(endpoint));
        }
        let next = self.outbox.poll_next(cx);
        if self.used.is_closed() {
            return Poll::Ready(None);
        }
        next.map(|message| {
            let mut event = Vec::with_capacity(message.len().saturating_add(32));
            let _ = sse::encode_event(&mut event, Some("message"), None, &message);
            Some(event.into())
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.sessions.end(&self.used);
    }
}

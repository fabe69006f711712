//! [`Run`]: what a client has asked in one `POST`, while it is answered.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use palisade_protocol::{DecodeLimits, Inbound};
use palisade_security::Principal;
use palisade_transport::{
    BoxFuture, Call, Outbox, Reply,
    legacy::Session,
    pipeline::{Place, Trail, request_in_time},
};
use tracing::Instrument as _;

use super::super::exchange::Shared;

/// What is said next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A notification, or a question.
    Message(Bytes),
    /// The reader need not wait for the rest.
    LetGo,
    /// The answer, which ends it; empty if there is none.
    End(Bytes),
}

/// One request, or the requests of one batch, which run side by side. Dropping it cancels them.
pub(super) struct Run {
    requests: Vec<Request>,
    replies: Vec<Bytes>,
    batch: bool,
}

struct Request {
    /// None when it has ended.
    answer: Option<BoxFuture<'static, Bytes>>,
    outbox: Arc<Outbox>,
    session: Arc<Session>,
}

/// One request of a session, on its way.
pub(super) struct Asked {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session>,
    pub(super) principal: Principal,
    /// The message, which is a request.
    pub(super) body: Bytes,
    pub(super) trail: Trail<'static>,
    /// None if whoever asks holds it for longer than the handler runs.
    pub(super) place: Option<Place<'static>>,
}

impl Run {
    /// One request.
    pub(super) fn one(asked: Asked) -> Self {
        Self { requests: vec![Request::begin(asked)], replies: Vec::new(), batch: false }
    }

    /// The requests of a batch. Some of its messages may have been answered already.
    pub(super) fn batch(asked: Vec<Asked>, replies: Vec<Bytes>) -> Self {
        Self { requests: asked.into_iter().map(Request::begin).collect(), replies, batch: true }
    }

    /// What is said next. Not to be asked again after the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        let mut running = false;
        for request in &mut self.requests {
            if let Some(answer) = &mut request.answer {
                match answer.as_mut().poll(cx) {
                    Poll::Ready(reply) => {
                        request.answer = None;
                        // What was said before goes before the answer.
                        request.outbox.finish();
                        self.replies.extend(Some(reply).filter(|reply| !reply.is_empty()));
                    }
                    Poll::Pending => running = true,
                }
            }
            while let Poll::Ready(message) = request.outbox.poll_next(cx) {
                if let Some(message) = request.session.outgoing(&message) {
                    return Poll::Ready(Said::Message(message));
                }
            }
            if request.outbox.take_let_go() {
                return Poll::Ready(Said::LetGo);
            }
        }
        if running { Poll::Pending } else { Poll::Ready(Said::End(self.reply())) }
    }

    fn reply(&mut self) -> Bytes {
        if !self.batch || self.replies.is_empty() {
            return self.replies.pop().unwrap_or_default();
        }
        let length = self.replies.iter().map(|reply| reply.len().saturating_add(1)).sum::<usize>();
        let mut all = BytesMut::with_capacity(length.saturating_add(1));
        for (separator, reply) in
            std::iter::once(b'[').chain(std::iter::repeat(b',')).zip(&self.replies)
        {
            all.put_u8(separator);
            all.extend_from_slice(reply);
        }
        all.put_u8(b']');
        all.freeze()
    }
}

impl Request {
    fn begin(asked: Asked) -> Self {
        let outbox = Arc::new(Outbox::new(asked.shared.security.limits().sse_queue()));
        let session = Arc::clone(&asked.session);
        let answer = Box::pin(answer(asked, Arc::clone(&outbox)).in_current_span());
        Self { answer: Some(answer), outbox, session }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // A task that the handler left behind must not wait for a reader that will never come.
        self.outbox.close();
    }
}

/// Answers a request, and records it.
async fn answer(asked: Asked, outbox: Arc<Outbox>) -> Bytes {
    let Asked { shared, session, principal, body, mut trail, place } = asked;
    let _place = place;
    let limits = DecodeLimits::with_depth(shared.security.limits().max_json_depth());
    // Whoever began this has seen that it is a request.
    let Ok(Inbound::Request(request, params)) = Inbound::decode(&body, &limits) else {
        return Bytes::new();
    };
    let reply = match params {
        Ok(params) => {
            trail.note_request(&body, &request, &params);
            let mut call =
                Call::new(&body, &request, &params, &principal, &shared.security, &outbox);
            call.correlation_id = Some(trail.correlation_id());
            call.came = Some(trail.came());
            trail.note_version(session.version());
            request_in_time(&session, &*shared.dispatcher, call).await
        }
        Err(error) => Reply::error(Some(&request.id), &error.to_error(), "invalid_params"),
    };
    trail.finish_with(&reply, Some(200));
    reply.message
}

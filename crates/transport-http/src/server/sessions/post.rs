//! What clients of older revisions send: `POST`.

use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use palisade_protocol::{
    DecodeError, DecodeLimits, ErrorCode, ErrorObject, Inbound, ProtocolVersion, legacy,
};
use palisade_security::{Outcome, RejectError};
use palisade_transport::{
    Call, Outbox, Reply,
    legacy::{Opened, Session},
    pipeline::{Place, Trail, envelope_code, open_in_time},
};

use super::{
    Incoming,
    era::{self, Era},
    live::Use,
    run::{Asked, Run, Said},
    sse,
    teller::{Attached, Source, Teller},
};
use crate::server::{agree, answer::Answer};

/// Answers a `POST` of this era. `message` is what its body decodes to.
pub(in crate::server) async fn post(
    incoming: Incoming<'_>,
    era: Era,
    body: &Bytes,
    message: Result<Inbound<'_>, DecodeError>,
    trail: &mut Trail<'_>,
    place: Place<'_>,
) -> Result<Answer, RejectError> {
    era::check_version(&incoming.parts.headers, &*incoming.shared.dispatcher)?;
    if let Some(refused) = differs(&incoming, &message, trail) {
        return Ok(refused);
    }
    if let Some(used) = sse::named(&incoming) {
        // Boxed, as what opens a session is: the requests of a session need no room for either.
        return Box::pin(sse::post(&incoming, used?, body, &message, trail, place)).await;
    }
    if era == Era::Opening {
        return Box::pin(open(&incoming, body, &message, trail)).await;
    }
    let used = incoming.session().ok_or(RejectError::SessionRequired)??;
    let session = Arc::clone(used.session()?);
    let limits = limits(&incoming);
    if session.version() == ProtocolVersion::V2025_03_26
        && let Some(messages) = legacy::batch(body, &limits)
    {
        let messages = match messages {
            Ok(messages) => {
                messages.iter().map(|raw| body.slice_ref(raw.get().as_bytes())).collect()
            }
            Err(error) => return Ok(malformed(&error, trail)),
        };
        return batch(&incoming, used, &session, messages, trail, place).await;
    }
    match &message {
        Ok(Inbound::Request(..)) => {}
        Ok(Inbound::Notification(notification)) => {
            session.notification(notification);
            trail.finish(Outcome::Allowed, "notification_accepted", Some(202), None);
            return Ok(Answer::accepted());
        }
        Ok(Inbound::Response(response)) => {
            // A late answer is no fault of the client's.
            let code =
                if session.response(response) { "response_accepted" } else { "response_ignored" };
            trail.finish(Outcome::Allowed, code, Some(202), None);
            return Ok(Answer::accepted());
        }
        Ok(_) => return Err(RejectError::SessionRequired),
        Err(error) => return Ok(malformed(error, trail)),
    }
    let place = place.detach(&incoming.shared.admission);
    let run = Run::one(asked(&incoming, &session, body.clone(), trail.detach(), Some(place)));
    Ok(run_in(&incoming, used, &session, run).await)
}

/// Refuses a request, or a batch, whose headers say something else than its body. What is neither runs
/// nothing.
fn differs(
    incoming: &Incoming<'_>,
    message: &Result<Inbound<'_>, DecodeError>,
    trail: &mut Trail<'_>,
) -> Option<Answer> {
    let request = match message {
        Ok(Inbound::Request(request, Ok(params))) => Some((request, params)),
        // Malformed parameters are refused for themselves.
        Ok(_) => return None,
        Err(_) => None,
    };
    let error = agree::check_present(&incoming.parts.headers, request).err()?;
    trail.finish(Outcome::Denied, envelope_code(error.code), Some(400), Some(error.code.get()));
    Some(Answer::error(400, request.map(|(request, _)| &request.id), &error))
}

/// Answers `initialize`.
async fn open(
    incoming: &Incoming<'_>,
    body: &Bytes,
    message: &Result<Inbound<'_>, DecodeError>,
    trail: &mut Trail<'_>,
) -> Result<Answer, RejectError> {
    match initialize(incoming, body, message, trail).await {
        Ok(Opened { session, reply, .. }) => {
            let security = &incoming.shared.security;
            let used =
                incoming.sessions.open(incoming.principal, security, Some(session), None).await?;
            trail.finish_with(&reply, Some(200));
            Ok(Answer::reply(reply).with_session(used.id.to_header()))
        }
        Err(reply) => {
            trail.finish_with(&reply, Some(reply.http_status));
            Ok(Answer::reply(reply))
        }
    }
}

/// Has the engine answer `initialize`; or its reply that refuses.
pub(super) async fn initialize(
    incoming: &Incoming<'_>,
    body: &Bytes,
    message: &Result<Inbound<'_>, DecodeError>,
    trail: &mut Trail<'_>,
) -> Result<Opened, Reply> {
    let shared = incoming.shared;
    let outbox = Arc::new(Outbox::new(1));
    let (request, params) = match message {
        Ok(Inbound::Request(request, Ok(params))) => (request, params),
        Ok(Inbound::Request(request, Err(error))) => {
            return Err(Reply::error(Some(&request.id), &error.to_error(), "invalid_params"));
        }
        _ => {
            let error = ErrorObject::new(ErrorCode::INVALID_REQUEST, "not a request");
            return Err(Reply::error(None, &error, "invalid_request"));
        }
    };
    trail.note_request(body, request, params);
    let call = Call::new(body, request, params, incoming.principal, &shared.security, &outbox);
    open_in_time(&*shared.dispatcher, call).await
}

/// Runs the messages of a batch.
async fn batch(
    incoming: &Incoming<'_>,
    used: Use,
    session: &Arc<Session>,
    messages: Vec<Bytes>,
    trail: &mut Trail<'_>,
    place: Place<'_>,
) -> Result<Answer, RejectError> {
    let shared = incoming.shared;
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    // The place of the exchange is that of its first request; each further one needs its own.
    let mut place = Some(place.detach(&shared.admission));
    let peer = incoming.entrance.peer.address();
    for message in messages {
        match Inbound::decode(&message, &limits(incoming)) {
            Ok(Inbound::Request(request, _)) => {
                let mut trail = Trail::new(&shared.security, shared.ids.next_id(), "http", peer);
                trail.note_principal(incoming.principal);
                match admit(incoming, &mut trail, place.take()) {
                    Ok(place) => requests.push(asked(
                        incoming,
                        session,
                        message.clone(),
                        trail.detach(),
                        Some(place),
                    )),
                    Err(reject) => {
                        let reply = Reply::rejected(Some(&request.id), &reject);
                        trail.finish_with(&reply, Some(200));
                        replies.push(reply.message);
                    }
                }
            }
            Ok(Inbound::Notification(notification)) => session.notification(&notification),
            Ok(Inbound::Response(response)) => {
                let _ = session.response(&response);
            }
            Ok(_) => {}
            Err(error) => {
                let mut trail = Trail::new(&shared.security, shared.ids.next_id(), "http", peer);
                trail.note_principal(incoming.principal);
                trail.reserve()?;
                replies.push(malformed(&error, &mut trail).message);
            }
        }
    }
    let nothing_to_say = requests.is_empty() && replies.is_empty();
    let status = if nothing_to_say { 202 } else { 200 };
    trail.finish(Outcome::Allowed, "batch_accepted", Some(status), None);
    if nothing_to_say {
        return Ok(Answer::accepted());
    }
    Ok(run_in(incoming, used, session, Run::batch(requests, replies)).await)
}

/// Lets in a request of a batch, as it would be by itself.
fn admit(
    incoming: &Incoming<'_>,
    trail: &mut Trail<'_>,
    place: Option<Place<'static>>,
) -> Result<Place<'static>, RejectError> {
    let Incoming { shared, principal, .. } = incoming;
    trail.reserve()?;
    if let Some(place) = place {
        return Ok(place);
    }
    shared.security.admit_principal(principal, trail.came())?;
    let place = shared.admission.admit(principal, shared.security.limits())?;
    Ok(place.detach(&shared.admission))
}

/// Answers with JSON if nothing is said before the end, and no stream is wanted.
async fn run_in(incoming: &Incoming<'_>, used: Use, session: &Session, run: Run) -> Answer {
    let settings = &incoming.sessions.settings;
    let retry = incoming.shared.security.limits().sessions().retry();
    let teller = Teller::new(used, session, Source::Run(run), &settings.events, retry);
    let mut attached = Attached::new(teller);
    let Some(teller) = attached.teller() else { return Answer::accepted() };
    if settings.streams {
        teller.begin(None);
        return Answer::stream(attached);
    }
    match poll_fn(|cx| teller.poll_said(cx)).await {
        Said::End(message) if message.is_empty() => return Answer::stream(attached),
        Said::End(message) => return Answer::json(message),
        Said::Message(message) => teller.begin(Some(message)),
        Said::LetGo => {
            teller.begin(None);
            teller.let_go();
        }
    }
    Answer::stream(attached)
}

pub(super) fn asked(
    incoming: &Incoming<'_>,
    session: &Arc<Session>,
    body: Bytes,
    trail: Trail<'static>,
    place: Option<Place<'static>>,
) -> Asked {
    Asked {
        shared: Arc::clone(incoming.shared),
        session: Arc::clone(session),
        principal: incoming.principal.clone(),
        body,
        trail,
        place,
    }
}

pub(super) fn limits(incoming: &Incoming<'_>) -> DecodeLimits {
    DecodeLimits::with_depth(incoming.shared.security.limits().max_json_depth())
}

pub(super) fn malformed(error: &DecodeError, trail: &mut Trail<'_>) -> Answer {
    let (code, id) = (error.kind.code(), error.id.as_ref());
    let error = error.kind.to_error();
    trail.finish(Outcome::Denied, code, Some(400), Some(error.code.get()));
    Answer::error(400, id, &error)
}

//! One message, from its line to its answer.

use std::sync::Arc;

use bytes::Bytes;
use palisade_protocol::{
    CancelledNotificationParams, DecodeError, DecodeLimits, ErrorCode, ErrorObject, Inbound,
    Notification, ParamsError, Request, RequestId, RequestParams, method,
};
use palisade_security::{
    CorrelationId, CorrelationIds, Outcome, Principal, RejectError, ServerSecurity,
};
use palisade_transport::{
    Call, Dispatcher, LineError, Reply,
    pipeline::{
        Admission, Trail, dispatch_in_time, envelope_code, request_in_time, required_version,
        served_version,
    },
};

use super::{
    running::Slot,
    session::{self, Era},
};

/// The wire's name in audit records.
pub(super) const TRANSPORT: &str = "stdio";

/// What all streams of one server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dispatcher: Arc<dyn Dispatcher>,
    pub(super) security: ServerSecurity,
    pub(super) admission: Admission,
    pub(super) ids: CorrelationIds,
}

impl Shared {
    pub(super) fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits::with_depth(self.security.limits().max_json_depth())
    }
}

/// What came of a message.
#[derive(Debug)]
pub(super) enum Done {
    /// This is to be sent.
    Answer(Bytes),
    /// Nothing is to be sent.
    Silence,
    /// The request with this id is to be cancelled.
    Cancel(RequestId),
    /// The handshake is over: from now on the client is to be told of changes.
    Tell,
}

/// Serves one line: a message, or several where the client's revision has batches.
pub(super) async fn exchange(
    shared: Arc<Shared>,
    peer: Principal,
    line: Bytes,
    slot: Arc<Slot>,
    id: CorrelationId,
) -> Done {
    let done = match session::batch(&shared, &line, slot.table()) {
        None => message(&shared, &peer, line, &slot, id).await,
        Some(messages) => {
            // What may follow lasts as long as the stream.
            drop(line);
            session::serve_batch(&shared, &peer, messages, &slot).await
        }
    };
    if let Done::Tell = done {
        session::tell(&shared, &peer, &slot).await;
    }
    done
}

/// Serves one message. Every way out leaves one audit record, but for a cancellation: that leaves the one of
/// the request it ends.
pub(super) async fn message(
    shared: &Shared,
    peer: &Principal,
    line: Bytes,
    slot: &Arc<Slot>,
    id: CorrelationId,
) -> Done {
    let security = &shared.security;
    let inbound = Inbound::decode(&line, &shared.decode_limits());
    if let Ok(Inbound::Notification(notification)) = &inbound
        && notification.method == method::NOTIFICATIONS_CANCELLED
    {
        if let Some(session) = slot.table().session() {
            session.notification(notification);
        }
        return cancelled_id(notification).map_or(Done::Silence, Done::Cancel);
    }
    let mut trail = Trail::new(security, id, TRANSPORT, None);
    trail.note_principal(peer);
    if let Err(reject) = trail.reserve().and_then(|()| security.admit_principal(peer, trail.came()))
    {
        return refuse_unseen(&mut trail, &inbound, &reject);
    }
    let (request, params) = match inbound {
        Ok(Inbound::Request(request, params)) => (request, params),
        Ok(Inbound::Notification(notification)) => {
            return session::notification(&notification, slot.table(), trail);
        }
        Ok(Inbound::Response(response)) => {
            // What answers nothing is not answered.
            match slot.table().session().is_some_and(|session| session.response(&response)) {
                true => trail.finish(Outcome::Allowed, "response_accepted", None, None),
                false => trail.finish(Outcome::Denied, "unexpected_response", None, None),
            }
            return Done::Silence;
        }
        Ok(_) => return Done::Silence,
        Err(error) => {
            let (code, id) = (error.kind.code(), error.id.as_ref());
            return Done::Answer(refuse(&mut trail, id, &error.kind.to_error(), code));
        }
    };
    if !slot.claim(&request) {
        // An answer with this id would be taken for that of the request that has it.
        let error = ErrorObject::new(ErrorCode::INVALID_REQUEST, "the request id is in use");
        return Done::Answer(refuse(&mut trail, None, &error, "duplicate_request_id"));
    }
    let served = serve(shared, peer, &line, &request, params, slot, &mut trail);
    match slot.until_ended(served).await {
        Ok(answer) if answer.is_empty() => Done::Silence,
        Ok(answer) => Done::Answer(answer),
        Err(code) => {
            trail.finish(Outcome::Cancelled, code, None, None);
            Done::Silence
        }
    }
}

/// The way of a request: a place in flight, the version, the engine or the session before it.
async fn serve(
    shared: &Shared,
    peer: &Principal,
    line: &Bytes,
    request: &Request<'_>,
    params: Result<RequestParams<'_>, ParamsError>,
    slot: &Slot,
    trail: &mut Trail<'_>,
) -> Bytes {
    let security = &shared.security;
    let _place = match shared.admission.admit(peer, security.limits()) {
        Ok(place) => place,
        Err(reject) => return reject_with(trail, Some(&request.id), &reject),
    };
    let params = match params {
        Ok(params) => params,
        Err(error) => return refuse_params(trail, &request.id, &error.to_error()),
    };
    trail.note_request(line, request, &params);
    let mut call = Call::new(line, request, &params, peer, security, slot.outbox());
    call.correlation_id = Some(trail.correlation_id());
    call.came = Some(trail.came());
    let reply = match session::era(shared, request, &params, slot.table()) {
        Era::Session(session) => {
            slot.enter_session();
            trail.note_version(session.version());
            request_in_time(session, &*shared.dispatcher, call).await
        }
        Era::Opening => session::open(shared, call, slot.table()).await,
        Era::Modern => {
            let version = required_version(params.meta.as_ref(), &*shared.dispatcher)
                .and_then(|version| served_version(version, &*shared.dispatcher));
            match version {
                Ok(version) => call.version = version,
                Err(error) => return refuse_params(trail, &request.id, &error),
            }
            trail.note_version(call.version);
            dispatch_in_time(&*shared.dispatcher, call).await
        }
    };
    trail.finish_with(&reply, None);
    reply.message
}

/// Answers a line that is none.
pub(super) fn refuse_line(shared: &Shared, peer: &Principal, error: LineError) -> Bytes {
    let mut trail = Trail::new(&shared.security, shared.ids.next_id(), TRANSPORT, None);
    trail.note_principal(peer);
    let admitted =
        trail.reserve().and_then(|()| shared.security.admit_principal(peer, trail.came()));
    if let Err(reject) = admitted {
        return reject_with(&mut trail, None, &reject);
    }
    let code = match error {
        LineError::TooLong { .. } => ErrorCode::INVALID_REQUEST,
        _ => ErrorCode::PARSE_ERROR,
    };
    refuse(&mut trail, None, &ErrorObject::new(code, error.to_string()), error.code())
}

/// Refuses a message whatever it is. Only a request, or what could not be read, is answered.
fn refuse_unseen(
    trail: &mut Trail<'_>,
    inbound: &Result<Inbound<'_>, DecodeError>,
    reject: &RejectError,
) -> Done {
    let (id, answered) = match inbound {
        Ok(Inbound::Request(request, _)) => (Some(&request.id), true),
        Err(error) => (error.id.as_ref(), true),
        Ok(_) => (None, false),
    };
    let answer = reject_with(trail, id, reject);
    if answered { Done::Answer(answer) } else { Done::Silence }
}

fn refuse_params(trail: &mut Trail<'_>, id: &RequestId, error: &ErrorObject) -> Bytes {
    refuse(trail, Some(id), error, envelope_code(error.code))
}

/// Refuses a message that is not what it should be.
fn refuse(
    trail: &mut Trail<'_>,
    id: Option<&RequestId>,
    error: &ErrorObject,
    code: &'static str,
) -> Bytes {
    trail.finish(Outcome::Denied, code, None, Some(error.code.get()));
    Reply::error(id, error, code).message
}

fn reject_with(trail: &mut Trail<'_>, id: Option<&RequestId>, reject: &RejectError) -> Bytes {
    trail.finish(Outcome::Denied, reject.code(), None, Some(reject.jsonrpc_code()));
    Reply::rejected(id, reject).message
}

/// Which request a client gives up; none if it does not say.
fn cancelled_id(notification: &Notification<'_>) -> Option<RequestId> {
    let params = notification.params?;
    let params: CancelledNotificationParams = serde_json::from_str(params.get()).ok()?;
    Some(params.request_id)
}

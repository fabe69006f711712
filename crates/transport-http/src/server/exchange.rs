//! One request, from its head to its answer.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use http_body::Body;
use palisade_protocol::{
    DecodeError, DecodeLimits, ErrorCode, ErrorObject, Inbound, ProtocolVersion, Request,
    RequestParams,
};
use palisade_security::{
    AuthnError, CorrelationId, CorrelationIds, Credentials, GuardInput, Moment, Outcome, PeerInfo,
    Preflight, Principal, RejectError, ServerSecurity,
    guard::{ALLOWED_METHODS, ALLOWED_METHODS_WITH_SESSIONS},
    protected_resource::METADATA_METHOD,
};
use palisade_transport::{
    Call, Dispatcher, Outbox,
    pipeline::{Admission, Trail, dispatch_in_time, envelope_code, within},
};

use super::{
    agree::{self, Words},
    answer::Answer,
    read,
    sessions::{self, Incoming, Sessions, Settings, era},
};

/// What this transport is called in audit records and spans.
pub(super) const TRANSPORT: &str = "http";

/// What all requests of one service share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dispatcher: Arc<dyn Dispatcher>,
    pub(super) security: ServerSecurity,
    pub(super) admission: Arc<Admission>,
    pub(super) settings: Settings,
    /// None if no older revision is served.
    pub(super) sessions: Option<Arc<Sessions>>,
    pub(super) ids: CorrelationIds,
}

impl Shared {
    /// What the guard looks at.
    pub(super) fn input<'a>(&self, parts: &'a Parts) -> GuardInput<'a> {
        GuardInput::from(parts).with_sessions(self.sessions.is_some())
    }
}

/// Where a request came in.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) peer: PeerInfo,
    /// Whether its path is one that is served.
    served: bool,
    /// Why nobody can tell whom a trusted proxy forwards for.
    unresolved: Option<RejectError>,
}

impl Entrance {
    pub(super) fn new(peer: PeerInfo, served: bool) -> Self {
        Self { peer, served, unresolved: None }
    }

    /// The same, with the client that a trusted proxy forwards for in the place of the proxy.
    pub(super) fn resolve(mut self, security: &ServerSecurity, headers: &HeaderMap) -> Self {
        match security.forwarded_peer(&self.peer, headers) {
            Ok(Some(client)) => self.peer = client,
            Ok(None) => {}
            Err(reject) => self.unresolved = Some(reject),
        }
        self
    }

    /// Counts the request against its address, and knows whom it is from.
    fn check_peer(&self, security: &ServerSecurity, came: &Moment) -> Result<(), RejectError> {
        if let Some(reject) = &self.unresolved {
            return Err(reject.clone());
        }
        security.admit_address(&self.peer, came)
    }

    fn check_path(&self) -> Result<(), RejectError> {
        if self.served { Ok(()) } else { Err(RejectError::NotFound) }
    }
}

/// Serves one request. Every way out leaves one audit record.
///
/// All that the request has is kept here, and only here: what an async function takes by value is in its
/// future twice, and every request has this future made, moved and freed.
#[expect(clippy::manual_async_fn, reason = "it would be larger")]
pub(super) fn exchange<B: Body>(
    shared: Arc<Shared>,
    parts: Parts,
    body: B,
    entrance: Entrance,
    outbox: Arc<Outbox>,
    id: CorrelationId,
) -> impl Future<Output = Answer> {
    async move {
        let mut trail = Trail::new(&shared.security, id, TRANSPORT, entrance.peer.address());
        let body = pin!(body);
        match answer(&shared, &parts, body, &entrance, &outbox, &mut trail).await {
            Ok(answer) => answer,
            Err(reject) => refuse(&shared, &mut trail, &reject),
        }
    }
}

/// The way of a request: room for its record, peer, guard, authentication, limits, body, message.
async fn answer<B: Body>(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: Pin<&mut B>,
    entrance: &Entrance,
    outbox: &Arc<Outbox>,
    trail: &mut Trail<'_>,
) -> Result<Answer, RejectError> {
    let security = &shared.security;
    trail.reserve()?;
    entrance.check_peer(security, trail.came())?;
    if let Some(preflight) = preflight(shared, parts, entrance) {
        let preflight = preflight?;
        trail.finish(Outcome::Allowed, "preflight", Some(204), None);
        return Ok(Answer::preflight(preflight));
    }
    if let Some(document) = resource_metadata(security, parts, entrance) {
        let document = match document {
            Ok(document) => document,
            Err(reject) => {
                return Ok(refuse(shared, trail, &reject).with_methods(METADATA_METHOD));
            }
        };
        trail.finish(Outcome::Allowed, "resource_metadata", Some(200), None);
        return Ok(Answer::document(document));
    }
    let principal = admit(shared, parts, entrance).await?;
    trail.note_principal(&principal);
    security.admit_principal(&principal, trail.came())?;
    let place = shared.admission.admit(&principal, security.limits())?;
    let words = Words::of(&parts.headers);
    let sessions = shared.sessions.as_ref().filter(|_| !era::is_modern(&words));
    if parts.method != Method::POST {
        let sessions = sessions.ok_or(RejectError::MethodNotAllowed)?;
        let incoming = Incoming { shared, sessions, parts, principal: &principal, entrance };
        return Box::pin(sessions::without_message(incoming, trail, place)).await;
    }
    let body = read::read(body, security.limits()).await?;
    if let Some(sessions) = sessions {
        let limits = DecodeLimits::with_depth(security.limits().max_json_depth());
        let message = Inbound::decode(&body, &limits);
        let era = era::of(&parts.headers, &body, &message);
        if era != era::Era::Modern {
            let incoming = Incoming { shared, sessions, parts, principal: &principal, entrance };
            return Box::pin(sessions::post(incoming, era, &body, message, trail, place)).await;
        }
    }
    Ok(serve(shared, &words, &principal, &body, outbox, trail).await)
}

/// Answers the question of a browser what a page may send; it comes without credentials.
fn preflight(
    shared: &Shared,
    parts: &Parts,
    entrance: &Entrance,
) -> Option<Result<Preflight, RejectError>> {
    let security = &shared.security;
    let preflight = security.preflight(&shared.input(parts))?;
    Some(preflight.and_then(|preflight| {
        if !security.is_resource_metadata(parts.uri.path()) {
            entrance.check_path()?;
        }
        security.check_peer(&entrance.peer)?;
        Ok(preflight)
    }))
}

/// Answers who asks where tokens are to be had; whoever has to ask has none.
fn resource_metadata<'s>(
    security: &'s ServerSecurity,
    parts: &Parts,
    entrance: &Entrance,
) -> Option<Result<&'s str, RejectError>> {
    let document = security.resource_metadata(&GuardInput::from(parts))?;
    Some(document.and_then(|document| security.check_peer(&entrance.peer).map(|()| document)))
}

/// Decides over the head of a request, and establishes who sent it.
async fn admit(
    shared: &Shared,
    parts: &Parts,
    entrance: &Entrance,
) -> Result<Principal, RejectError> {
    let security = &shared.security;
    security.guard(&shared.input(parts))?;
    entrance.check_path()?;
    let credentials =
        Credentials::new(&parts.headers, &entrance.peer).with_query(parts.uri.query());
    let limit = security.limits().authentication_timeout();
    let decided = within(limit, pin!(security.authenticate(&credentials))).await;
    decided.unwrap_or(Err(AuthnError::Unavailable.into()))
}

/// Decodes the message and has it answered.
async fn serve(
    shared: &Shared,
    words: &Words<'_>,
    principal: &Principal,
    body: &Bytes,
    outbox: &Arc<Outbox>,
    trail: &mut Trail<'_>,
) -> Answer {
    let limits = DecodeLimits::with_depth(shared.security.limits().max_json_depth());
    // It stays here: it is large, and every step looks at it.
    let message = Inbound::decode(body, &limits);
    let Understood { request, params, version } =
        match understand(shared, words, body, &message, trail) {
            Ok(understood) => understood,
            Err(answer) => return answer,
        };
    let dispatched = {
        let mut call = Call::new(body, request, params, principal, &shared.security, outbox);
        call.version = version;
        trail.note_version(version);
        call.correlation_id = Some(trail.correlation_id());
        call.came = Some(trail.came());
        dispatch_in_time(&*shared.dispatcher, call)
    };
    let reply = dispatched.await;
    trail.finish_with(&reply, Some(reply.http_status));
    Answer::reply(reply)
}

/// A request whose headers and body say the same.
struct Understood<'m, 'a> {
    request: &'m Request<'a>,
    params: &'m RequestParams<'a>,
    version: ProtocolVersion,
}

/// Takes the request out of a message, and holds the headers to it.
///
/// # Errors
///
/// The answer, already recorded, if there is nothing to dispatch.
fn understand<'m, 'a>(
    shared: &Shared,
    words: &Words<'_>,
    body: &Bytes,
    message: &'m Result<Inbound<'a>, DecodeError>,
    trail: &mut Trail<'_>,
) -> Result<Understood<'m, 'a>, Answer> {
    let (request, params) = match message {
        Ok(Inbound::Request(request, params)) => (request, params),
        Ok(Inbound::Notification(_)) => {
            // This revision defines none over HTTP: a disconnect is the cancellation.
            trail.finish(Outcome::Allowed, "notification_ignored", Some(202), None);
            return Err(Answer::accepted());
        }
        Ok(_) => {
            let error =
                ErrorObject::new(ErrorCode::INVALID_REQUEST, "clients do not send responses");
            let code = Some(error.code.get());
            trail.finish(Outcome::Denied, "unexpected_response", Some(400), code);
            return Err(Answer::error(400, None, &error));
        }
        Err(error) => {
            let (code, id) = (error.kind.code(), error.id.as_ref());
            let error = error.kind.to_error();
            trail.finish(Outcome::Denied, code, Some(400), Some(error.code.get()));
            return Err(Answer::error(400, id, &error));
        }
    };
    let agreed = params.as_ref().map_err(|error| error.to_error()).and_then(|params| {
        // Before the check, so that the record of a request with two faces says what it asked for.
        trail.note_request(body, request, params);
        let version = agree::check(words, request, params, &*shared.dispatcher)?;
        Ok(Understood { request, params, version })
    });
    agreed.map_err(|error| {
        let code = Some(error.code.get());
        trail.finish(Outcome::Denied, envelope_code(error.code), Some(400), code);
        Answer::error(400, Some(&request.id), &error)
    })
}

fn refuse(shared: &Shared, trail: &mut Trail<'_>, reject: &RejectError) -> Answer {
    let security = &shared.security;
    let challenge = match reject {
        RejectError::Unauthenticated(error) => security.challenge(error),
        _ => None,
    };
    let methods = match shared.sessions {
        Some(_) => ALLOWED_METHODS_WITH_SESSIONS,
        None => ALLOWED_METHODS,
    };
    let answer = Answer::refusal(reject, challenge, methods);
    trail.finish(
        Outcome::Denied,
        reject.code(),
        Some(answer.status()),
        Some(reject.jsonrpc_code()),
    );
    answer
}

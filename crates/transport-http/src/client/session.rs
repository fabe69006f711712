//! The session of revisions up to 2025-11-25: its id on every request, streams that go on where they broke
//! off, cancellation by a message, and the stream of what belongs to no request.

mod batch;
mod cancel;
mod resume;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use hyper::body::Incoming;
use palisade_protocol::{
    ProtocolVersion,
    header::{LAST_EVENT_ID, MCP_SESSION_ID},
    legacy::method,
};
use palisade_transport::{MessageStream, OutboundRequest, TransportError};

pub(super) use self::cancel::{CancelOnDrop, Cancellations};
use self::resume::Resumable;
use super::{
    Core, head,
    legacy_sse::LegacySse,
    receive::Received,
    stream::{Arrived, EventStream},
};

/// The longest session id that is kept. It goes out with every request.
const MAX_SESSION_ID: usize = 1024;

/// How long the end of a session may take: the server forgets it by itself some time.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// The session that the transport is in, if it is in one.
#[derive(Default)]
pub(super) struct State {
    current: Mutex<Current>,
    pub(super) cancellations: Cancellations,
}

#[derive(Clone, Default)]
struct Current {
    /// The server speaks HTTP+SSE, and everything goes that way.
    legacy_sse: Option<Arc<LegacySse>>,
    /// Opaque, and as good as a credential: whoever has it may be taken for this client.
    id: Option<HeaderValue>,
    version: Option<ProtocolVersion>,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the id of a new session from the response to `initialize`.
    fn begin(&self, headers: &HeaderMap) -> Result<(), TransportError> {
        let id = match headers.get(MCP_SESSION_ID) {
            None => None,
            Some(id)
                if (1..=MAX_SESSION_ID).contains(&id.len())
                    && id.as_bytes().iter().all(u8::is_ascii_graphic) =>
            {
                let mut id = id.clone();
                id.set_sensitive(true);
                Some(id)
            }
            Some(_) => return Err(TransportError::InvalidResponse("its session id is not one")),
        };
        *self.lock() = Current { id, ..Current::default() };
        Ok(())
    }

    fn legacy_sse(&self) -> Option<Arc<LegacySse>> {
        self.lock().legacy_sse.clone()
    }

    /// Adds the session to a request. Returns whether there is one.
    fn mark(&self, headers: &mut HeaderMap, version: ProtocolVersion) -> bool {
        let mut current = self.lock();
        current.version = Some(version);
        if let Some(id) = &current.id {
            headers.insert(HeaderName::from_static(MCP_SESSION_ID), id.clone());
        }
        current.id.is_some()
    }
}

/// Sends one request. `initialize` begins a session, everything else belongs to the one that there is.
pub(super) async fn exchange(
    core: &Arc<Core>,
    request: OutboundRequest,
) -> Result<Box<dyn MessageStream>, TransportError> {
    if request.method == method::INITIALIZE {
        return begin(core, request).await;
    }
    let version = request.protocol_version;
    let mut cancel = CancelOnDrop::new(core, &request);
    if let Some(legacy_sse) = core.session.legacy_sse() {
        return legacy_sse.request(core, request.body, cancel).await;
    }
    let headers = core.headers.clone();
    let sent = send_in_session(core, Method::POST, headers, request.body, version).await;
    let (response, context) = match sent {
        Ok(answered) => answered,
        Err(error) => {
            // What has not arrived, or was refused, needs no cancellation.
            cancel.disarm();
            return Err(error);
        }
    };
    match core.receive(response, context).await {
        Ok(Received::Single(mut single)) => {
            cancel.disarm();
            let context = single.authn_context();
            let messages = single.take().map(|message| batch::split(version, message));
            Ok(Box::new(Arrived::new(messages.transpose()?.unwrap_or_default(), context)))
        }
        Ok(Received::Events(events)) => {
            Ok(Box::new(Resumable::new(Arc::clone(core), version, *events, Some(cancel))))
        }
        Err(error) => {
            cancel.disarm();
            Err(error)
        }
    }
}

async fn begin(
    core: &Arc<Core>,
    request: OutboundRequest,
) -> Result<Box<dyn MessageStream>, TransportError> {
    *core.session.lock() = Current::default();
    let body = request.body;
    let (response, context) = core.send(Method::POST, core.headers.clone(), body.clone()).await?;
    if response.status() == StatusCode::OK {
        core.session.begin(response.headers())?;
    }
    let failure = match core.receive(response, context).await {
        Ok(received) => return Ok(received.into_stream()),
        Err(failure) => failure,
    };
    match failure {
        TransportError::Status { status: 400 | 404 | 405 } => {
            // One that has no such stream either is best explained by its first answer.
            let Ok(legacy_sse) = LegacySse::open(core).await else { return Err(failure) };
            core.session.lock().legacy_sse = Some(Arc::clone(&legacy_sse));
            legacy_sse.request(core, body, CancelOnDrop::nothing()).await
        }
        failure => Err(failure),
    }
}

/// Sends a message that is no request. Any success means that it was taken.
pub(super) async fn send(
    core: &Core,
    message: Bytes,
    version: ProtocolVersion,
) -> Result<(), TransportError> {
    if let Some(legacy_sse) = core.session.legacy_sse() {
        return legacy_sse.send(core, message).await;
    }
    let headers = core.headers.clone();
    let (response, context) =
        send_in_session(core, Method::POST, headers, message, version).await?;
    taken(core, response, context).await
}

/// Whether the server has taken a message: any success says so, whatever its body.
pub(super) async fn taken(
    core: &Core,
    response: Response<Incoming>,
    context: Option<[u8; 32]>,
) -> Result<(), TransportError> {
    match response.status() {
        status if status.is_success() => Ok(()),
        status => match core.receive(response, context).await {
            Ok(_) => Err(TransportError::Status { status: status.as_u16() }),
            Err(error) => Err(error),
        },
    }
}

/// Opens the stream of what belongs to no request.
pub(super) async fn listen(
    core: &Arc<Core>,
    version: ProtocolVersion,
) -> Result<Box<dyn MessageStream>, TransportError> {
    if let Some(legacy_sse) = core.session.legacy_sse() {
        return legacy_sse.listen();
    }
    let events = get(core, version, None).await?;
    Ok(Box::new(Resumable::new(Arc::clone(core), version, events, None)))
}

/// Ends the session on the server, if there is one. It may refuse, or be gone: nothing depends on it.
pub(super) async fn end(core: &Core) {
    let Current { id: Some(_), version, .. } = core.session.lock().clone() else {
        *core.session.lock() = Current::default();
        return;
    };
    let version = version.unwrap_or(ProtocolVersion::V2025_11_25);
    let sent = send_in_session(core, Method::DELETE, HeaderMap::new(), Bytes::new(), version);
    if !matches!(tokio::time::timeout(END_TIMEOUT, sent).await, Ok(Ok(_))) {
        tracing::debug!("the end of the session did not reach the server");
    }
    *core.session.lock() = Current::default();
}

/// Opens a stream by GET: a new one, or one that goes on after an event.
async fn get(
    core: &Core,
    version: ProtocolVersion,
    last_event_id: Option<&str>,
) -> Result<EventStream, TransportError> {
    let mut headers = listening(core);
    if let Some(id) = last_event_id {
        let id = HeaderValue::from_str(id)
            .map_err(|_| TransportError::InvalidResponse("an event id is not one"))?;
        headers.insert(HeaderName::from_static(LAST_EVENT_ID), id);
    }
    let (response, context) =
        send_in_session(core, Method::GET, headers, Bytes::new(), version).await?;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        return Err(TransportError::NotOffered);
    }
    match core.receive(response, context).await? {
        Received::Events(events) => Ok(*events),
        Received::Single(_) => Err(TransportError::NotOffered),
    }
}

/// The headers of a request for a stream.
pub(super) fn listening(core: &Core) -> HeaderMap {
    let mut headers = core.headers.clone();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers
}

/// One HTTP request of the session.
///
/// # Specification
///
/// MCP 2025-11-25, Transports, "Session Management": `404` to a request with a session id says that the
/// session is gone, whatever the body says.
async fn send_in_session(
    core: &Core,
    method: Method,
    mut headers: HeaderMap,
    body: Bytes,
    version: ProtocolVersion,
) -> Result<(Response<Incoming>, Option<[u8; 32]>), TransportError> {
    head::version(&mut headers, version);
    let in_session = core.session.mark(&mut headers, version);
    let answered = core.send(method, headers, body).await?;
    if in_session && answered.0.status() == StatusCode::NOT_FOUND {
        return Err(TransportError::SessionExpired);
    }
    Ok(answered)
}

//! Sessions: Streamable HTTP as the older revisions speak it, and HTTP+SSE before it.
//!
//! What reaches this module has passed every check that requests of the newest revision pass. [`era`] tells
//! whose a request is, [`table`] holds the sessions, [`post`] and [`listen`] answer what they are sent.
//! A request that has begun runs to its end, also if its client loses the connection: [`teller`] keeps
//! what it says in an [`events::EventStore`], from which [`replay`] goes on.

pub(super) mod era;
mod events;
mod id;
mod listen;
mod live;
mod post;
mod replay;
mod run;
mod shards;
mod sse;
mod table;
mod teller;

use std::sync::Arc;

use http::{Method, request::Parts};
use palisade_protocol::header;
use palisade_security::{Outcome, Principal, RejectError};
use palisade_transport::pipeline::{Place, Trail};

pub use self::events::{EventId, EventIdError, EventStore, MemoryEventStore};
use self::{id::SessionId, live::Use};
pub(super) use self::{
    post::post,
    table::{Sessions, Settings},
};
use super::{
    answer::Answer,
    exchange::{Entrance, Shared},
};

/// One request, after all that is decided before its body is looked into.
pub(super) struct Incoming<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) sessions: &'a Arc<Sessions>,
    pub(super) parts: &'a Parts,
    pub(super) principal: &'a Principal,
    pub(super) entrance: &'a Entrance,
}

impl Incoming<'_> {
    /// The session that the request names; none if it names none.
    fn session(&self) -> Option<Result<Use, RejectError>> {
        let mut values = self.parts.headers.get_all(header::MCP_SESSION_ID).iter();
        let (value, more) = (values.next()?, values.next());
        let id = SessionId::parse(value.as_bytes()).filter(|_| more.is_none());
        Some(self.find(id).and_then(|used| match used.is_sse() {
            true => Err(RejectError::SessionNotFound),
            false => Ok(used),
        }))
    }

    /// The session with this id, if it is this principal's.
    fn find(&self, id: Option<SessionId>) -> Result<Use, RejectError> {
        let found = id.and_then(|id| self.sessions.find(&id, self.principal));
        found.ok_or(RejectError::SessionNotFound)
    }
}

/// Answers a request that is no `POST`: `GET` listens, `DELETE` ends the session.
pub(super) async fn without_message(
    incoming: Incoming<'_>,
    trail: &mut Trail<'_>,
    place: Place<'_>,
) -> Result<Answer, RejectError> {
    era::check_version(&incoming.parts.headers, &*incoming.shared.dispatcher)?;
    if incoming.parts.method == Method::GET {
        return listen::listen(&incoming, trail, place).await;
    }
    let used = incoming.session().ok_or(RejectError::SessionRequired)??;
    incoming.sessions.close(&used).await;
    trail.finish(Outcome::Allowed, "session_closed", Some(204), None);
    Ok(Answer::empty(204))
}

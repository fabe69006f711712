//! Clients of older revisions: the first `initialize` makes the stream a session. Requests of the newest revision,
//! which say their version themselves, are served beside it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use palisade_protocol::{
    ErrorCode, ErrorObject, Notification, ProtocolVersion, Request, RequestParams, legacy,
};
use palisade_security::{Outcome, Principal};
use palisade_transport::{
    Call, Reply,
    legacy::{Opened, Session},
    pipeline::{Trail, open_in_time},
};

use super::{
    exchange::{Done, Shared, message},
    running::{Slot, Table},
};

/// Whose rules a request follows.
pub(super) enum Era<'s> {
    /// Its own: it says its version.
    Modern,
    /// It begins a session.
    Opening,
    /// Those of the session.
    Session(&'s Session),
}

/// Whose rules this request follows. A client that is neither in a session nor begins one gets what the newest
/// revision has to say to it.
pub(super) fn era<'s>(
    shared: &Shared,
    request: &Request<'_>,
    params: &RequestParams<'_>,
    table: &'s Table,
) -> Era<'s> {
    let says = params.meta.as_ref().is_some_and(|meta| meta.protocol_version.is_some());
    match table.session() {
        Some(session) if !says => Era::Session(session),
        None if request.method == legacy::method::INITIALIZE && serves_older(shared) => {
            Era::Opening
        }
        _ => Era::Modern,
    }
}

fn serves_older(shared: &Shared) -> bool {
    shared.dispatcher.supported_versions().iter().any(|version| !version.is_modern())
}

/// Answers `initialize`.
pub(super) async fn open(shared: &Shared, call: Call<'_>, table: &Table) -> Reply {
    match open_in_time(&*shared.dispatcher, call).await {
        Ok(Opened { session, reply, .. }) => match table.open(session) {
            true => reply,
            // Two of them came at once.
            false => {
                let error =
                    ErrorObject::new(ErrorCode::INVALID_REQUEST, "the session is initialized");
                Reply::error(Some(&call.request.id), &error, "already_initialized")
            }
        },
        Err(reply) => reply,
    }
}

/// Takes note of a notification.
pub(super) fn notification(
    notification: &Notification<'_>,
    table: &Table,
    mut trail: Trail<'_>,
) -> Done {
    let Some(session) = table.session() else {
        // The newest revision defines none but the cancellation.
        trail.finish(Outcome::Allowed, "notification_ignored", None, None);
        return Done::Silence;
    };
    session.notification(notification);
    trail.finish(Outcome::Allowed, "notification_accepted", None, None);
    match &*notification.method {
        legacy::method::NOTIFICATIONS_INITIALIZED => Done::Tell,
        _ => Done::Silence,
    }
}

/// Tells the client of changes for as long as its stream lasts, if nobody does so yet.
pub(super) async fn tell(shared: &Shared, peer: &Principal, slot: &Arc<Slot>) {
    if let Some(session) = slot.table().session()
        && slot.become_teller()
    {
        let told = session.listen(&*shared.dispatcher, peer, &shared.security, slot.outbox());
        let _ = slot.until_ended(told).await;
    }
}

/// The messages of a line, if it is a batch and the client's revision has batches.
pub(super) fn batch(shared: &Shared, line: &Bytes, table: &Table) -> Option<Vec<Bytes>> {
    table.session().filter(|session| session.version() == ProtocolVersion::V2025_03_26)?;
    // What is wrong with one is found again, and said, where it is taken for a message.
    let messages = legacy::batch(line, &shared.decode_limits())?.ok()?;
    Some(messages.iter().map(|message| line.slice_ref(message.get().as_bytes())).collect())
}

/// Serves the messages of a batch beside each other, and answers all of them at once.
///
/// # Specification
///
/// MCP 2025-03-26, Overview, "Batching"; JSON-RPC 2.0, section 6.
pub(super) async fn serve_batch(
    shared: &Shared,
    peer: &Principal,
    messages: Vec<Bytes>,
    slot: &Slot,
) -> Done {
    let slots: Vec<_> = messages.iter().map(|_| slot.sibling()).collect();
    let served = messages
        .into_iter()
        .zip(&slots)
        .map(|(line, slot)| Box::pin(message(shared, peer, line, slot, shared.ids.next_id())));
    let (mut answers, mut ends_handshake) = (Vec::new(), false);
    for done in join_all(served).await {
        match done {
            Done::Answer(answer) => {
                answers.push(if answers.is_empty() { b'[' } else { b',' });
                answers.extend_from_slice(&answer);
            }
            Done::Cancel(id) => slot.table().cancel(&id),
            Done::Tell => ends_handshake = true,
            Done::Silence => {}
        }
    }
    if answers.is_empty() {
        return if ends_handshake { Done::Tell } else { Done::Silence };
    }
    answers.push(b']');
    if ends_handshake {
        // What follows has no end to answer at.
        slot.outbox().send(answers.into()).await;
        return Done::Tell;
    }
    Done::Answer(answers.into())
}

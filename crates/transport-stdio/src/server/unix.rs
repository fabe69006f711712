//! Unix sockets: who connects is what the kernel says.

use std::{io, sync::Arc, time::Duration};

use palisade_security::{AuditRecord, Outcome, Principal};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};

use super::{ServeError, StdioServer, connection::Connection, exchange::TRANSPORT};

/// How long to wait when there are no descriptors left: connections that end give some back.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// The user that this process runs as.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A user of this machine. `scheme` says how it was established.
pub(super) fn principal(scheme: &'static str, uid: u32) -> Principal {
    Principal::new(format!("uid:{uid}"), scheme)
}

/// Accepts connections and serves each in a task of its own.
pub(super) async fn serve(server: StdioServer, listener: UnixListener) -> Result<(), ServeError> {
    let places = Arc::new(Semaphore::new(server.shared.security.limits().max_connections()));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if passes(&error) => continue,
            Err(error) if is_out_of_descriptors(&error) => {
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                continue;
            }
            Err(error) => return Err(ServeError::Accept(error)),
        };
        let Some(peer) = admit(&server, &stream) else { continue };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            refuse(&server, Some(&peer), "too_many_connections");
            continue;
        };
        let server = server.clone();
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = serve_connection(server, stream, peer).await {
                tracing::debug!(code = error.code(), "a connection broke");
            }
        });
    }
}

async fn serve_connection(
    server: StdioServer,
    stream: UnixStream,
    peer: Principal,
) -> Result<(), ServeError> {
    let patience = server.shared.security.limits().idle_timeout();
    let (reader, writer) = stream.into_split();
    let connection = Connection::new(server.shared, peer, reader, writer);
    connection.with_patience(patience).serve(server.drain).await
}

/// Who has connected, if it is one that may.
fn admit(server: &StdioServer, stream: &UnixStream) -> Option<Principal> {
    // Of a peer that has left already nothing can be known.
    let uid = stream.peer_cred().ok()?.uid();
    let peer = principal("unix_socket", uid);
    let allowed = server.allowed_uids.contains(&uid);
    if !allowed {
        refuse(server, Some(&peer), "peer_not_allowed");
    }
    allowed.then_some(peer)
}

/// Records that a connection was refused before it could carry a message.
fn refuse(server: &StdioServer, peer: Option<&Principal>, code: &str) {
    let security = &server.shared.security;
    let (now, id) = (security.clock().now(), server.shared.ids.next_id());
    let record = AuditRecord::new(now, id, TRANSPORT, Outcome::Denied, code).with_principal(peer);
    security.audit().record(&record);
}

/// Whether an error is over with the connection that had it.
fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

//! The task that keeps a server running: it serves it, starts it again when it ends, and gives up on one that
//! does nothing but end.

use std::sync::Arc;

use palisade_security::{Restart, ServerCommand};
use palisade_transport::TransportError;
use tokio::time::{Instant, sleep};

use super::{
    check::{LaunchError, checked},
    drive::End,
    link::Link,
    process::Process,
};

/// Starts a program, if all is right with it.
pub(super) fn start(command: &ServerCommand) -> Result<Process, LaunchError> {
    Process::start(checked(command)?, command.limits())
}

/// Serves one process after the other, until the transport is closed or there will be no other.
pub(super) async fn supervise(
    link: Arc<Link>,
    command: ServerCommand,
    restart: Restart,
    first: Process,
) {
    // Also where the runtime drops this task.
    let _ended = Ended(Arc::clone(&link));
    let mut process = Some(first);
    let mut attempt = 0;
    loop {
        if let Some(process) = process.take() {
            link.set_up();
            let began = Instant::now();
            if process.serve(&link).await == End::Closing {
                return;
            }
            tracing::warn!(program = %command.program().display(), "a server ended");
            if began.elapsed() >= restart.healthy_after() {
                attempt = 0;
            }
        }
        if attempt >= restart.attempts() {
            link.set_ended(TransportError::ProcessEnded);
            return;
        }
        tokio::select! {
            () = link.closing() => return,
            () = sleep(restart.delay(attempt)) => attempt += 1,
        }
        match start(&command) {
            Ok(started) => process = Some(started),
            Err(error) => tracing::warn!(code = error.code(), "a server cannot be started again"),
        }
    }
}

/// Serves a pair of streams that nobody can open again.
pub(super) async fn serve_once(
    link: Arc<Link>,
    reader: impl tokio::io::AsyncRead + Unpin,
    writer: impl tokio::io::AsyncWrite + Unpin,
) {
    let _ended = Ended(Arc::clone(&link));
    link.set_up();
    if super::drive::drive(&link, reader, writer).await == End::Gone {
        link.set_ended(TransportError::Interrupted);
    }
}

/// Says that there will be no server again, if nobody has said so with a better reason.
struct Ended(Arc<Link>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set_ended(TransportError::Closed);
    }
}

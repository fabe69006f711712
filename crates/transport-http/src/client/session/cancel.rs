//! Cancellation by a message: in revisions up to 2025-11-25 a connection that ends says nothing.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use palisade_protocol::{
    CancelledNotificationParams, DecodeLimits, Message, ProtocolVersion, RequestId, encode, method,
};
use palisade_transport::OutboundRequest;
use tokio::{runtime::Handle, sync::Semaphore};

use super::super::Core;

/// How many cancellations may be under way; more are not sent. A program that drops requests by the
/// thousand would otherwise answer each with a request of its own.
const MAX_CANCELLATIONS: usize = 32;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The cancellations that are under way.
pub(in super::super) struct Cancellations(Arc<Semaphore>);

impl Default for Cancellations {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CANCELLATIONS)))
    }
}

/// Tells the server that a request is no longer wanted, unless it was answered before.
pub(in super::super) struct CancelOnDrop {
    core: Weak<Core>,
    version: ProtocolVersion,
    /// `None` once there is nothing to cancel.
    request: Option<RequestId>,
}

impl CancelOnDrop {
    pub(super) fn new(core: &Arc<Core>, request: &OutboundRequest) -> Self {
        let id = match Message::decode(&request.body, &DecodeLimits::with_depth(usize::MAX)) {
            Ok(Message::Request(request)) => Some(request.id),
            _ => None,
        };
        Self { core: Arc::downgrade(core), version: request.protocol_version, request: id }
    }

    /// For `initialize`, which must not be cancelled.
    pub(super) fn nothing() -> Self {
        Self { core: Weak::new(), version: ProtocolVersion::V2024_11_05, request: None }
    }

    /// The request was answered, or never arrived.
    pub(in super::super) fn disarm(&mut self) {
        self.request = None;
    }

    /// Whether this message answers the request.
    pub(super) fn is_answered_by(&self, message: &[u8]) -> bool {
        self.request.is_some()
            && matches!(
                Message::decode(message, &DecodeLimits::default()),
                Ok(Message::Response(response)) if response.id == self.request
            )
    }
}

impl Drop for CancelOnDrop {
    /// The one thing that a transport does in the background: nobody awaits a request that was dropped.
    fn drop(&mut self) {
        let (Some(id), Some(core)) = (self.request.take(), self.core.upgrade()) else { return };
        if *core.closed.borrow() {
            return;
        }
        let (Ok(runtime), Ok(permit)) =
            (Handle::try_current(), Arc::clone(&core.session.cancellations.0).try_acquire_owned())
        else {
            tracing::debug!("a request was dropped without telling the server");
            return;
        };
        let params = CancelledNotificationParams::new(id);
        let Ok(message) = encode::notification(method::NOTIFICATIONS_CANCELLED, &params) else {
            return;
        };
        let version = self.version;
        runtime.spawn(async move {
            let sent = core.until_closed(super::send(&core, message.into(), version));
            if !matches!(tokio::time::timeout(TIMEOUT, sent).await, Ok(Ok(()))) {
                tracing::debug!("a cancellation did not reach the server");
            }
            drop(permit);
        });
    }
}

//! What the tests of the engine share.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use palisade_security::{AllowedOrigins, Policy, SecurityConfig, ServerSecurity};

/// Rules with this policy, and nothing else that could refuse.
pub(crate) fn security(policy: impl Policy + 'static) -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_policy(policy)
        .build()
        .unwrap()
}

/// Polls once.
pub(crate) fn ready<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

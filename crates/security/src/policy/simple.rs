//! Policies without rules.

use std::sync::Arc;

use super::{AccessRequest, Decision, DenyReason, Explanation, Policy, PolicyError, ask};

/// Allows everything to everyone who authenticated. The default; on a server without authentication it
/// allows the anonymous principal too.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AllowAuthenticated {
    anonymous: bool,
}

impl AllowAuthenticated {
    /// Allows everything to principals that are not anonymous.
    #[must_use]
    pub const fn new() -> Self {
        Self { anonymous: false }
    }

    /// What a server without authentication uses: the decision to let everyone in was made there.
    pub(crate) const fn including_anonymous() -> Self {
        Self { anonymous: true }
    }
}

impl Policy for AllowAuthenticated {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        if request.principal.is_anonymous() && !self.anonymous {
            return Ok(Decision::Deny(DenyReason::MethodNotAuthorized));
        }
        Ok(Decision::Allow)
    }
}

/// A policy on trial: what is in force allows what it would without it, and says what the one on trial would
/// have refused. One gets it by `dangerous().with_policy_dry_run(..)`.
#[derive(Debug)]
pub(crate) struct DryRun {
    in_force: AllowAuthenticated,
    on_trial: Arc<dyn Policy>,
}

impl DryRun {
    pub(crate) const fn new(in_force: AllowAuthenticated, on_trial: Arc<dyn Policy>) -> Self {
        Self { in_force, on_trial }
    }
}

impl Policy for DryRun {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        match self.in_force.decide(request)? {
            Decision::Allow => {}
            other => return Ok(other),
        }
        Ok(match ask(&*self.on_trial, request) {
            Decision::Allow => Decision::Allow,
            Decision::Deny(reason) | Decision::WouldDeny(reason) => Decision::WouldDeny(reason),
        })
    }

    fn explain(&self, request: &AccessRequest<'_>) -> Result<Explanation, PolicyError> {
        let mut explanation = super::explain(&*self.on_trial, request);
        explanation.decision = self.decide(request)?;
        Ok(explanation)
    }
}

//! Several authenticators as one: [`AnyOf`] and [`AllOf`].

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use super::{Authenticator, AuthnError, Challenge, CredentialId, Credentials};
use crate::{
    config::{Finding, Severity},
    digest::digest_parts,
    principal::Principal,
};

/// Takes one of several kinds of credentials. A request has exactly one: with two of them, two readers could
/// see two different callers, so it is refused whatever each is worth.
///
/// Its challenge names every kind.
#[derive(Clone, Debug)]
pub struct AnyOf(Vec<Arc<dyn Authenticator>>);

impl AnyOf {
    /// Starts with one kind.
    #[must_use]
    pub fn new(authenticator: impl Authenticator + 'static) -> Self {
        Self(vec![Arc::new(authenticator)])
    }

    /// Adds another kind.
    #[must_use]
    pub fn or(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.0.push(Arc::new(authenticator));
        self
    }

    /// The one that is to check these credentials.
    fn chosen(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Option<&Arc<dyn Authenticator>>, AuthnError> {
        let mut chosen = None;
        for authenticator in &self.0 {
            if authenticator.is_offered(credentials)? && chosen.replace(authenticator).is_some() {
                return Err(AuthnError::MultipleCredentials);
            }
        }
        Ok(chosen)
    }
}

#[async_trait]
impl Authenticator for AnyOf {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let chosen = self.chosen(credentials)?.ok_or(AuthnError::MissingCredentials)?;
        chosen.authenticate(credentials).await
    }

    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        match self.chosen(credentials) {
            Ok(Some(chosen)) => chosen.authenticate_now(credentials),
            Ok(None) => Some(Err(AuthnError::MissingCredentials)),
            Err(error) => Some(Err(error)),
        }
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        challenge(&self.0, error)
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(self.chosen(credentials)?.is_some())
    }

    fn claims(&self, credentials: &Credentials<'_>) -> Option<CredentialId> {
        self.chosen(credentials).ok().flatten()?.claims(credentials)
    }

    fn findings(&self) -> Vec<Finding> {
        findings(&self.0, "any_of")
    }

    fn uses_client_certificates(&self) -> bool {
        self.0.iter().any(|authenticator| authenticator.uses_client_certificates())
    }
}

/// Demands several kinds of credentials at once, such as a client certificate and a token.
///
/// The principal is the first one's, with its scopes, until the first of them expires; its context key
/// depends on all of them.
#[derive(Clone, Debug)]
pub struct AllOf {
    authenticators: Vec<Arc<dyn Authenticator>>,
    same_subject: bool,
}

impl AllOf {
    /// Starts with the kind that says who it is.
    #[must_use]
    pub fn new(authenticator: impl Authenticator + 'static) -> Self {
        Self { authenticators: vec![Arc::new(authenticator)], same_subject: false }
    }

    /// Demands another kind too.
    #[must_use]
    pub fn and(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticators.push(Arc::new(authenticator));
        self
    }

    /// Demands that all name the same subject, so that a stolen token is of no use with another's
    /// certificate. Default: they need not.
    #[must_use]
    pub fn with_same_subject(mut self) -> Self {
        self.same_subject = true;
        self
    }
}

#[async_trait]
impl Authenticator for AllOf {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        // What is missing is told before anything is checked.
        for authenticator in &self.authenticators {
            if !authenticator.is_offered(credentials)? {
                return Err(AuthnError::MissingCredentials);
            }
        }
        let mut principals = Vec::with_capacity(self.authenticators.len());
        for authenticator in &self.authenticators {
            principals.push(authenticator.authenticate(credentials).await?);
        }
        let first = principals.first().ok_or(AuthnError::Unavailable)?;
        if self.same_subject && principals.iter().any(|it| it.subject() != first.subject()) {
            return Err(AuthnError::InvalidCredentials);
        }
        let keys: Vec<_> = principals.iter().map(Principal::context_key).collect();
        let keys: Vec<_> = keys.iter().map(<[u8; 32]>::as_slice).collect();
        let principal = first.clone().with_context_key(digest_parts(&keys));
        Ok(match principals.iter().filter_map(Principal::expires_at).min() {
            Some(expires_at) => principal.with_expires_at(expires_at),
            None => principal,
        })
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        challenge(&self.authenticators, error)
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        self.authenticators.iter().try_fold(false, |offered, authenticator| {
            Ok(offered | authenticator.is_offered(credentials)?)
        })
    }

    fn claims(&self, credentials: &Credentials<'_>) -> Option<CredentialId> {
        self.authenticators.iter().find_map(|authenticator| authenticator.claims(credentials))
    }

    fn findings(&self) -> Vec<Finding> {
        findings(&self.authenticators, "all_of")
    }

    fn uses_client_certificates(&self) -> bool {
        self.authenticators.iter().any(|authenticator| authenticator.uses_client_certificates())
    }
}

fn challenge(authenticators: &[Arc<dyn Authenticator>], error: Option<&AuthnError>) -> Challenge {
    authenticators
        .iter()
        .map(|authenticator| authenticator.challenge(error))
        .reduce(Challenge::or)
        .unwrap_or_else(|| Challenge::new("Bearer"))
}

/// Their findings, each below its place, and whether two take the same credential.
fn findings(authenticators: &[Arc<dyn Authenticator>], path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut challenges: Vec<Challenge> = Vec::new();
    for (index, authenticator) in authenticators.iter().enumerate() {
        let place = format!("{path}[{index}]");
        findings.extend(authenticator.findings().into_iter().map(|it| it.within(&place)));
        let challenge = authenticator.challenge(None);
        if challenges.contains(&challenge) {
            let message = "two authenticators take the same credential, so no request could pass";
            let finding = Finding::new(place, Severity::Error, "duplicate_authenticator", message);
            findings.push(finding.with_fix("list all credentials of a kind in one authenticator"));
        }
        challenges.push(challenge);
    }
    findings
}

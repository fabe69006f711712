//! Authentication: [`Credentials`] come in, a [`Principal`] or an [`AuthnError`] comes out.

mod backoff;
mod challenge;
mod combine;
mod credentials;
mod header;

use std::{fmt, fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;

pub use backoff::{AddressBlock, Backoff, CredentialId, DangerousBackoff};
pub use challenge::Challenge;
pub use combine::{AllOf, AnyOf};
pub use credentials::{Credentials, PeerInfo};
pub use header::{CredentialHeader, CredentialHeaderError};

use crate::{config::Finding, principal::Principal};

/// Checks credentials. Object-safe, so that a configuration can hold any.
///
/// An implementation must compare secrets in constant time, must not log or return what it was given, and
/// must refuse what it does not understand. It implements [`Self::authenticate_now`] if it need not wait for
/// anything, and [`Self::authenticate`] if it must; with neither, nobody is let in.
#[async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// Establishes who a request comes from. Default: what [`Self::authenticate_now`] says.
    ///
    /// # Errors
    ///
    /// [`AuthnError`]: nothing of the request reaches a handler.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future refuses the request.
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        self.authenticate_now(credentials).unwrap_or(Err(AuthnError::Unavailable))
    }

    /// The same without waiting, which costs a request no future. Where this decides, nobody asks
    /// [`Self::authenticate`]. Default: it does not.
    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        let _ = credentials;
        None
    }

    /// What to ask for in `WWW-Authenticate`; `error` is why the request was refused, if it is known.
    fn challenge(&self, error: Option<&AuthnError>) -> Challenge;

    /// Whether the request offers a credential of this kind, good or bad: [`AnyOf`] asks who is to check it.
    /// Must be cheap. Default: whether there is an `Authorization` header with the scheme of the challenge.
    ///
    /// # Errors
    ///
    /// [`AuthnError::MultipleCredentials`] if it offers several.
    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        let challenge = self.challenge(None);
        Ok(credentials.authorization_with_scheme(challenge.scheme())?.is_some())
    }

    /// Whom the credentials claim to be of, if they say so before they are checked, as a user name does.
    /// Failed attempts are counted for it and an address, and while the next one must wait, it is refused
    /// unchecked. Default: nobody, as with random tokens. Then failures are counted for the address alone,
    /// and a valid token is let in from there at any time: it cannot have been found by guessing.
    fn claims(&self, credentials: &Credentials<'_>) -> Option<CredentialId> {
        let _ = credentials;
        None
    }

    /// What is wrong with the way this authenticator is set up, such as a guessable token; paths are
    /// relative to it. Building a configuration with it reports them. Default: nothing.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// Whether client certificates are among what it checks. Building a configuration that does not ask
    /// clients for any is an error then. Default: no.
    fn uses_client_certificates(&self) -> bool {
        false
    }
}

/// The authenticator of servers whose peers the operating system names: it takes no credentials, so that a
/// listener which has nothing else to go by lets nobody in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoCredentialsCount;

impl Authenticator for NoCredentialsCount {
    fn authenticate_now(&self, _: &Credentials<'_>) -> Option<Result<Principal, AuthnError>> {
        Some(Err(AuthnError::MissingCredentials))
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        Challenge::new("None")
    }

    fn is_offered(&self, _: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(false)
    }
}

/// Shared authenticators are authenticators.
#[async_trait]
impl<T: Authenticator + ?Sized> Authenticator for Arc<T> {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        (**self).authenticate(credentials).await
    }

    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        (**self).authenticate_now(credentials)
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        (**self).challenge(error)
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        (**self).is_offered(credentials)
    }

    fn claims(&self, credentials: &Credentials<'_>) -> Option<CredentialId> {
        (**self).claims(credentials)
    }

    fn findings(&self) -> Vec<Finding> {
        (**self).findings()
    }

    fn uses_client_certificates(&self) -> bool {
        (**self).uses_client_certificates()
    }
}

/// Why a request has no principal. Safe to log: nothing of the credentials is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthnError {
    /// The request carries no credentials that this server understands.
    #[error("authentication required")]
    MissingCredentials,
    /// The credentials are malformed, unknown or revoked. One variant for all, so that an answer does not
    /// tell a guesser how close the guess was.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The credentials were valid once.
    #[error("credentials have expired")]
    Expired,
    /// The request carries more than one credential, so that two readers could pick different ones.
    #[error("more than one credential in the request")]
    MultipleCredentials,
    /// The URI carries a token. It is in logs by now and must be revoked.
    #[error("credentials must not be in the uri")]
    CredentialsInQuery,
    /// The authenticator cannot decide now, for example because a key server does not answer.
    #[error("authentication is unavailable")]
    Unavailable,
    /// The authenticator has as much to check as it takes at a time.
    #[error("authentication is busy")]
    Busy,
    /// Too many attempts from this address failed: see [`Backoff`]. Nothing was checked, or what was checked
    /// is not valid.
    #[error("too many failed attempts")]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
}

impl AuthnError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Expired => "expired_credentials",
            Self::MultipleCredentials => "multiple_credentials",
            Self::CredentialsInQuery => "credentials_in_query",
            Self::Unavailable => "authentication_unavailable",
            Self::Busy => "authentication_busy",
            Self::Throttled { .. } => "too_many_failed_attempts",
        }
    }

    /// The HTTP status to answer with.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::MissingCredentials | Self::InvalidCredentials | Self::Expired => 401,
            Self::MultipleCredentials | Self::CredentialsInQuery => 400,
            Self::Unavailable | Self::Busy => 503,
            Self::Throttled { .. } => 429,
        }
    }

    /// The `error` parameter of a challenge. None for a request without credentials, which is not told
    /// anything about them.
    ///
    /// # Specification
    ///
    /// RFC 6750, section 3.1.
    #[must_use]
    pub const fn challenge_error(&self) -> Option<&'static str> {
        match self {
            Self::InvalidCredentials | Self::Expired => Some("invalid_token"),
            Self::MultipleCredentials | Self::CredentialsInQuery => Some("invalid_request"),
            Self::MissingCredentials | Self::Unavailable | Self::Busy | Self::Throttled { .. } => {
                None
            }
        }
    }

    /// When to try again, if that would help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => Some(*retry_after),
            Self::Busy => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

/// A set of credentials cannot be used. Holds all findings and no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnConfigError {
    findings: Vec<Finding>,
}

impl AuthnConfigError {
    /// Takes what was found.
    #[must_use]
    pub const fn new(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// Everything that was found.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The stable name of this error. Each finding has its own.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_auth_config"
    }
}

impl fmt::Display for AuthnConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials cannot be used: ")?;
        let texts: Vec<_> = self.findings.iter().map(Finding::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for AuthnConfigError {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

    use super::*;
    use crate::Severity;

    /// Checks nothing, and says of itself only what it must.
    #[derive(Debug)]
    struct Plain;

    #[async_trait]
    impl Authenticator for Plain {
        async fn authenticate(&self, _: &Credentials<'_>) -> Result<Principal, AuthnError> {
            Ok(Principal::new("alice", "plain"))
        }

        fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
            Challenge::new("Plain")
        }
    }

    /// Says something else everywhere.
    #[derive(Debug)]
    struct Special;

    impl Authenticator for Special {
        fn authenticate_now(&self, _: &Credentials<'_>) -> Option<Result<Principal, AuthnError>> {
            Some(Err(AuthnError::Expired))
        }

        fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
            Challenge::new("Special")
        }

        fn is_offered(&self, _: &Credentials<'_>) -> Result<bool, AuthnError> {
            Err(AuthnError::MultipleCredentials)
        }

        fn claims(&self, _: &Credentials<'_>) -> Option<CredentialId> {
            Some(CredentialId::of_all("special"))
        }

        fn findings(&self) -> Vec<Finding> {
            vec![Finding::new("special", Severity::Warning, "special", "special")]
        }

        fn uses_client_certificates(&self) -> bool {
            true
        }
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        let pair = |value: &&'static str| (AUTHORIZATION, HeaderValue::from_static(value));
        values.iter().map(pair).collect()
    }

    #[test]
    fn an_authenticator_is_asked_about_its_own_scheme_and_claims_nothing() {
        let peer = PeerInfo::in_process();
        for (values, offered) in [
            (&[][..], Ok(false)),
            (&["Plain x"], Ok(true)),
            (&["plain x"], Ok(true)),
            (&["Other x"], Ok(false)),
        ] {
            let headers = headers(values);
            let credentials = Credentials::new(&headers, &peer);
            assert_eq!(Plain.is_offered(&credentials), offered, "{values:?}");
            assert_eq!(NoCredentialsCount.is_offered(&credentials), Ok(false));
            assert!(Plain.claims(&credentials).is_none());
        }
        assert!(Plain.findings().is_empty());
        assert!(!Plain.uses_client_certificates());
    }

    #[tokio::test]
    async fn an_authenticator_that_decides_nothing_lets_nobody_in() {
        #[derive(Debug)]
        struct Neither;
        impl Authenticator for Neither {
            fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
                Challenge::new("Neither")
            }
        }
        let (peer, headers) = (PeerInfo::in_process(), headers(&["Neither x"]));
        let credentials = Credentials::new(&headers, &peer);
        assert_eq!(Neither.authenticate_now(&credentials), None);
        assert_eq!(Neither.authenticate(&credentials).await, Err(AuthnError::Unavailable));
        assert_eq!(Special.authenticate(&credentials).await, Err(AuthnError::Expired));
    }

    #[test]
    fn a_shared_authenticator_is_the_one_that_is_shared() {
        let peer = PeerInfo::in_process();
        let headers = headers(&["Special x"]);
        let credentials = Credentials::new(&headers, &peer);
        let shared: Arc<dyn Authenticator> = Arc::new(Special);
        let shared = Arc::new(shared);
        assert_eq!(shared.authenticate_now(&credentials), Some(Err(AuthnError::Expired)));
        assert_eq!(shared.is_offered(&credentials), Err(AuthnError::MultipleCredentials));
        assert_eq!(shared.challenge(None).scheme(), "Special");
        assert!(shared.claims(&credentials).is_some());
        assert_eq!(shared.findings().len(), 1);
        assert!(shared.uses_client_certificates());
    }

    #[test]
    fn a_configuration_that_cannot_be_used_says_why() {
        let error = AuthnConfigError::new(Special.findings());
        assert_eq!((error.code(), error.findings()), ("invalid_auth_config", &*Special.findings()));
        assert!(error.to_string().contains("special"), "{error}");
    }
}

//! [`ServerSecurity`]: the decisions of a server, as values that transports and engines read.

use std::{net::SocketAddr, sync::Arc};

use http::HeaderValue;

use super::{Finding, SecurityConfigError, Severity, edge::Edge};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::{
    audit::AuditSink,
    authn::{AddressBlock, Authenticator, AuthnError, Backoff, Credentials, PeerInfo},
    clock::Clock,
    guard::{self, GuardInput},
    host::AllowedHosts,
    limits::Limits,
    origin::AllowedOrigins,
    policy::Policy,
    principal::Principal,
    reject::RejectError,
    seal::Sealer,
};

/// The security of a server: complete, checked, immutable, cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerSecurity(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) origins: AllowedOrigins,
    pub(super) hosts: AllowedHosts,
    pub(super) authenticator: Option<Arc<dyn Authenticator>>,
    pub(super) backoff: Backoff,
    pub(super) tls: TlsChoice,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) limits: Limits,
    pub(super) audit: Arc<dyn AuditSink>,
    pub(super) sealer: Sealer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) realm: Box<str>,
    pub(super) edge: Edge,
    pub(super) dangerous_uses: Vec<&'static str>,
    pub(super) warnings: Vec<Finding>,
}

#[derive(Debug)]
pub(super) enum TlsChoice {
    #[cfg(feature = "tls")]
    Tls(ServerTls),
    PlainLocal,
    PlainBehindProxy,
}

impl TlsChoice {
    /// What is wrong with it, by itself and beside the rest of the configuration.
    pub(super) fn findings(
        &self,
        authenticator: Option<&dyn Authenticator>,
        hosts: &AllowedHosts,
        findings: &mut Vec<Finding>,
    ) {
        let uses = authenticator.is_some_and(Authenticator::uses_client_certificates);
        if uses && !self.asks_for_client_certificates() {
            let message = "clients are known by their certificates, but are not asked for any";
            findings.push(
                Finding::new(
                    "tls.client_certificates",
                    Severity::Error,
                    "client_certificates_not_requested",
                    message,
                )
                .with_fix("add `with_client_certificates(..)` to the `ServerTls`"),
            );
        }
        #[cfg(feature = "tls")]
        if let Self::Tls(tls) = self {
            findings.extend(tls.findings());
            for host in hosts.names().filter(|host| !tls.covers(host)) {
                let message =
                    format!("the certificate is not valid for {host}, which is allowed as host");
                findings.push(
                    Finding::new(
                        "tls.certificates",
                        Severity::Warning,
                        "tls_name_not_in_certificate",
                        message,
                    )
                    .with_fix(
                        "issue it again with this name, or take the name from the allowed hosts",
                    ),
                );
            }
        }
        #[cfg(not(feature = "tls"))]
        let _ = hosts;
    }

    fn asks_for_client_certificates(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.asks_for_client_certificates(),
            Self::PlainLocal | Self::PlainBehindProxy => false,
        }
    }
}

impl ServerSecurity {
    pub(super) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(super) fn edge(&self) -> &Edge {
        &self.0.edge
    }

    /// Which web pages may talk to this server.
    #[must_use]
    pub fn allowed_origins(&self) -> &AllowedOrigins {
        &self.0.origins
    }

    /// The names this server answers to.
    #[must_use]
    pub fn allowed_hosts(&self) -> &AllowedHosts {
        &self.0.hosts
    }

    /// The certificate to serve with; none for plain http.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(&self) -> Option<&ServerTls> {
        match &self.0.tls {
            TlsChoice::Tls(tls) => Some(tls),
            TlsChoice::PlainLocal | TlsChoice::PlainBehindProxy => None,
        }
    }

    /// Who may do what. Ask through [`authorize`](crate::authorize).
    #[must_use]
    pub fn policy(&self) -> &dyn Policy {
        &*self.0.policy
    }

    /// What a peer may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Where audit records go.
    #[must_use]
    pub fn audit(&self) -> &dyn AuditSink {
        &*self.0.audit
    }

    /// What seals values that clients carry.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The realm that challenges name.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.0.realm
    }

    /// Whether callers need no credentials.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.0.authenticator.is_none()
    }

    /// The names of the `dangerous()` settings in use.
    #[must_use]
    pub fn dangerous_uses(&self) -> &[&'static str] {
        &self.0.dangerous_uses
    }

    /// What deserves a look.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.0.warnings
    }

    /// Decides over the head of a request: see [`guard::check`].
    ///
    /// # Errors
    ///
    /// The first [`RejectError`] that applies.
    pub fn guard(&self, input: &GuardInput<'_>) -> Result<(), RejectError> {
        guard::check(input, self)
    }

    /// Establishes who a request comes from. Also refuses peers that this configuration does not serve,
    /// tokens in the URI, credentials that have expired by this server's clock, and attempts that come too
    /// soon after failed ones.
    ///
    /// # Errors
    ///
    /// [`RejectError::PeerNotAllowed`] or [`RejectError::Unauthenticated`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future refuses the request.
    pub async fn authenticate(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Principal, RejectError> {
        self.check_peer(credentials.peer)?;
        credentials.refuse_query_token()?;
        let Some(authenticator) = self.0.authenticator.as_deref() else {
            return Ok(Principal::anonymous());
        };
        let credentials = credentials.within(self.clock(), &self.0.backoff);
        let claimed = authenticator.claims(&credentials);
        if let Some(id) = &claimed {
            credentials.check_attempt(id)?;
        }
        let decided = match authenticator.authenticate_now(&credentials) {
            Some(decided) => decided,
            None => authenticator.authenticate(&credentials).await,
        };
        match decided {
            Ok(principal) => {
                if principal.expires_at().is_some() && principal.is_expired(self.clock().now()) {
                    return Err(AuthnError::Expired.into());
                }
                if let Some(id) = &claimed {
                    self.0.backoff.succeeded(id, AddressBlock::of(credentials.peer));
                }
                Ok(principal)
            }
            Err(AuthnError::InvalidCredentials) => {
                let address = AddressBlock::of(credentials.peer);
                match self.0.backoff.failed(claimed.as_ref(), address, self.clock()) {
                    Some(retry_after) => Err(AuthnError::Throttled { retry_after }.into()),
                    None => Err(AuthnError::InvalidCredentials.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The `WWW-Authenticate` header of a refusal, with what there is to say of the [`ProtectedResource`]; none where credentials would not help.
    ///
    /// [`ProtectedResource`]: crate::ProtectedResource
    #[must_use]
    pub fn challenge(&self, error: &AuthnError) -> Option<HeaderValue> {
        if matches!(
            error,
            AuthnError::Unavailable | AuthnError::Busy | AuthnError::Throttled { .. }
        ) {
            return None;
        }
        let challenge = self.0.authenticator.as_ref()?.challenge(Some(error));
        let challenge = match self.edge().resource() {
            Some(resource) => challenge.or_resource(resource.metadata_url(), resource.scope()),
            None => challenge,
        };
        Some(challenge.or_realm(&self.0.realm).to_header_value())
    }

    /// Checks that a peer may be served. Guards services that are mounted in a foreign listener, whose
    /// address [`Self::check_bind`] never saw.
    ///
    /// # Errors
    ///
    /// [`RejectError::PeerNotAllowed`] if the peer is not on this machine, and callers need no credentials
    /// or the connection is not encrypted.
    pub fn check_peer(&self, peer: &PeerInfo) -> Result<(), RejectError> {
        // Proxies that are named say themselves what came over https.
        let behind_unnamed_proxy =
            matches!(self.0.tls, TlsChoice::PlainBehindProxy) && self.trusted_proxies().is_none();
        let encrypted = peer.is_tls() || behind_unnamed_proxy;
        if peer.is_loopback() || (encrypted && !self.is_unauthenticated()) {
            Ok(())
        } else {
            Err(RejectError::PeerNotAllowed)
        }
    }

    /// Checks that this configuration may listen on an address. Transports call it before they bind.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] if the address can be reached from elsewhere, and there is no
    /// authentication, no encryption, or no name by which others could reach it.
    pub fn check_bind(&self, address: SocketAddr) -> Result<(), SecurityConfigError> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let finding = |path, code, message| Finding::new(path, Severity::Error, code, message);
        let mut findings = Vec::new();
        if self.is_unauthenticated() {
            let message = "a server without authentication cannot listen beyond loopback";
            findings.push(
                finding("authentication", "unauthenticated_bind", message)
                    .with_fix("add `with_authenticator(..)`, or bind 127.0.0.1"),
            );
        }
        if matches!(self.0.tls, TlsChoice::PlainLocal) {
            let message = "a server without tls cannot listen beyond loopback";
            findings.push(finding("tls", "plain_http_bind", message).with_fix(
                "add `with_tls(..)`, bind 127.0.0.1, or behind a proxy that encrypts \
                 `dangerous().plain_http_behind_proxy()`",
            ));
        }
        if self.0.hosts.is_loopback_only() {
            let message =
                "the server listens beyond loopback but answers to names of this machine only";
            findings.push(finding("allowed_hosts", "hosts_loopback_only", message).with_fix(
                "add `with_allowed_hosts(AllowedHosts::only([..])?)` with the server's names",
            ));
        }
        if findings.is_empty() { Ok(()) } else { Err(SecurityConfigError::new(findings)) }
    }
}

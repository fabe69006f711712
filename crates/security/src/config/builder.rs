//! The builder of a server configuration. Each state is a decision that has to be made.

use std::{sync::Arc, time::Duration};

use super::{
    Finding, SecurityConfigError, ServerSecurity, Severity,
    edge::EdgeSettings,
    server::{Inner, TlsChoice},
};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::{
    audit::{AuditSink, TracingAudit},
    authn::{Authenticator, Backoff, NoCredentialsCount},
    clock::{Clock, SystemClock},
    host::AllowedHosts,
    limits::Limits,
    origin::AllowedOrigins,
    policy::{AllowAuthenticated, DryRun, Policy},
    seal::Sealer,
};

/// Builds a [`ServerSecurity`]. `State` is the decision that is to be made next: [`WantsOrigins`], then
/// [`WantsAuthn`], then [`WantsTls`], then [`Ready`].
#[derive(Debug)]
#[must_use]
pub struct ServerConfigBuilder<State> {
    pub(super) state: State,
}

/// Which web pages may talk to this server?
#[derive(Debug)]
#[non_exhaustive]
pub struct WantsOrigins;

/// How do callers prove who they are?
#[derive(Debug)]
pub struct WantsAuthn {
    origins: AllowedOrigins,
}

/// Who encrypts the connection?
#[derive(Debug)]
pub struct WantsTls {
    origins: AllowedOrigins,
    authenticator: Option<Arc<dyn Authenticator>>,
}

/// Every decision is made. What is left has defaults.
#[derive(Debug)]
pub struct Ready {
    origins: AllowedOrigins,
    authenticator: Option<Arc<dyn Authenticator>>,
    backoff: Backoff,
    tls: TlsChoice,
    hosts: AllowedHosts,
    policy: Option<Arc<dyn Policy>>,
    dry_run: bool,
    limits: Limits,
    request_timeout: Option<Duration>,
    audit: Arc<dyn AuditSink>,
    sealer: Option<Sealer>,
    clock: Arc<dyn Clock>,
    realm: Box<str>,
    pub(super) edge: EdgeSettings,
}

/// What weakens security. Each use is logged when the configuration is built.
#[derive(Debug)]
#[must_use]
pub struct Dangerous<State> {
    state: State,
}

impl ServerConfigBuilder<WantsOrigins> {
    pub(super) const fn new() -> Self {
        Self { state: WantsOrigins }
    }

    /// Decides which web pages may talk to this server.
    pub fn with_allowed_origins(self, origins: AllowedOrigins) -> ServerConfigBuilder<WantsAuthn> {
        ServerConfigBuilder { state: WantsAuthn { origins } }
    }
}

impl ServerConfigBuilder<WantsAuthn> {
    /// Decides how callers prove who they are.
    pub fn with_authenticator(
        self,
        authenticator: impl Authenticator + 'static,
    ) -> ServerConfigBuilder<WantsTls> {
        let WantsAuthn { origins } = self.state;
        let authenticator = Some(Arc::new(authenticator) as Arc<dyn Authenticator>);
        ServerConfigBuilder { state: WantsTls { origins, authenticator } }
    }

    /// Opens what weakens security.
    pub fn dangerous(self) -> Dangerous<WantsAuthn> {
        Dangerous { state: self.state }
    }
}

impl Dangerous<WantsAuthn> {
    /// Serves everyone on this machine, and nobody else: callers are the anonymous principal, other peers
    /// and addresses beyond loopback are refused.
    pub fn without_authentication(self) -> ServerConfigBuilder<WantsTls> {
        ServerConfigBuilder { state: WantsTls { origins: self.state.origins, authenticator: None } }
    }
}

impl ServerConfigBuilder<WantsTls> {
    /// Encrypts connections with this certificate.
    #[cfg(feature = "tls")]
    pub fn with_tls(self, tls: ServerTls) -> ServerConfigBuilder<Ready> {
        self.state.ready(TlsChoice::Tls(tls))
    }

    /// Serves plain http to this machine, and nobody else: other peers and addresses beyond loopback are
    /// refused.
    pub fn without_tls(self) -> ServerConfigBuilder<Ready> {
        self.state.ready(TlsChoice::PlainLocal)
    }

    /// Opens what weakens security.
    pub fn dangerous(self) -> Dangerous<WantsTls> {
        Dangerous { state: self.state }
    }
}

impl Dangerous<WantsTls> {
    /// Serves plain http to other machines too, because a proxy in front of this server encrypts. Whoever
    /// can read the network between the two can read and replay credentials. Name the proxy with
    /// [`with_trusted_proxies`](ServerConfigBuilder::with_trusted_proxies): then only what it says came over
    /// https is served, and clients are told apart by their own addresses.
    pub fn plain_http_behind_proxy(self) -> ServerConfigBuilder<Ready> {
        self.state.ready(TlsChoice::PlainBehindProxy)
    }
}

impl ServerConfigBuilder<Ready> {
    pub(super) fn stdio() -> Self {
        let authenticator: Option<Arc<dyn Authenticator>> = Some(Arc::new(NoCredentialsCount));
        WantsTls { origins: AllowedOrigins::none(), authenticator }.ready(TlsChoice::PlainLocal)
    }
}

impl WantsTls {
    fn ready(self, tls: TlsChoice) -> ServerConfigBuilder<Ready> {
        ServerConfigBuilder {
            state: Ready {
                origins: self.origins,
                authenticator: self.authenticator,
                backoff: Backoff::new(),
                tls,
                hosts: AllowedHosts::loopback(),
                policy: None,
                dry_run: false,
                limits: Limits::new(),
                request_timeout: None,
                audit: Arc::new(TracingAudit::new()),
                sealer: None,
                clock: Arc::new(SystemClock::new()),
                realm: "mcp".into(),
                edge: EdgeSettings::default(),
            },
        }
    }
}

impl Dangerous<Ready> {
    /// Puts a policy on trial: whoever is authenticated may do everything, as without a policy, and logs and
    /// audit records tell what this policy would have refused.
    pub fn with_policy_dry_run(
        mut self,
        policy: impl Policy + 'static,
    ) -> ServerConfigBuilder<Ready> {
        self.state.policy = Some(Arc::new(policy));
        self.state.dry_run = true;
        ServerConfigBuilder { state: self.state }
    }
}

impl ServerConfigBuilder<Ready> {
    /// Sets the names this server answers to. Default: those of this machine. A server that others reach
    /// must name itself.
    pub fn with_allowed_hosts(mut self, hosts: AllowedHosts) -> Self {
        self.state.hosts = hosts;
        self
    }

    /// Sets how long whoever fails to authenticate has to wait. Default: see [`Backoff`].
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.state.backoff = backoff;
        self
    }

    /// Sets who may do what. Default: everyone who authenticated may do everything.
    pub fn with_policy(mut self, policy: impl Policy + 'static) -> Self {
        self.state.policy = Some(Arc::new(policy));
        self.state.dry_run = false;
        self
    }

    /// Opens what weakens security.
    pub fn dangerous(self) -> Dangerous<Ready> {
        Dangerous { state: self.state }
    }

    /// Sets what a peer may use. A time set by [`Self::with_request_timeout`] stays, in whatever order.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.state.limits = limits;
        self
    }

    /// Sets [`Limits::request_timeout`].
    pub fn with_request_timeout(mut self, request_timeout: Duration) -> Self {
        self.state.request_timeout = Some(request_timeout);
        self
    }

    /// Sets where audit records go. Default: `tracing` events.
    pub fn with_audit(mut self, audit: impl AuditSink + 'static) -> Self {
        self.state.audit = Arc::new(audit);
        self
    }

    /// Sets the keys that seal what clients carry. Default: a random key, so that nothing sealed outlives
    /// this process or opens on another replica.
    pub fn with_sealer(mut self, sealer: Sealer) -> Self {
        self.state.sealer = Some(sealer);
        self
    }

    /// Sets the clock. Default: the system's.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.state.clock = Arc::new(clock);
        self
    }

    /// Sets the realm that challenges name. Default: `mcp`.
    pub fn with_realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.state.realm = realm.into();
        self
    }

    /// Checks everything and builds the configuration. Logs each use of `dangerous()` and each warning.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] with every finding, if one of them is an error.
    pub fn build(self) -> Result<ServerSecurity, SecurityConfigError> {
        let mut ready = self.state;
        if let Some(request_timeout) = ready.request_timeout {
            ready.limits = ready.limits.with_request_timeout(request_timeout);
        }
        let mut findings = ready.limits.findings();
        findings.extend(ready.backoff.findings());
        if let Some(authenticator) = &ready.authenticator {
            let nested = authenticator
                .findings()
                .into_iter()
                .map(|finding| finding.within("authentication"));
            findings.extend(nested);
        }
        let behind_proxy = matches!(ready.tls, TlsChoice::PlainBehindProxy);
        findings.extend(ready.edge.findings(&ready.origins, behind_proxy));
        let authenticator = ready.authenticator.as_deref();
        findings.extend(ready.edge.resource_findings(authenticator, &ready.hosts));
        if let Some(policy) = &ready.policy {
            findings.extend(policy.findings().into_iter().map(|finding| finding.within("policy")));
        }
        ready.tls.findings(ready.authenticator.as_deref(), &ready.hosts, &mut findings);
        if ready.realm.is_empty() || !ready.realm.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            let message = "the realm is empty or has characters other than printable ascii";
            findings.push(
                Finding::new("realm", Severity::Error, "invalid_realm", message)
                    .with_fix("write `mcp`"),
            );
        }
        // Probed even if a sealer was given: ids of requests need randomness too.
        let random = Sealer::random();
        if let Err(error) = &random {
            findings.push(
                Finding::new("sealer", Severity::Error, error.code(), "no random bytes can be had")
                    .with_fix("enable feature `aws-lc-rs` or `ring`"),
            );
        }
        let (Ok(random), false) = (random, findings.iter().any(Finding::is_error)) else {
            return Err(SecurityConfigError::new(findings));
        };
        let (sealer, warnings) = (ready.sealer.unwrap_or(random), findings);

        let mut dangerous_uses = Vec::new();
        if ready.authenticator.is_none() {
            dangerous_uses.push("without_authentication");
        }
        if matches!(ready.tls, TlsChoice::PlainBehindProxy) {
            dangerous_uses.push("plain_http_behind_proxy");
        }
        if ready.backoff.is_disabled() {
            dangerous_uses.push("backoff_disabled");
        }
        if ready.dry_run {
            dangerous_uses.push("policy_dry_run");
        }
        for name in &dangerous_uses {
            tracing::warn!(name, "security is weakened by dangerous()");
        }
        for warning in &warnings {
            tracing::warn!(code = warning.code(), path = warning.path(), "{}", warning.message());
        }
        let everything = || match ready.authenticator {
            Some(_) => AllowAuthenticated::new(),
            None => AllowAuthenticated::including_anonymous(),
        };
        let policy = match ready.policy {
            Some(policy) if ready.dry_run => Arc::new(DryRun::new(everything(), policy)),
            Some(policy) => policy,
            None => Arc::new(everything()),
        };
        Ok(ServerSecurity::from_inner(Inner {
            edge: ready.edge.prepare(&ready.hosts),
            origins: ready.origins,
            hosts: ready.hosts,
            authenticator: ready.authenticator,
            backoff: ready.backoff,
            tls: ready.tls,
            policy,
            limits: ready.limits,
            audit: ready.audit,
            sealer,
            clock: ready.clock,
            realm: ready.realm,
            dangerous_uses,
            warnings,
        }))
    }
}

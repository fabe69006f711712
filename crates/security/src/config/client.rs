//! The configuration of a client: which server, which credentials, whom to trust, how much to take.

use std::{fmt, sync::Arc, time::Duration};

use super::{Finding, SecurityConfigError, Severity};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::{origin::Origin, provider::CredentialProvider};

/// Builds a [`ClientSecurity`]. `State` is the decision that is to be made next: [`WantsServer`], then
/// [`WantsCredentials`], then [`ClientReady`].
#[derive(Debug)]
#[must_use]
pub struct ClientConfigBuilder<State> {
    state: State,
}

/// Which server?
#[derive(Debug)]
#[non_exhaustive]
pub struct WantsServer;

/// How does this client prove who it is?
#[derive(Debug)]
pub struct WantsCredentials {
    origin: Origin,
}

/// Every decision is made. What is left has defaults.
#[derive(Debug)]
pub struct ClientReady {
    origin: Origin,
    credentials: Option<Arc<dyn CredentialProvider>>,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
    limits: ClientLimits,
}

impl ClientConfigBuilder<WantsServer> {
    pub(super) const fn new() -> Self {
        Self { state: WantsServer }
    }

    /// Decides which server is talked to: nothing is sent to another origin.
    pub fn with_server(self, origin: Origin) -> ClientConfigBuilder<WantsCredentials> {
        ClientConfigBuilder { state: WantsCredentials { origin } }
    }
}

impl ClientConfigBuilder<WantsCredentials> {
    /// Decides what proves who this client is.
    pub fn with_credentials(
        self,
        provider: impl CredentialProvider + 'static,
    ) -> ClientConfigBuilder<ClientReady> {
        self.ready(Some(Arc::new(provider)))
    }

    /// Sends no credentials.
    pub fn without_credentials(self) -> ClientConfigBuilder<ClientReady> {
        self.ready(None)
    }

    fn ready(
        self,
        credentials: Option<Arc<dyn CredentialProvider>>,
    ) -> ClientConfigBuilder<ClientReady> {
        ClientConfigBuilder {
            state: ClientReady {
                origin: self.state.origin,
                credentials,
                #[cfg(feature = "tls")]
                tls: None,
                limits: ClientLimits::new(),
            },
        }
    }
}

impl ClientConfigBuilder<ClientReady> {
    /// Sets which certificates are trusted, and how. Default: those that the operating system trusts.
    #[cfg(feature = "tls")]
    pub fn with_tls(mut self, tls: ClientTls) -> Self {
        self.state.tls = Some(tls);
        self
    }

    /// Sets what the server may use.
    pub fn with_limits(mut self, limits: ClientLimits) -> Self {
        self.state.limits = limits;
        self
    }

    /// Checks everything and builds the configuration.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] with every finding: credentials for plain http to another machine, TLS
    /// settings for plain http, limits that let nothing pass.
    pub fn build(self) -> Result<ClientSecurity, SecurityConfigError> {
        let ClientReady { origin, credentials, limits, .. } = &self.state;
        let mut findings = limits.findings();
        let error = |path, code, message| Finding::new(path, Severity::Error, code, message);
        if credentials.is_some() && !origin.is_trustworthy() {
            let message = "credentials are not sent over plain http to another machine";
            findings.push(
                error("credentials", "credentials_not_sent", message).with_fix("use an https url"),
            );
        }
        #[cfg(feature = "tls")]
        if self.state.tls.is_some() && !origin.is_https() {
            findings.push(
                error("tls", "tls_not_used", "tls is configured but the url is plain http")
                    .with_fix("use an https url, or remove `tls`"),
            );
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.state.tls {
            findings.extend(tls.findings().into_iter().filter(Finding::is_error));
            if !tls.verifies_servers() && !origin.is_loopback() {
                let message = "the server is not on this machine and would not be verified";
                findings.push(
                    error("tls", "tls_not_verified", message)
                        .with_fix("remove `dangerous().without_server_verification()`"),
                );
            }
        }
        if findings.is_empty() {
            Ok(ClientSecurity(Arc::new(self.state)))
        } else {
            Err(SecurityConfigError::new(findings))
        }
    }
}

/// The security of a client: complete, checked, immutable, cheap to clone.
#[derive(Clone)]
pub struct ClientSecurity(Arc<ClientReady>);

impl ClientSecurity {
    /// The only origin that anything is sent to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// What proves who this client is.
    #[must_use]
    pub fn credentials(&self) -> Option<&Arc<dyn CredentialProvider>> {
        self.0.credentials.as_ref()
    }

    /// Which certificates are trusted; none for those of the operating system.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(&self) -> Option<&ClientTls> {
        self.0.tls.as_ref()
    }

    /// What the server may use.
    #[must_use]
    pub fn limits(&self) -> &ClientLimits {
        &self.0.limits
    }
}

impl fmt::Debug for ClientSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client lets a server use. Every limit has a default that serves a typical deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    max_message_bytes: usize,
    max_idle_connections: usize,
    connect_timeout: Duration,
    idle_timeout: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientLimits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_idle_connections: 32,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
        }
    }

    /// The largest message that is read, in bytes. Default: 16 MiB. Abuse: a server that fills the memory of
    /// its clients.
    #[must_use]
    pub const fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Sets [`Self::max_message_bytes`].
    #[must_use]
    pub const fn with_max_message_bytes(mut self, max_message_bytes: usize) -> Self {
        self.max_message_bytes = max_message_bytes;
        self
    }

    /// The most connections that are kept without use. Default: 32. Abuse: connections that fill the table
    /// of open files. Zero keeps none.
    #[must_use]
    pub const fn max_idle_connections(&self) -> usize {
        self.max_idle_connections
    }

    /// Sets [`Self::max_idle_connections`].
    #[must_use]
    pub const fn with_max_idle_connections(mut self, max_idle_connections: usize) -> Self {
        self.max_idle_connections = max_idle_connections;
        self
    }

    /// The time for a connection, names and TLS included. Default: 10 s. Abuse: a server that accepts and
    /// then says nothing.
    #[must_use]
    pub const fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Sets [`Self::connect_timeout`].
    #[must_use]
    pub const fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// The time a connection is kept without use. Default: 90 s. Abuse: as for the number of them.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Sets [`Self::idle_timeout`].
    #[must_use]
    pub const fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// What is wrong with these limits.
    fn findings(&self) -> Vec<Finding> {
        let zero = [
            ("limits.max_message_bytes", self.max_message_bytes == 0),
            ("limits.connect_timeout", self.connect_timeout.is_zero()),
            ("limits.idle_timeout", self.idle_timeout.is_zero()),
        ];
        let endless = [
            ("limits.connect_timeout", self.connect_timeout > crate::limits::MAX_TIME),
            ("limits.idle_timeout", self.idle_timeout > crate::limits::MAX_TIME),
        ];
        let zero = zero.into_iter().filter(|(_, is)| *is).map(|(path, _)| {
            Finding::new(
                path,
                Severity::Error,
                "limit_is_zero",
                "the limit is zero, so nothing would pass",
            )
            .with_fix("set a positive value, or leave the default")
        });
        let endless = endless.into_iter().filter(|(_, is)| *is).map(|(path, _)| {
            Finding::new(path, Severity::Error, "limit_too_large", "the time is above a year")
                .with_fix("set a time that one could wait for, or leave the default")
        });
        zero.chain(endless).collect()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use http::HeaderMap;

    use super::*;
    use crate::{SecurityConfig, provider::CredentialError};

    #[derive(Debug)]
    struct Nothing;

    #[async_trait]
    impl CredentialProvider for Nothing {
        async fn apply(&self, _: &Origin, _: &mut HeaderMap) -> Result<(), CredentialError> {
            Err(CredentialError::Unavailable)
        }

        fn context_key(&self) -> [u8; 32] {
            [1; 32]
        }
    }

    #[track_caller]
    fn check(origin: &str, credentials: bool, limits: ClientLimits, expected: &[(&str, &str)]) {
        let builder = SecurityConfig::client().with_server(Origin::parse(origin).unwrap());
        let builder = match credentials {
            true => builder.with_credentials(Nothing),
            false => builder.without_credentials(),
        };
        let built = builder.with_limits(limits).build();
        let findings = built.as_ref().err().map(|error| error.findings().to_vec());
        let findings = findings.unwrap_or_default();
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.path(), finding.code())).collect();
        assert_eq!(found, expected, "{origin}");
        if let Ok(security) = built {
            assert_eq!(security.origin().to_string(), origin);
            assert_eq!(security.credentials().is_some(), credentials);
        }
    }

    #[test]
    fn credentials_are_not_planned_for_plain_http_to_others() {
        let limits = ClientLimits::new;
        check("https://mcp.example.com", true, limits(), &[]);
        check("http://localhost:8000", true, limits(), &[]);
        check("http://mcp.example.com", false, limits(), &[]);
        check(
            "http://mcp.example.com",
            true,
            limits().with_max_message_bytes(0).with_idle_timeout(Duration::MAX),
            &[
                ("limits.max_message_bytes", "limit_is_zero"),
                ("limits.idle_timeout", "limit_too_large"),
                ("credentials", "credentials_not_sent"),
            ],
        );
        check("https://mcp.example.com", false, limits().with_max_idle_connections(0), &[]);
    }

    #[cfg(all(feature = "tls", any(feature = "aws-lc-rs", feature = "ring")))]
    #[test]
    fn tls_for_plain_http_is_a_finding() {
        let ca = palisade_testkit::TestCa::new();
        let tls = ClientTls::from_ca_pem(ca.pem().as_bytes()).unwrap();
        let client = |origin| {
            SecurityConfig::client()
                .with_server(Origin::parse(origin).unwrap())
                .without_credentials()
                .with_tls(tls.clone())
                .build()
        };
        assert!(client("https://localhost").unwrap().tls().is_some());
        let error = client("http://localhost").unwrap_err();
        assert_eq!(error.findings().first().unwrap().code(), "tls_not_used");
    }
}

//! Builds an [`HttpTransport`], and finds out at once what would never work.

use std::{sync::Arc, time::Duration};

use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use palisade_security::{ClientLimits, ClientSecurity, CredentialProvider, Origin};
#[cfg(feature = "tls")]
use palisade_security::{ClientTls, TlsConfigError};
use tokio::sync::watch;

use super::{Core, HttpTransport, connect::Connector, head, session};
use crate::{Endpoint, EndpointError};

/// The most header fields, and bytes of them, that a response may have.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: u32 = 64 << 10;
/// How often a silent HTTP/2 connection with open streams is asked for a sign of life, and how long it
/// has for it. Without it a subscription would outlive its server unnoticed.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The settings of an [`HttpTransport`].
#[derive(Debug)]
#[must_use]
pub struct HttpTransportBuilder {
    endpoint: Endpoint,
    origin: Origin,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
    credentials: Option<Arc<dyn CredentialProvider>>,
    max_message_bytes: usize,
    connect_timeout: Duration,
    idle_timeout: Duration,
    max_idle_connections: usize,
}

impl HttpTransportBuilder {
    pub(super) fn new(url: &str) -> Result<Self, HttpTransportError> {
        let endpoint = Endpoint::parse(url)?;
        let origin = Origin::parse(endpoint.origin()).map_err(|_| EndpointError::Host)?;
        let limits = ClientLimits::new();
        Ok(Self {
            endpoint,
            origin,
            #[cfg(feature = "tls")]
            tls: None,
            credentials: None,
            max_message_bytes: limits.max_message_bytes(),
            connect_timeout: limits.connect_timeout(),
            idle_timeout: limits.idle_timeout(),
            max_idle_connections: limits.max_idle_connections(),
        })
    }

    /// Which certificates to trust. Default: those that the operating system trusts.
    #[cfg(feature = "tls")]
    pub fn with_tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Takes over a configuration: the server, credentials, trusted certificates and limits.
    ///
    /// # Errors
    ///
    /// [`HttpTransportError::OtherServer`] if the configuration is for another origin than the URL's.
    pub fn with_security(mut self, security: &ClientSecurity) -> Result<Self, HttpTransportError> {
        if *security.origin() != self.origin {
            let origin = security.origin().to_string();
            return Err(HttpTransportError::OtherServer { origin });
        }
        #[cfg(feature = "tls")]
        {
            self.tls = security.tls().cloned();
        }
        self.credentials = security.credentials().cloned();
        let limits = security.limits();
        self.max_message_bytes = limits.max_message_bytes();
        self.connect_timeout = limits.connect_timeout();
        self.idle_timeout = limits.idle_timeout();
        self.max_idle_connections = limits.max_idle_connections();
        Ok(self)
    }

    /// Who adds credentials to every request. Default: nobody.
    pub fn with_credentials(mut self, provider: impl CredentialProvider + 'static) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// The largest message that is read, in bytes: 16 MiB by default. It bounds a JSON body and each event
    /// of a stream; a server could otherwise fill the memory of its clients.
    pub fn with_max_message_bytes(mut self, max_message_bytes: usize) -> Self {
        self.max_message_bytes = max_message_bytes;
        self
    }

    /// How long a connection may take, names and TLS included: 10 seconds by default.
    pub fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// How long a connection is kept without use: 90 seconds by default.
    pub fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// How many connections are kept without use: 32 by default. HTTP/2 needs only one.
    pub fn with_max_idle_connections(mut self, max_idle_connections: usize) -> Self {
        self.max_idle_connections = max_idle_connections;
        self
    }

    /// Makes the transport. Nothing is connected before the first request.
    ///
    /// # Errors
    ///
    /// [`HttpTransportError`] if the settings contradict each other: credentials over plain http to another
    /// machine, or TLS settings for a plain URL.
    pub fn build(self) -> Result<HttpTransport, HttpTransportError> {
        if self.credentials.is_some() && !self.origin.is_trustworthy() {
            let origin = self.endpoint.origin().to_owned();
            return Err(HttpTransportError::CredentialsNotSent { origin });
        }
        let connector = self.connector()?;
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.max_idle_connections)
            .http1_max_headers(MAX_HEADERS)
            .http1_max_buf_size(usize::try_from(MAX_HEADER_BYTES).unwrap_or(usize::MAX))
            .http2_max_header_list_size(MAX_HEADER_BYTES)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build(connector);
        let core = Core {
            endpoint: self.endpoint,
            origin: self.origin,
            client,
            credentials: self.credentials,
            headers: head::common(),
            max_message_bytes: self.max_message_bytes,
            closed: watch::Sender::new(false),
            session: session::State::default(),
        };
        Ok(HttpTransport { core: Arc::new(core) })
    }

    #[cfg(feature = "tls")]
    fn connector(&self) -> Result<Connector, HttpTransportError> {
        let tls = match (&self.tls, self.endpoint.is_secure()) {
            (Some(_), false) => return Err(HttpTransportError::TlsNotUsed),
            (Some(tls), true) if !tls.verifies_servers() && !self.origin.is_loopback() => {
                let origin = self.endpoint.origin().to_owned();
                return Err(HttpTransportError::NotVerified { origin });
            }
            (Some(tls), true) => Some(tls.clone()),
            (None, true) => Some(ClientTls::system_roots()?),
            (None, false) => None,
        };
        Connector::new(&self.endpoint, self.connect_timeout, tls.as_ref())
            .map_err(HttpTransportError::Endpoint)
    }

    #[cfg(not(feature = "tls"))]
    fn connector(&self) -> Result<Connector, HttpTransportError> {
        match self.endpoint.is_secure() {
            true => Err(HttpTransportError::TlsNotCompiled),
            false => Ok(Connector::new(&self.endpoint, self.connect_timeout)),
        }
    }
}

/// Why a transport cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpTransportError {
    /// The URL is not that of an endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The trusted certificates cannot be used.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] TlsConfigError),
    /// TLS settings were given for an `http` URL, where they would do nothing.
    #[error("tls is configured but the url is plain http: use https")]
    TlsNotUsed,
    /// The TLS settings verify no server, and this one is not on this machine.
    #[error("{origin} would not be verified: only servers on this machine may go without")]
    NotVerified {
        /// Scheme, host and port.
        origin: String,
    },
    /// An `https` URL, but no TLS was compiled in.
    #[error("https needs the feature `tls`")]
    TlsNotCompiled,
    /// The configuration is for another server than the URL's.
    #[error("the configuration is for {origin}, the url is not")]
    OtherServer {
        /// Scheme, host and port that the configuration is for.
        origin: String,
    },
    /// Credentials were given for plain http to another machine, where anyone on the way could read them.
    #[error("credentials are not sent over plain http to {origin}: use https")]
    CredentialsNotSent {
        /// Scheme, host and port.
        origin: String,
    },
}

impl HttpTransportError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Endpoint(error) => error.code(),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.code(),
            Self::TlsNotUsed => "tls_not_used",
            Self::NotVerified { .. } => "tls_not_verified",
            Self::TlsNotCompiled => "tls_not_compiled",
            Self::OtherServer { .. } => "other_server",
            Self::CredentialsNotSent { .. } => "credentials_not_sent",
        }
    }
}

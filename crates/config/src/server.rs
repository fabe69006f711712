//! [`ServerConfig`]: from a raw form or a file to the security of a server.

use std::net::SocketAddr;

use palisade_security::{EndpointPath, Finding, ServerSecurity, TransportKind};

use crate::{build, checked::configuration, raw::RawSecurityConfig, schema::server_schema};

/// The security of a server and where it listens, out of a file: complete, checked, immutable.
///
/// # Examples
///
/// ```no_run
/// use palisade_config::ServerConfig;
///
/// let config = ServerConfig::from_file("security.toml")?;
/// for warning in config.warnings() {
///     eprintln!("{warning}");
/// }
/// // HttpServer::bind(config.listen(), server, config.security().clone())
/// # Ok::<(), palisade_security::SecurityConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub(crate) transport: TransportKind,
    pub(crate) listen: SocketAddr,
    pub(crate) path: EndpointPath,
    pub(crate) security: ServerSecurity,
    pub(crate) warnings: Vec<Finding>,
}

impl ServerConfig {
    /// How messages travel. On stdio there is no address and no path, and an HTTP server with this
    /// configuration refuses everyone: hand [`Self::security`] to a `StdioServer`.
    #[must_use]
    pub const fn transport(&self) -> TransportKind {
        self.transport
    }

    /// The address to listen on.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The path of the endpoint.
    #[must_use]
    pub const fn path(&self) -> &EndpointPath {
        &self.path
    }

    /// The security of the server.
    #[must_use]
    pub const fn security(&self) -> &ServerSecurity {
        &self.security
    }
}

configuration!(ServerConfig, RawSecurityConfig, server_schema, build::server);

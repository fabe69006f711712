//! [`ServerConfig`]: from a raw form or a file to the security of a server.

use std::{net::SocketAddr, path::Path};

use palisade_security::{
    EndpointPath, Finding, SecurityConfigError, ServerSecurity, TransportKind,
};

use crate::{
    build,
    checked::{Checked, Kind},
    document::Format,
    raw::RawSecurityConfig,
    schema::server_schema,
};

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
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] with everything that was found, if one of it is an error.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecurityConfigError> {
        kind().load(path.as_ref())
    }

    /// Reads and checks a file, and changes nothing: an audit file is not opened, for it may belong to a
    /// server that runs.
    pub fn check_file(path: impl AsRef<Path>) -> Checked {
        kind().check_file(path.as_ref())
    }

    /// Checks a text, whose relative paths start from the current folder.
    pub fn check_text(text: &str, format: Format) -> Checked {
        kind().check(text, format, None)
    }

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

    /// What deserves a look.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// Everything that was decided, as text without secrets, for people to read and to compare.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{self:#?}")
    }
}

impl TryFrom<RawSecurityConfig> for ServerConfig {
    type Error = SecurityConfigError;

    fn try_from(raw: RawSecurityConfig) -> Result<Self, Self::Error> {
        kind().configure(&raw)
    }
}

impl RawSecurityConfig {
    /// Decodes a text. What it says is not checked yet, only how it is written.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] with everything that is wrong with the text.
    pub fn from_text(text: &str, format: Format) -> Result<Self, SecurityConfigError> {
        kind().raw(text, format)
    }

    /// Sets the folder that relative paths start from. Default: the current one.
    #[must_use]
    pub fn with_base(mut self, base: impl AsRef<Path>) -> Self {
        self.base = Some(base.as_ref().to_owned());
        self
    }
}

fn kind() -> Kind<RawSecurityConfig, ServerConfig> {
    Kind {
        schema: server_schema(),
        set_base: |raw, base| raw.base = Some(base),
        build: build::server,
    }
}

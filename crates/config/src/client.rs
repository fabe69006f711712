//! [`ClientConfig`]: from a raw form or a file to the security of a client.

use std::fmt;

use palisade_protocol::Eras;
use palisade_security::{ClientSecurity, Finding};

use crate::{
    build,
    checked::configuration,
    raw::{RawClientConfig, ShownUrl},
    schema::client_schema,
};

/// The security of a client and the server's URL, out of a file: complete, checked, immutable.
///
/// # Examples
///
/// ```no_run
/// use palisade_config::ClientConfig;
///
/// let config = ClientConfig::from_file("client.toml")?;
/// // HttpTransport::builder(config.url())?.with_security(config.security())?.build()?
/// # Ok::<(), palisade_security::SecurityConfigError>(())
/// ```
#[derive(Clone)]
pub struct ClientConfig {
    pub(crate) url: String,
    pub(crate) eras: Eras,
    pub(crate) security: ClientSecurity,
    pub(crate) warnings: Vec<Finding>,
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("url", &ShownUrl(&self.url))
            .field("eras", &self.eras)
            .field("security", &self.security)
            .field("warnings", &self.warnings)
            .finish()
    }
}

impl ClientConfig {
    /// The URL of the MCP endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which revisions of the protocol to speak.
    #[must_use]
    pub const fn eras(&self) -> Eras {
        self.eras
    }

    /// The security of the client.
    #[must_use]
    pub const fn security(&self) -> &ClientSecurity {
        &self.security
    }
}

configuration!(ClientConfig, RawClientConfig, client_schema, build::client);

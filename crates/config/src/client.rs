//! [`ClientConfig`]: from a raw form or a file to the security of a client.

use std::{fmt, path::Path};

use palisade_protocol::Eras;
use palisade_security::{ClientSecurity, Finding, SecurityConfigError};

use crate::{
    build,
    checked::{Checked, Kind},
    document::Format,
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

impl TryFrom<RawClientConfig> for ClientConfig {
    type Error = SecurityConfigError;

    fn try_from(raw: RawClientConfig) -> Result<Self, Self::Error> {
        kind().configure(&raw)
    }
}

impl RawClientConfig {
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

fn kind() -> Kind<RawClientConfig, ClientConfig> {
    Kind {
        schema: client_schema(),
        set_base: |raw, base| raw.base = Some(base),
        build: build::client,
    }
}

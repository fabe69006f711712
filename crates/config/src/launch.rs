//! [`LaunchConfig`]: from a raw form or a file to a server that its client launches.

use std::{path::Path, time::Duration};

use palisade_protocol::Eras;
use palisade_security::{Finding, Restart, SecurityConfigError, ServerCommand};

use crate::{
    build,
    checked::{Checked, Kind},
    document::Format,
    raw::RawLaunchConfig,
    schema::launch_schema,
};

/// A server that its client launches, out of a file: complete, checked, immutable. What the file system says
/// about the program is checked when it is launched, each time.
///
/// # Examples
///
/// ```no_run
/// use palisade_config::LaunchConfig;
///
/// let config = LaunchConfig::from_file("server.toml")?;
/// // StdioTransport::builder()
/// //     .with_restart(config.restart())
/// //     .with_max_message_bytes(config.max_message_bytes())
/// //     .launch(config.command().clone())
/// # Ok::<(), palisade_security::SecurityConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LaunchConfig {
    pub(crate) command: ServerCommand,
    pub(crate) restart: Restart,
    pub(crate) max_message_bytes: usize,
    pub(crate) start_timeout: Duration,
    pub(crate) eras: Eras,
    pub(crate) warnings: Vec<Finding>,
}

impl LaunchConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`SecurityConfigError`] with everything that was found, if one of it is an error.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecurityConfigError> {
        kind().load(path.as_ref())
    }

    /// Reads and checks a file, and changes nothing.
    pub fn check_file(path: impl AsRef<Path>) -> Checked {
        kind().check_file(path.as_ref())
    }

    /// Checks a text, whose relative paths start from the current folder.
    pub fn check_text(text: &str, format: Format) -> Checked {
        kind().check(text, format, None)
    }

    /// What is launched, and everything it gets.
    pub const fn command(&self) -> &ServerCommand {
        &self.command
    }

    /// When it is started again.
    pub const fn restart(&self) -> Restart {
        self.restart
    }

    /// The largest message that is read, in bytes.
    #[must_use]
    pub const fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// How long a request waits for a server that is being started again.
    #[must_use]
    pub const fn start_timeout(&self) -> Duration {
        self.start_timeout
    }

    /// Which revisions to speak.
    #[must_use]
    pub const fn eras(&self) -> Eras {
        self.eras
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

impl TryFrom<RawLaunchConfig> for LaunchConfig {
    type Error = SecurityConfigError;

    fn try_from(raw: RawLaunchConfig) -> Result<Self, Self::Error> {
        kind().configure(&raw)
    }
}

impl RawLaunchConfig {
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

fn kind() -> Kind<RawLaunchConfig, LaunchConfig> {
    Kind {
        schema: launch_schema(),
        set_base: |raw, base| raw.base = Some(base),
        build: build::launch,
    }
}

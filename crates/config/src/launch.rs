//! [`LaunchConfig`]: from a raw form or a file to a server that its client launches.

use std::time::Duration;

use palisade_protocol::Eras;
use palisade_security::{Finding, Restart, ServerCommand};

use crate::{build, checked::configuration, raw::RawLaunchConfig, schema::launch_schema};

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
}

configuration!(LaunchConfig, RawLaunchConfig, launch_schema, build::launch);

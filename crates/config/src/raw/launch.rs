//! A server that its client launches, as a file holds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawDuration, RawEras};
use crate::SecretRef;

/// A server that its client launches, and everything that it gets. Nothing is inherited.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "palisade security configuration (launched server)")]
#[non_exhaustive]
pub struct RawLaunchConfig {
    /// The program: an absolute path, or a name that is looked up in `search_dirs`.
    #[schemars(example = &"/usr/local/bin/mcp-server")]
    pub program: String,
    /// Where a program is looked up that is given by name. Default: `/usr/local/bin`, `/usr/bin`, `/bin`.
    pub search_dirs: Option<Vec<String>>,
    /// The arguments. There is no shell.
    #[serde(default)]
    pub args: Vec<String>,
    /// Which of the arguments may begin with a dash. Any other that does is refused.
    #[serde(default)]
    #[schemars(example = ["--read-only"])]
    pub flags: BTreeSet<String>,
    /// Variables of the environment that are no secrets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Variables of the environment that are secrets.
    #[serde(default)]
    pub secret_env: BTreeMap<String, SecretRef>,
    /// Variables that are passed on. It is an error if one is not set.
    #[serde(default)]
    pub inherited_env: BTreeSet<String>,
    /// The working directory, an absolute path. Default: `/`.
    pub current_dir: Option<String>,
    /// The SHA-256 digest of the program's file: 64 hexadecimal digits.
    pub digest: Option<String>,
    /// What the process may use.
    #[serde(default)]
    pub process: RawProcessLimits,
    /// When a server that ended is started again.
    #[serde(default)]
    pub restart: RawRestart,
    /// The largest message that is read, in bytes. Default: 16 MiB.
    pub max_message_bytes: Option<usize>,
    /// How long a request waits for a server that is being started again. Default: 10 s.
    pub start_timeout: Option<RawDuration>,
    /// Which revisions of the protocol to speak. Default: both.
    pub eras: Option<RawEras>,
    /// What weakens security.
    #[serde(default)]
    pub dangerous: RawLaunchDangerous,
    /// The folder that relative paths start from.
    #[serde(skip)]
    pub(crate) base: Option<PathBuf>,
}

/// Values of variables are not shown: somebody will put a secret among them.
impl fmt::Debug for RawLaunchConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLaunchConfig")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.keys())
            .field("secret_env", &self.secret_env)
            .field("inherited_env", &self.inherited_env)
            .finish_non_exhaustive()
    }
}

/// What the process of a server, and each that it starts, may use. Default: no limit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawProcessLimits {
    /// The address space, in bytes.
    pub max_memory_bytes: Option<u64>,
    /// The open files.
    pub max_open_files: Option<u64>,
    /// The processes and threads of the user.
    pub max_processes: Option<u64>,
    /// The processor time, in whole seconds.
    pub max_cpu_time: Option<RawDuration>,
    /// The size of each file that is written, in bytes.
    pub max_file_bytes: Option<u64>,
}

/// When a server that ended is started again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawRestart {
    /// How often in a row. Default: 5.
    pub attempts: Option<u32>,
    /// How long to wait before the first attempt; each further one waits twice as long. Default: 250 ms.
    pub first_delay: Option<RawDuration>,
    /// The longest wait. Default: 30 s.
    pub max_delay: Option<RawDuration>,
    /// How long a process must run for its end to count as the first again. Default: 60 s.
    pub healthy_after: Option<RawDuration>,
}

/// What weakens the security of a client that launches its server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RawLaunchDangerous {
    /// Lets secrets stand in the file itself, where backups and version control see them.
    pub allow_inline_secrets: bool,
}

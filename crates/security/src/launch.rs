//! [`ServerCommand`]: which program a client launches as its server, and everything that program gets. Whether
//! it may be launched is checked by the transport, each time.

mod limits;
mod restart;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

pub use self::{limits::ProcessLimits, restart::Restart};
use crate::secret::Secret;

/// Where programs are looked up that are given by name.
const SEARCH_DIRS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// A program that is an MCP server, and everything it gets from this process: arguments as they are, an
/// environment of what is named here, a working directory, limits. There is no shell, and nothing is inherited.
///
/// ```
/// use palisade_security::ServerCommand;
///
/// let command = ServerCommand::new("node")
///     .with_arg("/opt/mcp/server.js")
///     .with_flag("--read-only")
///     .with_env("API_URL", "https://api.example.com")
///     .with_inherited_env("API_TOKEN");
/// ```
#[derive(Clone)]
#[must_use]
pub struct ServerCommand {
    program: PathBuf,
    search_dirs: Vec<PathBuf>,
    args: Vec<Argument>,
    env: BTreeMap<OsString, Value>,
    current_dir: PathBuf,
    digest: Option<[u8; 32]>,
    limits: ProcessLimits,
}

#[derive(Clone, Debug)]
struct Argument {
    text: OsString,
    /// Whether it was declared to be a flag, or anything else that may begin with a dash.
    declared: bool,
}

#[derive(Clone, Debug)]
enum Value {
    Given(Secret),
    /// As this process has it when the server is launched.
    Inherited,
}

impl ServerCommand {
    /// A program: an absolute path, or a name that is looked up in [`Self::with_search_dirs`].
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            search_dirs: SEARCH_DIRS.iter().map(PathBuf::from).collect(),
            args: Vec::new(),
            env: BTreeMap::new(),
            current_dir: PathBuf::from("/"),
            digest: None,
            limits: ProcessLimits::new(),
        }
    }

    /// Sets where a program is looked up that is given by name: absolute paths, the first that has it. Default:
    /// `/usr/local/bin`, `/usr/bin`, `/bin`. Abuse: `PATH`, which anything may have changed.
    pub fn with_search_dirs<P: Into<PathBuf>>(mut self, dirs: impl IntoIterator<Item = P>) -> Self {
        self.search_dirs = dirs.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a value. One that begins with a dash is refused: programs take it for a flag. Abuse: a name or URL
    /// from elsewhere that turns out to be `--config=evil`.
    pub fn with_arg(mut self, value: impl Into<OsString>) -> Self {
        self.args.push(Argument { text: value.into(), declared: false });
        self
    }

    /// Adds an argument that may begin with a dash. Never one that came from elsewhere.
    pub fn with_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.args.push(Argument { text: flag.into(), declared: true });
        self
    }

    /// Sets a variable of the environment. Its value is not shown by `Debug`.
    pub fn with_env(mut self, name: impl Into<OsString>, value: impl Into<Secret>) -> Self {
        self.env.insert(name.into(), Value::Given(value.into()));
        self
    }

    /// Passes a variable of this process on. That it is not set is an error. Default: none is passed on.
    /// Abuse: the environment of a developer is full of secrets that no server has any use for.
    pub fn with_inherited_env(mut self, name: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), Value::Inherited);
        self
    }

    /// Sets the working directory, an absolute path. Default: `/`. Abuse: programs load what they find there,
    /// so it must belong to root or this user and must not be writable for everybody, and nor may others be able
    /// to put another one in its place.
    pub fn with_current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.current_dir = dir.into();
        self
    }

    /// Pins the SHA-256 digest of the program's file. Of a script, the interpreter and what it imports are
    /// not pinned.
    pub fn with_digest(mut self, sha256: [u8; 32]) -> Self {
        self.digest = Some(sha256);
        self
    }

    /// Sets what the process may use.
    pub fn with_limits(mut self, limits: ProcessLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The program, as it was given.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What the process may use.
    #[must_use]
    pub fn limits(&self) -> &ProcessLimits {
        &self.limits
    }

    /// Where a program is looked up that is given by name.
    #[must_use]
    pub fn search_dirs(&self) -> &[PathBuf] {
        &self.search_dirs
    }

    /// The arguments, and which of them were declared to be flags.
    pub fn args(&self) -> impl Iterator<Item = (&OsStr, bool)> {
        self.args.iter().map(|arg| (arg.text.as_os_str(), arg.declared))
    }

    /// The variables of the environment; without a value, those that are passed on.
    pub fn env(&self) -> impl Iterator<Item = (&OsStr, Option<&Secret>)> {
        self.env.iter().map(|(name, value)| match value {
            Value::Given(secret) => (name.as_os_str(), Some(secret)),
            Value::Inherited => (name.as_os_str(), None),
        })
    }

    /// The working directory.
    #[must_use]
    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    /// The pinned SHA-256 digest of the program's file.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }
}

impl fmt::Debug for ServerCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args: Vec<&OsStr> = self.args.iter().map(|arg| arg.text.as_os_str()).collect();
        let env: Vec<_> = self.env.iter().collect();
        f.debug_struct("ServerCommand")
            .field("program", &self.program)
            .field("search_dirs", &self.search_dirs)
            .field("args", &args)
            .field("env", &env)
            .field("current_dir", &self.current_dir)
            .field("digest", &self.digest)
            .field("limits", &self.limits)
            .finish()
    }
}

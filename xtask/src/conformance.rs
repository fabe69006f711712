//! `cargo xtask conformance`: the official suite against our fixtures in `tests/conformance`.

mod leg;
mod report;
mod requirements;
mod suite;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub(crate) use leg::run as client_leg;

use crate::{
    args::Args,
    conformance::{
        report::{Report, Scenario},
        requirements::{Requirements, Side},
        suite::Suite,
    },
    failure::{Failure, Result},
    metadata::Metadata,
    process::Program,
    workspace,
};

/// The revisions whose frozen requirement sets are run against the server, and against the client.
const SERVER_REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];
const CLIENT_REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Older revisions, which have no requirement set: whatever the suite has for a server of them is run.
const OLDER_SERVER_REVISIONS: [&str; 2] = ["2025-06-18", "2025-03-26"];

/// For the fixture server to start listening.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Scenarios of the client that need OAuth, which the client does not speak yet.
const AUTH_PREFIX: &str = "auth/";

/// What was asked for on the command line.
struct Options {
    verbose: bool,
    scenario: Option<String>,
    server_url: Option<String>,
    client: Option<PathBuf>,
}

impl Options {
    fn wants(&self, scenario: &str) -> bool {
        self.scenario.as_deref().is_none_or(|only| only == scenario)
    }
}

/// Runs the suite. Besides what the help says, `--server-url` and `--client` put another
/// implementation in the place of our fixtures.
pub(crate) fn run(mut args: Args) -> Result {
    let options = Options {
        verbose: args.flag("--verbose"),
        scenario: args.option("--scenario")?,
        server_url: args.option("--server-url")?,
        client: args.option("--client")?.map(PathBuf::from),
    };
    let words = args.words()?;
    let (server, client) = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["all"] => (true, true),
        ["server"] => (true, false),
        ["client"] => (false, true),
        _ => return Err(Failure::new("say `server`, `client` or `all`")),
    };
    let root = workspace::root()?;
    let folder = Metadata::load(&root)?.target.join("conformance");
    let suite = Suite::install(&folder)?;
    let results = fresh(&folder.join("results"))?;
    let mut reports = Vec::new();
    for revision in SERVER_REVISIONS.into_iter().filter(|_| server) {
        let set = Set::load(&suite, revision, &results)?;
        reports.push(run_server(&root, &suite, &set, &options)?);
    }
    for revision in OLDER_SERVER_REVISIONS.into_iter().filter(|_| server) {
        let set = Set::all(&suite, revision, &results)?;
        reports.push(run_server(&root, &suite, &set, &options)?);
    }
    // A server passes what is not scored too.
    let mut clean = reports.iter().flatten().all(Report::is_clean);
    for revision in CLIENT_REVISIONS.into_iter().filter(|_| client) {
        let set = Set::load(&suite, revision, &results)?;
        let [scored, rest] = run_client(&root, &suite, &set, &options)?;
        clean &= scored.is_clean();
        reports.push([scored, rest]);
    }
    println!("details: {}", results.display());
    if reports.iter().all(|[scored, rest]| scored.is_empty() && rest.is_empty()) {
        return Err(Failure::new("no scenario was run"));
    }
    if clean { Ok(()) } else { Err(Failure::new("the conformance suite found faults")) }
}

/// The requirement set of one revision, and where its results go.
struct Set {
    revision: &'static str,
    requirements: Requirements,
    results: PathBuf,
}

impl Set {
    fn load(suite: &Suite, revision: &'static str, results: &Path) -> Result<Self> {
        let requirements = Requirements::load(&suite.requirements(revision))?;
        Self::new(revision, requirements, results)
    }

    /// Everything that the suite has for a server of the revision.
    fn all(suite: &Suite, revision: &'static str, results: &Path) -> Result<Self> {
        let requirements = Requirements::of_server(suite.server_scenarios(revision)?);
        Self::new(revision, requirements, results)
    }

    fn new(revision: &'static str, requirements: Requirements, results: &Path) -> Result<Self> {
        let results = results.join(revision);
        std::fs::create_dir_all(&results).map_err(Failure::at(&results))?;
        Ok(Self { revision, requirements, results })
    }
}

fn run_server(root: &Path, suite: &Suite, set: &Set, options: &Options) -> Result<[Report; 2]> {
    let Set { revision, requirements, results } = set;
    let mut fixture = match options.server_url {
        Some(_) => None,
        None => Some(start_server(root, results)?),
    };
    let url = match (&options.server_url, &fixture) {
        (Some(url), _) => url.clone(),
        (None, Some(server)) => server.url().to_owned(),
        (None, None) => String::new(),
    };
    let mut scored = Report::new(format!("server {revision}"));
    let mut rest = Report::new(format!("server {revision}, not scored"));
    for (scenario, is_scored) in requirements.scenarios(Side::Server) {
        if !options.wants(scenario) {
            continue;
        }
        let start = Instant::now();
        let run = suite.server_scenario(&url, scenario, revision, results)?;
        let report = if is_scored { &mut scored } else { &mut rest };
        report.add(Scenario::read(scenario, Side::Server, &run)?, start.elapsed());
    }
    if let Some(server) = &mut fixture
        && !server.is_running()
    {
        return Err(Failure::new("the fixture server died during the run"));
    }
    rest.print(options.verbose, false);
    scored.print(options.verbose, true);
    Ok([scored, rest])
}

fn start_server(root: &Path, results: &Path) -> Result<crate::process::Server> {
    let program = build(root, "conformance-server")?;
    Program::new(program)
        .args(["--addr", "127.0.0.1:0"])
        .serve(results.join("server.log"), START_LIMIT)
}

fn run_client(root: &Path, suite: &Suite, set: &Set, options: &Options) -> Result<[Report; 2]> {
    let Set { revision, requirements, results } = set;
    let client = match &options.client {
        Some(client) => client.clone(),
        None => build(root, "conformance-client")?,
    };
    let mut scored = Report::new(format!("client {revision}, each scenario alone"));
    let mut rest = Report::new(format!("client {revision}, not scored"));
    let mut later = 0_usize;
    for (scenario, is_scored) in requirements.scenarios(Side::Client) {
        if scenario.starts_with(AUTH_PREFIX) {
            later += 1;
            continue;
        }
        if !options.wants(scenario) {
            continue;
        }
        let start = Instant::now();
        let run = suite.client_scenario(&client, scenario, revision, results)?;
        let report = if is_scored { &mut scored } else { &mut rest };
        report.add(Scenario::read(scenario, Side::Client, &run)?, start.elapsed());
    }
    rest.print(options.verbose, false);
    scored.print(options.verbose, true);
    if later > 0 {
        println!("client {revision}, `{AUTH_PREFIX}`: {later} scenarios not run, they need OAuth");
    }
    Ok([scored, rest])
}

/// Builds a fixture and returns where it is.
fn build(root: &Path, name: &str) -> Result<PathBuf> {
    crate::process::build_binary(root, &["--package", "palisade-tests", "--bin", name], name)
}

/// An empty folder at `path`.
fn fresh(path: &Path) -> Result<PathBuf> {
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(Failure::at(path))?;
    }
    std::fs::create_dir_all(path).map_err(Failure::at(path))?;
    Ok(path.to_owned())
}

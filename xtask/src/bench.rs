//! `cargo xtask bench`: palisade, rmcp and bare hyper answer the same `tools/call` in turns.

mod build;
mod load;
mod probe;
mod sessions;
mod stat;
mod stdio;
mod table;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    args::Args,
    bench::{load::Generator, stat::Usage, table::Row},
    failure::{Failure, Result},
    metadata::Metadata,
    process::{Program, Server, build_binary},
    workspace,
};

/// How many tools a server has.
const TOOLS: [u32; 2] = [1, 50];
/// How many connections call at once.
const CONNECTIONS: [u32; 2] = [1, 32];
/// Load before each measured round, so that every server is warm.
const WARM_UP: Duration = Duration::from_secs(1);
/// For a server to start listening.
const START_LIMIT: Duration = Duration::from_secs(10);
/// The token of the servers that want one.
const TOKEN: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";

/// A server under test and how it is started.
#[derive(Debug)]
struct Contender {
    label: &'static str,
    binary: &'static str,
    args: &'static [&'static str],
    security: &'static str,
}

/// Those that are compared stand next to each other.
const CONTENDERS: &[Contender] = &[
    Contender { label: table::HYPER, binary: "bench-hyper", args: &[], security: "none" },
    Contender { label: table::PALISADE, binary: "bench-server", args: &[], security: "bearer" },
    Contender { label: table::OPEN, binary: "bench-server", args: &[], security: "none" },
    Contender { label: table::FULL, binary: "bench-server", args: &[], security: "full" },
    Contender {
        label: "rmcp, router behind an Arc",
        binary: "bench-rmcp",
        args: &["--router", "shared"],
        security: "none",
    },
    Contender { label: table::RMCP, binary: "bench-rmcp", args: &[], security: "none" },
];

/// Measures speed over HTTP, with `--stdio` over standard streams, with `--sessions` for clients of older revisions, or with `--build` what the build costs.
pub(crate) fn run(mut args: Args) -> Result {
    let over_stdio = args.flag("--stdio");
    let of_sessions = args.flag("--sessions");
    let build_only = args.flag("--build");
    let unpinned = args.flag("--unpinned");
    let seconds = args.parsed("--seconds", 2_u64)?;
    let rounds = args.parsed("--rounds", 5_u32)?;
    let only = args.option("--connections")?;
    args.finish()?;
    if seconds == 0 || rounds == 0 {
        return Err(Failure::new("at least one round of one second"));
    }
    let wanted =
        |connections: &u32| only.as_ref().is_none_or(|only| *only == connections.to_string());
    let numbers: Vec<u32> = CONNECTIONS.into_iter().filter(wanted).collect();
    if numbers.is_empty() {
        return Err(Failure::new(format!("`--connections` is one of {CONNECTIONS:?}")));
    }
    let root = workspace::root()?;
    let scratch = Metadata::load(&root)?.target.join("bench");
    std::fs::create_dir_all(&scratch).map_err(Failure::at(&scratch))?;
    if build_only {
        return build::run(&root, &scratch);
    }
    let bench = root.join("bench");
    let pins = if unpinned { None } else { Pins::find() };
    if over_stdio {
        return stdio::run(&bench, pins.as_ref(), seconds, rounds);
    }
    if of_sessions {
        return sessions::run(&bench, &scratch, pins.as_ref(), rounds);
    }
    let generator = Generator::find(&bench, &scratch, pins.as_ref().map(|pins| pins.load))?;
    let ticks = stat::ticks_per_second()?;
    println!(
        "load from {}; {}; {rounds} rounds of {seconds} s each, median of the rounds and of their ratios",
        generator.name(),
        if pins.is_some() { "server and load on one processor each" } else { "nothing pinned" }
    );
    let mut programs = BTreeMap::new();
    for Contender { binary, .. } in CONTENDERS {
        if !programs.contains_key(binary) {
            programs.insert(*binary, release_binary(&bench, binary)?);
        }
    }
    for (tools, connections) in TOOLS.into_iter().flat_map(|t| numbers.iter().map(move |c| (t, *c)))
    {
        let mut rows: Vec<Row> = CONTENDERS.iter().map(|one| Row::new(one.label)).collect();
        for _ in 0..rounds {
            for (contender, row) in CONTENDERS.iter().zip(&mut rows) {
                let Some(program) = programs.get(contender.binary) else { continue };
                // Anew each time: how fast a process is depends a little on where its memory happens to lie.
                let server = contender.start(program, &scratch, tools, pins.as_ref())?;
                // The same request to all, whoever reads the token.
                let load = |time| generator.run(server.url(), Some(TOKEN), connections, time);
                load(WARM_UP)?;
                let before = Usage::of(server.pid())?;
                let sample = load(Duration::from_secs(seconds))?;
                row.add(sample, before, Usage::of(server.pid())?, ticks);
            }
        }
        table::print(tools, connections, &rows);
    }
    Ok(())
}

/// The processors that the server and the load are kept on, so that neither takes time from the
/// other and the figures are those of one processor at work.
#[derive(Clone, Copy, Debug)]
struct Pins {
    server: &'static str,
    load: &'static str,
}

impl Pins {
    /// `None` where there is only one processor or no `taskset`.
    fn find() -> Option<Self> {
        let enough =
            std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1);
        let works = || Program::new("taskset").args(["-c", "0,1", "true"]).succeeds();
        (enough && works()).then_some(Self { server: "0", load: "1" })
    }
}

impl Contender {
    fn token(&self) -> Option<&'static str> {
        (self.security != "none").then_some(TOKEN)
    }

    /// Starts it, and makes sure that it gives the right answer, and if it wants a token refuses a call without
    /// it: a server that answers nonsense is fast.
    fn start(
        &self,
        program: &Path,
        scratch: &Path,
        tools: u32,
        pins: Option<&Pins>,
    ) -> Result<Server> {
        let audit = scratch.join("audit.jsonl");
        if audit.exists() {
            std::fs::remove_file(&audit).map_err(Failure::at(&audit))?;
        }
        let audit = (self.security == "full").then(|| audit.display().to_string());
        let server = Program::pinned(program, pins.map(|pins| pins.server))
            .args(["--port", "0", "--tools", &tools.to_string(), "--security", self.security])
            .args(self.token().into_iter().flat_map(|token| ["--token", token]))
            .args(audit.iter().flat_map(|file| ["--audit", file]))
            .args(self.args)
            .serve(scratch.join("server.log"), START_LIMIT)?;
        probe::check(server.url(), self.token())
            .map_err(|failure| Failure::new(format!("{}: {failure}", self.label)))?;
        Ok(server)
    }
}

/// Builds a binary of the `bench` workspace.
fn release_binary(bench: &Path, name: &str) -> Result<PathBuf> {
    build_binary(bench, &["--release", "--package", name], name)
}

//! `cargo xtask ci`: the only list of checks.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    args::Args,
    conformance, demo, deny,
    failure::{Failure, Result},
    layers,
    metadata::Metadata,
    process::Program,
    soak, test, tidy, workspace,
};

/// One check.
struct Step {
    name: &'static str,
    run: fn(&Path) -> Result,
}

/// Cheap checks first, so that a slip shows early.
const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "tidy", run: |_| tidy::run(no_args()) },
    Step { name: "layers", run: |_| layers::run(no_args()) },
    Step { name: "deny", run: |_| deny::run(no_args()) },
    Step { name: "clippy", run: clippy },
    Step { name: "docs", run: docs },
    Step { name: "test", run: |_| test::run(no_args()) },
    Step { name: "examples", run: examples },
    Step { name: "demo", run: |_| demo::run(no_args()) },
    Step { name: "soak", run: |_| soak::run(short_soak()) },
    Step { name: "bench", run: |root| own_workspace(root, "bench") },
    Step { name: "fuzz", run: |root| own_workspace(root, "fuzz") },
    Step { name: "opentelemetry", run: |root| own_workspace(root, "examples/opentelemetry") },
    Step { name: "conformance", run: |_| conformance::run(no_args()) },
];

/// Runs the named steps, or all; goes on after a failure and sums up at the end.
pub(crate) fn run(mut args: Args) -> Result {
    if args.flag("--list") {
        args.finish()?;
        for step in STEPS {
            println!("{}", step.name);
        }
        return Ok(());
    }
    let mut except = BTreeSet::new();
    while let Some(name) = args.option("--except")? {
        except.insert(name);
    }
    let wanted: BTreeSet<String> = args.words()?.into_iter().collect();
    let known = |name: &str| STEPS.iter().any(|step| step.name == name);
    if let Some(unknown) = wanted.union(&except).find(|name| !known(name)) {
        return Err(Failure::new(format!("there is no step `{unknown}`; `--list` names them")));
    }
    let root = workspace::root()?;
    let mut outcomes = Vec::new();
    for step in STEPS {
        if except.contains(step.name) || !wanted.is_empty() && !wanted.contains(step.name) {
            continue;
        }
        println!("\n=== {} ===", step.name);
        let start = Instant::now();
        let outcome = (step.run)(&root);
        if let Err(failure) = &outcome {
            eprintln!("error: {failure}");
        }
        outcomes.push((step.name, outcome, start.elapsed()));
    }
    sum_up(&outcomes)
}

fn sum_up(outcomes: &[(&str, Result, Duration)]) -> Result {
    println!("\n=== summary ===");
    for (name, outcome, took) in outcomes {
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<12} {verdict:<6} {:>6.1} s", took.as_secs_f64());
    }
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|(_, outcome, _)| outcome.is_err())
        .map(|(name, ..)| *name)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("failed: {}", failed.join(", "))))
    }
}

/// Long enough to leave something behind; the whole ten minutes are for whoever changes what could leak.
fn short_soak() -> Args {
    Args::new(["--seconds", "30"].map(str::to_owned).into_iter())
}

fn no_args() -> Args {
    Args::new(std::iter::empty())
}

fn fmt(root: &Path) -> Result {
    Program::cargo().args(["fmt", "--all", "--check"]).dir(root).run()?;
    for workspace in other_workspaces(root) {
        Program::cargo().args(["fmt", "--all", "--check"]).dir(&root.join(workspace)).run()?;
    }
    Ok(())
}

/// Workspaces of their own, so that what they need never enters our lock file.
fn other_workspaces(root: &Path) -> impl Iterator<Item = &'static str> {
    ["bench", "examples/opentelemetry", "fuzz"]
        .into_iter()
        .filter(|folder| root.join(folder).join("Cargo.toml").is_file())
}

/// Each package on its own, because features of one package must not lean on another's.
fn clippy(root: &Path) -> Result {
    let mut failed = Vec::new();
    for package in Metadata::load(root)?.members {
        let mut ways = vec![vec!["--all-targets"]];
        if package.has_features {
            ways.push(vec!["--no-default-features"]);
            ways.push(vec!["--all-targets", "--all-features"]);
        }
        for way in ways {
            let clippy = Program::cargo()
                .args(["clippy", "--quiet", "--package", &package.name])
                .args(&way)
                .args(["--", "-D", "warnings"])
                .dir(root);
            if let Err(failure) = clippy.run() {
                failed.push(failure.to_string());
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("; "))) }
}

fn docs(root: &Path) -> Result {
    Program::cargo()
        .args(["doc", "--quiet", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .dir(root)
        .run()
}

fn examples(root: &Path) -> Result {
    Program::cargo().args(["build", "--quiet", "--workspace", "--examples"]).dir(root).run()
}

/// The servers that are measured and the targets that are fuzzed must keep compiling; measuring is `cargo
/// xtask bench`, fuzzing `cargo xtask fuzz`. What fuzzing found is replayed by the tests.
fn own_workspace(root: &Path, folder: &str) -> Result {
    Program::cargo()
        .args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])
        .dir(&root.join(folder))
        .run()
}

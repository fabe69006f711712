//! Commands for developers; `cargo xtask` alone lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through its standard streams"
)]

mod args;
mod bench;
mod ci;
mod conformance;
mod demo;
mod deny;
mod failure;
mod fuzz;
mod layers;
mod metadata;
mod process;
mod schema;
mod soak;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use crate::{args::Args, failure::Result};

/// One command of `cargo xtask`.
struct Task {
    /// What is typed after `cargo xtask`.
    name: &'static str,
    /// The arguments it takes, for the help text.
    usage: &'static str,
    /// What it does, in one line.
    about: &'static str,
    /// Its entry point.
    run: fn(Args) -> Result,
}

const TASKS: &[Task] = &[
    Task {
        name: "demo",
        usage: "",
        about: "show a secured server and client talking over TLS, and what is refused",
        run: demo::run,
    },
    Task {
        name: "test",
        usage: "[FILTER...]",
        about: "run every test of the workspace, documentation tests included",
        run: test::run,
    },
    Task {
        name: "ci",
        usage: "[STEP...] [--except STEP]...",
        about: "run every check that a change must pass; `--list` names the steps",
        run: ci::run,
    },
    Task { name: "layers", usage: "", about: "check which crate imports which", run: layers::run },
    Task {
        name: "tidy",
        usage: "",
        about: "check file sizes, headers, left-overs and machine paths",
        run: tidy::run,
    },
    Task {
        name: "deny",
        usage: "",
        about: "check licences, banned crates and sources of the dependencies",
        run: deny::run,
    },
    Task {
        name: "schema",
        usage: "",
        about: "write the JSON Schema of configuration files",
        run: schema::run,
    },
    Task {
        name: "soak",
        usage: "[--minutes N | --seconds N] [--visitors N] [--seed N]",
        about: "run every revision and transport at once, 10 minutes by default, and see that nothing is left",
        run: soak::run,
    },
    Task {
        name: "conformance",
        usage: "[server|client|all] [--scenario NAME] [--verbose]",
        about: "run the official conformance suite (needs npm)",
        run: conformance::run,
    },
    Task {
        name: "bench",
        usage: "[--build] [--stdio] [--sessions] [--seconds N] [--rounds N] [--connections 1|32] [--unpinned]",
        about: "measure against rmcp and bare hyper over HTTP, or with `--stdio` against rmcp over stdio; `--sessions` measures older clients, `--build` the build",
        run: bench::run,
    },
    Task {
        name: "fuzz",
        usage: "[--seconds N] [TARGET...]",
        about: "run the fuzz targets one after the other (needs cargo-fuzz)",
        run: fuzz::run,
    },
];

/// What the conformance suite starts in place of the client; not for people, hence not listed.
const CLIENT_LEG: &str = "conformance-client-leg";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(name) = args.next() else {
        print_help();
        return ExitCode::SUCCESS;
    };
    if name == CLIENT_LEG {
        return conformance::client_leg(args);
    }
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print_help();
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprintln!("error: there is no command `{name}`\n");
        print_help();
        return ExitCode::from(2);
    };
    match (task.run)(Args::new(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("cargo xtask COMMAND\n");
    for task in TASKS {
        println!("  {:<12} {}", task.name, task.about);
        if !task.usage.is_empty() {
            println!("  {:<12}   {} {}", "", task.name, task.usage);
        }
    }
}

//! `cargo xtask demo`: the first thing that a newcomer runs.

use crate::{args::Args, failure::Result, process::Program, workspace};

/// Builds and runs the example `demo`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    Program::cargo()
        .args(["run", "--quiet", "--package", "palisade-examples", "--example", "demo"])
        .dir(&workspace::root()?)
        .run()
}

//! `cargo xtask soak`: everything at once for a while, and nothing left of it.

use crate::{args::Args, failure::Result, process::Program, workspace};

/// Builds the program `soak` and runs it; the arguments are its own.
pub(crate) fn run(mut args: Args) -> Result {
    let mut own = Vec::new();
    for name in ["--minutes", "--seconds", "--visitors", "--seed"] {
        if let Some(value) = args.option(name)? {
            own.extend([name.to_owned(), value]);
        }
    }
    args.finish()?;
    Program::cargo()
        .args(["run", "--quiet", "--package", "palisade-tests", "--bin", "soak", "--"])
        .args(&own)
        .dir(&workspace::root()?)
        .run()
}

//! `cargo xtask deny`: licences, banned crates and sources, as `deny.toml` has them.

use crate::{
    args::Args,
    failure::{Failure, Result},
    process::Program,
    workspace,
};

/// Runs `cargo deny`. Without it the check is skipped visibly, except in CI, where it must be there.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    if !Program::cargo().args(["deny", "--version"]).succeeds() {
        if std::env::var_os("CI").is_some() {
            return Err(Failure::new(
                "cargo-deny is not installed: `cargo install cargo-deny --locked`",
            ));
        }
        println!("deny: SKIPPED, cargo-deny is not installed: `cargo install cargo-deny --locked`");
        return Ok(());
    }
    Program::cargo()
        .args(["deny", "--all-features", "check", "bans", "licenses", "sources"])
        .dir(&workspace::root()?)
        .run()
}

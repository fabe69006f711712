//! `cargo xtask schema`: the JSON Schema of configuration files, as editors read it.

use crate::{
    args::Args,
    failure::{Failure, Result},
    process::Program,
    workspace,
};

/// Writes what `palisade schema` prints. A test fails while a file differs from it.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    let root = workspace::root()?;
    for role in ["server", "client", "launch"] {
        let text = Program::cargo()
            .args(["run", "--quiet", "--package", "palisade-cli", "--", "schema", role])
            .dir(&root)
            .output()?;
        let path = root.join(format!("crates/config/schema/{role}.json"));
        std::fs::write(&path, text).map_err(Failure::at(&path))?;
        println!("schema: {}", path.strip_prefix(&root).unwrap_or(&path).display());
    }
    Ok(())
}

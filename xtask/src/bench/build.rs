//! `cargo xtask bench --build`: how many crates palisade needs and what a cold build costs.

use std::{collections::BTreeSet, path::Path};

use crate::{
    bench::stat::{Usage, ticks_per_second},
    failure::{Failure, Result},
    metadata::Metadata,
    process::Program,
};

/// The most crates that palisade may need with default features, and without schema validation.
const LIMIT: usize = 130;
const LIMIT_UNCHECKED: usize = 95;
/// The feature that is counted apart.
const VALIDATION: &str = "schema-validation";

/// Packages of the `bench` workspace that only need what is measured.
const PALISADE: &str = "cost-palisade";
const RMCP: &str = "cost-rmcp";

/// Prints both figures; fails if a limit is passed.
pub(super) fn run(root: &Path, scratch: &Path) -> Result {
    let bench = root.join("bench");
    let mut missed = Vec::new();
    let unchecked = features_without_validation(root)?;
    let lean = ["--no-default-features", "--features", &unchecked];
    for (what, features, limit) in [
        ("default features", &[][..], LIMIT),
        ("the same without schema-validation", &lean[..], LIMIT_UNCHECKED),
    ] {
        let count = count_crates(root, "palisade", features)?;
        let verdict = verdict(count <= limit);
        println!("palisade, {what}: {count} crates (limit {limit}, {verdict})");
        if count > limit {
            missed.push(format!("{count} crates with {what}"));
        }
    }
    // Without the package that does nothing but need it.
    let peer = count_crates(&bench, RMCP, &[])?.saturating_sub(1);
    println!("rmcp, client and server over HTTP with TLS: {peer} crates");
    let ours = cold_build(&bench, scratch, PALISADE)?;
    let theirs = cold_build(&bench, scratch, RMCP)?;
    println!(
        "cold debug build: palisade {ours:.0} CPU s, rmcp {theirs:.0} CPU s (limit: rmcp's, {})",
        verdict(ours <= theirs)
    );
    if ours > theirs {
        missed.push("the cold build".to_owned());
    }
    if missed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("over the limit: {}", missed.join(", "))))
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// Palisade's default features, as cargo takes them, without [`VALIDATION`].
fn features_without_validation(root: &Path) -> Result<String> {
    let members = Metadata::load(root)?.members;
    let palisade = members
        .iter()
        .find(|package| package.name == "palisade")
        .ok_or_else(|| Failure::new("the workspace holds no palisade"))?;
    let (validation, others): (Vec<&str>, Vec<&str>) = palisade
        .default_features
        .iter()
        .map(String::as_str)
        .partition(|feature| *feature == VALIDATION);
    if validation.is_empty() {
        return Err(Failure::new(format!("`{VALIDATION}` is no default feature of palisade")));
    }
    Ok(others.join(","))
}

/// The crates that `package` needs at run time and to compile, itself included.
fn count_crates(workspace: &Path, package: &str, features: &[&str]) -> Result<usize> {
    let tree = Program::cargo()
        .args(["tree", "--edges", "normal", "--prefix", "none", "--package", package])
        .args(features)
        .dir(workspace)
        .output()?;
    Ok(distinct(&tree))
}

/// Counts name and version pairs; cargo repeats crates and marks them in several ways.
fn distinct(tree: &str) -> usize {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect::<BTreeSet<_>>()
        .len()
}

/// CPU seconds of a debug build from nothing, downloads excluded.
fn cold_build(bench: &Path, scratch: &Path, package: &str) -> Result<f64> {
    let target = scratch.join(package);
    if target.exists() {
        std::fs::remove_dir_all(&target).map_err(Failure::at(&target))?;
    }
    Program::cargo().args(["fetch", "--quiet"]).dir(bench).run()?;
    let before = Usage::of(std::process::id())?;
    Program::cargo()
        .args(["build", "--quiet", "--package", package])
        .env("CARGO_TARGET_DIR", &target)
        .dir(bench)
        .run()?;
    let after = Usage::of(std::process::id())?;
    std::fs::remove_dir_all(&target).map_err(Failure::at(&target))?;
    let ticks = u32::try_from(after.child_ticks.saturating_sub(before.child_ticks))
        .map_err(|_| Failure::new("the build took impossibly long"))?;
    Ok(f64::from(ticks) / ticks_per_second()?)
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn repeated_crates_count_once() {
        let tree =
            "cost v0.0.0 (/x/cost)\na v1.0.0\nb v1.0.0 (proc-macro)\na v1.0.0 (*)\na v2.0.0\n\n";
        assert_eq!(distinct(tree), 4);
    }
}

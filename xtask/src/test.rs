//! `cargo xtask test`: every test, and the runner's closing lines once more at the end.

use std::process::ExitStatus;

use crate::{
    args::Args,
    failure::{Failure, Result},
    process::Program,
    workspace,
};

/// Runs the tests of the workspace; words are passed on as filters.
pub(crate) fn run(args: Args) -> Result {
    let filters = args.words()?;
    let root = workspace::root()?;
    let mut closing = Vec::new();
    let mut failed = false;
    let mut note = |(status, lines): (ExitStatus, Vec<String>)| {
        failed |= !status.success();
        closing.extend(lines);
    };
    if Program::cargo().args(["nextest", "--version"]).succeeds() {
        let nextest = ["nextest", "run", "--workspace", "--no-fail-fast"];
        note(cargo(&nextest, &filters, &root)?);
        note(cargo(&["test", "--workspace", "--doc", "--no-fail-fast"], &filters, &root)?);
    } else {
        note(cargo(&["test", "--workspace", "--no-fail-fast"], &filters, &root)?);
    }
    println!("\nclosing lines of the test runner:");
    for line in &closing {
        println!("  {}", line.trim());
    }
    if failed { Err(Failure::new("tests failed")) } else { Ok(()) }
}

fn cargo(
    words: &[&str],
    filters: &[String],
    root: &std::path::Path,
) -> Result<(ExitStatus, Vec<String>)> {
    Program::cargo().args(words).args(filters).dir(root).run_keeping(is_closing)
}

/// Whether `line` sums up a run: nextest's `Summary [...]` and the harness's `test result: ...`,
/// unless that ran nothing. Indented, the latter is of one test whose output nextest shows.
fn is_closing(line: &str) -> bool {
    line.trim_start().starts_with("Summary [")
        || line.starts_with("test result: ") && !line.contains(" 0 passed; 0 failed; 0 ignored")
}

#[cfg(test)]
mod tests {
    use super::is_closing;

    #[test]
    fn closing_lines_are_recognised() {
        let check = |line, expected| assert_eq!(is_closing(line), expected, "{line}");
        check("     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped", true);
        check("test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", true);
        check("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", false);
        check("    test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured", false);
        check("test summary ... ok", false);
    }
}

//! `cargo xtask fuzz`: builds the fuzz targets and runs them one after the other.

use std::path::Path;

use crate::{
    args::Args,
    failure::{Failure, Result},
    process::Program,
    workspace,
};

/// More memory than this is a finding.
const MAX_MEGABYTES: u32 = 2048;
/// One input that takes longer is a finding. The clock runs on when the machine does other things, so this is
/// far above what any input takes.
const MAX_SECONDS: u32 = 120;

/// Runs the named targets, or all. What is new and interesting is kept below `fuzz/target/corpus`; what is
/// worth keeping for good goes from there into `fuzz/corpus` by hand.
pub(crate) fn run(mut args: Args) -> Result {
    let seconds = args.parsed("--seconds", 60_u32)?;
    let wanted = args.words()?;
    let fuzz = workspace::root()?.join("fuzz");
    let known = targets(&fuzz.join("targets"))?;
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
        let message = format!("there is no target `{unknown}`; there are: {}", known.join(", "));
        return Err(Failure::new(message));
    }
    if !Program::cargo().args(["fuzz", "--version"]).succeeds() {
        return Err(Failure::new(
            "cargo-fuzz is not installed: `cargo install cargo-fuzz --locked`",
        ));
    }
    cargo_fuzz(&fuzz, "build").run()?;
    let mut summary = Vec::new();
    for target in if wanted.is_empty() { known } else { wanted } {
        summary.push(run_one(&fuzz, &target, seconds)?);
    }
    println!();
    for (line, _) in &summary {
        println!("{line}");
    }
    match summary.iter().filter(|(_, succeeded)| !succeeded).count() {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} targets found something"))),
    }
}

/// Runs one target; the line that sums it up, and whether it found nothing.
fn run_one(fuzz: &Path, target: &str, seconds: u32) -> Result<(String, bool)> {
    let fresh = fuzz.join("target/corpus").join(target);
    std::fs::create_dir_all(&fresh).map_err(Failure::at(&fresh))?;
    let (status, lines) = cargo_fuzz(fuzz, "run")
        .arg(target)
        .arg(&fresh)
        .arg(fuzz.join("corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MAX_MEGABYTES}"))
        .arg(format!("-timeout={MAX_SECONDS}"))
        .arg("-print_final_stats=1")
        .run_keeping(Figures::is_about)?;
    let figures = Figures::read(&lines);
    let verdict = if status.success() { "nothing found" } else { "FOUND SOMETHING" };
    let line = format!("{target:<12} {figures}, {verdict}");
    Ok((line, status.success()))
}

/// `cargo fuzz` works with nightly options, which the stable compiler takes if it is told to. The address
/// sanitizer stays off: the stack has no unsafe code, and without it there are twice as many runs.
fn cargo_fuzz(fuzz: &Path, command: &str) -> Program {
    Program::cargo()
        .args(["fuzz", command, "--fuzz-dir"])
        .arg(fuzz)
        .args(["--sanitizer", "none"])
        .env("RUSTC_BOOTSTRAP", "1")
        .dir(fuzz)
}

/// The names of the targets.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Failure::at(folder))? {
        let path = entry.map_err(Failure::at(folder))?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What libFuzzer says at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    runs: u64,
    seconds: u64,
    coverage: u64,
    features: u64,
}

impl Figures {
    /// Whether a line of libFuzzer holds one of the figures, or says what was found.
    fn is_about(line: &str) -> bool {
        line.starts_with("Done ")
            || line.contains(" cov: ")
            || line.starts_with("stat::number_of_executed_units:")
    }

    fn read(lines: &[String]) -> Self {
        let mut figures = Self::default();
        for line in lines {
            let mut words = line.split_whitespace();
            while let Some(word) = words.next() {
                // A number follows each of these words.
                let figure = match word {
                    "cov:" => &mut figures.coverage,
                    "ft:" => &mut figures.features,
                    "in" => &mut figures.seconds,
                    "Done" | "stat::number_of_executed_units:" => &mut figures.runs,
                    _ => continue,
                };
                if let Some(number) = words.next().and_then(|word| word.parse().ok()) {
                    *figure = number;
                }
            }
        }
        figures
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { runs, seconds, coverage, features } = self;
        write!(f, "{seconds:>5} s {runs:>10} runs, {coverage:>5} edges, {features:>6} features")
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn the_figures_are_those_of_the_end() {
        let lines = [
            "#2\tINITED cov: 100 ft: 101 corp: 1/1b exec/s: 0 rss: 40Mb",
            "INFO: seed corpus: files: 9 min: 1b max: 5b total: 20b rss: 40Mb",
            "#5000\tDONE   cov: 1234 ft: 4567 corp: 89/12Kb lim: 4096 exec/s: 833 rss: 45Mb",
            "Done 5000 runs in 6 second(s)",
            "stat::number_of_executed_units: 5000",
        ];
        let kept: Vec<String> =
            lines.iter().filter(|line| Figures::is_about(line)).map(ToString::to_string).collect();
        assert_eq!(kept.len(), 4);
        let expected = Figures { runs: 5000, seconds: 6, coverage: 1234, features: 4567 };
        assert_eq!(Figures::read(&kept), expected);
    }
}

//! Reads what a scenario left behind, judges it, and prints one line a set.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::{
    conformance::{leg::End, requirements::Side, suite::Run},
    failure::{Failure, Result},
};

/// Scenarios that skip their only check whatever the server does, because the suite has yet to be adapted to
/// where the specification put what they look at. Counted as skipped, not as failed.
const SKIPPED_BY_THE_SUITE: &[&str] = &["tasks-status-notifications"];

/// What one scenario showed.
#[derive(Debug, Default)]
pub(super) struct Scenario {
    name: String,
    passed: usize,
    /// Check id and message of each failure and each warning.
    failed: Vec<String>,
    warned: Vec<String>,
    skipped: Vec<String>,
    /// Why it counts as failed whatever its checks say.
    faults: Vec<String>,
}

impl Scenario {
    /// Judges one run: the suite's own verdict, its checks and, for a client, how the client ended.
    pub(super) fn read(name: &str, side: Side, run: &Run) -> Result<Self> {
        let mut scenario = Self { name: name.to_owned(), ..Self::default() };
        for file in find_checks(&run.folder)? {
            let text = std::fs::read_to_string(&file).map_err(Failure::at(&file))?;
            scenario.count(&serde_json::from_str(&text)?);
        }
        if let Some(record) = &run.record {
            let line = std::fs::read_to_string(record).unwrap_or_default();
            scenario.judge_end(End::from_line(&line));
        }
        match run.verdict {
            Some(true) => {}
            None => scenario.faults.push("the suite did not end in time".to_owned()),
            Some(false) => {
                // Only worth a word if nothing else explains it.
                if scenario.is_clean() {
                    let log = run.log.display();
                    scenario.faults.push(format!("the suite says that it failed, see {log}"));
                }
            }
        }
        if SKIPPED_BY_THE_SUITE.contains(&name) {
            return Ok(scenario);
        }
        if scenario.has_no_evidence() {
            scenario.faults.push("no evidence: no check passed or failed".to_owned());
        }
        if side == Side::Server {
            scenario.judge_skips();
        }
        Ok(scenario)
    }

    fn count(&mut self, checks: &Value) {
        for check in checks.as_array().into_iter().flatten() {
            let text = |key| check.get(key).and_then(Value::as_str).unwrap_or_default();
            let why = match text("errorMessage") {
                "" => text("description"),
                message => message,
            };
            let line = format!("{}: {}", text("id"), why.lines().next().unwrap_or_default());
            match text("status") {
                "SUCCESS" => self.passed += 1,
                "FAILURE" => self.failed.push(line),
                "WARNING" => self.warned.push(line),
                "SKIPPED" => self.skipped.push(line),
                "INFO" => {}
                other => self.faults.push(format!("{}: unknown status `{other}`", text("id"))),
            }
        }
    }

    /// A code other than 0 is left to the suite's verdict, which knows the scenarios that allow it.
    fn judge_end(&mut self, end: End) {
        match end {
            End::Exit(_) => {}
            End::Killed => self.faults.push("the client was killed by a signal".to_owned()),
            End::TimedOut => self.faults.push("the client did not end in time".to_owned()),
            End::NotStarted => self.faults.push("no client ran".to_owned()),
        }
    }

    /// A server can earn every check of its scored scenarios, so a skipped one is a failure.
    fn judge_skips(&mut self) {
        self.faults.extend(self.skipped.iter().map(|skip| format!("skipped: {skip}")));
    }

    fn has_no_evidence(&self) -> bool {
        self.passed == 0 && self.failed.is_empty()
    }

    fn is_clean(&self) -> bool {
        self.failed.is_empty() && self.warned.is_empty() && self.faults.is_empty()
    }
}

/// The scenarios of one set.
#[derive(Debug)]
pub(super) struct Report {
    label: String,
    scenarios: Vec<Scenario>,
    took: Duration,
}

impl Report {
    /// An empty report.
    pub(super) fn new(label: String) -> Self {
        Self { label, scenarios: Vec::new(), took: Duration::ZERO }
    }

    /// Adds a scenario that took this long.
    pub(super) fn add(&mut self, scenario: Scenario, took: Duration) {
        self.scenarios.push(scenario);
        self.took += took;
    }

    /// Whether nothing was run.
    pub(super) fn is_empty(&self) -> bool {
        self.scenarios.is_empty()
    }

    /// Whether no scenario has a fault. Check [`Self::is_empty`] too.
    pub(super) fn is_clean(&self) -> bool {
        self.scenarios.iter().all(Scenario::is_clean)
    }

    /// Prints the set's line; below it what is wrong, if `explain` or `verbose`, and what was
    /// skipped, if `verbose`.
    pub(super) fn print(&self, verbose: bool, explain: bool) {
        if self.is_empty() {
            return;
        }
        println!("{}", self.line());
        for scenario in &self.scenarios {
            if !scenario.is_clean() && (explain || verbose) {
                for line in scenario.faults.iter().chain(&scenario.failed) {
                    println!("  FAILED  {}: {line}", scenario.name);
                }
                for line in &scenario.warned {
                    println!("  WARNING {}: {line}", scenario.name);
                }
            }
            if verbose {
                for line in &scenario.skipped {
                    println!("  skipped {}: {line}", scenario.name);
                }
            }
        }
    }

    fn line(&self) -> String {
        let sum = |count: fn(&Scenario) -> usize| self.scenarios.iter().map(count).sum::<usize>();
        let clean = self.scenarios.iter().filter(|scenario| scenario.is_clean()).count();
        let names = |which: fn(&Scenario) -> bool| {
            let names: Vec<&str> = self
                .scenarios
                .iter()
                .filter(|scenario| which(scenario))
                .map(|scenario| scenario.name.as_str())
                .collect();
            if names.is_empty() { "none".to_owned() } else { names.join(" ") }
        };
        format!(
            "{}: {clean}/{} scenarios; checks {} passed, {} failed, {} warnings, {} skipped; \
             no evidence: {}; failed: {}  ({:.1} s)",
            self.label,
            self.scenarios.len(),
            sum(|scenario| scenario.passed),
            sum(|scenario| scenario.failed.len()),
            sum(|scenario| scenario.warned.len()),
            sum(|scenario| scenario.skipped.len()),
            names(Scenario::has_no_evidence),
            names(|scenario| !scenario.is_clean()),
            self.took.as_secs_f64(),
        )
    }
}

/// Every `checks.json` below `folder`.
fn find_checks(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Failure::at(&folder))? {
            let path = entry.map_err(Failure::at(&folder))?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.file_name().is_some_and(|name| name == "checks.json") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{End, Report, Scenario};
    use serde_json::json;
    use std::time::Duration;

    fn scenario(checks: serde_json::Value) -> Scenario {
        let mut scenario = Scenario { name: "s".to_owned(), ..Scenario::default() };
        scenario.count(&checks);
        scenario
    }

    #[test]
    fn checks_are_counted_by_status() {
        let scenario = scenario(json!([
            {"id": "a", "status": "SUCCESS"},
            {"id": "b", "status": "FAILURE", "errorMessage": "first\nsecond"},
            {"id": "c", "status": "WARNING", "description": "text"},
            {"id": "d", "status": "SKIPPED"},
            {"id": "e", "status": "INFO"},
        ]));
        assert_eq!(scenario.passed, 1);
        assert_eq!(scenario.failed, ["b: first"]);
        assert_eq!(scenario.warned, ["c: text"]);
        assert_eq!(scenario.skipped.len(), 1);
        assert!(!scenario.is_clean());
    }

    #[test]
    fn warnings_and_unknown_statuses_are_not_clean() {
        assert!(scenario(json!([{"id": "a", "status": "SUCCESS"}])).is_clean());
        assert!(!scenario(json!([{"id": "a", "status": "WARNING"}])).is_clean());
        assert!(!scenario(json!([{"id": "a", "status": "NEW"}])).is_clean());
    }

    #[test]
    fn a_client_that_crashed_or_hung_is_not_clean() {
        for (end, clean) in [
            (End::Exit(0), true),
            (End::Killed, false),
            (End::TimedOut, false),
            (End::NotStarted, false),
        ] {
            let mut scenario = scenario(json!([{"id": "a", "status": "SUCCESS"}]));
            scenario.judge_end(end);
            assert_eq!(scenario.is_clean(), clean, "{end:?}");
        }
    }

    #[test]
    fn a_skipped_check_fails_a_server() {
        let mut scenario = scenario(json!([{"id": "a", "status": "SKIPPED"}]));
        assert!(scenario.is_clean());
        scenario.judge_skips();
        assert!(!scenario.is_clean());
    }

    #[test]
    fn one_fault_spoils_the_set() {
        let mut report = Report::new("set".to_owned());
        assert!(report.is_empty());
        report.add(scenario(json!([{"id": "a", "status": "SUCCESS"}])), Duration::ZERO);
        assert!(report.is_clean());
        report.add(scenario(json!([{"id": "a", "status": "FAILURE"}])), Duration::ZERO);
        assert!(!report.is_clean());
        assert!(report.line().contains("1/2 scenarios"), "{}", report.line());
    }
}

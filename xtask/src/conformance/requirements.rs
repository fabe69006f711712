//! The suite's frozen requirement set of a revision: which scenarios count.

use std::path::Path;

use crate::failure::{Failure, Result};

/// Whose conformance a scenario tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

/// A requirement set.
#[derive(Debug)]
pub(super) struct Requirements {
    scenarios: Vec<(Side, String, bool)>,
}

impl Requirements {
    /// Reads the suite's file.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Failure::at(path))?;
        let requirements = Self::parse(&text);
        for side in [Side::Server, Side::Client] {
            if !requirements.scenarios(side).any(|(_, scored)| scored) {
                return Err(Failure::new(format!(
                    "{} names no {side:?} scenario; has its form changed?",
                    path.display()
                )));
            }
        }
        Ok(requirements)
    }

    /// These scenarios of a server, all of which count.
    pub(super) fn of_server(scenarios: Vec<String>) -> Self {
        let scored = |name| (Side::Server, name, true);
        Self { scenarios: scenarios.into_iter().map(scored).collect() }
    }

    /// The scenarios of one side, each with whether it counts, in the file's order.
    pub(super) fn scenarios(&self, side: Side) -> impl Iterator<Item = (&str, bool)> {
        self.scenarios
            .iter()
            .filter(move |(of, ..)| *of == side)
            .map(|(_, name, scored)| (name.as_str(), *scored))
    }

    /// The file is YAML of one fixed shape: two lists of names, then a list of `scenario`/`leg` maps.
    fn parse(text: &str) -> Self {
        let mut scenarios = Vec::new();
        let mut section = "";
        let mut unscored = None;
        for line in text.lines() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            if !line.starts_with([' ', '-']) {
                section = line.trim_end().trim_end_matches(':');
                continue;
            }
            let entry = line.trim();
            let item = entry.strip_prefix("- ").map(str::trim);
            match (section, item) {
                ("server", Some(name)) => scenarios.push((Side::Server, name.to_owned(), true)),
                ("client", Some(name)) => scenarios.push((Side::Client, name.to_owned(), true)),
                ("not_scored", Some(item)) => {
                    unscored = item.strip_prefix("scenario:").map(|name| name.trim().to_owned());
                }
                ("not_scored", None) => {
                    let side = match entry.strip_prefix("leg:").map(str::trim) {
                        Some("server") => Side::Server,
                        Some("client") => Side::Client,
                        _ => continue,
                    };
                    scenarios.extend(unscored.take().map(|name| (side, name, false)));
                }
                _ => {}
            }
        }
        Self { scenarios }
    }
}

#[cfg(test)]
mod tests {
    use super::{Requirements, Side};

    #[test]
    fn both_lists_and_the_unscored_ones_are_read() {
        let text = "# about\nserver:\n  - a\n  - b/c\n\nclient:\n  # note\n  - d\n\nnot_scored:\n  \
                    - scenario: e\n    leg: server\n    reason: pending\n    note: >-\n      - text\n  \
                    - scenario: f\n    leg: client\n    reason: extension\n";
        let requirements = Requirements::parse(text);
        let of = |side| requirements.scenarios(side).collect::<Vec<_>>();
        assert_eq!(of(Side::Server), [("a", true), ("b/c", true), ("e", false)]);
        assert_eq!(of(Side::Client), [("d", true), ("f", false)]);
    }
}

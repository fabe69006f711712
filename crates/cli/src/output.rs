//! Text for people, in colour on a terminal, or one JSON value for machines.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use palisade::security::{Finding, Severity};
use serde_json::{Value, json};

use crate::exit::Exit;

/// What a command says. Results go to standard output, problems with the command itself to standard error.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    colour: bool,
    lines: Vec<String>,
    problems: Vec<String>,
    value: Option<Value>,
}

#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Red,
    Yellow,
    Green,
    Bold,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = !json && !plain && std::io::stdout().is_terminal();
        Self { json, colour, lines: Vec::new(), problems: Vec::new(), value: None }
    }

    /// Says a line to people.
    pub(crate) fn line(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// Says why the command cannot be run.
    pub(crate) fn problem(&mut self, problem: &str) {
        self.problems.push(problem.to_owned());
    }

    /// Says the result to machines.
    pub(crate) fn value(&mut self, value: Value) {
        self.value = Some(value);
    }

    /// A text in a colour, if there are colours.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Green => "32",
            Colour::Bold => "1",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Says a finding to people; `place` is the file and line, if known.
    pub(crate) fn finding(&mut self, place: &str, finding: &Finding) {
        let severity = match finding.severity() {
            Severity::Warning => self.paint(Colour::Yellow, "warning"),
            _ => self.paint(Colour::Red, "error"),
        };
        let path = match finding.path() {
            "" => String::new(),
            path => format!("{}: ", self.paint(Colour::Bold, &printable(path))),
        };
        let message = printable(finding.message());
        self.line(&format!("{severity}[{}] {place}{path}{message}", finding.code()));
        if !finding.fix().is_empty() {
            self.line(&format!("  fix: {}", printable(finding.fix())));
        }
    }

    /// Writes everything.
    pub(crate) fn end(&self, exit: Exit) -> ExitCode {
        let mut text = String::new();
        if self.json {
            let empty = || json!({ "problems": self.problems });
            let value = self.value.clone().unwrap_or_else(empty);
            text = format!("{value:#}\n");
        } else {
            for line in &self.lines {
                text.push_str(line);
                text.push('\n');
            }
        }
        // Whoever closed the pipe does not want to hear more.
        let _ = std::io::stdout().write_all(text.as_bytes());
        for problem in &self.problems {
            let _ = writeln!(std::io::stderr(), "palisade: {problem}");
        }
        ExitCode::from(exit.code())
    }
}

/// A finding for machines.
pub(crate) fn to_json(finding: &Finding, line: Option<usize>) -> Value {
    let severity = match finding.severity() {
        Severity::Warning => "warning",
        _ => "error",
    };
    let mut value = json!({
        "path": finding.path(),
        "severity": severity,
        "code": finding.code(),
        "message": finding.message(),
        "fix": finding.fix(),
    });
    if let (Some(line), Some(object)) = (line, value.as_object_mut()) {
        object.insert("line".to_owned(), line.into());
    }
    value
}

/// A text that may come from elsewhere, without what would steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

//! Text to values: TOML and JSON, bounded, with lines for TOML and without duplicate keys in either.

mod json;
mod toml;

use std::{collections::BTreeMap, fmt, path::Path};

use serde_json::{Map, Value};

use crate::findings::Findings;

/// The largest configuration, in bytes. Abuse: a file that fills the memory of whoever checks it.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format of a file, by its name: JSON if it ends in `.json`, else TOML.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }
}

/// A parsed text.
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Where the keys stand, by path. Empty for JSON.
    pub(crate) lines: BTreeMap<String, usize>,
}

/// Hides values: an inline secret may be among them.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

/// Parses a text. What cannot be parsed yields an empty document and a finding without a path.
pub(crate) fn parse(text: &str, format: Format, findings: &mut Findings) -> Document {
    let empty = || Document { value: Value::Object(Map::new()), lines: BTreeMap::new() };
    if text.len() > MAX_BYTES {
        findings.broken(
            "",
            "config_too_large",
            format!("the configuration exceeds {MAX_BYTES} bytes"),
            "remove what does not belong there",
        );
        return empty();
    }
    let parsed = match format {
        Format::Toml => toml::parse(text),
        Format::Json => json::parse(text, findings),
    };
    parsed.unwrap_or_else(|SyntaxError { line, message }| {
        findings.broken(
            "",
            "config_syntax",
            format!("line {line}: {message}"),
            match format {
                Format::Toml => "correct the line: the file is read as toml",
                Format::Json => "correct the line: the file is read as json",
            },
        );
        empty()
    })
}

/// Why a text is not TOML or JSON. Shows nothing of the text.
struct SyntaxError {
    line: usize,
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, format: Format, expected: &[(&str, &str)]) -> Document {
        let mut findings = Findings::default();
        let document = parse(text, format, &mut findings);
        let list = findings.into_list();
        let found: Vec<_> = list.iter().map(|finding| (finding.path(), finding.code())).collect();
        assert_eq!(found, expected);
        assert!(list.iter().all(|finding| !finding.to_string().contains("canary")), "{list:?}");
        document
    }

    #[test]
    fn both_formats_yield_the_same() {
        let toml = "a = 1\n[b]\nc = ['x', true]\n[[d]]\ne = 2027-01-01T00:00:00Z\n[[d]]\nf = 1.5\n";
        let json = r#"{"a":1,"b":{"c":["x",true]},"d":[{"e":"2027-01-01T00:00:00Z"},{"f":1.5}]}"#;
        let toml = check(toml, Format::Toml, &[]);
        assert_eq!(toml.value, check(json, Format::Json, &[]).value);
        let lines: Vec<_> = toml.lines.iter().map(|(path, line)| (path.as_str(), *line)).collect();
        assert_eq!(
            lines,
            [
                ("a", 1),
                ("b", 2),
                ("b.c", 3),
                ("b.c[0]", 3),
                ("b.c[1]", 3),
                ("d", 4),
                ("d[0]", 4),
                ("d[0].e", 5),
                ("d[1]", 6),
                ("d[1].f", 7)
            ]
        );
    }

    #[test]
    fn what_is_no_document_is_a_finding_that_shows_nothing_of_it() {
        for text in ["a = canary", "canary canary", "a = \"canary", "[canary", "a = 'x' 'canary'"] {
            check(text, Format::Toml, &[("", "config_syntax")]);
        }
        for text in ["{\"a\": canary}", "canary", "[]", "{\"a\":1} canary", "\"canary\""] {
            check(text, Format::Json, &[("", "config_syntax")]);
        }
        check("canary = 1\ncanary = 2\n", Format::Toml, &[("", "config_syntax")]);
        check(&" ".repeat(MAX_BYTES + 1), Format::Toml, &[("", "config_too_large")]);
    }

    #[test]
    fn duplicate_keys_in_json_are_findings_at_every_level() {
        check(
            r#"{"a":1,"b":[{"c":{"d":1,"d":2}}],"a":2}"#,
            Format::Json,
            &[("b[0].c.d", "duplicate_key"), ("a", "duplicate_key")],
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = 100_000;
        check(&format!("a = {}", "[".repeat(deep)), Format::Toml, &[("", "config_syntax")]);
        check(
            &format!("{} = 1", vec!["a"; deep].join(".")),
            Format::Toml,
            &[("", "config_syntax")],
        );
        check(&format!("[{}]", vec!["a"; deep].join(".")), Format::Toml, &[("", "config_syntax")]);
        check(&"{\"a\":".repeat(deep), Format::Json, &[("", "config_syntax")]);
    }
}

//! Collects findings, and leaves out what only follows from another one.

use std::borrow::Cow;

use palisade_security::{Finding, SecurityConfigError, Severity};

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    /// Fields whose value could not be used. Something stands in for it, and what is wrong with that is no
    /// news.
    broken: Vec<String>,
}

impl Findings {
    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.list
    }

    /// What was made, unless something that was found on the way is an error.
    pub(crate) fn unless_errors<T>(self, made: Option<T>) -> Result<T, SecurityConfigError> {
        let made = made.filter(|_| !self.has_errors());
        made.ok_or_else(|| SecurityConfigError::new(self.into_list()))
    }

    pub(crate) fn warnings(&self) -> Vec<Finding> {
        self.list.iter().filter(|finding| !finding.is_error()).cloned().collect()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(Finding::is_error)
    }

    /// Adds an error, unless it is about a field that is known to be broken.
    pub(crate) fn error(
        &mut self,
        path: impl Into<String>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
    ) {
        self.add(Finding::new(path.into(), Severity::Error, code, message).with_fix(fix));
    }

    /// Adds a warning, unless it is about a field that is known to be broken.
    pub(crate) fn warning(
        &mut self,
        path: impl Into<String>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
    ) {
        self.add(Finding::new(path.into(), Severity::Warning, code, message).with_fix(fix));
    }

    /// Adds a finding, unless it is about a field that is known to be broken.
    pub(crate) fn add(&mut self, finding: Finding) {
        if !self.is_broken(finding.path()) && !self.list.contains(&finding) {
            self.list.push(finding);
        }
    }

    /// Adds an error and marks its field as broken.
    pub(crate) fn broken(
        &mut self,
        path: &str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
    ) {
        self.error(path, code, message, fix);
        self.mark_broken(path);
    }

    /// Leaves out what is found about `path` and below from now on.
    pub(crate) fn mark_broken(&mut self, path: &str) {
        self.broken.push(path.to_owned());
    }

    /// Whether the field, or one that it is in, is known to be broken.
    pub(crate) fn is_broken(&self, path: &str) -> bool {
        self.broken.iter().any(|broken| {
            path.strip_prefix(broken.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

/// `parent.key`, or `key` at the top. A key that could be taken for something else, such as an empty one or
/// one with a dot, stands in quotes, as in TOML.
pub(crate) fn join(parent: &str, key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match (parent.is_empty(), !key.is_empty() && key.bytes().all(bare)) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{key:?}"),
        (false, true) => format!("{parent}.{key}"),
        (false, false) => format!("{parent}.{key:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_a_broken_field_is_left_out() {
        let mut findings = Findings::default();
        findings.broken("a.b", "wrong_type", "x", "y");
        for path in ["a.b", "a.b.c", "a.b[0]"] {
            findings.error(path, "other", "x", "y");
        }
        for path in ["a", "a.bc"] {
            findings.error(path, "other", "x", "y");
            findings.error(path, "other", "x", "y");
        }
        let list = findings.into_list();
        let paths: Vec<_> = list.iter().map(Finding::path).collect();
        assert_eq!(paths, ["a.b", "a", "a.bc"]);
    }

    #[test]
    fn keys_that_could_be_taken_for_something_else_are_quoted() {
        for (parent, key, expected) in [
            ("", "tls", "tls"),
            ("tls", "min_version", "tls.min_version"),
            ("", "", "\"\""),
            ("", "tls.key", "\"tls.key\""),
            ("tls", "a\"\n", "tls.\"a\\\"\\n\""),
        ] {
            assert_eq!(join(parent, key), expected);
        }
    }
}

//! What is wrong with a configuration, and how to fix it.

use std::{borrow::Cow, fmt};

/// One thing that is wrong, or unwise, in a configuration. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    path: Cow<'static, str>,
    severity: Severity,
    code: &'static str,
    message: Cow<'static, str>,
    fix: Cow<'static, str>,
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Works, but deserves a look. Logged.
    Warning,
    /// Cannot be used.
    Error,
}

impl Finding {
    /// A finding about the field at `path`, such as `limits.max_headers`, with a stable `code`.
    #[must_use]
    pub fn new(
        path: impl Into<Cow<'static, str>>,
        severity: Severity,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { path: path.into(), severity, code, message: message.into(), fix: Cow::Borrowed("") }
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<Cow<'static, str>>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Puts the path below another one.
    #[must_use]
    pub fn within(mut self, parent: &str) -> Self {
        self.path = Cow::Owned(format!("{parent}.{}", self.path));
        self
    }

    /// The field.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Whether the configuration cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The stable name of the finding.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &str {
        &self.fix
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, " ({})", self.fix) }
    }
}

/// A configuration cannot be used. Holds all findings, errors and warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityConfigError {
    findings: Vec<Finding>,
}

impl SecurityConfigError {
    /// An error with these findings.
    #[must_use]
    pub const fn new(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// Everything that was found.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The stable name of this error. Each finding has its own.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "security_config_invalid"
    }
}

impl fmt::Display for SecurityConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("security configuration is invalid: ")?;
        for (index, finding) in self.findings.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SecurityConfigError {}

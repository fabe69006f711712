//! What is wrong with a registration.

use std::fmt;

/// Everything that is wrong with a server's registration, all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistrationError {
    /// The problems, in the order of registration.
    pub problems: Vec<Problem>,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where: `tool "add"`.
    pub subject: String,
    /// The stable name: `invalid_name`, `name_collision`, `invalid_schema`, `invalid_uri`,
    /// `missing_state`, `invalid_info`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(
        kind: &str,
        name: &str,
        code: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        // A name may be hostile: quoted, escaped and cut.
        let name: String = name.chars().take(64).collect();
        Self { subject: format!("{kind} {name:?}"), code, message: message.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} problem(s) in the registration", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "; {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RegistrationError {}

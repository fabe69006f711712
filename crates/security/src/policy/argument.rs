//! Rules about one argument of a tool.

mod condition;
mod pointer;

use std::fmt;

use serde_json::value::RawValue;

use condition::Condition;
pub use condition::{Bound, Scalar};
use pointer::{Found, Pointer};

use super::{
    DenyReason,
    path::{AllowedDir, PathError},
    uri::{UriRule, UriRuleError},
};

/// A rule about one argument of a tool, found by a JSON pointer into the arguments.
///
/// An argument that is absent or has another type fails the rule, `null` included. Rules read the
/// arguments as they were sent, in the same decode that the handler gets: a message that has a key twice
/// was refused before.
///
/// ```
/// use palisade_security::ArgumentRule;
///
/// let below = ArgumentRule::below("/path", "/srv/data")?;
/// let mode = ArgumentRule::one_of("/mode", ["append", "truncate"])?.optional();
/// let lines = ArgumentRule::between("/range/lines", Some(1), Some(100))?;
/// # Ok::<(), palisade_security::ArgumentRuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ArgumentRule {
    pointer: Pointer,
    condition: Condition,
    optional: bool,
    each: bool,
}

/// Why a rule about an argument is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentRuleError {
    /// Not a JSON pointer to a member.
    #[error("a pointer begins with `/`; `~` in it is followed by 0 or 1")]
    Pointer,
    /// Not a directory.
    #[error("a directory is a path without dot segments, backslashes and empty components")]
    Directory,
    /// Nothing is allowed.
    #[error("no value is allowed")]
    NoValue,
    /// No number lies between the bounds.
    #[error("bounds are finite numbers, at least one of them, the lower one first")]
    Bounds,
    /// Not a rule about URIs.
    #[error(transparent)]
    Uri(#[from] UriRuleError),
}

impl ArgumentRuleError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Pointer => "invalid_pointer",
            Self::Directory => "invalid_directory",
            Self::NoValue => "no_value_allowed",
            Self::Bounds => "invalid_bounds",
            Self::Uri(error) => error.code(),
        }
    }
}

impl ArgumentRule {
    /// The argument is the path of this directory, or of something below it: see [`AllowedDir`].
    ///
    /// # Errors
    ///
    /// [`ArgumentRuleError::Pointer`] and [`ArgumentRuleError::Directory`].
    pub fn below(pointer: &str, directory: &str) -> Result<Self, ArgumentRuleError> {
        let directory = AllowedDir::parse(directory).map_err(|_| ArgumentRuleError::Directory)?;
        Self::new(pointer, Condition::Below(directory))
    }

    /// The argument is a URI that this rule allows.
    ///
    /// # Errors
    ///
    /// [`ArgumentRuleError::Pointer`].
    pub fn uri(pointer: &str, rule: UriRule) -> Result<Self, ArgumentRuleError> {
        Self::new(pointer, Condition::Uri(rule))
    }

    /// The argument is one of these texts, whole numbers or truth values.
    ///
    /// # Errors
    ///
    /// [`ArgumentRuleError::Pointer`] and [`ArgumentRuleError::NoValue`].
    pub fn one_of<V: Into<Scalar>>(
        pointer: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, ArgumentRuleError> {
        let values: Box<[Scalar]> = values.into_iter().map(Into::into).collect();
        if values.is_empty() {
            return Err(ArgumentRuleError::NoValue);
        }
        Self::new(pointer, Condition::OneOf(values))
    }

    /// The argument is a text of at most so many bytes of UTF-8.
    ///
    /// # Errors
    ///
    /// [`ArgumentRuleError::Pointer`].
    pub fn max_bytes(pointer: &str, max: usize) -> Result<Self, ArgumentRuleError> {
        Self::new(pointer, Condition::MaxBytes(max))
    }

    /// The argument is a number between two bounds, both included.
    ///
    /// # Errors
    ///
    /// [`ArgumentRuleError::Pointer`] and [`ArgumentRuleError::Bounds`].
    pub fn between<B: Into<Bound>>(
        pointer: &str,
        min: Option<B>,
        max: Option<B>,
    ) -> Result<Self, ArgumentRuleError> {
        let condition = Condition::between(min.map(Into::into), max.map(Into::into));
        Self::new(pointer, condition.ok_or(ArgumentRuleError::Bounds)?)
    }

    fn new(pointer: &str, condition: Condition) -> Result<Self, ArgumentRuleError> {
        let pointer = Pointer::parse(pointer).ok_or(ArgumentRuleError::Pointer)?;
        Ok(Self { pointer, condition, optional: false, each: false })
    }

    /// The argument may be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The argument is an array, and the rule is about each of its elements.
    #[must_use]
    pub fn each(mut self) -> Self {
        self.each = true;
        self
    }

    /// Judges the arguments of a call.
    pub(super) fn check(&self, arguments: Option<&str>) -> Result<(), Refusal> {
        let found = match arguments {
            Some(arguments) => self.pointer.find(arguments),
            None => Found::Nothing,
        };
        match found {
            Found::Value(value) if self.each => {
                let elements: Vec<&RawValue> =
                    serde_json::from_str(value.get()).map_err(|_| Refusal::WRONG_TYPE)?;
                elements.into_iter().try_for_each(|element| self.condition.check(element))
            }
            Found::Value(value) => self.condition.check(value),
            Found::Nothing if self.optional => Ok(()),
            Found::Nothing => Err(Refusal::ABSENT),
            Found::Unreadable => Err(Refusal::WRONG_TYPE),
        }
    }
}

impl fmt::Display for ArgumentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = if self.each { "each element of " } else { "" };
        let optional = if self.optional { ", if present," } else { "" };
        write!(f, "{each}argument `{}`{optional} must {}", self.pointer, self.condition)
    }
}

/// Why an argument fails a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: DenyReason,
    pub(super) why: &'static str,
}

impl Refusal {
    const ABSENT: Self = Self::of_argument("it is absent");
    const WRONG_TYPE: Self = Self::of_argument("it has another type");
    const OTHER_VALUE: Self = Self::of_argument("it has another value");

    const fn of_argument(why: &'static str) -> Self {
        Self { reason: DenyReason::ArgumentNotAuthorized, why }
    }
}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Malformed => {
                Self { reason: DenyReason::InvalidPath, why: "it is malformed" }
            }
            PathError::Outside => {
                Self { reason: DenyReason::PathNotAuthorized, why: "it is elsewhere" }
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! What an argument must be.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use super::{Refusal, pointer::Text};
use crate::policy::{AllowedDir, UriError, UriRule};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Below(AllowedDir),
    Uri(UriRule),
    OneOf(Box<[Scalar]>),
    MaxBytes(usize),
    Between(Option<Bound>, Option<Bound>),
}

/// A value that an argument may have: text, a whole number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text, compared exactly.
    Text(String),
}

/// A bound of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Bound {
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
}

impl Condition {
    /// None if no number can lie between the bounds, or if there are none.
    pub(super) fn between(min: Option<Bound>, max: Option<Bound>) -> Option<Self> {
        let finite = |bound: Option<Bound>| bound.is_none_or(|bound| bound.is_finite());
        let ordered = match (min, max) {
            (Some(min), Some(max)) => min <= max,
            (None, None) => false,
            _ => true,
        };
        (finite(min) && finite(max) && ordered).then_some(Self::Between(min, max))
    }

    pub(super) fn check(&self, value: &RawValue) -> Result<(), Refusal> {
        let holds = match self {
            Self::Below(directory) => {
                directory.check(&text(value)?.0)?;
                true
            }
            Self::Uri(rule) => {
                rule.check(&text(value)?.0)?;
                true
            }
            Self::MaxBytes(max) => text(value)?.0.len() <= *max,
            Self::OneOf(values) => {
                let value = scalar(value)?;
                values.iter().any(|allowed| value.is(allowed))
            }
            Self::Between(min, max) => {
                let number: Number =
                    serde_json::from_str(value.get()).map_err(|_| Refusal::WRONG_TYPE)?;
                min.is_none_or(|min| min.cmp_to(&number).is_some_and(Ordering::is_le))
                    && max.is_none_or(|max| max.cmp_to(&number).is_some_and(Ordering::is_ge))
            }
        };
        if holds { Ok(()) } else { Err(Refusal::OTHER_VALUE) }
    }
}

impl From<UriError> for Refusal {
    fn from(error: UriError) -> Self {
        Self { reason: error.into(), why: error.why() }
    }
}

fn text(value: &RawValue) -> Result<Text<'_>, Refusal> {
    serde_json::from_str(value.get()).map_err(|_| Refusal::WRONG_TYPE)
}

/// An argument that can be compared with a [`Scalar`].
enum Sent<'a> {
    Bool(bool),
    Number(Number),
    Text(Text<'a>),
}

fn scalar(value: &RawValue) -> Result<Sent<'_>, Refusal> {
    let sent = match value.get().as_bytes().first() {
        Some(b'"') => Sent::Text(text(value)?),
        Some(b't') => Sent::Bool(true),
        Some(b'f') => Sent::Bool(false),
        _ => Sent::Number(serde_json::from_str(value.get()).map_err(|_| Refusal::WRONG_TYPE)?),
    };
    Ok(sent)
}

impl Sent<'_> {
    fn is(&self, allowed: &Scalar) -> bool {
        match (self, allowed) {
            (Self::Bool(sent), Scalar::Bool(allowed)) => sent == allowed,
            (Self::Number(sent), Scalar::Int(allowed)) => sent.as_i64() == Some(*allowed),
            (Self::Text(sent), Scalar::Text(allowed)) => sent.0 == allowed.as_str(),
            _ => false,
        }
    }
}

impl Bound {
    fn is_finite(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(bound) => bound.is_finite(),
        }
    }

    /// How this bound stands to a number: exactly, beyond what a float can tell apart too.
    fn cmp_to(self, number: &Number) -> Option<Ordering> {
        let int = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        match (self, int) {
            (Self::Int(bound), Some(number)) => Some(i128::from(bound).cmp(&number)),
            (Self::Int(bound), None) => compare(i128::from(bound), number.as_f64()?),
            (Self::Float(bound), Some(number)) => compare(number, bound).map(Ordering::reverse),
            (Self::Float(bound), None) => bound.partial_cmp(&number.as_f64()?),
        }
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            (Self::Int(left), Self::Float(right)) => compare(i128::from(left), right),
            (Self::Float(left), Self::Int(right)) => {
                compare(i128::from(right), left).map(Ordering::reverse)
            }
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
        }
    }
}

/// Compares a whole number with a float. Rounding to a float keeps the order, so only numbers that round
/// to the float itself need a closer look, and such a float is a whole number.
fn compare(int: i128, float: f64) -> Option<Ordering> {
    match (int as f64).partial_cmp(&float)? {
        Ordering::Equal => Some(int.cmp(&(float as i128))),
        other => Some(other),
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(directory) => write!(f, "lie below `{}`", directory.as_str()),
            Self::Uri(rule) => write!(f, "be a uri of `{rule}`"),
            Self::OneOf(values) => {
                f.write_str("be one of ")?;
                values.iter().enumerate().try_for_each(|(at, value)| {
                    write!(f, "{}`{value}`", if at == 0 { "" } else { ", " })
                })
            }
            Self::MaxBytes(max) => write!(f, "have at most {max} bytes"),
            Self::Between(Some(min), Some(max)) => write!(f, "lie between {min} and {max}"),
            Self::Between(Some(min), None) => write!(f, "be at least {min}"),
            Self::Between(None, Some(max)) => write!(f, "be at most {max}"),
            Self::Between(None, None) => f.write_str("be a number"),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(bound) => bound.fmt(f),
            Self::Float(bound) => bound.fmt(f),
        }
    }
}

macro_rules! from {
    ($($source:ty => $target:ident::$variant:ident),+ $(,)?) => {$(
        impl From<$source> for $target {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from! {
    bool => Scalar::Bool,
    i64 => Scalar::Int,
    &str => Scalar::Text,
    String => Scalar::Text,
    i64 => Bound::Int,
    f64 => Bound::Float,
}

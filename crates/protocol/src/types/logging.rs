//! Log messages from server to client: `notifications/message`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Meta, RawJson};

/// How severe a log message is, as in syslog (RFC 5424). Ordered: [`LoggingLevel::Debug`] is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LoggingLevel {
    /// Details for finding faults.
    Debug,
    /// Normal operation.
    Info,
    /// Normal, but worth a look.
    Notice,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// A part has failed.
    Critical,
    /// Someone must act now.
    Alert,
    /// The system cannot be used.
    Emergency,
}

impl LoggingLevel {
    /// All levels, the least severe first.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for LoggingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LoggingLevel {
    type Err = ParseLoggingLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|level| level.as_str() == text).ok_or(ParseLoggingLevelError)
    }
}

/// A text is not the name of a [`LoggingLevel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown logging level")]
#[non_exhaustive]
pub struct ParseLoggingLevelError;

impl ParseLoggingLevelError {
    /// A stable name: `logging_level_unknown`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "logging_level_unknown"
    }
}

/// A log message. Deprecated by the specification.
///
/// It goes to the peer: no secrets, no internals, nothing about other callers belongs in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoggingMessageNotificationParams {
    /// How severe it is.
    pub level: LoggingLevel,
    /// The part of the server that speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The message: any JSON value.
    pub data: RawJson,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl LoggingMessageNotificationParams {
    /// A message of no particular logger.
    #[must_use]
    pub fn new(level: LoggingLevel, data: impl Into<RawJson>) -> Self {
        Self { level, logger: None, data: data.into(), meta: None }
    }
}

setters!(LoggingMessageNotificationParams {
    /// Sets the part of the server that speaks.
    with_logger(into logger: String);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(LoggingLevel::ALL.is_sorted_by(|a, b| a < b));
        for level in LoggingLevel::ALL {
            let json = format!("\"{level}\"");
            assert_eq!(serde_json::to_string(&level).unwrap(), json);
            assert_eq!(serde_json::from_str::<LoggingLevel>(&json).unwrap(), level);
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        for text in ["", "warn", "INFO", "fatal"] {
            assert_eq!(text.parse::<LoggingLevel>(), Err(ParseLoggingLevelError), "{text}");
        }
    }
}

//! Where audit records go.

use std::{borrow::Cow, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::RawDuration;
use crate::SecretRef;

/// One place for audit records.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RawAudit {
    /// Events of `tracing`.
    Tracing {},
    /// A file of JSON lines, chained by their hashes. `palisade audit verify` checks it.
    File {
        /// The file.
        #[schemars(example = &"audit.jsonl")]
        path: PathBuf,
        /// What happens while records cannot be written.
        fail: RawFailMode,
        /// How many records may wait; with `fail = "closed"` also how many requests may run. Default: 32768.
        queue: Option<usize>,
        /// Within which time records are written, or `each_record`. Default: 100 ms.
        flush: Option<RawFlush>,
        /// The key that the chain is made with. Without it, whoever can change the file can make the chain
        /// anew.
        key: Option<SecretRef>,
        /// Starts a new file when one has so many bytes. Default: one file.
        max_file_bytes: Option<u64>,
    },
}

/// What happens while records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RawFailMode {
    /// Requests are refused.
    Closed,
    /// Requests are served, and lost records are counted.
    Open,
}

/// A duration, or `each_record`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct RawFlush(RawDuration);

impl RawFlush {
    /// The duration; none for `each_record`.
    #[must_use]
    pub fn duration(&self) -> Option<&RawDuration> {
        (self.0.as_str() != "each_record").then_some(&self.0)
    }
}

impl JsonSchema for RawFlush {
    fn schema_name() -> Cow<'static, str> {
        "Flush".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A whole number and ms, s, min, h or d; or each_record.",
            "pattern": "^([0-9]+ *(ms|s|min|h|d)|each_record)$",
            "examples": ["100ms"],
        })
    }
}

//! Why a schema cannot be compiled.

/// Why a schema is refused. Places are JSON pointers into the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A `$schema` that is none of the known dialects.
    #[error("the schema's `$schema` is not a supported dialect")]
    Dialect,
    /// Nested deeper than 128.
    #[error("the schema is nested deeper than 128")]
    TooDeep,
    /// A keyword whose value is not what it has to be.
    #[error("`{place}` is not {expected}")]
    Malformed {
        /// Where.
        place: String,
        /// What the keyword demands.
        expected: &'static str,
    },
    /// An anchor or an `$id` that stands in the schema twice, so that nobody knows which one is meant.
    #[error("`{place}` names what is named already")]
    Ambiguous {
        /// Where the second one is.
        place: String,
    },
    /// A pattern that cannot be matched in linear time (look-around, back references), that uses what is not
    /// understood (classes as `\p{L}`), or that takes too much memory (128 KiB, 1 MiB all together).
    #[error("the pattern at `{place}` cannot be used: {reason}")]
    Pattern {
        /// Where.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A reference to another document: nothing is fetched, whatever the schema says.
    #[error("`{place}` refers to another document")]
    RemoteReference {
        /// Where.
        place: String,
    },
    /// A reference to something that is not in the schema.
    #[error("`{place}` leads nowhere")]
    DanglingReference {
        /// Where.
        place: String,
    },
    /// References that lead back to where they stand without a step into the value.
    #[error("references lead in a circle")]
    CircularReference,
    /// References that multiply beyond 50,000 visits, or lead through more than 128 schemas.
    #[error("references multiply beyond 50000 visits or lead deeper than 128 schemas")]
    TooExpensive,
}

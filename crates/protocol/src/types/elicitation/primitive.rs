//! One field of a form, and how it looks on the wire.

mod wire;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EnumSchema, StringFormat};
use crate::types::wire::Number;

/// One field of a form. On the wire `type` and the other keywords tell which; what the flat subset of
/// JSON Schema does not allow, such as objects, is refused when decoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "wire::Field", into = "wire::Field")]
#[non_exhaustive]
pub enum PrimitiveSchemaDefinition {
    /// Free text.
    String(StringSchema),
    /// A number.
    Number(NumberSchema),
    /// Yes or no.
    Boolean(BooleanSchema),
    /// A fixed set of answers.
    Enum(EnumSchema),
}

impl PrimitiveSchemaDefinition {
    /// What the user sees. Default: the field's name.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        match self {
            Self::String(schema) => schema.title.as_deref(),
            Self::Number(schema) => schema.title.as_deref(),
            Self::Boolean(schema) => schema.title.as_deref(),
            Self::Enum(schema) => schema.title(),
        }
    }

    /// The value that the field has at first.
    #[must_use]
    pub fn default_value(&self) -> Option<Value> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let texts = |texts: &Option<Vec<String>>| texts.clone().map(Value::from);
        match self {
            Self::String(schema) => text(&schema.default),
            Self::Number(schema) => {
                schema.default.and_then(|number| serde_json::to_value(Number(number)).ok())
            }
            Self::Boolean(schema) => schema.default.map(Value::from),
            Self::Enum(EnumSchema::UntitledSingleSelect(schema)) => text(&schema.default),
            Self::Enum(EnumSchema::TitledSingleSelect(schema)) => text(&schema.default),
            Self::Enum(EnumSchema::LegacyTitled(schema)) => text(&schema.default),
            Self::Enum(EnumSchema::UntitledMultiSelect(schema)) => texts(&schema.default),
            Self::Enum(EnumSchema::TitledMultiSelect(schema)) => texts(&schema.default),
        }
    }
}

impl From<StringSchema> for PrimitiveSchemaDefinition {
    fn from(schema: StringSchema) -> Self {
        Self::String(schema)
    }
}

impl From<NumberSchema> for PrimitiveSchemaDefinition {
    fn from(schema: NumberSchema) -> Self {
        Self::Number(schema)
    }
}

impl From<BooleanSchema> for PrimitiveSchemaDefinition {
    fn from(schema: BooleanSchema) -> Self {
        Self::Boolean(schema)
    }
}

impl From<EnumSchema> for PrimitiveSchemaDefinition {
    fn from(schema: EnumSchema) -> Self {
        Self::Enum(schema)
    }
}

/// A field for free text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StringSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// The smallest number of characters. Default: 0.
    pub min_length: Option<u64>,
    /// The largest number of characters. Default: no limit.
    pub max_length: Option<u64>,
    /// What the text is. Default: anything.
    pub format: Option<StringFormat>,
    /// The text at first.
    pub default: Option<String>,
}

impl StringSchema {
    /// Any text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(StringSchema {
    /// Sets what the user sees.
    with_title(into title: String);
    /// Sets what the field is for.
    with_description(into description: String);
    /// Sets the smallest number of characters.
    with_min_length(some min_length: u64);
    /// Sets the largest number of characters.
    with_max_length(some max_length: u64);
    /// Sets what the text is.
    with_format(some format: StringFormat);
    /// Sets the text at first.
    with_default(into default: String);
});

/// A field for a number.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NumberSchema {
    /// Whether only whole numbers are allowed. On the wire: the type `integer`. Default: no.
    pub integer: bool,
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// The smallest number. Default: no limit.
    pub minimum: Option<f64>,
    /// The largest number. Default: no limit.
    pub maximum: Option<f64>,
    /// The number at first.
    pub default: Option<f64>,
}

impl NumberSchema {
    /// Any number.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Any whole number.
    #[must_use]
    pub fn integer() -> Self {
        Self { integer: true, ..Self::default() }
    }
}

setters!(NumberSchema {
    /// Sets what the user sees.
    with_title(into title: String);
    /// Sets what the field is for.
    with_description(into description: String);
    /// Sets the smallest number.
    with_minimum(into minimum: f64);
    /// Sets the largest number.
    with_maximum(into maximum: f64);
    /// Sets the number at first.
    with_default(into default: f64);
});

/// A field for yes or no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BooleanSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// The answer at first.
    pub default: Option<bool>,
}

impl BooleanSchema {
    /// Yes or no.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(BooleanSchema {
    /// Sets what the user sees.
    with_title(into title: String);
    /// Sets what the field is for.
    with_description(into description: String);
    /// Sets the answer at first.
    with_default(some default: bool);
});

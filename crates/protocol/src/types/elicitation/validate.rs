//! Checks what a user entered against the form.

use serde_json::{Map, Value};

use super::{ElicitSchema, EnumSchema, NumberSchema, PrimitiveSchemaDefinition, StringSchema};

/// Why the content of a form does not fit its schema. Names the field, never the value: that is the
/// user's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElicitContentError {
    /// A required field is missing.
    #[error("field {name:?} is required")]
    Missing {
        /// The field.
        name: String,
    },
    /// A value has the wrong type.
    #[error("field {name:?} is not of type {expected}")]
    Type {
        /// The field.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A text has too few or too many characters.
    #[error("field {name:?} has a length out of range")]
    Length {
        /// The field.
        name: String,
    },
    /// A text does not have the format.
    #[error("field {name:?} does not have the format of the schema")]
    Format {
        /// The field.
        name: String,
    },
    /// A number is too small or too large.
    #[error("field {name:?} is out of range")]
    Range {
        /// The field.
        name: String,
    },
    /// A value is none of those that can be chosen.
    #[error("field {name:?} is not one of the allowed values")]
    NotAllowed {
        /// The field.
        name: String,
    },
    /// Too few or too many values are chosen.
    #[error("field {name:?} has a number of items out of range")]
    Items {
        /// The field.
        name: String,
    },
}

impl ElicitContentError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "elicit_content_missing",
            Self::Type { .. } => "elicit_content_type",
            Self::Length { .. } => "elicit_content_length",
            Self::Format { .. } => "elicit_content_format",
            Self::Range { .. } => "elicit_content_range",
            Self::NotAllowed { .. } => "elicit_content_not_allowed",
            Self::Items { .. } => "elicit_content_items",
        }
    }

    /// The field.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Missing { name }
            | Self::Type { name, .. }
            | Self::Length { name }
            | Self::Format { name }
            | Self::Range { name }
            | Self::NotAllowed { name }
            | Self::Items { name } => name,
        }
    }
}

impl ElicitSchema {
    /// Checks the content of an accepted form. The client does before it sends it, and the server does
    /// again: the client is not to be trusted.
    ///
    /// Lengths count characters (Unicode scalar values). Formats are checked loosely, see
    /// [`StringFormat::accepts`](crate::StringFormat::accepts). Fields that the schema does not have are
    /// ignored; a handler must not read them.
    ///
    /// # Errors
    ///
    /// The first fault: required fields that are missing, then the fields in their order.
    pub fn validate(&self, content: &Map<String, Value>) -> Result<(), ElicitContentError> {
        if let Some(name) = self.required.iter().find(|name| !content.contains_key(name.as_str())) {
            return Err(ElicitContentError::Missing { name: name.clone() });
        }
        self.properties.iter().try_for_each(|(name, property)| match content.get(name) {
            None => Ok(()),
            Some(value) => property.check(value).map_err(|fault| fault.at(name)),
        })
    }
}

/// A fault without the name of its field.
enum Fault {
    Type(&'static str),
    Length,
    Format,
    Range,
    NotAllowed,
    Items,
}

impl Fault {
    fn at(self, name: &str) -> ElicitContentError {
        let name = name.to_owned();
        match self {
            Self::Type(expected) => ElicitContentError::Type { name, expected },
            Self::Length => ElicitContentError::Length { name },
            Self::Format => ElicitContentError::Format { name },
            Self::Range => ElicitContentError::Range { name },
            Self::NotAllowed => ElicitContentError::NotAllowed { name },
            Self::Items => ElicitContentError::Items { name },
        }
    }
}

impl PrimitiveSchemaDefinition {
    fn check(&self, value: &Value) -> Result<(), Fault> {
        match self {
            Self::String(schema) => schema.check(value),
            Self::Number(schema) => schema.check(value),
            Self::Boolean(_) => value.as_bool().map(|_| ()).ok_or(Fault::Type("boolean")),
            Self::Enum(schema) => schema.check(value),
        }
    }
}

impl StringSchema {
    fn check(&self, value: &Value) -> Result<(), Fault> {
        let text = value.as_str().ok_or(Fault::Type("string"))?;
        if !in_range(text.chars().count(), self.min_length, self.max_length) {
            return Err(Fault::Length);
        }
        match &self.format {
            Some(format) if !format.accepts(text) => Err(Fault::Format),
            _ => Ok(()),
        }
    }
}

impl NumberSchema {
    fn check(&self, value: &Value) -> Result<(), Fault> {
        let number =
            value.as_f64().ok_or(Fault::Type(if self.integer { "integer" } else { "number" }))?;
        if self.integer && number.fract() != 0.0 {
            return Err(Fault::Type("integer"));
        }
        let small = self.minimum.is_some_and(|minimum| number < minimum);
        let large = self.maximum.is_some_and(|maximum| number > maximum);
        if small || large { Err(Fault::Range) } else { Ok(()) }
    }
}

impl EnumSchema {
    fn check(&self, value: &Value) -> Result<(), Fault> {
        let limits = match self {
            Self::UntitledMultiSelect(schema) => Some((schema.min_items, schema.max_items)),
            Self::TitledMultiSelect(schema) => Some((schema.min_items, schema.max_items)),
            Self::UntitledSingleSelect(_) | Self::TitledSingleSelect(_) | Self::LegacyTitled(_) => {
                None
            }
        };
        let Some((min_items, max_items)) = limits else {
            return self.check_member(value);
        };
        let items = value.as_array().ok_or(Fault::Type("array"))?;
        if !in_range(items.len(), min_items, max_items) {
            return Err(Fault::Items);
        }
        items.iter().try_for_each(|item| self.check_member(item))
    }

    fn check_member(&self, value: &Value) -> Result<(), Fault> {
        let text = value.as_str().ok_or(Fault::Type("string"))?;
        if self.values().any(|allowed| allowed == text) { Ok(()) } else { Err(Fault::NotAllowed) }
    }
}

fn in_range(count: usize, minimum: Option<u64>, maximum: Option<u64>) -> bool {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    minimum.is_none_or(|minimum| count >= minimum) && maximum.is_none_or(|maximum| count <= maximum)
}

#[cfg(test)]
mod tests;

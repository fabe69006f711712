//! The form itself: a flat object of fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    BooleanSchema, EnumSchema, NumberSchema, PrimitiveSchemaDefinition, StringSchema, secret,
};
use crate::OrderedMap;

/// The fields of a form, in order: an object schema without nesting.
///
/// ```
/// use palisade_protocol::{ElicitSchema, NumberSchema, StringFormat, StringSchema};
///
/// let schema = ElicitSchema::new()
///     .with_string("email", StringSchema::new().with_format(StringFormat::Email))
///     .with_number("age", NumberSchema::integer().with_minimum(18))
///     .with_required(["email"]);
/// let answer = serde_json::json!({"email": "user@example.com"});
/// assert_eq!(schema.validate(answer.as_object().unwrap()), Ok(()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ElicitSchema {
    /// The dialect of JSON Schema. Default: 2020-12.
    #[serde(default, rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(rename = "type")]
    kind: ObjectType,
    /// The fields by name, in order.
    pub properties: OrderedMap<PrimitiveSchemaDefinition>,
    /// The names of the fields that must be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ObjectType {
    #[default]
    Object,
}

impl ElicitSchema {
    /// A form without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field, or replaces the one of the same name.
    #[must_use]
    pub fn with_property(
        mut self,
        name: impl Into<String>,
        property: impl Into<PrimitiveSchemaDefinition>,
    ) -> Self {
        self.properties.insert(name, property.into());
        self
    }

    /// Adds a field for free text.
    #[must_use]
    pub fn with_string(self, name: impl Into<String>, schema: StringSchema) -> Self {
        self.with_property(name, schema)
    }

    /// Adds a field for a number.
    #[must_use]
    pub fn with_number(self, name: impl Into<String>, schema: NumberSchema) -> Self {
        self.with_property(name, schema)
    }

    /// Adds a field for yes or no.
    #[must_use]
    pub fn with_boolean(self, name: impl Into<String>, schema: BooleanSchema) -> Self {
        self.with_property(name, schema)
    }

    /// Adds a field with a fixed set of answers.
    #[must_use]
    pub fn with_enum(self, name: impl Into<String>, schema: impl Into<EnumSchema>) -> Self {
        self.with_property(name, schema.into())
    }

    /// Adds names of fields that must be filled in.
    #[must_use]
    pub fn with_required<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.required.extend(names.into_iter().map(Into::into));
        self
    }

    /// The content of the form as it is at first: the default of every field that has one.
    #[must_use]
    pub fn defaults(&self) -> Map<String, Value> {
        self.properties
            .iter()
            .filter_map(|(name, property)| Some((name.to_owned(), property.default_value()?)))
            .collect()
    }

    /// The first field that asks for a secret; see
    /// [`ElicitRequestFormParams::requests_secret`](crate::ElicitRequestFormParams::requests_secret).
    pub(super) fn secret_property(&self) -> Option<&str> {
        self.properties
            .iter()
            .find(|(name, property)| secret::asks_for_secret(name, property))
            .map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::UntitledMultiSelectEnumSchema;

    #[test]
    fn defaults_are_those_of_the_fields() {
        let schema = ElicitSchema::new()
            .with_string("name", StringSchema::new().with_default("Ada"))
            .with_string("none", StringSchema::new())
            .with_number("age", NumberSchema::integer().with_default(30))
            .with_number("score", NumberSchema::new().with_default(95.5))
            .with_boolean("verified", BooleanSchema::new().with_default(true))
            .with_enum(
                "tags",
                UntitledMultiSelectEnumSchema::new(["a", "b"]).with_default(vec!["a".to_owned()]),
            );
        let defaults = schema.defaults();
        assert_eq!(
            Value::from(defaults.clone()),
            json!({"name":"Ada","age":30,"score":95.5,"verified":true,"tags":["a"]})
        );
        assert_eq!(schema.validate(&defaults), Ok(()));
    }

    #[test]
    fn fields_keep_their_order() {
        let schema = ElicitSchema::new()
            .with_string("z", StringSchema::new())
            .with_enum("a", EnumSchema::one_of(["x"]))
            .with_required(["z"]);
        let json = r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string","enum":["x"]}},"required":["z"]}"#;
        assert_eq!(serde_json::to_string(&schema).unwrap(), json);
        assert_eq!(serde_json::from_str::<ElicitSchema>(json).unwrap(), schema);
    }

    #[test]
    fn only_objects_are_forms() {
        for json in
            [r#"{"type":"array","properties":{}}"#, r#"{"properties":{}}"#, r#"{"type":"object"}"#]
        {
            assert!(serde_json::from_str::<ElicitSchema>(json).is_err(), "{json}");
        }
    }
}

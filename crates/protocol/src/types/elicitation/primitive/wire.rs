//! The keywords of a form field as they stand on the wire, and the way between them and the types.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        EnumOption, EnumSchema, LegacyTitledEnumSchema, TitledMultiSelectEnumSchema,
        TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema,
        UntitledSingleSelectEnumSchema,
    },
    BooleanSchema, NumberSchema, PrimitiveSchemaDefinition, StringFormat, StringSchema,
};
use crate::types::wire;

/// Every keyword that a field can have.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_count")]
    min_length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_count")]
    max_length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<StringFormat>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    maximum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_count")]
    min_items: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_count")]
    max_items: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "enum")]
    values: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enum_names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    one_of: Option<Vec<EnumOption>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Items>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Default>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Array,
}

/// What the items of an array can be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "type")]
    kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "enum")]
    values: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any_of: Option<Vec<EnumOption>>,
}

/// A default value of any kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Default {
    Boolean(bool),
    Number(wire::Number),
    Text(String),
    Texts(Vec<String>),
}

/// Why keywords are not a field. The texts are for whoever reads the decode error.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum FieldError {
    #[error("default does not match the type of the field")]
    Default,
    #[error("an array field needs items with enum or anyOf")]
    Items,
    #[error("enumNames without enum")]
    NamesWithoutValues,
    #[error("a field has both enum and oneOf")]
    TwoEnums,
}

impl Field {
    fn of(kind: Kind, title: Option<String>, description: Option<String>) -> Self {
        Self {
            kind,
            title,
            description,
            min_length: None,
            max_length: None,
            format: None,
            minimum: None,
            maximum: None,
            min_items: None,
            max_items: None,
            values: None,
            enum_names: None,
            one_of: None,
            items: None,
            default: None,
        }
    }

    fn into_string(self) -> Result<PrimitiveSchemaDefinition, FieldError> {
        let Self { title, description, .. } = self;
        let default = match self.default {
            None => None,
            Some(Default::Text(text)) => Some(text),
            Some(_) => return Err(FieldError::Default),
        };
        Ok(match (self.values, self.one_of, self.enum_names) {
            (Some(values), None, None) => {
                UntitledSingleSelectEnumSchema { title, description, values, default }.into()
            }
            (Some(values), None, Some(names)) => {
                LegacyTitledEnumSchema { title, description, values, names, default }.into()
            }
            (None, Some(options), None) => {
                TitledSingleSelectEnumSchema { title, description, options, default }.into()
            }
            (None, None, None) => StringSchema {
                title,
                description,
                min_length: self.min_length,
                max_length: self.max_length,
                format: self.format,
                default,
            }
            .into(),
            (None, _, Some(_)) => return Err(FieldError::NamesWithoutValues),
            (Some(_), Some(_), _) => return Err(FieldError::TwoEnums),
        })
    }

    fn into_array(self) -> Result<PrimitiveSchemaDefinition, FieldError> {
        let Self { title, description, min_items, max_items, .. } = self;
        let default = match self.default {
            None => None,
            Some(Default::Texts(texts)) => Some(texts),
            Some(_) => return Err(FieldError::Default),
        };
        let items = self.items.ok_or(FieldError::Items)?;
        if !matches!(items.kind, None | Some(Kind::String)) {
            return Err(FieldError::Items);
        }
        match (items.values, items.any_of) {
            (Some(values), None) => Ok(UntitledMultiSelectEnumSchema {
                title,
                description,
                min_items,
                max_items,
                values,
                default,
            }
            .into()),
            (None, Some(options)) => Ok(TitledMultiSelectEnumSchema {
                title,
                description,
                min_items,
                max_items,
                options,
                default,
            }
            .into()),
            _ => Err(FieldError::Items),
        }
    }
}

impl TryFrom<Field> for PrimitiveSchemaDefinition {
    type Error = FieldError;

    fn try_from(field: Field) -> Result<Self, FieldError> {
        match field.kind {
            Kind::String => field.into_string(),
            Kind::Array => field.into_array(),
            Kind::Number | Kind::Integer => {
                let default = match field.default {
                    None => None,
                    Some(Default::Number(number)) => Some(number.0),
                    Some(_) => return Err(FieldError::Default),
                };
                Ok(Self::Number(NumberSchema {
                    integer: matches!(field.kind, Kind::Integer),
                    title: field.title,
                    description: field.description,
                    minimum: field.minimum,
                    maximum: field.maximum,
                    default,
                }))
            }
            Kind::Boolean => {
                let default = match field.default {
                    None => None,
                    Some(Default::Boolean(default)) => Some(default),
                    Some(_) => return Err(FieldError::Default),
                };
                let Field { title, description, .. } = field;
                Ok(Self::Boolean(BooleanSchema { title, description, default }))
            }
        }
    }
}

impl From<PrimitiveSchemaDefinition> for Field {
    fn from(schema: PrimitiveSchemaDefinition) -> Self {
        match schema {
            PrimitiveSchemaDefinition::String(it) => Self {
                min_length: it.min_length,
                max_length: it.max_length,
                format: it.format,
                default: it.default.map(Default::Text),
                ..Self::of(Kind::String, it.title, it.description)
            },
            PrimitiveSchemaDefinition::Number(it) => {
                let kind = if it.integer { Kind::Integer } else { Kind::Number };
                Self {
                    minimum: it.minimum,
                    maximum: it.maximum,
                    default: it.default.map(|number| Default::Number(wire::Number(number))),
                    ..Self::of(kind, it.title, it.description)
                }
            }
            PrimitiveSchemaDefinition::Boolean(it) => Self {
                default: it.default.map(Default::Boolean),
                ..Self::of(Kind::Boolean, it.title, it.description)
            },
            PrimitiveSchemaDefinition::Enum(schema) => schema.into(),
        }
    }
}

impl From<EnumSchema> for Field {
    fn from(schema: EnumSchema) -> Self {
        match schema {
            EnumSchema::UntitledSingleSelect(it) => Self {
                values: Some(it.values),
                default: it.default.map(Default::Text),
                ..Self::of(Kind::String, it.title, it.description)
            },
            EnumSchema::TitledSingleSelect(it) => Self {
                one_of: Some(it.options),
                default: it.default.map(Default::Text),
                ..Self::of(Kind::String, it.title, it.description)
            },
            EnumSchema::LegacyTitled(it) => Self {
                values: Some(it.values),
                enum_names: Some(it.names),
                default: it.default.map(Default::Text),
                ..Self::of(Kind::String, it.title, it.description)
            },
            EnumSchema::UntitledMultiSelect(it) => Self {
                min_items: it.min_items,
                max_items: it.max_items,
                items: Some(Items {
                    kind: Some(Kind::String),
                    values: Some(it.values),
                    any_of: None,
                }),
                default: it.default.map(Default::Texts),
                ..Self::of(Kind::Array, it.title, it.description)
            },
            EnumSchema::TitledMultiSelect(it) => Self {
                min_items: it.min_items,
                max_items: it.max_items,
                items: Some(Items { kind: None, values: None, any_of: Some(it.options) }),
                default: it.default.map(Default::Texts),
                ..Self::of(Kind::Array, it.title, it.description)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes and encodes; `None` means that decoding is refused.
    #[track_caller]
    fn check(json: &str, kind: Option<&str>) {
        let decoded = serde_json::from_str::<PrimitiveSchemaDefinition>(json);
        let found = decoded.as_ref().ok().map(|schema| match schema {
            PrimitiveSchemaDefinition::String(_) => "string",
            PrimitiveSchemaDefinition::Number(it) if it.integer => "integer",
            PrimitiveSchemaDefinition::Number(_) => "number",
            PrimitiveSchemaDefinition::Boolean(_) => "boolean",
            PrimitiveSchemaDefinition::Enum(EnumSchema::UntitledSingleSelect(_)) => "one",
            PrimitiveSchemaDefinition::Enum(EnumSchema::TitledSingleSelect(_)) => "one titled",
            PrimitiveSchemaDefinition::Enum(EnumSchema::UntitledMultiSelect(_)) => "any",
            PrimitiveSchemaDefinition::Enum(EnumSchema::TitledMultiSelect(_)) => "any titled",
            PrimitiveSchemaDefinition::Enum(EnumSchema::LegacyTitled(_)) => "legacy",
        });
        assert_eq!(found, kind, "{json}: {decoded:?}");
        if let Ok(schema) = decoded {
            assert_eq!(serde_json::to_string(&schema).unwrap(), json);
        }
    }

    #[test]
    fn every_form_survives_both_ways() {
        check(r#"{"type":"string"}"#, Some("string"));
        check(
            r#"{"type":"string","minLength":1,"maxLength":2,"format":"color","default":"ab"}"#,
            Some("string"),
        );
        check(r#"{"type":"number","minimum":-1,"maximum":0.5,"default":0}"#, Some("number"));
        check(r#"{"type":"integer","default":3}"#, Some("integer"));
        check(
            r#"{"type":"boolean","title":"t","description":"d","default":true}"#,
            Some("boolean"),
        );
        check(r#"{"type":"string","enum":["a","b"],"default":"a"}"#, Some("one"));
        check(r#"{"type":"string","oneOf":[{"const":"a","title":"A"}]}"#, Some("one titled"));
        check(r#"{"type":"string","enum":["a"],"enumNames":["A"]}"#, Some("legacy"));
        check(
            r#"{"type":"array","minItems":1,"maxItems":2,"items":{"type":"string","enum":["a"]},"default":["a"]}"#,
            Some("any"),
        );
        check(
            r#"{"type":"array","items":{"anyOf":[{"const":"a","title":"A"}]}}"#,
            Some("any titled"),
        );
    }

    #[test]
    fn what_is_not_flat_is_refused() {
        for json in [
            r#"{"type":"object","properties":{}}"#,
            r#"{"type":"null"}"#,
            r#"{"type":["string","null"]}"#,
            r#"{"title":"t"}"#,
            r#"{"type":"array"}"#,
            r#"{"type":"array","items":{"type":"string"}}"#,
            r#"{"type":"array","items":{"type":"object"}}"#,
            r#"{"type":"array","items":{"type":"number","enum":["a"]}}"#,
            r#"{"type":"array","items":{"enum":["a"],"anyOf":[]}}"#,
            r#"{"type":"string","enumNames":["A"]}"#,
            r#"{"type":"string","enum":["a"],"oneOf":[]}"#,
            r#"{"type":"string","enum":[1]}"#,
            r#"{"type":"string","default":1}"#,
            r#"{"type":"number","default":"1"}"#,
            r#"{"type":"boolean","default":"true"}"#,
            r#"{"type":"array","items":{"enum":["a"]},"default":"a"}"#,
            r#"{"type":"string","minLength":-1}"#,
            r#"{"type":"string","maxLength":1.5}"#,
        ] {
            check(json, None);
        }
    }
}

//! What the client answers when the server asks.

use palisade::{
    client::InputError,
    protocol::{
        CreateMessageRequestParams, CreateMessageResult, ElicitRequestFormParams, ElicitResult,
        EnumSchema, ListRootsResult, PrimitiveSchemaDefinition, Root, StringFormat, StringSchema,
    },
};
use serde_json::{Value, json};

/// Sends a form as it is at first; fields without a default get a value that fits.
pub(crate) async fn fill_in(form: ElicitRequestFormParams) -> Result<ElicitResult, InputError> {
    let fields = form.requested_schema.properties.iter();
    Ok(ElicitResult::accept(
        fields
            .map(|(name, field)| (name, field.default_value().unwrap_or_else(|| value_for(field)))),
    ))
}

pub(crate) async fn say_something(
    _: CreateMessageRequestParams,
) -> Result<CreateMessageResult, InputError> {
    Ok(CreateMessageResult::new("conformance-model", "This is what a model would say."))
}

pub(crate) async fn roots() -> Result<ListRootsResult, InputError> {
    Ok(ListRootsResult::new(vec![Root::new("file:///conformance").with_name("conformance")]))
}

fn value_for(field: &PrimitiveSchemaDefinition) -> Value {
    match field {
        PrimitiveSchemaDefinition::String(schema) => text_for(schema),
        PrimitiveSchemaDefinition::Number(schema) => json!(schema.minimum.unwrap_or(1.0)),
        PrimitiveSchemaDefinition::Boolean(_) => json!(true),
        PrimitiveSchemaDefinition::Enum(
            choice @ (EnumSchema::UntitledMultiSelect(_) | EnumSchema::TitledMultiSelect(_)),
        ) => json!(choice.values().collect::<Vec<_>>()),
        PrimitiveSchemaDefinition::Enum(choice) => json!(choice.values().next()),
        _ => Value::Null,
    }
}

fn text_for(schema: &StringSchema) -> Value {
    json!(match &schema.format {
        Some(StringFormat::Email) => "user@example.com",
        Some(StringFormat::Uri) => "https://example.com/",
        Some(StringFormat::Date) => "2026-07-28",
        Some(StringFormat::DateTime) => "2026-07-28T12:00:00Z",
        _ => "text",
    })
}

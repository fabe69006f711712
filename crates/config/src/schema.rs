//! The JSON Schema of the raw forms: editors complete by it, and [`crate::shape`] checks by it.

use std::sync::LazyLock;

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::Value;

use crate::raw::{RawClientConfig, RawLaunchConfig, RawSecurityConfig};

static SERVER: LazyLock<Value> = LazyLock::new(generate::<RawSecurityConfig>);
static CLIENT: LazyLock<Value> = LazyLock::new(generate::<RawClientConfig>);
static LAUNCH: LazyLock<Value> = LazyLock::new(generate::<RawLaunchConfig>);

/// The JSON Schema of a [`RawSecurityConfig`], draft 2020-12. `cargo xtask schema` writes it to a file.
#[must_use]
pub fn server_schema() -> &'static Value {
    &SERVER
}

/// The JSON Schema of a [`RawClientConfig`], draft 2020-12.
#[must_use]
pub fn client_schema() -> &'static Value {
    &CLIENT
}

/// The JSON Schema of a [`RawLaunchConfig`], draft 2020-12.
#[must_use]
pub fn launch_schema() -> &'static Value {
    &LAUNCH
}

pub(crate) fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(WithoutNull);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// What is optional is left out; `null` is no way to write it, as TOML has none.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                object.extend(only);
            }
        }
        // What a default of null says, absence says already.
        if object.get("default").is_some_and(Value::is_null) {
            object.remove("default");
        }
    }
}

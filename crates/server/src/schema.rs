//! Input schemas: what may be registered, and the check of arguments against one.

mod budget;
mod constraint;
#[cfg(feature = "schema-validation")]
mod validator;

use palisade_protocol::RawJson;
use serde_json::Value;

pub use self::budget::SchemaError;
pub(crate) use self::constraint::has_constraints;
#[cfg(feature = "schema-validation")]
pub(crate) use self::validator::Validator;

/// Checks that a tool's input schema may be served: an object schema within the budget that refers
/// to nothing outside itself.
pub(crate) fn check_input(schema: &RawJson) -> Result<Value, SchemaError> {
    let schema = check_any(schema)?;
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => Ok(schema),
        _ => Err(SchemaError::NotAnObjectSchema),
    }
}

/// Checks any schema: within the budget, without references to elsewhere and, if there is a validator, valid.
pub(crate) fn check_any(schema: &RawJson) -> Result<Value, SchemaError> {
    let schema: Value = schema.decode().map_err(|_| SchemaError::NotAnObjectSchema)?;
    if !schema.is_object() {
        return Err(SchemaError::NotAnObjectSchema);
    }
    budget::check(&schema)?;
    #[cfg(feature = "schema-validation")]
    validator::check_unused(&schema)?;
    Ok(schema)
}

/// The check of a run-time tool's arguments: nothing to compile against without the feature, so such
/// tools cannot be registered then.
#[cfg(not(feature = "schema-validation"))]
#[derive(Clone, Debug)]
pub(crate) struct Validator(std::convert::Infallible);

#[cfg(not(feature = "schema-validation"))]
impl Validator {
    pub(crate) fn new(_: &Value) -> Result<Self, SchemaError> {
        Err(SchemaError::ValidationDisabled)
    }

    pub(crate) fn check(&self, _: &Value) -> Result<(), String> {
        match self.0 {}
    }
}

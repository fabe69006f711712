//! A compiled JSON Schema.

use palisade_schema::{Schema, SchemaError as Refused};
use serde_json::Value;

use super::SchemaError;

/// A schema, compiled once when its tool is registered. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Validator(Schema);

impl Validator {
    /// Compiles a schema whose budget was checked.
    pub(crate) fn new(schema: &Value) -> Result<Self, SchemaError> {
        Ok(Self(Schema::compile(schema)?))
    }

    /// Checks a value and reports the first fault, without any text of the value. A value whose check would cost
    /// too much is refused.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        self.0.validate(value).map_err(|fault| fault.to_string())
    }
}

/// Checks a schema that we only hand on: patterns that we cannot match may be fine for whoever does.
pub(super) fn check_unused(schema: &Value) -> Result<(), SchemaError> {
    match Schema::compile(schema) {
        Ok(_) | Err(Refused::Pattern { .. }) => Ok(()),
        Err(refused) => Err(refused.into()),
    }
}

impl From<Refused> for SchemaError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Dialect => Self::Dialect,
            Refused::TooDeep => Self::TooLarge,
            Refused::RemoteReference { .. } => Self::RemoteReference,
            Refused::DanglingReference { .. } => Self::DanglingReference,
            Refused::CircularReference => Self::CircularReference,
            Refused::TooExpensive => Self::TooExpensive,
            other => Self::Invalid(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{SchemaError, Validator, check_unused};

    #[test]
    fn the_first_fault_is_reported_without_the_value() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "integer", "maximum": 3 } }, "required": ["a"] });
        let validator = Validator::new(&schema).unwrap();
        assert_eq!(validator.check(&json!({ "a": 3 })), Ok(()));
        let error = validator.check(&json!({ "a": 987_654 })).unwrap_err();
        assert!(error.starts_with("/a: ") && !error.contains("987654"), "{error}");
        assert!(validator.check(&json!({})).unwrap_err().contains("\"a\""));
    }

    #[test]
    fn patterns_are_linear_and_references_local() {
        assert!(
            Validator::new(&json!({ "pattern": "(a)\\1" })).is_err(),
            "back-references need backtracking"
        );
        let slow = Validator::new(&json!({ "pattern": "^(a+)+$" })).unwrap();
        assert!(slow.check(&json!(format!("{}b", "a".repeat(50_000)))).is_err());
        assert!(Validator::new(&json!({ "$ref": "https://example.com/schema" })).is_err());
    }

    #[test]
    fn what_is_only_handed_on_may_have_patterns_of_any_kind() {
        assert_eq!(check_unused(&json!({ "pattern": "^(?=.*a)" })), Ok(()));
        let dangling = json!({ "$ref": "#/$defs/none" });
        assert_eq!(check_unused(&dangling), Err(SchemaError::DanglingReference));
    }
}

//! A compiled JSON Schema.

use std::sync::Arc;

use jsonschema::{PatternOptions, Retrieve, Uri};
use serde_json::Value;

use super::{
    SchemaError,
    cost::{Cost, cost_of},
};

/// A schema, compiled once when its tool is registered. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Validator(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    validator: jsonschema::Validator,
    schema: Value,
    cost: Cost,
}

/// Refuses every reference to another document, whatever the schema says.
struct NoRetrieval;

impl Retrieve for NoRetrieval {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("references to other documents are not followed".into())
    }
}

impl Validator {
    /// Compiles a schema whose budget was checked. Patterns run on a linear-time engine.
    pub(crate) fn new(schema: &Value) -> Result<Self, SchemaError> {
        jsonschema::options()
            .with_retriever(NoRetrieval)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map_err(|error| SchemaError::Invalid(error.masked().to_string()))
            .and_then(|validator| {
                let cost = cost_of(schema)?;
                Ok(Self(Arc::new(Compiled { validator, schema: schema.clone(), cost })))
            })
    }

    /// Checks a value and reports the first fault, without any text of the value. A value that would cost
    /// more than the budget is not checked but refused.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let Compiled { validator, schema, cost } = &*self.0;
        if !cost.affords(schema, value) {
            return Err("/: too expensive to check against the schema".to_owned());
        }
        validator.validate(value).map_err(|error| {
            let path = error.instance_path().to_string();
            format!("{}: {}", if path.is_empty() { "/" } else { &path }, error.masked())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Validator;

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
}

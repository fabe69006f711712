//! JSON Schema, compiled once and checked within a bound.
//!
//! A validator that is asked by strangers is a way to keep a server busy: a schema that refers to itself in two
//! branches doubles the work with every level of the value, and whoever sends the value decides how deep it is.
//! So each schema that is applied, each member that is looked at and each byte that a pattern reads takes from
//! a budget that grows with the size of the value and with nothing else. What would need more is refused.
//!
//! All assertions and applicators of 2020-12, 2019-09, draft-07, draft-06 and draft-04 are checked; `format` and
//! the `content…` keywords are annotations. Nothing outside the document is ever referred to.
//!
//! ```
//! use palisade_schema::Schema;
//! use serde_json::json;
//!
//! let schema = Schema::compile(&json!({ "properties": { "a": { "type": "integer" } } }))?;
//! assert!(schema.validate(&json!({ "a": 1.0 })).is_ok());
//! let fault = schema.validate(&json!({ "a": "secret" })).unwrap_err();
//! assert_eq!(fault.to_string(), "/a: is not of type integer");
//! # Ok::<(), palisade_schema::SchemaError>(())
//! ```

mod budget;
mod compile;
mod dialect;
mod equal;
mod error;
mod fault;
mod measure;
mod node;
mod number;
mod pattern;
mod schema;
mod uri;
mod validate;

pub use self::{dialect::Dialect, error::SchemaError, fault::Fault, schema::Schema};

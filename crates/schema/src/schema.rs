//! A compiled schema: the outside of this crate.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use crate::{
    SchemaError, compile,
    fault::Fault,
    measure,
    node::{Node, NodeId, ResourceId},
    validate,
};

/// A JSON Schema, compiled once. Clones share it.
///
/// # Specification
///
/// JSON Schema 2020-12, Core and Validation, and the older dialects of [`Dialect`](crate::Dialect).
#[derive(Clone, Debug)]
pub struct Schema(Arc<Compiled>);

/// What is compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) root: NodeId,
    nodes: Vec<Node>,
    /// For each resource, the schemas that `$dynamicRef` may find in it.
    dynamic: Vec<HashMap<String, NodeId>>,
    /// Stands in for a node that is missing, which none is: nothing must get through if ever one were.
    missing: Node,
}

impl Compiled {
    pub(crate) fn new(
        root: NodeId,
        nodes: Vec<Node>,
        dynamic: Vec<HashMap<String, NodeId>>,
    ) -> Self {
        Self { root, nodes, dynamic, missing: Node::nothing(ResourceId(0)) }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0).unwrap_or(&self.missing)
    }

    /// The schema that `$dynamicRef` finds in a resource under this name.
    pub(crate) fn dynamic(&self, resource: ResourceId, name: &str) -> Option<NodeId> {
        self.dynamic.get(resource.0)?.get(name).copied()
    }
}

impl Schema {
    /// Compiles a schema. Its dialect is the one that `$schema` names, or else 2020-12.
    ///
    /// Whoever lets strangers send schemas has to bound their size before; what is bounded here is depth,
    /// patterns, and what the schema would cost for any value.
    ///
    /// # Errors
    ///
    /// If the schema is not valid, refers to another document, or cannot be checked within bounds.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let compiled = compile::compile(schema)?;
        measure::check(&compiled)?;
        Ok(Self(Arc::new(compiled)))
    }

    /// Checks a value and reports the first fault.
    ///
    /// The work is bounded by 50,000 steps, and 32 more for each value within the value and each 8 bytes of text.
    ///
    /// # Errors
    ///
    /// The first fault, or that the check would be too expensive.
    pub fn validate(&self, value: &Value) -> Result<(), Fault> {
        validate::validate(&self.0, value)
    }
}

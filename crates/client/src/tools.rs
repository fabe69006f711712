//! Which arguments of which tool are mirrored into headers, as the lists of tools have told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use palisade_protocol::{Tool, header::ParamHeaders};

/// How many tools with mirrored arguments are remembered.
const MAX_TOOLS: usize = 16_384;

/// The mirrored arguments of the tools that were listed. Tools without any are not kept.
#[derive(Debug, Default)]
pub(crate) struct ToolHeaders(Mutex<HashMap<String, Arc<ParamHeaders>>>);

impl ToolHeaders {
    /// The header names and values for these arguments.
    pub(crate) fn values(&self, tool: &str, arguments: Option<&str>) -> Vec<(String, String)> {
        let Some(headers) = self.lock().get(tool).cloned() else { return Vec::new() };
        let values = headers.values(arguments);
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Removes the tools whose annotations are invalid and remembers those of the others. One bad tool
    /// does not cost the rest.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Streamable HTTP, "Schema Extension".
    pub(crate) fn admit(&self, tools: Vec<Tool>) -> Vec<Tool> {
        tools.into_iter().filter(|tool| self.admit_one(tool)).collect()
    }

    fn admit_one(&self, tool: &Tool) -> bool {
        match ParamHeaders::from_schema(&tool.input_schema) {
            Ok(headers) => {
                let mut known = self.lock();
                if headers.is_empty() {
                    known.remove(&tool.name);
                } else if known.len() < MAX_TOOLS || known.contains_key(&tool.name) {
                    known.insert(tool.name.clone(), Arc::new(headers));
                } else {
                    tracing::warn!(tool = ?tool.name, "too many tools mirror arguments into headers");
                    return false;
                }
                true
            }
            Err(reason) => {
                self.lock().remove(&tool.name);
                tracing::warn!(tool = ?tool.name, %reason, "a tool was dropped from the list");
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<ParamHeaders>>> {
        // Every critical section leaves the map whole, so a poisoned lock is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str, property: serde_json::Value) -> Tool {
        Tool::new(name, json!({ "type": "object", "properties": { "a": property } }))
    }

    #[test]
    fn annotations_of_the_last_list_count() {
        let known = ToolHeaders::default();
        let arguments = r#"{"a":1}"#;
        let annotated = json!({ "type": "integer", "x-mcp-header": "A" });
        assert_eq!(known.admit(vec![tool("t", annotated.clone())]).len(), 1);
        assert_eq!(known.values("t", Some(arguments)), [("A".to_owned(), "1".to_owned())]);
        assert!(known.values("u", Some(arguments)).is_empty());
        assert_eq!(known.admit(vec![tool("t", json!({ "type": "integer" }))]).len(), 1);
        assert!(known.values("t", Some(arguments)).is_empty());
    }
}

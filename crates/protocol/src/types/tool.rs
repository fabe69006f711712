//! Tools: definitions and the requests `tools/*`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::wire;
use crate::{CacheHints, ContentBlock, Icon, Meta, RawJson, ResultMeta, ResultType};

/// A tool that a server offers.
///
/// Everything in it is a claim of the server. A client that approved a tool should approve it again
/// when the definition changes (attack D4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tool {
    /// The name for programs.
    pub name: String,
    /// The name for people. Default: the annotations' title, then `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the tool does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of the arguments, verbatim. Its root must be of type `object`.
    pub input_schema: RawJson,
    /// The JSON Schema of the structured result, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<RawJson>,
    /// Hints on what the tool does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ToolAnnotations>,
    /// Icons to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Icon>>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl Tool {
    /// A tool whose arguments follow a JSON Schema.
    #[must_use]
    pub fn new(name: impl Into<String>, input_schema: impl Into<RawJson>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: None,
            input_schema: input_schema.into(),
            output_schema: None,
            annotations: None,
            icons: None,
            meta: None,
        }
    }

    /// The name to show: the title, else the annotations' title, else the name.
    #[must_use]
    pub fn display_name(&self) -> &str {
        let annotated = self.annotations.as_ref().and_then(|it| it.title.as_deref());
        self.title.as_deref().or(annotated).unwrap_or(&self.name)
    }
}

setters!(Tool {
    /// Sets the name for people.
    with_title(into title: String);
    /// Sets the description.
    with_description(into description: String);
    /// Sets the JSON Schema of the structured result.
    with_output_schema(into output_schema: RawJson);
    /// Sets the hints.
    with_annotations(some annotations: ToolAnnotations);
    /// Sets the icons.
    with_icons(into icons: Vec<Icon>);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// Hints on what a tool does. A server can lie in them: a client must not skip a confirmation because
/// an untrusted server calls its tool read-only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolAnnotations {
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The tool changes nothing. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// The tool can destroy, not only add. Default: true. Means something only if not read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// A second call with the same arguments changes nothing more. Default: false. Means something only
    /// if not read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// The tool reaches an open world, such as the web. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

impl ToolAnnotations {
    /// No hints.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(ToolAnnotations {
    /// Sets the name for people.
    with_title(into title: String);
    /// Sets whether the tool changes nothing.
    with_read_only(some read_only_hint: bool);
    /// Sets whether the tool can destroy.
    with_destructive(some destructive_hint: bool);
    /// Sets whether a second call changes nothing more.
    with_idempotent(some idempotent_hint: bool);
    /// Sets whether the tool reaches an open world.
    with_open_world(some open_world_hint: bool);
});

/// One page of tools: the result of `tools/list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListToolsResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The tools.
    pub tools: Vec<Tool>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How long and for whom the result may be kept.
    #[serde(
        flatten,
        deserialize_with = "CacheHints::decode",
        skip_serializing_if = "Option::is_none"
    )]
    pub cache: Option<CacheHints>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ListToolsResult {
    /// The last page.
    #[must_use]
    pub fn new(tools: Vec<Tool>) -> Self {
        Self { tools, ..Self::default() }
    }
}

setters!(ListToolsResult {
    /// Sets where the next page begins.
    with_next_cursor(into next_cursor: String);
    /// Sets how long and for whom the result may be kept.
    with_cache(some cache: CacheHints);
});

/// The params of `tools/call`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallToolRequestParams {
    /// The tool.
    pub name: String,
    /// Its arguments: an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<RawJson>,
}

impl CallToolRequestParams {
    /// A tool without arguments.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: None }
    }
}

setters!(CallToolRequestParams {
    /// Sets the arguments.
    with_arguments(into arguments: RawJson);
});

/// What a tool answered: the result of `tools/call`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CallToolResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The result for a model or a person.
    pub content: Vec<ContentBlock>,
    /// The result for a program: any JSON value, `null` too, that follows the tool's output schema.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "wire::present")]
    pub structured_content: Option<RawJson>,
    /// Whether the tool failed. Default: no. A failure in here is for the model, which can try again; a
    /// failure to find or reach the tool is a JSON-RPC error instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl CallToolResult {
    /// A success with this content.
    #[must_use]
    pub fn new(content: Vec<ContentBlock>) -> Self {
        Self { content, ..Self::default() }
    }

    /// A success with one text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![ContentBlock::text(text)])
    }

    /// A failure, told to the model with one text.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: Some(true), ..Self::text(text) }
    }

    /// A success with a structured value, and the same value as text for clients that only read text.
    #[must_use]
    pub fn structured(value: impl Into<RawJson>) -> Self {
        let value = value.into();
        Self::text(value.get()).with_structured_content(value)
    }

    /// Adds a piece of content.
    #[must_use]
    pub fn with_content(mut self, block: impl Into<ContentBlock>) -> Self {
        self.content.push(block.into());
        self
    }

    /// Whether the tool failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error == Some(true)
    }
}

setters!(CallToolResult {
    /// Sets the structured result.
    with_structured_content(into structured_content: RawJson);
    /// Sets whether the tool failed.
    with_is_error(some is_error: bool);
});

result_body!(ListToolsResult, CallToolResult);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(result: &CallToolResult, json: &str) {
        assert_eq!(serde_json::to_string(result).unwrap(), json);
        assert_eq!(&serde_json::from_str::<CallToolResult>(json).unwrap(), result);
    }

    #[test]
    fn results_have_no_stray_fields() {
        check(&CallToolResult::text("hi"), r#"{"content":[{"type":"text","text":"hi"}]}"#);
        check(
            &CallToolResult::error("no"),
            r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#,
        );
        check(
            &CallToolResult::structured(json!({"a":1})),
            r#"{"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}}"#,
        );
        check(
            &CallToolResult::structured(json!(null)),
            r#"{"content":[{"type":"text","text":"null"}],"structuredContent":null}"#,
        );
    }

    #[test]
    fn unknown_fields_survive() {
        let json = r#"{"resultType":"complete","content":[],"_meta":{"a/b":1},"later":{"x":[]}}"#;
        let result: CallToolResult = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&result).unwrap(), json);
    }

    #[test]
    fn schemas_are_passed_verbatim() {
        let json = r#"{"name":"t","inputSchema":{"type": "object",  "z":1, "a":2}}"#;
        let tool: Tool = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&tool).unwrap(), json);
    }

    #[test]
    fn display_name_prefers_the_title() {
        let tool = Tool::new("n", json!({"type":"object"}));
        assert_eq!(tool.display_name(), "n");
        let tool = tool.with_annotations(ToolAnnotations::new().with_title("a"));
        assert_eq!(tool.display_name(), "a");
        assert_eq!(tool.with_title("t").display_name(), "t");
    }
}

//! What clients and servers say they can do.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::wire;

/// A JSON object of settings; empty means support without settings.
type Settings = Map<String, Value>;

/// What a client can do, stated anew on every request. A server uses nothing that is not stated there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientCapabilities {
    /// Non-standard capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experimental: Option<Settings>,
    /// The client lists its roots. Deprecated by the specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<RootsCapability>,
    /// The client lets servers ask its model. Deprecated by the specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<SamplingCapability>,
    /// The client lets servers ask its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<ElicitationCapability>,
    /// Extensions and their settings, by identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Settings>,
    /// Capabilities that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl ClientCapabilities {
    /// No optional capability.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the client shows forms. An elicitation capability without any mode means forms.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Elicitation, "Capabilities".
    #[must_use]
    pub fn has_form_elicitation(&self) -> bool {
        self.elicitation.as_ref().is_some_and(|it| it.form.is_some() || it.url.is_none())
    }

    /// Whether the client sends its user to URLs.
    #[must_use]
    pub fn has_url_elicitation(&self) -> bool {
        self.elicitation.as_ref().is_some_and(|it| it.url.is_some())
    }

    /// Whether the client's model may be given tools.
    #[must_use]
    pub fn has_sampling_tools(&self) -> bool {
        self.sampling.as_ref().is_some_and(|it| it.tools.is_some())
    }

    /// Whether the client adds context of other servers to what its model is asked.
    #[must_use]
    pub fn has_sampling_context(&self) -> bool {
        self.sampling.as_ref().is_some_and(|it| it.context.is_some())
    }

    /// Whether every standard capability, mode and extension in `required` is here too.
    #[must_use]
    pub fn covers(&self, required: &Self) -> bool {
        let here = |wanted: bool, has: bool| !wanted || has;
        let extensions = |all: &Self| -> Vec<String> {
            all.extensions.iter().flat_map(|map| map.keys().cloned()).collect()
        };
        here(required.roots.is_some(), self.roots.is_some())
            && here(required.sampling.is_some(), self.sampling.is_some())
            && here(required.has_sampling_tools(), self.has_sampling_tools())
            && here(required.has_sampling_context(), self.has_sampling_context())
            && here(required.has_form_elicitation(), self.has_form_elicitation())
            && here(required.has_url_elicitation(), self.has_url_elicitation())
            && extensions(required)
                .iter()
                .all(|name| self.extensions.as_ref().is_some_and(|map| map.contains_key(name)))
    }
}

setters!(ClientCapabilities {
    /// Sets the roots capability.
    with_roots(some roots: RootsCapability);
    /// Sets the sampling capability.
    with_sampling(some sampling: SamplingCapability);
    /// Sets the elicitation capability.
    with_elicitation(some elicitation: ElicitationCapability);
    /// Sets the extensions.
    with_extensions(some extensions: Map<String, Value>);
    /// Sets the experimental capabilities.
    with_experimental(some experimental: Map<String, Value>);
});

/// The client lists its roots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RootsCapability {
    /// Settings; this revision knows none.
    #[serde(flatten)]
    pub extra: Settings,
}

impl RootsCapability {
    /// The capability without settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The client lets servers ask its model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SamplingCapability {
    /// Present: context of other servers can be included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Settings>,
    /// Present: the model can be given tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Settings>,
    /// Settings that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl SamplingCapability {
    /// The capability without tools and without context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the use of tools.
    #[must_use]
    pub fn with_tools(mut self) -> Self {
        self.tools.get_or_insert_default();
        self
    }

    /// Adds the inclusion of context.
    #[must_use]
    pub fn with_context(mut self) -> Self {
        self.context.get_or_insert_default();
        self
    }
}

/// The client lets servers ask its user. Without any mode it means forms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ElicitationCapability {
    /// Present: the client shows forms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Settings>,
    /// Present: the client sends its user to URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Settings>,
    /// Settings that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl ElicitationCapability {
    /// The capability without any mode, which means forms.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds forms.
    #[must_use]
    pub fn with_form(mut self) -> Self {
        self.form.get_or_insert_default();
        self
    }

    /// Adds URLs.
    #[must_use]
    pub fn with_url(mut self) -> Self {
        self.url.get_or_insert_default();
        self
    }
}

/// What a server can do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerCapabilities {
    /// Non-standard capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experimental: Option<Settings>,
    /// The server sends log messages. Deprecated by the specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Settings>,
    /// The server completes arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completions: Option<Settings>,
    /// The server has prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PromptsCapability>,
    /// The server has resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesCapability>,
    /// The server has tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolsCapability>,
    /// Extensions and their settings, by identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Settings>,
    /// Capabilities that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl ServerCapabilities {
    /// No capability.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds log messages.
    #[must_use]
    pub fn with_logging(mut self) -> Self {
        self.logging.get_or_insert_default();
        self
    }

    /// Adds completion.
    #[must_use]
    pub fn with_completions(mut self) -> Self {
        self.completions.get_or_insert_default();
        self
    }
}

setters!(ServerCapabilities {
    /// Sets the prompts capability.
    with_prompts(some prompts: PromptsCapability);
    /// Sets the resources capability.
    with_resources(some resources: ResourcesCapability);
    /// Sets the tools capability.
    with_tools(some tools: ToolsCapability);
    /// Sets the extensions.
    with_extensions(some extensions: Map<String, Value>);
    /// Sets the experimental capabilities.
    with_experimental(some experimental: Map<String, Value>);
});

/// The server has prompts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PromptsCapability {
    /// Whether the server says when the list changes. Default: no.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub list_changed: bool,
    /// Settings that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl PromptsCapability {
    /// The capability without notifications.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(PromptsCapability {
    /// Sets whether the server says when the list changes.
    with_list_changed(set list_changed: bool);
});

/// The server has resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourcesCapability {
    /// Whether the server says when a resource changes. Default: no.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub subscribe: bool,
    /// Whether the server says when the list changes. Default: no.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub list_changed: bool,
    /// Settings that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl ResourcesCapability {
    /// The capability without notifications.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(ResourcesCapability {
    /// Sets whether the server says when a resource changes.
    with_subscribe(set subscribe: bool);
    /// Sets whether the server says when the list changes.
    with_list_changed(set list_changed: bool);
});

/// The server has tools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolsCapability {
    /// Whether the server says when the list changes. Default: no.
    #[serde(default, skip_serializing_if = "wire::is_false")]
    pub list_changed: bool,
    /// Settings that this crate does not know.
    #[serde(flatten)]
    pub extra: Settings,
}

impl ToolsCapability {
    /// The capability without notifications.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

setters!(ToolsCapability {
    /// Sets whether the server says when the list changes.
    with_list_changed(set list_changed: bool);
});

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(json: &str) -> ClientCapabilities {
        serde_json::from_str(json).unwrap()
    }

    #[track_caller]
    fn check_covers(has: &str, required: &str, expected: bool) {
        assert_eq!(
            capabilities(has).covers(&capabilities(required)),
            expected,
            "{has} covers {required}"
        );
    }

    #[test]
    fn covers_compares_modes_and_extensions() {
        check_covers("{}", "{}", true);
        check_covers("{}", r#"{"roots":{}}"#, false);
        check_covers(r#"{"roots":{}}"#, r#"{"roots":{}}"#, true);
        check_covers(r#"{"sampling":{}}"#, r#"{"sampling":{}}"#, true);
        check_covers(r#"{"sampling":{}}"#, r#"{"sampling":{"tools":{}}}"#, false);
        check_covers(r#"{"sampling":{"tools":{}}}"#, r#"{"sampling":{}}"#, true);
        check_covers(r#"{"sampling":{"tools":{}}}"#, r#"{"sampling":{"context":{}}}"#, false);
        check_covers(r#"{"elicitation":{}}"#, r#"{"elicitation":{"form":{}}}"#, true);
        check_covers(r#"{"elicitation":{"url":{}}}"#, r#"{"elicitation":{"form":{}}}"#, false);
        check_covers(r#"{"elicitation":{}}"#, r#"{"elicitation":{"url":{}}}"#, false);
        check_covers(
            r#"{"elicitation":{"form":{},"url":{}}}"#,
            r#"{"elicitation":{"url":{}}}"#,
            true,
        );
        check_covers("{}", r#"{"extensions":{"a/b":{}}}"#, false);
        check_covers(r#"{"extensions":{"a/b":{"x":1}}}"#, r#"{"extensions":{"a/b":{}}}"#, true);
    }

    #[test]
    fn unknown_capabilities_survive() {
        let json = r#"{"roots":{"listChanged":true},"tasks":{"a":1}}"#;
        let decoded = capabilities(json);
        assert_eq!(serde_json::to_string(&decoded).unwrap(), json);
    }
}

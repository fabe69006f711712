//! Sampling: a server asks the client's model. Deprecated by the specification.

mod content;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::content::*;
use super::wire;
use crate::{Meta, Role, Tool};

/// The params of `sampling/createMessage`.
///
/// All of it is text of the server: the client shows it to its user before the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreateMessageRequestParams {
    /// The conversation so far.
    pub messages: Vec<SamplingMessage>,
    /// Which model the server would like. Advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_preferences: Option<ModelPreferences>,
    /// The system prompt that the server would like. The client may change or drop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Whether to add context of other servers. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_context: Option<IncludeContext>,
    /// The temperature.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    pub temperature: Option<f64>,
    /// The largest number of tokens to generate. Abuse case: a server that drains the user's quota, so
    /// clients have budgets of their own.
    #[serde(with = "wire::count_field")]
    pub max_tokens: u64,
    /// Texts at which to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequences: Option<Vec<String>>,
    /// Settings for the provider of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Tools that the model may ask for. Only if the client stated `sampling.tools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// How the model uses the tools. Only if the client stated `sampling.tools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
}

impl CreateMessageRequestParams {
    /// Asks the model to go on with a conversation.
    #[must_use]
    pub fn new(messages: Vec<SamplingMessage>, max_tokens: u64) -> Self {
        Self {
            messages,
            model_preferences: None,
            system_prompt: None,
            include_context: None,
            temperature: None,
            max_tokens,
            stop_sequences: None,
            metadata: None,
            tools: None,
            tool_choice: None,
        }
    }
}

setters!(CreateMessageRequestParams {
    /// Sets which model the server would like.
    with_model_preferences(some model_preferences: ModelPreferences);
    /// Sets the system prompt.
    with_system_prompt(into system_prompt: String);
    /// Sets whether to add context of other servers.
    with_include_context(some include_context: IncludeContext);
    /// Sets the temperature.
    with_temperature(some temperature: f64);
    /// Sets the texts at which to stop.
    with_stop_sequences(into stop_sequences: Vec<String>);
    /// Sets the settings for the provider of the model.
    with_metadata(some metadata: Map<String, Value>);
    /// Sets the tools that the model may ask for.
    with_tools(into tools: Vec<Tool>);
    /// Sets how the model uses the tools.
    with_tool_choice(some tool_choice: ToolChoice);
});

/// One message of a conversation with a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SamplingMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: SamplingContent,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl SamplingMessage {
    /// A message.
    #[must_use]
    pub fn new(role: Role, content: impl Into<SamplingContent>) -> Self {
        Self { role, content: content.into(), meta: None }
    }

    /// A message of the user.
    #[must_use]
    pub fn user(content: impl Into<SamplingContent>) -> Self {
        Self::new(Role::User, content)
    }

    /// A message of the model.
    #[must_use]
    pub fn assistant(content: impl Into<SamplingContent>) -> Self {
        Self::new(Role::Assistant, content)
    }
}

setters!(SamplingMessage {
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// Which model a server would like. All of it is advice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ModelPreferences {
    /// Models, the best first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<Vec<ModelHint>>,
    /// How much cost matters, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    pub cost_priority: Option<f64>,
    /// How much speed matters, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    pub speed_priority: Option<f64>,
    /// How much capability matters, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_number")]
    pub intelligence_priority: Option<f64>,
}

impl ModelPreferences {
    /// No preference.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model, after those before.
    #[must_use]
    pub fn with_hint(mut self, name: impl Into<String>) -> Self {
        self.hints.get_or_insert_default().push(ModelHint::new(name));
        self
    }
}

setters!(ModelPreferences {
    /// Sets how much cost matters, from 0 to 1.
    with_cost_priority(some cost_priority: f64);
    /// Sets how much speed matters, from 0 to 1.
    with_speed_priority(some speed_priority: f64);
    /// Sets how much capability matters, from 0 to 1.
    with_intelligence_priority(some intelligence_priority: f64);
});

/// A model, by a part of its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelHint {
    /// A part of the name, such as a family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Other hints, whose meaning the specification leaves open.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ModelHint {
    /// A model whose name contains this.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), extra: Map::new() }
    }
}

/// How the model uses tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolChoice {
    /// The mode. Default: [`ToolChoiceMode::Auto`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ToolChoiceMode>,
}

impl ToolChoice {
    /// The model decides.
    #[must_use]
    pub const fn auto() -> Self {
        Self { mode: Some(ToolChoiceMode::Auto) }
    }

    /// The model must use a tool.
    #[must_use]
    pub const fn required() -> Self {
        Self { mode: Some(ToolChoiceMode::Required) }
    }

    /// The model must not use a tool.
    #[must_use]
    pub const fn none() -> Self {
        Self { mode: Some(ToolChoiceMode::None) }
    }
}

/// Whether the model uses tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ToolChoiceMode {
    /// As it likes.
    #[default]
    Auto,
    /// At least one.
    Required,
    /// None.
    None,
}

/// Which context a client adds to what its model is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum IncludeContext {
    /// None.
    #[default]
    None,
    /// That of the asking server. Deprecated by the specification.
    ThisServer,
    /// That of all servers: one server learns of another. Deprecated by the specification.
    AllServers,
}

/// What the model said: the client's answer to `sampling/createMessage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreateMessageResult {
    /// Who says it: the model.
    pub role: Role,
    /// What is said.
    pub content: SamplingContent,
    /// The name of the model.
    pub model: String,
    /// Why the model stopped, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl CreateMessageResult {
    /// What a model said.
    #[must_use]
    pub fn new(model: impl Into<String>, content: impl Into<SamplingContent>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
            model: model.into(),
            stop_reason: None,
            meta: None,
        }
    }

    /// The message to add to the conversation.
    #[must_use]
    pub fn into_message(self) -> SamplingMessage {
        SamplingMessage { role: self.role, content: self.content, meta: self.meta }
    }
}

setters!(CreateMessageResult {
    /// Sets why the model stopped.
    with_stop_reason(some stop_reason: StopReason);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

open_string_enum! {
    /// Why a model stopped.
    pub enum StopReason {
        /// It had nothing more to say.
        EndTurn = "endTurn",
        /// It came to a text at which to stop.
        StopSequence = "stopSequence",
        /// It came to the largest number of tokens.
        MaxTokens = "maxTokens",
        /// It wants to use tools.
        ToolUse = "toolUse",
    }
}

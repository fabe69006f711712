//! Completion of arguments: `completion/complete`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::wire;
use crate::{ResultMeta, ResultType};

/// The params of `completion/complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompleteRequestParams {
    /// What is being completed. On the wire: `ref`.
    #[serde(rename = "ref")]
    pub reference: CompletionReference,
    /// The argument, as far as it is typed.
    pub argument: CompletionArgument,
    /// What is already known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<CompletionContext>,
}

impl CompleteRequestParams {
    /// Completes an argument.
    #[must_use]
    pub fn new(
        reference: impl Into<CompletionReference>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            reference: reference.into(),
            argument: CompletionArgument { name: name.into(), value: value.into() },
            context: None,
        }
    }

    /// Adds an argument that is already known.
    #[must_use]
    pub fn with_known_argument(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        let context = self.context.get_or_insert_default();
        context.arguments.get_or_insert_default().insert(name.into(), value.into());
        self
    }
}

/// The argument being completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompletionArgument {
    /// Its name.
    pub name: String,
    /// What is typed so far.
    pub value: String,
}

/// What is already known when an argument is completed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompletionContext {
    /// Arguments whose values are settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<BTreeMap<String, String>>,
}

/// What is being completed, tagged by `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum CompletionReference {
    /// An argument of a prompt.
    #[serde(rename = "ref/prompt")]
    Prompt(PromptReference),
    /// A variable of a resource template.
    #[serde(rename = "ref/resource")]
    Resource(ResourceTemplateReference),
}

impl CompletionReference {
    /// A prompt, by name.
    #[must_use]
    pub fn prompt(name: impl Into<String>) -> Self {
        Self::Prompt(PromptReference { name: name.into(), title: None })
    }

    /// A resource template, by its text.
    #[must_use]
    pub fn resource(uri: impl Into<String>) -> Self {
        Self::Resource(ResourceTemplateReference { uri: uri.into() })
    }
}

/// Names a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PromptReference {
    /// The prompt's name.
    pub name: String,
    /// The prompt's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Names a resource or a resource template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceTemplateReference {
    /// The URI or the URI template.
    pub uri: String,
}

/// The result of `completion/complete`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CompleteResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The values found.
    pub completion: Completion,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl CompleteResult {
    /// These values.
    #[must_use]
    pub fn new(completion: Completion) -> Self {
        Self { completion, ..Self::default() }
    }
}

result_body!(CompleteResult);

/// Values that complete an argument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Completion {
    /// The values, best first, at most [`Completion::MAX_VALUES`].
    pub values: Vec<String>,
    /// How many there are in all.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_count")]
    pub total: Option<u64>,
    /// Whether there are more. Default: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
}

impl Completion {
    /// The number of values that one result may have.
    pub const MAX_VALUES: usize = 100;

    /// The first [`Completion::MAX_VALUES`] of these values. If there are more, says so in `total` and
    /// `has_more`.
    #[must_use]
    pub fn new<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        let mut all = values.into_iter();
        let values: Vec<String> = all.by_ref().take(Self::MAX_VALUES).map(Into::into).collect();
        let rest = all.count();
        let total = u64::try_from(values.len().saturating_add(rest)).ok();
        Self { values, total: total.filter(|_| rest > 0), has_more: (rest > 0).then_some(true) }
    }
}

setters!(Completion {
    /// Sets how many there are in all.
    with_total(some total: u64);
    /// Sets whether there are more.
    with_has_more(some has_more: bool);
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_a_hundred_values_are_sent() {
        for (count, total, more) in
            [(0, None, None), (100, None, None), (101, Some(101), Some(true))]
        {
            let completion = Completion::new((0..count).map(|number: u32| number.to_string()));
            assert_eq!(completion.values.len(), usize::min(count as usize, Completion::MAX_VALUES));
            assert_eq!((completion.total, completion.has_more), (total, more), "{count}");
        }
    }

    #[test]
    fn references_are_tagged_by_type() {
        for (reference, json) in [
            (CompletionReference::prompt("p"), r#"{"type":"ref/prompt","name":"p"}"#),
            (
                CompletionReference::resource("a://{b}"),
                r#"{"type":"ref/resource","uri":"a://{b}"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&reference).unwrap(), json);
            assert_eq!(serde_json::from_str::<CompletionReference>(json).unwrap(), reference);
        }
    }
}

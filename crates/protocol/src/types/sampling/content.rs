//! Content of messages to and from a model.

use std::{fmt, slice};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, SeqAccess, Visitor, value},
};
use serde_json::{Map, Value};

use crate::{AudioContent, ContentBlock, ImageContent, Meta, TextContent, types::wire};

/// The content of a message: one block, or an array of blocks. Both forms are kept as they came.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum SamplingContent {
    /// One block.
    Single(SamplingMessageContentBlock),
    /// Any number of blocks.
    Multiple(Vec<SamplingMessageContentBlock>),
}

impl SamplingContent {
    /// The blocks, in whichever form they came.
    #[must_use]
    pub fn blocks(&self) -> &[SamplingMessageContentBlock] {
        match self {
            Self::Single(block) => slice::from_ref(block),
            Self::Multiple(blocks) => blocks,
        }
    }

    /// The blocks, in whichever form they came.
    #[must_use]
    pub fn into_blocks(self) -> Vec<SamplingMessageContentBlock> {
        match self {
            Self::Single(block) => vec![block],
            Self::Multiple(blocks) => blocks,
        }
    }

    /// The text of the first block that is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        self.blocks().iter().find_map(SamplingMessageContentBlock::as_text)
    }
}

impl<T: Into<SamplingMessageContentBlock>> From<T> for SamplingContent {
    fn from(block: T) -> Self {
        Self::Single(block.into())
    }
}

impl From<Vec<SamplingMessageContentBlock>> for SamplingContent {
    fn from(blocks: Vec<SamplingMessageContentBlock>) -> Self {
        Self::Multiple(blocks)
    }
}

impl<'de> Deserialize<'de> for SamplingContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = SamplingContent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content block or an array of content blocks")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let block = Deserialize::deserialize(value::MapAccessDeserializer::new(map))?;
                Ok(SamplingContent::Single(block))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                let blocks = Deserialize::deserialize(value::SeqAccessDeserializer::new(seq))?;
                Ok(SamplingContent::Multiple(blocks))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

/// One piece of a message, tagged by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SamplingMessageContentBlock {
    /// Text.
    Text(TextContent),
    /// An image.
    Image(ImageContent),
    /// Sound.
    Audio(AudioContent),
    /// The model asks for a tool.
    ToolUse(ToolUseContent),
    /// What the tool answered.
    ToolResult(ToolResultContent),
}

impl SamplingMessageContentBlock {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent::new(text))
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(content) => Some(&content.text),
            _ => None,
        }
    }
}

impl From<String> for SamplingMessageContentBlock {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for SamplingMessageContentBlock {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<TextContent> for SamplingMessageContentBlock {
    fn from(content: TextContent) -> Self {
        Self::Text(content)
    }
}

impl From<ImageContent> for SamplingMessageContentBlock {
    fn from(content: ImageContent) -> Self {
        Self::Image(content)
    }
}

impl From<AudioContent> for SamplingMessageContentBlock {
    fn from(content: AudioContent) -> Self {
        Self::Audio(content)
    }
}

impl From<ToolUseContent> for SamplingMessageContentBlock {
    fn from(content: ToolUseContent) -> Self {
        Self::ToolUse(content)
    }
}

impl From<ToolResultContent> for SamplingMessageContentBlock {
    fn from(content: ToolResultContent) -> Self {
        Self::ToolResult(content)
    }
}

/// The model asks for a tool. The tag `type` is written by the enum around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolUseContent {
    /// Names this use, for its result.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub input: Map<String, Value>,
    /// `_meta`, to be kept when the use is sent again.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl ToolUseContent {
    /// Asks for a tool.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, input: Map<String, Value>) -> Self {
        Self { id: id.into(), name: name.into(), input, meta: None }
    }
}

setters!(ToolUseContent {
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// What a tool answered. The tag `type` is written by the enum around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolResultContent {
    /// The use that this answers.
    pub tool_use_id: String,
    /// The result for the model.
    pub content: Vec<ContentBlock>,
    /// The result for a program: any JSON value, `null` too.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "wire::present")]
    pub structured_content: Option<Value>,
    /// Whether the tool failed. Default: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// `_meta`, to be kept when the result is sent again.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl ToolResultContent {
    /// Answers a use.
    #[must_use]
    pub fn new(tool_use_id: impl Into<String>, content: Vec<ContentBlock>) -> Self {
        Self {
            tool_use_id: tool_use_id.into(),
            content,
            structured_content: None,
            is_error: None,
            meta: None,
        }
    }
}

setters!(ToolResultContent {
    /// Sets the structured result.
    with_structured_content(into structured_content: Value);
    /// Sets whether the tool failed.
    with_is_error(some is_error: bool);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, blocks: Option<usize>) {
        let decoded = serde_json::from_str::<SamplingContent>(json);
        assert_eq!(
            decoded.as_ref().ok().map(|it| it.blocks().len()),
            blocks,
            "{json}: {decoded:?}"
        );
        if let Ok(content) = decoded {
            assert_eq!(serde_json::to_string(&content).unwrap(), json);
        }
    }

    #[test]
    fn one_block_or_an_array_of_blocks() {
        check(r#"{"type":"text","text":"a"}"#, Some(1));
        check(r#"[{"type":"text","text":"a"}]"#, Some(1));
        check(r#"[]"#, Some(0));
        check(r#"{"type":"tool_use","id":"1","name":"n","input":{"a":1}}"#, Some(1));
        check(
            r#"[{"type":"tool_result","toolUseId":"1","content":[],"structuredContent":null,"isError":true}]"#,
            Some(1),
        );
        check(r#"{"type":"resource_link","uri":"a:b","name":"n"}"#, None);
        check(r#""text""#, None);
        check(r#"[["a"]]"#, None);
    }
}

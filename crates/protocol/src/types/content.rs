//! Content of results, prompts and messages.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{Annotations, Meta, ResourceContents, ResourceLink};

/// One piece of content, tagged by `type`.
///
/// Content of a server is data, not instruction: a client that gives it to a model must say whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentBlock {
    /// Text.
    Text(TextContent),
    /// An image.
    Image(ImageContent),
    /// Sound.
    Audio(AudioContent),
    /// A pointer to a resource, which need not be in the server's list.
    ResourceLink(ResourceLink),
    /// A resource with its contents.
    Resource(EmbeddedResource),
}

impl ContentBlock {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent::new(text))
    }

    /// An image of a media type.
    #[must_use]
    pub fn image(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::Image(ImageContent::from_bytes(bytes, mime_type))
    }

    /// Sound of a media type.
    #[must_use]
    pub fn audio(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::Audio(AudioContent::from_bytes(bytes, mime_type))
    }

    /// A resource with its contents.
    #[must_use]
    pub fn resource(contents: impl Into<ResourceContents>) -> Self {
        Self::Resource(EmbeddedResource::new(contents))
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

impl From<String> for ContentBlock {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for ContentBlock {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<TextContent> for ContentBlock {
    fn from(content: TextContent) -> Self {
        Self::Text(content)
    }
}

impl From<ImageContent> for ContentBlock {
    fn from(content: ImageContent) -> Self {
        Self::Image(content)
    }
}

impl From<AudioContent> for ContentBlock {
    fn from(content: AudioContent) -> Self {
        Self::Audio(content)
    }
}

impl From<ResourceLink> for ContentBlock {
    fn from(link: ResourceLink) -> Self {
        Self::ResourceLink(link)
    }
}

impl From<EmbeddedResource> for ContentBlock {
    fn from(content: EmbeddedResource) -> Self {
        Self::Resource(content)
    }
}

/// Text. The tag `type` is written by the enum around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextContent {
    /// The text.
    pub text: String,
    /// Hints for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl TextContent {
    /// Text without hints.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), annotations: None, meta: None }
    }
}

setters!(TextContent {
    /// Sets the hints for the client.
    with_annotations(some annotations: Annotations);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// An image. The tag `type` is written by the enum around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageContent {
    /// The bytes, in base64.
    pub data: String,
    /// The media type.
    pub mime_type: String,
    /// Hints for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl ImageContent {
    /// An image whose bytes are already in base64.
    #[must_use]
    pub fn new(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        Self { data: data.into(), mime_type: mime_type.into(), annotations: None, meta: None }
    }

    /// An image of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::new(STANDARD.encode(bytes), mime_type)
    }
}

setters!(ImageContent {
    /// Sets the hints for the client.
    with_annotations(some annotations: Annotations);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// Sound. The tag `type` is written by the enum around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AudioContent {
    /// The bytes, in base64.
    pub data: String,
    /// The media type.
    pub mime_type: String,
    /// Hints for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl AudioContent {
    /// Sound whose bytes are already in base64.
    #[must_use]
    pub fn new(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        Self { data: data.into(), mime_type: mime_type.into(), annotations: None, meta: None }
    }

    /// Sound of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::new(STANDARD.encode(bytes), mime_type)
    }
}

setters!(AudioContent {
    /// Sets the hints for the client.
    with_annotations(some annotations: Annotations);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// A resource with its contents. The tag `type` is written by the enum around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EmbeddedResource {
    /// The contents.
    pub resource: ResourceContents,
    /// Hints for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl EmbeddedResource {
    /// These contents without hints.
    #[must_use]
    pub fn new(resource: impl Into<ResourceContents>) -> Self {
        Self { resource: resource.into(), annotations: None, meta: None }
    }
}

setters!(EmbeddedResource {
    /// Sets the hints for the client.
    with_annotations(some annotations: Annotations);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextResourceContents;

    #[track_caller]
    fn check(block: &ContentBlock, json: &str) {
        assert_eq!(serde_json::to_string(block).unwrap(), json);
        assert_eq!(&serde_json::from_str::<ContentBlock>(json).unwrap(), block);
    }

    #[test]
    fn blocks_are_tagged_by_type() {
        check(&ContentBlock::text("hi"), r#"{"type":"text","text":"hi"}"#);
        check(
            &ContentBlock::image([0, 255], "image/png"),
            r#"{"type":"image","data":"AP8=","mimeType":"image/png"}"#,
        );
        check(
            &ContentBlock::audio("abc", "audio/wav"),
            r#"{"type":"audio","data":"YWJj","mimeType":"audio/wav"}"#,
        );
        check(
            &ResourceLink::new("test://a", "a").into(),
            r#"{"type":"resource_link","uri":"test://a","name":"a"}"#,
        );
        check(
            &ContentBlock::resource(TextResourceContents::new("test://a", "x")),
            r#"{"type":"resource","resource":{"uri":"test://a","text":"x"}}"#,
        );
    }

    #[test]
    fn a_block_of_unknown_type_is_refused() {
        for json in [r#"{"type":"video","data":""}"#, r#"{"text":"x"}"#, r#"{"type":"text"}"#] {
            assert!(serde_json::from_str::<ContentBlock>(json).is_err(), "{json}");
        }
    }
}

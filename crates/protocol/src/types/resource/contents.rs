//! The contents of a resource: text or bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Meta;

/// The contents of a resource or of a part of it. On the wire the field `text` or `blob` tells which;
/// both or none is refused when decoding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ResourceContents {
    /// Text.
    Text(TextResourceContents),
    /// Bytes.
    Blob(BlobResourceContents),
}

impl ResourceContents {
    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        match self {
            Self::Text(text) => &text.uri,
            Self::Blob(blob) => &blob.uri,
        }
    }

    /// The media type, if known.
    #[must_use]
    pub fn mime_type(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.mime_type.as_deref(),
            Self::Blob(blob) => blob.mime_type.as_deref(),
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.text),
            Self::Blob(_) => None,
        }
    }
}

impl From<TextResourceContents> for ResourceContents {
    fn from(text: TextResourceContents) -> Self {
        Self::Text(text)
    }
}

impl From<BlobResourceContents> for ResourceContents {
    fn from(blob: BlobResourceContents) -> Self {
        Self::Blob(blob)
    }
}

impl<'de> Deserialize<'de> for ResourceContents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            uri: String,
            #[serde(default)]
            mime_type: Option<String>,
            #[serde(default)]
            text: Option<String>,
            #[serde(default)]
            blob: Option<String>,
            #[serde(default, rename = "_meta")]
            meta: Option<Meta>,
        }

        let Wire { uri, mime_type, text, blob, meta } = Wire::deserialize(deserializer)?;
        match (text, blob) {
            (Some(text), None) => Ok(TextResourceContents { uri, mime_type, text, meta }.into()),
            (None, Some(blob)) => Ok(BlobResourceContents { uri, mime_type, blob, meta }.into()),
            (Some(_), Some(_)) => {
                Err(de::Error::custom("resource contents have both text and blob"))
            }
            (None, None) => Err(de::Error::custom("resource contents have neither text nor blob")),
        }
    }
}

/// Contents that are text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TextResourceContents {
    /// The URI.
    pub uri: String,
    /// The media type, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The text.
    pub text: String,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl TextResourceContents {
    /// A text at a URI.
    #[must_use]
    pub fn new(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self { uri: uri.into(), mime_type: None, text: text.into(), meta: None }
    }
}

setters!(TextResourceContents {
    /// Sets the media type.
    with_mime_type(into mime_type: String);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// Contents that are bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BlobResourceContents {
    /// The URI.
    pub uri: String,
    /// The media type, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The bytes, in base64.
    pub blob: String,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl BlobResourceContents {
    /// Bytes that are already in base64.
    #[must_use]
    pub fn new(uri: impl Into<String>, blob: impl Into<String>) -> Self {
        Self { uri: uri.into(), mime_type: None, blob: blob.into(), meta: None }
    }

    /// These bytes.
    #[must_use]
    pub fn from_bytes(uri: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(uri, STANDARD.encode(bytes))
    }
}

setters!(BlobResourceContents {
    /// Sets the media type.
    with_mime_type(into mime_type: String);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&ResourceContents>) {
        let decoded = serde_json::from_str::<ResourceContents>(json);
        assert_eq!(decoded.as_ref().ok(), expected, "{json}: {decoded:?}");
    }

    #[test]
    fn exactly_one_of_text_and_blob() {
        check(r#"{"uri":"a:b","text":""}"#, Some(&TextResourceContents::new("a:b", "").into()));
        check(
            r#"{"blob":"AA==","uri":"a:b"}"#,
            Some(&BlobResourceContents::from_bytes("a:b", [0]).into()),
        );
        check(r#"{"uri":"a:b"}"#, None);
        check(r#"{"uri":"a:b","text":"x","blob":"AA=="}"#, None);
        check(r#"{"text":"x"}"#, None);
    }
}

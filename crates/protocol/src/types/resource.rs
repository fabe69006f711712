//! Resources: definitions, contents, and the requests `resources/*`.

mod contents;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::contents::*;
use super::wire;
use crate::{Annotations, CacheHints, Icon, Meta, ResultMeta, ResultType};

/// A resource that a server can read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Resource {
    /// The URI, in any scheme.
    pub uri: String,
    /// The name for programs.
    pub name: String,
    /// The name for people. Default: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the resource is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The media type, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Icons to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Icon>>,
    /// Hints for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// The size of the contents in bytes, if known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::optional_count")]
    pub size: Option<u64>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// A pointer to a resource inside of content: on the wire a [`Resource`] with a `type`.
pub type ResourceLink = Resource;

impl Resource {
    /// A resource with a URI and a name.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            icons: None,
            annotations: None,
            size: None,
            meta: None,
        }
    }
}

setters!(Resource {
    /// Sets the name for people.
    with_title(into title: String);
    /// Sets the description.
    with_description(into description: String);
    /// Sets the media type.
    with_mime_type(into mime_type: String);
    /// Sets the icons.
    with_icons(into icons: Vec<Icon>);
    /// Sets the hints for the client.
    with_annotations(some annotations: Annotations);
    /// Sets the size in bytes.
    with_size(some size: u64);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// A family of resources, named by a URI template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceTemplate {
    /// The URI template, of RFC 6570.
    pub uri_template: String,
    /// The name for programs.
    pub name: String,
    /// The name for people. Default: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the resources are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The media type, if all resources have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Icons to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Icon>>,
    /// Hints for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl ResourceTemplate {
    /// A template with a name.
    #[must_use]
    pub fn new(uri_template: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri_template: uri_template.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            icons: None,
            annotations: None,
            meta: None,
        }
    }
}

setters!(ResourceTemplate {
    /// Sets the name for people.
    with_title(into title: String);
    /// Sets the description.
    with_description(into description: String);
    /// Sets the media type.
    with_mime_type(into mime_type: String);
    /// Sets the icons.
    with_icons(into icons: Vec<Icon>);
    /// Sets the hints for the client.
    with_annotations(some annotations: Annotations);
    /// Sets `_meta`.
    with_meta(some meta: Meta);
});

/// One page of resources: the result of `resources/list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListResourcesResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The resources.
    pub resources: Vec<Resource>,
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

impl ListResourcesResult {
    /// The last page.
    #[must_use]
    pub fn new(resources: Vec<Resource>) -> Self {
        Self { resources, ..Self::default() }
    }
}

setters!(ListResourcesResult {
    /// Sets where the next page begins.
    with_next_cursor(into next_cursor: String);
    /// Sets how long and for whom the result may be kept.
    with_cache(some cache: CacheHints);
});

/// One page of resource templates: the result of `resources/templates/list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListResourceTemplatesResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The templates.
    pub resource_templates: Vec<ResourceTemplate>,
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

impl ListResourceTemplatesResult {
    /// The last page.
    #[must_use]
    pub fn new(resource_templates: Vec<ResourceTemplate>) -> Self {
        Self { resource_templates, ..Self::default() }
    }
}

setters!(ListResourceTemplatesResult {
    /// Sets where the next page begins.
    with_next_cursor(into next_cursor: String);
    /// Sets how long and for whom the result may be kept.
    with_cache(some cache: CacheHints);
});

/// The params of `resources/read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadResourceRequestParams {
    /// The URI.
    pub uri: String,
}

impl ReadResourceRequestParams {
    /// Reads a URI.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into() }
    }
}

/// What was read: the result of `resources/read`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReadResourceResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The contents: several if the resource has parts, each with its own URI.
    pub contents: Vec<ResourceContents>,
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

impl ReadResourceResult {
    /// These contents.
    #[must_use]
    pub fn new(contents: Vec<ResourceContents>) -> Self {
        Self { contents, ..Self::default() }
    }

    /// One text.
    #[must_use]
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(vec![TextResourceContents::new(uri, text).into()])
    }

    /// One run of bytes.
    #[must_use]
    pub fn bytes(uri: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(vec![BlobResourceContents::from_bytes(uri, bytes).into()])
    }
}

setters!(ReadResourceResult {
    /// Sets how long and for whom the result may be kept.
    with_cache(some cache: CacheHints);
});

result_body!(ListResourcesResult, ListResourceTemplatesResult, ReadResourceResult);

//! Who speaks: [`Implementation`] and the icons shown for it.

use serde::{Deserialize, Serialize};

/// Names the software of a client or a server.
///
/// The peer reports it about itself and nothing verifies it: show it, log it, never decide by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Implementation {
    /// The name for programs.
    pub name: String,
    /// The name for people. Default: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The version, in the implementation's own scheme.
    pub version: String,
    /// What the software does, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The URL of its website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_url: Option<String>,
    /// Icons to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Icon>>,
}

impl Implementation {
    /// An implementation with a name and a version.
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            version: version.into(),
            description: None,
            website_url: None,
            icons: None,
        }
    }
}

setters!(Implementation {
    /// Sets the name for people.
    with_title(into title: String);
    /// Sets the description.
    with_description(into description: String);
    /// Sets the URL of the website.
    with_website_url(into website_url: String);
    /// Sets the icons.
    with_icons(into icons: Vec<Icon>);
});

/// An image that stands for a tool, a prompt, a resource or an implementation.
///
/// The source comes from the peer: a client that loads it tells the peer that someone looks, and an SVG
/// can contain script. Load only from origins that the user trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Icon {
    /// An `https:` or a `data:` URI.
    pub src: String,
    /// The media type, if the source does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Sizes such as `48x48`, or `any` for a scalable image. Default: any size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Vec<String>>,
    /// The background that the icon is made for. Default: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<IconTheme>,
}

impl Icon {
    /// An icon of any size for any background.
    #[must_use]
    pub fn new(src: impl Into<String>) -> Self {
        Self { src: src.into(), mime_type: None, sizes: None, theme: None }
    }
}

setters!(Icon {
    /// Sets the media type.
    with_mime_type(into mime_type: String);
    /// Sets the sizes.
    with_sizes(into sizes: Vec<String>);
    /// Sets the background.
    with_theme(some theme: IconTheme);
});

/// The background that an icon is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum IconTheme {
    /// A light background.
    Light,
    /// A dark background.
    Dark,
}

//! The path that an endpoint answers to: written in one way, compared byte by byte.

use std::{fmt, str::FromStr, sync::Arc};

use crate::authority::excerpt;

/// The longest path of an endpoint, in bytes.
const MAX_BYTES: usize = 256;

/// The path of an endpoint, such as `/mcp`. Requests must ask for exactly these bytes: nothing is decoded,
/// no slashes are merged, no dots are resolved, so that a proxy that guards `/mcp` and this server can
/// never differ over what a path means. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointPath(Arc<str>);

/// The text is not the path of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an endpoint path: write /a/b in letters, digits, `-`, `_`, `.` and `~`, without \
     a slash at the end"
)]
pub struct EndpointPathError {
    text: String,
}

impl EndpointPathError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_endpoint_path"
    }
}

impl Default for EndpointPath {
    /// `/mcp`.
    fn default() -> Self {
        Self("/mcp".into())
    }
}

impl EndpointPath {
    /// Parses a path: `/`, or segments that each follow a slash. At most 256 bytes.
    ///
    /// # Errors
    ///
    /// [`EndpointPathError`] for what some reader could take for another path: percent signs, empty
    /// segments, `.` and `..`, a slash at the end, a query, characters that are not unreserved.
    ///
    /// # Specification
    ///
    /// RFC 3986, section 2.3, "Unreserved Characters".
    pub fn parse(text: &str) -> Result<Self, EndpointPathError> {
        let invalid = || EndpointPathError { text: excerpt(text) };
        let segments = text.strip_prefix('/').ok_or_else(invalid)?;
        let valid = segments.is_empty() || segments.split('/').all(is_segment);
        if valid && text.len() <= MAX_BYTES { Ok(Self(text.into())) } else { Err(invalid()) }
    }

    /// This path below another one, as when a server is mounted: `/mcp` within `/api` is `/api/mcp`.
    ///
    /// # Errors
    ///
    /// [`EndpointPathError`] if both together are too long.
    pub fn within(&self, base: &Self) -> Result<Self, EndpointPathError> {
        match (&*base.0, &*self.0) {
            ("/", _) => Ok(self.clone()),
            (_, "/") => Ok(base.clone()),
            (base, own) => Self::parse(&format!("{base}{own}")),
        }
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request asks for this path: exactly these bytes.
    #[must_use]
    pub fn matches(&self, requested: &str) -> bool {
        *self.0 == *requested
    }
}

impl FromStr for EndpointPath {
    type Err = EndpointPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for EndpointPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_segment(segment: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        for text in ["/", "/mcp", "/api/v1.2/mcp", "/a_b-c~d", "/.well-known/x", "/...", "/A/a"] {
            let path = EndpointPath::parse(text).unwrap();
            assert_eq!((path.as_str(), path.to_string().as_str()), (text, text));
            assert!(path.matches(text));
            assert_eq!(text.parse(), Ok(path));
        }
        for text in [
            "",
            "mcp",
            "//",
            "//mcp",
            "/mcp/",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%6dcp",
            "/mcp%2f",
            "/mcp?",
            "/mcp#",
            "/mcp;v=1",
            "/m cp",
            "/m\tcp",
            "/m\\cp",
            "/m\u{e4}",
            "/a:b",
            "/mcp\0",
            "http://a.example/mcp",
            "/*",
            "/{name}",
        ] {
            let error = EndpointPath::parse(text).unwrap_err();
            assert_eq!(error.code(), "invalid_endpoint_path", "{text}");
        }
        assert!(EndpointPath::parse(&format!("/{}", "a".repeat(255))).is_ok());
        assert!(EndpointPath::parse(&format!("/{}", "a".repeat(256))).is_err());
    }

    #[test]
    fn only_the_same_bytes_match() {
        let path = EndpointPath::default();
        assert!(path.matches("/mcp"));
        for other in
            ["/MCP", "/mcp/", "//mcp", "/mcp/.", "/./mcp", "/a/../mcp", "/%6dcp", "/mc", ""]
        {
            assert!(!path.matches(other), "{other}");
        }
    }

    #[test]
    fn a_base_goes_before_the_path() {
        let path = |text| EndpointPath::parse(text).unwrap();
        let joined = |base, own| path(own).within(&path(base)).unwrap().to_string();
        assert_eq!(joined("/api", "/mcp"), "/api/mcp");
        assert_eq!(joined("/a/b", "/c/d"), "/a/b/c/d");
        assert_eq!(joined("/", "/mcp"), "/mcp");
        assert_eq!(joined("/api", "/"), "/api");
        let long = path(&format!("/{}", "a".repeat(200)));
        assert!(long.within(&long).is_err());
    }
}

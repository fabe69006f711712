//! The URLs that metadata is made of: whom tokens are for, and who issues them.

use std::{fmt, str::FromStr};

use crate::{endpoint::EndpointPath, origin::Origin};

/// What is put between host and path of a resource identifier.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The longest issuer and the longest link, in bytes.
const MAX_BYTES: usize = 1024;

/// The identifier of this server as a protected resource, such as `https://mcp.example.com/mcp`: what
/// clients ask tokens for, and what tokens name as their audience. In one form: scheme and host in lower
/// case, no port where it is the scheme's own, no slash at the end.
///
/// # Specification
///
/// RFC 9728, section 1.2; RFC 8707, section 2. A query, from which both dissuade, is not taken: no endpoint
/// has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceId {
    origin: Origin,
    path: EndpointPath,
    metadata_path: EndpointPath,
}

impl ResourceId {
    /// Parses `https://host[:port][/path]`; `http` for this machine only.
    ///
    /// # Errors
    ///
    /// [`ResourceUrlError::Resource`] for anything else: a query, a fragment, user information, a slash at
    /// the end, a path that is no [`EndpointPath`].
    pub fn parse(text: &str) -> Result<Self, ResourceUrlError> {
        Self::parts(text).ok_or(ResourceUrlError::Resource)
    }

    fn parts(text: &str) -> Option<Self> {
        let (origin, path) = split(text)?;
        let path = match path {
            "" => EndpointPath::parse("/"),
            // The same resource in other words, and metadata is compared letter by letter.
            "/" => return None,
            path => EndpointPath::parse(path),
        };
        let path = path.ok()?;
        let metadata_path = path.within(&EndpointPath::parse(WELL_KNOWN).ok()?).ok()?;
        Some(Self { origin, path, metadata_path })
    }

    /// Its scheme, host and port.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its path; `/` if there is none.
    #[must_use]
    pub const fn path(&self) -> &EndpointPath {
        &self.path
    }

    /// The path of its metadata.
    ///
    /// # Specification
    ///
    /// RFC 9728, section 3.1.
    #[must_use]
    pub const fn metadata_path(&self) -> &EndpointPath {
        &self.metadata_path
    }

    /// The URL of its metadata.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}{}", self.origin, self.metadata_path)
    }
}

impl FromStr for ResourceId {
    type Err = ResourceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_str();
        write!(f, "{}{}", self.origin, if path == "/" { "" } else { path })
    }
}

/// The identifier of an authorization server, such as `https://login.example.com/tenant`. Kept letter by
/// letter, for that is how it is compared.
///
/// # Specification
///
/// RFC 8414, section 2: no query, no fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(Box<str>);

impl Issuer {
    /// Parses `https://host[:port][/path]`; `http` for this machine only. At most 1,024 bytes.
    ///
    /// # Errors
    ///
    /// [`ResourceUrlError::Issuer`] for anything else: a query, a fragment, user information, characters
    /// that a path cannot have.
    pub fn parse(text: &str) -> Result<Self, ResourceUrlError> {
        if is_link(text) && !text.contains('#') {
            Ok(Self(text.into()))
        } else {
            Err(ResourceUrlError::Issuer)
        }
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Issuer {
    type Err = ResourceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is not the URL it ought to be. It is not shown: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceUrlError {
    /// Not the identifier of a protected resource.
    #[error(
        "it is not a resource identifier: an https url (http on this machine) with a plain path and \
         without query, fragment, user information and slash at the end"
    )]
    Resource,
    /// Not the identifier of an authorization server.
    #[error(
        "it is not an issuer: an https url (http on this machine) without query, fragment and user \
         information"
    )]
    Issuer,
}

impl ResourceUrlError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Resource => "invalid_resource_id",
            Self::Issuer => "invalid_issuer",
        }
    }
}

/// Whether the text is an https URL, or an http one of this machine, without user information and without a
/// query: both may hold secrets, and the document is for everybody.
pub(super) fn is_link(text: &str) -> bool {
    let written =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/#@!$&'()*+,;=%".contains(&byte);
    text.len() <= MAX_BYTES && text.bytes().all(written) && split(text).is_some()
}

/// An origin that may be trusted, and the rest.
fn split(text: &str) -> Option<(Origin, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, rest) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let origin = Origin::parse(&format!("{scheme}://{authority}")).ok()?;
    origin.is_trustworthy().then_some((origin, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, form: &str, metadata: &str) {
        let id = ResourceId::parse(text).unwrap();
        assert_eq!((id.to_string().as_str(), id.metadata_url().as_str()), (form, metadata));
        assert_eq!(ResourceId::parse(form), Ok(id));
    }

    /// RFC 9728, section 3.1: between host and path.
    #[test]
    fn o8_metadata_is_at_a_place_that_follows_from_the_identifier() {
        check(
            "https://mcp.example.com/mcp",
            "https://mcp.example.com/mcp",
            "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
        );
        check(
            "HTTPS://MCP.Example.com:443",
            "https://mcp.example.com",
            "https://mcp.example.com/.well-known/oauth-protected-resource",
        );
        check(
            "https://[0::1]:8443/a/B/c.d",
            "https://[::1]:8443/a/B/c.d",
            "https://[::1]:8443/.well-known/oauth-protected-resource/a/B/c.d",
        );
        check(
            "http://localhost:8000/mcp",
            "http://localhost:8000/mcp",
            "http://localhost:8000/.well-known/oauth-protected-resource/mcp",
        );
    }

    #[test]
    fn o8_identifiers_that_two_readers_could_read_differently() {
        let long = format!("https://a.example/{}", "a".repeat(250));
        for text in [
            "",
            "mcp.example.com/mcp",
            "/mcp",
            "https://",
            "https:///mcp",
            "http://mcp.example.com/mcp",
            "ftp://mcp.example.com/mcp",
            "https://mcp.example.com/",
            "https://mcp.example.com/mcp/",
            "https://mcp.example.com//mcp",
            "https://mcp.example.com/../mcp",
            "https://mcp.example.com/%6dcp",
            "https://mcp.example.com/mcp?a=b",
            "https://mcp.example.com?a",
            "https://mcp.example.com/mcp#a",
            "https://mcp.example.com#",
            "https://alice:secret@mcp.example.com/mcp",
            "https://mcp.example.com\\mcp",
            "https://mcp.example.com./mcp",
            "https://*.example.com/mcp",
            "https://mcp.example.com/m\"cp",
            "https://mcp.example.com/mcp\r\nSet-Cookie: a",
            " https://mcp.example.com/mcp",
            &long,
        ] {
            let error = ResourceId::parse(text).unwrap_err();
            assert_eq!(error.code(), "invalid_resource_id", "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn issuers_are_kept_letter_by_letter() {
        for text in [
            "https://login.example.com",
            "https://Login.example.com/",
            "https://login.example.com/realms/a%20b/v2.0/",
            "http://127.0.0.1:8080/issuer",
        ] {
            assert_eq!(Issuer::parse(text).unwrap().to_string(), text);
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_BYTES));
        for text in [
            "",
            "login.example.com",
            "http://login.example.com",
            "https://alice:secret@login.example.com",
            "https://login.example.com?a",
            "https://login.example.com/?a",
            "https://login.example.com/#a",
            "https://login.example.com/a b",
            "https://login.example.com/\"",
            "https://login.example.com/\u{e4}",
            &long,
        ] {
            assert_eq!(Issuer::parse(text), Err(ResourceUrlError::Issuer), "{text}");
        }
    }
}

//! [`CredentialHeader`]: which header fields may hold a credential.

use std::fmt;

use http::{
    HeaderName,
    header::{AUTHORIZATION, COOKIE},
};

/// The name of a header that holds a credential, such as `X-API-Key`. Cannot be one that frames or routes a
/// message, that says where it comes from, or that has a meaning in MCP: whoever could choose such a header
/// would choose how the message is read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialHeader(HeaderName);

/// Fields that have a meaning of their own. `Authorization` is one: it belongs to the schemes it names.
/// `Cookie` is one too, because browsers send it on behalf of any page.
const RESERVED: [&str; 37] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "alt-svc",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-request-id",
];

const RESERVED_PREFIXES: [&str; 7] =
    ["access-control-", "content-", "if-", "mcp-", "proxy-", "sec-", "x-forwarded-"];

impl CredentialHeader {
    /// Parses a name, in any case.
    ///
    /// # Errors
    ///
    /// [`CredentialHeaderError`] if it is not a header name, or a reserved one.
    pub fn parse(name: &str) -> Result<Self, CredentialHeaderError> {
        let name = HeaderName::try_from(name).map_err(|_| CredentialHeaderError::Malformed)?;
        if Self::is_reserved(&name) {
            return Err(CredentialHeaderError::Reserved { name });
        }
        Ok(Self(name))
    }

    /// `X-API-Key`.
    #[must_use]
    pub fn x_api_key() -> Self {
        Self(HeaderName::from_static("x-api-key"))
    }

    /// Whether a header has a meaning that leaves no room for a credential.
    #[must_use]
    pub fn is_reserved(name: &HeaderName) -> bool {
        let name = name.as_str();
        RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Whether a client may send credentials in a header. Beside names of its own, servers ask for
    /// `Authorization` with schemes of their own, and for `Cookie`.
    #[must_use]
    pub fn is_sendable(name: &HeaderName) -> bool {
        name == AUTHORIZATION || name == COOKIE || !Self::is_reserved(name)
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.0
    }

    /// The name as text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for CredentialHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CredentialHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the name of a header that may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialHeaderError {
    /// Empty, too long, or with characters that a header name cannot have.
    #[error("not a header name: write letters, digits and hyphens")]
    Malformed,
    /// The header has a meaning of its own.
    #[error("`{name}` cannot hold credentials: choose a name of your own, such as `x-api-key`")]
    Reserved {
        /// The name.
        name: HeaderName,
    },
}

impl CredentialHeaderError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_header_name",
            Self::Reserved { .. } => "reserved_header",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ones_own_are_free() {
        for name in ["X-API-Key", "api-key", "X-Team", "x-mcp-key", "PRIVATE-TOKEN"] {
            let header = CredentialHeader::parse(name).unwrap();
            assert_eq!(header.as_str(), name.to_lowercase());
        }
        assert_eq!(CredentialHeader::parse("X-Api-Key").unwrap(), CredentialHeader::x_api_key());
    }

    #[test]
    fn credentials_travel_in_headers_of_their_own_and_in_two_others() {
        for (name, sendable) in [
            ("authorization", true),
            ("cookie", true),
            ("x-api-key", true),
            ("host", false),
            ("content-length", false),
            ("mcp-method", false),
            ("proxy-authorization", false),
        ] {
            assert_eq!(CredentialHeader::is_sendable(&HeaderName::from_static(name)), sendable);
        }
    }

    #[test]
    fn names_with_a_meaning_are_reserved() {
        for name in [
            "Host",
            "Content-Length",
            "content-type",
            "Transfer-Encoding",
            "TE",
            "Connection",
            "Upgrade",
            "Expect",
            "Mcp-Name",
            "MCP-Protocol-Version",
            "Mcp-Session-Id",
            "Mcp-Param-Region",
            "Origin",
            "Cookie",
            "Authorization",
            "Proxy-Authorization",
            "X-Forwarded-For",
            "Forwarded",
            "Sec-Fetch-Site",
            "Access-Control-Allow-Origin",
        ] {
            let error = CredentialHeader::parse(name).unwrap_err();
            assert_eq!(error.code(), "reserved_header", "{name}");
        }
        for name in ["", "a b", "a:b", "a\r\nb", "\u{e4}", ":method"] {
            let error = CredentialHeader::parse(name).unwrap_err();
            assert_eq!(error.code(), "malformed_header_name", "{name:?}");
        }
    }
}

//! The URL of an MCP endpoint, parsed strictly: what cannot be read in exactly one way is refused.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use http::Uri;

/// The longest URL that is accepted, in bytes.
const MAX_URL: usize = 4096;

/// The `http` or `https` URL of an MCP endpoint.
///
/// The host is in lower case. A URL that two parsers could read differently never gets this far: user
/// information, fragments, backslashes, blanks, addresses in octal, hexadecimal or as one number, and
/// names that end in a dot are refused.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    uri: Uri,
    origin: Box<str>,
    host: EndpointHost,
    port: u16,
    secure: bool,
}

/// The host of an [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a host is a name or an address, and callers must handle both"
)]
pub enum EndpointHost {
    /// A name for DNS, in lower case.
    Name(Box<str>),
    /// An address.
    Address(IpAddr),
}

/// Why a URL is not the URL of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Empty, too long, or not made of visible ASCII characters. Write other characters as `%xx`, and
    /// names in other scripts in their `xn--` form.
    #[error("the url is not visible ascii of at most 4096 bytes")]
    Characters,
    /// Neither `http` nor `https`.
    #[error("the url scheme is not http or https")]
    Scheme,
    /// Holds `user:password@`. Credentials come from a provider.
    #[error("the url holds user information")]
    UserInfo,
    /// Holds a fragment, which no server ever sees.
    #[error("the url holds a fragment")]
    Fragment,
    /// The host is missing or cannot be read in exactly one way.
    #[error("the url has no valid host")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the url has no valid port")]
    Port,
    /// The path or the query cannot be parsed.
    #[error("the url has no valid path")]
    Path,
}

impl EndpointError {
    /// A stable name for logs and for `match` across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme => "invalid_uri_scheme",
            Self::Characters
            | Self::UserInfo
            | Self::Fragment
            | Self::Host
            | Self::Port
            | Self::Path => "invalid_endpoint_url",
        }
    }
}

impl Endpoint {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] names the part that is at fault.
    ///
    /// # Specification
    ///
    /// RFC 3986, section 3; RFC 9110, sections 4.2.1 to 4.2.4.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        if url.is_empty() || url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(EndpointError::Characters);
        }
        let (scheme, rest) = url.split_once("://").ok_or(EndpointError::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(EndpointError::Scheme),
        };
        if rest.contains('#') {
            return Err(EndpointError::Fragment);
        }
        let authority_end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(authority_end).ok_or(EndpointError::Host)?;
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        if path.contains('\\') {
            return Err(EndpointError::Path);
        }
        let (host, port) = split_port(authority)?;
        let host = EndpointHost::parse(host)?;
        let default_port = if secure { 443 } else { 80 };
        let port = match port {
            Some(port) => parse_port(port)?,
            None => default_port,
        };
        let scheme = if secure { "https" } else { "http" };
        let origin = match port == default_port {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let uri = format!("{origin}{slash}{path}").parse().map_err(|_| EndpointError::Path)?;
        Ok(Self { uri, origin: origin.into(), host, port, secure })
    }

    /// Where a reference leads that this endpoint gave, if that is on the same origin; `None` if it leads
    /// anywhere else or cannot be read in exactly one way. Credentials may follow it.
    pub(crate) fn resolve(&self, reference: &str) -> Option<Self> {
        let url = if reference.contains("://") {
            reference.to_owned()
        } else if reference.starts_with("//") || reference.is_empty() {
            return None;
        } else if reference.starts_with('/') {
            format!("{}{reference}", self.origin)
        } else if reference.starts_with('?') {
            format!("{}{}{reference}", self.origin, self.uri.path())
        } else {
            let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{}{folder}/{reference}", self.origin)
        };
        Self::parse(&url).ok().filter(|found| found.origin == self.origin)
    }

    /// Scheme, host and port, the port only where it is not the default: `https://host:8443`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The URL as it goes into requests.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &EndpointHost {
        &self.host
    }

    /// The port, the default one of the scheme included.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the host is `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            EndpointHost::Name(name) => name.as_ref() == "localhost",
            EndpointHost::Address(address) => address.is_loopback(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, EndpointError> {
        Self::parse(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// Shows the URL without its query, which may hold a secret.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}{})", self.origin, self.uri.path())
    }
}

impl EndpointHost {
    fn parse(host: &str) -> Result<Self, EndpointError> {
        if let Some(inner) = host.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(EndpointError::Host)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| EndpointError::Host)?;
            return Ok(Self::Address(address.into()));
        }
        // What ends in a number is an address to some readers, whatever it is to others.
        let last = host.rsplit('.').next().unwrap_or_default();
        let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
        let is_hex = hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if is_hex || last.bytes().all(|byte| byte.is_ascii_digit()) {
            let address: Ipv4Addr = host.parse().map_err(|_| EndpointError::Host)?;
            return Ok(Self::Address(address.into()));
        }
        let label_is_valid = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        match host.len() <= 253 && host.split('.').all(label_is_valid) {
            true => Ok(Self::Name(host.to_ascii_lowercase().into())),
            false => Err(EndpointError::Host),
        }
    }
}

impl fmt::Display for EndpointHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Splits `host:port`, where the host may be an IPv6 address in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), EndpointError> {
    let colon_from = authority.find(']').unwrap_or(0);
    let tail = authority.get(colon_from..).ok_or(EndpointError::Host)?;
    match tail.find(':') {
        None => Ok((authority, None)),
        Some(at) => {
            let (host, port) = authority
                .split_at_checked(colon_from.saturating_add(at))
                .ok_or(EndpointError::Host)?;
            Ok((host, port.strip_prefix(':')))
        }
    }
}

fn parse_port(port: &str) -> Result<u16, EndpointError> {
    if port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EndpointError::Port);
    }
    port.parse().ok().filter(|port| *port != 0).ok_or(EndpointError::Port)
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointError};

    fn check(url: &str, expected: Result<(&str, &str), EndpointError>) {
        let parsed = Endpoint::parse(url);
        let seen = parsed.as_ref().map(|endpoint| (endpoint.origin(), endpoint.uri().to_string()));
        assert_eq!(
            seen.map_err(|error| *error),
            expected.map(|(origin, uri)| (origin, uri.to_owned())),
            "{url}"
        );
    }

    #[test]
    fn urls_of_endpoints_parse_to_one_form() {
        let host = "https://example.com";
        check("https://example.com/mcp", Ok((host, "https://example.com/mcp")));
        check("HTTPS://EXAMPLE.com:443/Mcp?a=B", Ok((host, "https://example.com/Mcp?a=B")));
        check("https://example.com", Ok((host, "https://example.com/")));
        check("https://example.com?x", Ok((host, "https://example.com/?x")));
        check("http://127.0.0.1:8080/", Ok(("http://127.0.0.1:8080", "http://127.0.0.1:8080/")));
        check("http://[0:0::1]:80/mcp", Ok(("http://[::1]", "http://[::1]/mcp")));
        check(
            "https://xn--nxasmq6b.example/",
            Ok(("https://xn--nxasmq6b.example", "https://xn--nxasmq6b.example/")),
        );
    }

    #[test]
    fn what_parsers_could_read_differently_is_refused() {
        use EndpointError as E;
        for (url, error) in [
            ("", E::Characters),
            ("https://exa mple.com/", E::Characters),
            ("https://example.com/\r\nx", E::Characters),
            ("https://bücher.example/", E::Characters),
            ("example.com/mcp", E::Scheme),
            ("ftp://example.com/", E::Scheme),
            ("javascript://example.com/", E::Scheme),
            ("https://user:pw@example.com/", E::UserInfo),
            ("https://localhost:80@evil.example/", E::UserInfo),
            ("https://example.com/#f", E::Fragment),
            ("https:///mcp", E::Host),
            ("https://example.com./", E::Host),
            ("https://a..b/", E::Host),
            ("https://0x7f.1/", E::Host),
            ("https://127.1/", E::Host),
            ("https://2130706433/", E::Host),
            ("https://0177.0.0.1/", E::Host),
            ("https://1.2.3.0x4/", E::Host),
            ("https://[::1/", E::Host),
            ("https://[::1]x/", E::Host),
            ("https://[fe80::1%25eth0]/", E::Host),
            ("https://exa%6Dple.com/", E::Host),
            ("https://-a.example/", E::Host),
            ("https://example.com:/", E::Port),
            ("https://example.com:0/", E::Port),
            ("https://example.com:65536/", E::Port),
            ("https://example.com:+80/", E::Port),
            ("https://[::1]:8x/", E::Port),
            ("https://example.com\\@evil.example/", E::Path),
        ] {
            check(url, Err(error));
        }
    }

    #[test]
    fn loopback_is_localhost_and_loopback_addresses_only() {
        for (url, loopback) in [
            ("http://localhost/", true),
            ("http://LOCALHOST:1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]/", true),
            ("http://localhost.evil.example/", false),
            ("http://0.0.0.0/", false),
            ("http://[::ffff:127.0.0.1]/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().is_loopback(), loopback, "{url}");
        }
    }

    #[test]
    fn debug_hides_the_query() {
        let endpoint = Endpoint::parse("https://example.com/mcp?key=canary").unwrap();
        assert!(!format!("{endpoint:?}").contains("canary"));
    }
}

//! `Origin`: which web pages may talk to this server.

use std::{fmt, str::FromStr};

use http::{HeaderMap, HeaderValue, header::ORIGIN};

use crate::{
    authority::{Authority, HostName, excerpt},
    reject::RejectError,
};

/// A scheme, a host and a port, in one form: lower case, the port always known. Equal exactly if a browser
/// would call them the same origin.
///
/// # Specification
///
/// RFC 6454, sections 4 to 6, for `http` and `https`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    https: bool,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// Parses `scheme://host[:port]`.
    ///
    /// # Errors
    ///
    /// [`OriginError`] for anything else: a path or a trailing slash, user information, a wildcard, `null`,
    /// a trailing dot, a scheme other than `http` and `https`, characters beyond ASCII.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let invalid = || OriginError { text: excerpt(text) };
        OriginRef::parse(text).map(|parsed| parsed.to_origin()).ok_or_else(invalid)
    }

    /// The scheme: `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// The host, in lower case; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if none was written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is `localhost`, `127.0.0.1` or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Authority::parse(&self.host).is_some_and(|authority| authority.host.is_loopback())
    }

    /// Whether credentials may be sent there: over `https`, or without leaving this machine.
    #[must_use]
    pub fn is_trustworthy(&self) -> bool {
        self.https || self.is_loopback()
    }

    fn same(&self, other: &OriginRef<'_>) -> bool {
        self.https == other.https
            && self.port == other.port
            && Authority::parse(&self.host).is_some_and(|own| own.host.same(&other.host))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)?;
        if self.port == default_port(self.https) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an origin: write scheme://host or scheme://host:port with http or https")]
pub struct OriginError {
    text: String,
}

impl OriginError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_origin"
    }
}

/// The origins of web pages that may talk to this server. A page from elsewhere that a user visits can
/// reach a server on the user's machine or network; its browser then names the page in `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins {
    exact: Box<[Allowed]>,
    loopback: bool,
}

/// An origin, and the one form in which it is written into responses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Allowed {
    origin: Origin,
    value: HeaderValue,
}

impl AllowedOrigins {
    /// No web page may. Right for servers whose clients are programs.
    #[must_use]
    pub fn none() -> Self {
        Self { exact: Box::default(), loopback: false }
    }

    /// Only pages of these origins may: exactly these, no patterns.
    ///
    /// # Errors
    ///
    /// [`OriginError`] for the first text that is not an origin.
    pub fn only<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Result<Self, OriginError> {
        let exact = origins
            .into_iter()
            .map(|origin| Allowed::parse(origin.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(Self { exact, loopback: false })
    }

    /// Pages served from this machine may: `http` and `https` on `localhost`, `127.0.0.1` and `[::1]`, any
    /// port. Every local web server is trusted then: meant for development.
    #[must_use]
    pub fn loopback() -> Self {
        Self { exact: Box::default(), loopback: true }
    }

    /// Allows the origins of [`Self::loopback`] too.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    /// Checks the `Origin` header of one request. A missing header is accepted: browsers always send it on
    /// the requests that DNS rebinding needs, native clients never do. What `Host` says plays no part: an
    /// attacker who controls the one controls the other.
    ///
    /// # Errors
    ///
    /// [`RejectError::OriginNotAllowed`] if present and not listed, malformed, `null` or repeated; answer
    /// `403`.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Streamable HTTP, "Security & Endpoint", rule 1.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), RejectError> {
        self.check_values(headers.get_all(ORIGIN).iter())
    }

    /// The same of the values of `Origin`.
    pub(crate) fn check_values<'a>(
        &self,
        mut values: impl Iterator<Item = &'a HeaderValue>,
    ) -> Result<(), RejectError> {
        let Some(value) = values.next() else { return Ok(()) };
        if values.next().is_none() && self.find(value).is_some() {
            Ok(())
        } else {
            Err(RejectError::OriginNotAllowed)
        }
    }

    /// Whether no web page may.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.exact.is_empty() && !self.loopback
    }

    /// Whether every local web server may.
    #[must_use]
    pub const fn allows_loopback(&self) -> bool {
        self.loopback
    }

    /// The listed origins, without those of [`Self::loopback`].
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.exact.iter().map(|allowed| &allowed.origin)
    }

    /// What `Access-Control-Allow-Origin` says to the page that sent these headers: the listed origin, in
    /// the form it was configured in, never what the page wrote. None if it is absent, repeated or not
    /// allowed.
    #[must_use]
    pub fn allow_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut values = headers.get_all(ORIGIN).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        match self.find(value)? {
            Found::Listed(value) => Some(value.clone()),
            Found::Loopback(origin) => HeaderValue::try_from(origin.to_origin().to_string()).ok(),
        }
    }

    fn find<'a>(&'a self, value: &'a HeaderValue) -> Option<Found<'a>> {
        let origin = value.to_str().ok().and_then(OriginRef::parse)?;
        if let Some(allowed) = self.exact.iter().find(|allowed| allowed.origin.same(&origin)) {
            return Some(Found::Listed(&allowed.value));
        }
        (self.loopback && origin.host.is_loopback()).then_some(Found::Loopback(origin))
    }
}

impl Allowed {
    fn parse(text: &str) -> Result<Self, OriginError> {
        let origin = Origin::parse(text)?;
        let value = HeaderValue::try_from(origin.to_string())
            .map_err(|_| OriginError { text: excerpt(text) })?;
        Ok(Self { origin, value })
    }
}

/// Why an origin is allowed.
enum Found<'a> {
    Listed(&'a HeaderValue),
    Loopback(OriginRef<'a>),
}

/// An origin, borrowed from a header.
struct OriginRef<'a> {
    https: bool,
    host: HostName<'a>,
    port: u16,
}

impl<'a> OriginRef<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let https = if scheme.eq_ignore_ascii_case("https") {
            true
        } else if scheme.eq_ignore_ascii_case("http") {
            false
        } else {
            return None;
        };
        let Authority { host, port } = Authority::parse(rest)?;
        Some(Self { https, host, port: port.unwrap_or(default_port(https)) })
    }

    fn to_origin(&self) -> Origin {
        Origin { https: self.https, host: self.host.to_text().into(), port: self.port }
    }
}

const fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parses(text: &str, expected: &str) {
        assert_eq!(Origin::parse(text).unwrap().to_string(), expected);
    }

    #[test]
    fn origins_have_one_form() {
        parses("https://app.example.com", "https://app.example.com");
        parses("HTTPS://App.Example.COM:443", "https://app.example.com");
        parses("http://app.example.com:80", "http://app.example.com");
        parses("http://app.example.com:443", "http://app.example.com:443");
        parses("http://[0::1]:8080", "http://[::1]:8080");
    }

    #[test]
    fn origins_have_parts() {
        for (text, scheme, host, port) in [
            ("https://App.example.com", "https", "app.example.com", 443),
            ("http://[0::1]:8080", "http", "[::1]", 8080),
            ("http://127.0.0.1", "http", "127.0.0.1", 80),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert_eq!((origin.scheme(), origin.host(), origin.port()), (scheme, host, port));
            assert_eq!(origin.is_https(), scheme == "https");
        }
    }

    #[test]
    fn o3_what_is_not_exactly_an_origin_is_refused() {
        for text in [
            "",
            "null",
            "*",
            "https://*",
            "https://*.example.com",
            "app.example.com",
            "//app.example.com",
            "https://app.example.com/",
            "https://app.example.com/a",
            "https://app.example.com?a",
            "https://user@app.example.com",
            "https://localhost:80@x",
            "https://app.example.com.",
            "https://",
            "https:// app.example.com",
            "ftp://app.example.com",
            "file://",
            "javascript://a",
            "https://b\u{fc}cher.example",
            "https://a,https://b",
            "https://a https://b",
            "https:/a",
        ] {
            let error = Origin::parse(text).unwrap_err();
            assert_eq!(error.code(), "invalid_origin", "{text}");
            assert!(AllowedOrigins::only([text]).is_err());
        }
    }

    #[track_caller]
    fn check(allowed: &AllowedOrigins, headers: &[&[u8]], ok: bool) {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(ORIGIN, HeaderValue::from_bytes(value).unwrap());
        }
        let expected = if ok { Ok(()) } else { Err(RejectError::OriginNotAllowed) };
        assert_eq!(allowed.check(&map), expected, "{headers:?}");
    }

    #[test]
    fn o2_only_listed_origins_pass() {
        let only = AllowedOrigins::only(["https://app.example.com", "http://[::1]:9"]).unwrap();
        check(&only, &[], true);
        check(&only, &[b"https://app.example.com"], true);
        check(&only, &[b"HTTPS://APP.example.com:443"], true);
        check(&only, &[b"http://[0:0::1]:9"], true);
        for other in [
            &b"http://app.example.com"[..],
            b"https://app.example.com:444",
            b"https://evil.example",
            b"null",
            b"",
            b"https://app.example.com.",
            b"https://app.example.com.evil",
            b"https://xapp.example.com",
            b"*",
            b"https://app.example.com, https://evil.example",
            b"http://localhost",
            b"\xff",
        ] {
            check(&only, &[other], false);
        }
        check(&only, &[b"https://app.example.com", b"https://app.example.com"], false);
        check(&only, &[b"https://app.example.com", b"https://evil.example"], false);
        check(&AllowedOrigins::none(), &[], true);
        check(&AllowedOrigins::none(), &[b"http://localhost"], false);
    }

    #[test]
    fn o3_loopback_is_exact() {
        let loopback = AllowedOrigins::loopback();
        for local in [
            &b"http://localhost"[..],
            b"https://localhost:3000",
            b"http://127.0.0.1:1",
            b"http://[::1]",
        ] {
            check(&loopback, &[local], true);
            check(
                &AllowedOrigins::only(["https://a.example"]).unwrap().with_loopback(),
                &[local],
                true,
            );
        }
        for other in [
            &b"http://localhost.evil"[..],
            b"http://localhost:80@x",
            b"http://localhost.",
            b"http://0.0.0.0",
            b"http://127.0.0.1.evil",
            b"http://evil/localhost",
            b"ftp://localhost",
            b"http://0x7f.1",
            b"null",
        ] {
            check(&loopback, &[other], false);
        }
    }

    #[test]
    fn credentials_may_go_to_https_or_this_machine() {
        let trustworthy = |text: &str| Origin::parse(text).unwrap().is_trustworthy();
        assert!(
            trustworthy("https://a.example")
                && trustworthy("http://localhost:1")
                && trustworthy("http://[::1]")
        );
        assert!(!trustworthy("http://a.example") && !trustworthy("http://127.0.0.2"));
    }
}

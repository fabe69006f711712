//! `Host`: which names this server answers to.

use http::{HeaderMap, HeaderValue, Uri, header::HOST};

use crate::{
    authority::{Authority, HostName, excerpt},
    reject::RejectError,
};

/// The names this server answers to. DNS rebinding makes a page of `evil.example` talk to a server on the
/// user's machine; the request then names `evil.example` in `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts {
    exact: Box<[AllowedHost]>,
    loopback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedHost {
    host: Box<str>,
    port: Option<u16>,
}

impl AllowedHosts {
    /// `localhost`, `127.0.0.1` and `[::1]`, any port. The default.
    #[must_use]
    pub fn loopback() -> Self {
        Self { exact: Box::default(), loopback: true }
    }

    /// Only these hosts: `host` stands for any port, `host:port` for this one. Exactly these, no patterns.
    ///
    /// # Errors
    ///
    /// [`HostError`] for the first text that is not a host, or if there is none.
    pub fn only<S: AsRef<str>>(hosts: impl IntoIterator<Item = S>) -> Result<Self, HostError> {
        let exact = hosts
            .into_iter()
            .map(|host| AllowedHost::parse(host.as_ref()))
            .collect::<Result<Box<_>, _>>()?;
        if exact.is_empty() {
            return Err(HostError::None);
        }
        Ok(Self { exact, loopback: false })
    }

    /// Allows the names of [`Self::loopback`] too, for health checks on the machine itself.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    /// Whether only names of this machine are allowed, so that no request from elsewhere can pass.
    #[must_use]
    pub fn is_loopback_only(&self) -> bool {
        let loopback =
            |allowed: &AllowedHost| allowed.name().is_some_and(|name| name.is_loopback());
        self.exact.iter().all(loopback)
    }

    /// The hosts that are listed, without ports and brackets: what a certificate must be valid for.
    #[cfg(feature = "tls")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.exact.iter().map(|allowed| allowed.host.trim_matches(['[', ']']))
    }

    /// Checks which host a request is for: the authority of the URI, which HTTP/2 has, and the `Host`
    /// header, which HTTP/1.1 has. Where both are present, both must be allowed and agree.
    ///
    /// # Errors
    ///
    /// [`RejectError::HostMissing`] if there is none or several; [`RejectError::HostNotAllowed`] if it is
    /// malformed or not listed.
    ///
    /// # Specification
    ///
    /// RFC 9110, section 7.2; RFC 9112, section 3.2.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), RejectError> {
        self.check_values(uri, headers.get_all(HOST).iter())
    }

    /// The same of the values of `Host`.
    pub(crate) fn check_values<'a>(
        &self,
        uri: &Uri,
        mut values: impl Iterator<Item = &'a HeaderValue>,
    ) -> Result<(), RejectError> {
        let header = values.next();
        if values.next().is_some() {
            return Err(RejectError::HostMissing);
        }
        let uri = uri.authority().map(|authority| self.allowed(authority.as_str())).transpose()?;
        let header = header.map(|value| self.allowed_value(value)).transpose()?;
        match (uri, header) {
            (None, None) => Err(RejectError::HostMissing),
            (Some(uri), Some(header))
                if !uri.host.same(&header.host) || uri.port != header.port =>
            {
                Err(RejectError::HostNotAllowed)
            }
            _ => Ok(()),
        }
    }

    /// Checks a host that somebody names besides the request itself.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), RejectError> {
        self.allowed(name).map(|_| ())
    }

    fn allowed_value<'a>(&self, value: &'a HeaderValue) -> Result<Authority<'a>, RejectError> {
        self.allowed(value.to_str().map_err(|_| RejectError::HostNotAllowed)?)
    }

    fn allowed<'a>(&self, text: &'a str) -> Result<Authority<'a>, RejectError> {
        let authority = Authority::parse(text).ok_or(RejectError::HostNotAllowed)?;
        let allowed = (self.loopback && authority.host.is_loopback())
            || self.exact.iter().any(|allowed| allowed.matches(&authority));
        if allowed { Ok(authority) } else { Err(RejectError::HostNotAllowed) }
    }
}

impl Default for AllowedHosts {
    fn default() -> Self {
        Self::loopback()
    }
}

impl AllowedHost {
    fn parse(text: &str) -> Result<Self, HostError> {
        let invalid = || HostError::Invalid { text: excerpt(text) };
        let Authority { host, port } = Authority::parse(text).ok_or_else(invalid)?;
        Ok(Self { host: host.to_text().into(), port })
    }

    fn name(&self) -> Option<HostName<'_>> {
        Authority::parse(&self.host).map(|authority| authority.host)
    }

    /// A port that clients leave out because it is the scheme's own matches its absence.
    fn matches(&self, authority: &Authority<'_>) -> bool {
        let port = match (self.port, authority.port) {
            (None, _) | (Some(80 | 443), None) => true,
            (own, other) => own == other,
        };
        port && self.name().is_some_and(|name| name.same(&authority.host))
    }
}

/// Why a list of hosts is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The list is empty, so no request could pass.
    #[error("at least one host is required")]
    None,
    /// The text is not a host.
    #[error("{text:?} is not a host: write host or host:port, IPv6 addresses in brackets")]
    Invalid {
        /// The text, at most 128 characters.
        text: String,
    },
}

impl HostError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None => "host_required",
            Self::Invalid { .. } => "invalid_allowed_host",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        allowed: &AllowedHosts,
        uri: &str,
        hosts: &[&[u8]],
        expected: Result<(), RejectError>,
    ) {
        let mut map = HeaderMap::new();
        for value in hosts {
            map.append(HOST, HeaderValue::from_bytes(value).unwrap());
        }
        assert_eq!(allowed.check(&uri.parse().unwrap(), &map), expected, "{uri} {hosts:?}");
    }

    #[test]
    fn o1_loopback_names_only_by_default() {
        let allowed = AllowedHosts::default();
        for host in
            [&b"localhost"[..], b"localhost:3000", b"127.0.0.1:1", b"[::1]:8443", b"LOCALHOST"]
        {
            check(&allowed, "/mcp", &[host], Ok(()));
        }
        for host in [&b"evil.example"[..], b"evil.example:80", b"192.168.0.1", b"127.0.0.2"] {
            check(&allowed, "/mcp", &[host], Err(RejectError::HostNotAllowed));
        }
    }

    #[test]
    fn o3_hosts_are_parsed_and_exact() {
        for host in [
            &b""[..],
            b"localhost.evil",
            b"localhost:80@x",
            b"x@localhost",
            b"localhost.",
            b"0.0.0.0",
            b"[::]",
            b"localhost:",
            b"localhost:99999",
            b"localhost,evil.example",
            b"localhost evil",
            b"\xff",
            b"2130706433",
        ] {
            check(&AllowedHosts::loopback(), "/mcp", &[host], Err(RejectError::HostNotAllowed));
        }
    }

    #[test]
    fn exactly_one_host_is_required() {
        let allowed = AllowedHosts::loopback();
        check(&allowed, "/mcp", &[], Err(RejectError::HostMissing));
        check(&allowed, "/mcp", &[b"localhost", b"localhost"], Err(RejectError::HostMissing));
        check(&allowed, "https://localhost:1/mcp", &[], Ok(()));
        check(&allowed, "https://localhost:1/mcp", &[b"localhost:1"], Ok(()));
        check(
            &allowed,
            "https://localhost:1/mcp",
            &[b"localhost:2"],
            Err(RejectError::HostNotAllowed),
        );
        check(&allowed, "https://localhost/mcp", &[b"127.0.0.1"], Err(RejectError::HostNotAllowed));
        check(
            &allowed,
            "https://localhost/mcp",
            &[b"evil.example"],
            Err(RejectError::HostNotAllowed),
        );
        check(
            &allowed,
            "https://evil.example/mcp",
            &[b"localhost"],
            Err(RejectError::HostNotAllowed),
        );
        check(&allowed, "https://u@localhost/mcp", &[], Err(RejectError::HostNotAllowed));
    }

    #[test]
    fn listed_hosts_with_and_without_port() {
        let allowed =
            AllowedHosts::only(["mcp.example.com", "alt.example.com:8443", "tls.example.com:443"])
                .unwrap();
        for host in [
            &b"mcp.example.com"[..],
            b"MCP.example.com:1",
            b"alt.example.com:8443",
            b"tls.example.com",
        ] {
            check(&allowed, "/mcp", &[host], Ok(()));
        }
        for host in [
            &b"alt.example.com"[..],
            b"alt.example.com:1",
            b"tls.example.com:1",
            b"localhost",
            b"example.com",
        ] {
            check(&allowed, "/mcp", &[host], Err(RejectError::HostNotAllowed));
        }
        check(&allowed.with_loopback(), "/mcp", &[b"localhost"], Ok(()));
    }

    #[test]
    fn lists_are_validated() {
        assert_eq!(AllowedHosts::only([""; 0]).unwrap_err().code(), "host_required");
        for host in ["*", "https://a.example", "a.example/", "a b", "::1"] {
            assert_eq!(
                AllowedHosts::only([host]).unwrap_err().code(),
                "invalid_allowed_host",
                "{host}"
            );
        }
        assert!(AllowedHosts::only(["localhost:1", "[::1]"]).unwrap().is_loopback_only());
        assert!(!AllowedHosts::only(["localhost", "a.example"]).unwrap().is_loopback_only());
        assert!(AllowedHosts::loopback().is_loopback_only());
    }
}

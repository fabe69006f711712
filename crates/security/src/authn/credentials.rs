//! What a request offers as proof of who sent it.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::AuthnError;

/// What an authenticator may look at. There is no `Debug` and no copy of header values on purpose.
#[allow(missing_debug_implementations, reason = "the headers hold credentials")]
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Credentials<'a> {
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The query of the request's URI, not decoded.
    pub query: Option<&'a str>,
    /// The other end of the connection.
    pub peer: &'a PeerInfo,
}

impl<'a> Credentials<'a> {
    /// The credentials in headers from a peer.
    #[must_use]
    pub const fn new(headers: &'a HeaderMap, peer: &'a PeerInfo) -> Self {
        Self { headers, query: None, peer }
    }

    /// Sets the query of the request's URI.
    #[must_use]
    pub const fn with_query(mut self, query: Option<&'a str>) -> Self {
        self.query = query;
        self
    }

    /// The one `Authorization` header, if there is one.
    ///
    /// # Errors
    ///
    /// [`AuthnError::MultipleCredentials`] if there are several, [`AuthnError::CredentialsInQuery`] if the
    /// query has an `access_token`.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Authorization, "Token Requirements": no tokens in the URI. RFC 6750, section 2: one
    /// method only.
    pub fn authorization(&self) -> Result<Option<&'a HeaderValue>, AuthnError> {
        self.refuse_query_token()?;
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(AuthnError::MultipleCredentials);
        }
        Ok(first)
    }

    /// The credential of the `Authorization` header if its scheme is `scheme`, in any case. Another scheme
    /// counts as no credential; a credential that is not visible ASCII as an empty one.
    ///
    /// # Errors
    ///
    /// As [`Self::authorization`].
    pub fn authorization_with_scheme(&self, scheme: &str) -> Result<Option<&'a str>, AuthnError> {
        let Some(value) = self.authorization()? else { return Ok(None) };
        let bytes = value.as_bytes();
        let (name, rest) = match bytes.iter().position(|byte| *byte == b' ') {
            Some(space) => bytes.split_at(space),
            None => (bytes, &[][..]),
        };
        if !name.eq_ignore_ascii_case(scheme.as_bytes()) {
            return Ok(None);
        }
        Ok(Some(std::str::from_utf8(rest).unwrap_or_default().trim_start_matches(' ')))
    }

    /// Refuses a token in the query, whatever else the request carries.
    ///
    /// # Errors
    ///
    /// [`AuthnError::CredentialsInQuery`].
    pub fn refuse_query_token(&self) -> Result<(), AuthnError> {
        let names = self.query.into_iter().flat_map(|query| query.split(['&', ';']));
        for pair in names {
            let name = pair.split('=').next().unwrap_or_default();
            if decoded_equals(name, b"access_token") {
                return Err(AuthnError::CredentialsInQuery);
            }
        }
        Ok(())
    }
}

/// Whether `text`, percent-decoded once, is `expected`. Allocates nothing.
fn decoded_equals(text: &str, expected: &[u8]) -> bool {
    let mut rest = text.as_bytes();
    let mut expected = expected.iter();
    loop {
        let (byte, after) = match rest {
            [] => return expected.next().is_none(),
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => return false,
            },
            [byte, after @ ..] => (*byte, after),
        };
        if expected.next() != Some(&byte) {
            return false;
        }
        rest = after;
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The other end of a connection, as the transport knows it. Never taken from headers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerInfo {
    place: Place,
    tls: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Address(SocketAddr),
    InProcess,
    Unknown,
}

impl PeerInfo {
    /// A peer at an address, without TLS.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self { place: Place::Address(address), tls: false }
    }

    /// A caller within this process.
    #[must_use]
    pub const fn in_process() -> Self {
        Self { place: Place::InProcess, tls: false }
    }

    /// A peer of which nothing is known, as when a service is mounted in a framework that does not pass the
    /// address on. Treated as remote.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { place: Place::Unknown, tls: false }
    }

    /// Sets whether the connection is encrypted by TLS.
    #[must_use]
    pub const fn with_tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// The address, if the peer has one.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        match self.place {
            Place::Address(address) => Some(address),
            Place::InProcess | Place::Unknown => None,
        }
    }

    /// Whether the peer is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.place {
            Place::Address(address) => address.ip().to_canonical().is_loopback(),
            Place::InProcess => true,
            Place::Unknown => false,
        }
    }

    /// Whether the connection is encrypted by TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[&str], query: Option<&str>, expected: Result<Option<&str>, AuthnError>) {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(AUTHORIZATION, value.parse().unwrap());
        }
        let peer = PeerInfo::unknown();
        let credentials = Credentials::new(&map, &peer).with_query(query);
        assert_eq!(
            credentials.authorization_with_scheme("Bearer"),
            expected,
            "{headers:?} {query:?}"
        );
    }

    #[test]
    fn finds_the_credential_of_the_scheme() {
        check(&[], None, Ok(None));
        check(&["Bearer abc"], None, Ok(Some("abc")));
        check(&["bEARER   abc"], Some("a=b"), Ok(Some("abc")));
        check(&["Bearer"], None, Ok(Some("")));
        check(&["Bearer "], None, Ok(Some("")));
        check(&["Bearerabc"], None, Ok(None));
        check(&["Basic abc"], None, Ok(None));
        check(&["Bearer\tabc"], None, Ok(None));
        check(&["Bearer abc "], None, Ok(Some("abc ")));
        check(&["Bearer \u{e4}"], None, Ok(Some("\u{e4}")));
    }

    #[test]
    fn rs3_token_in_query_or_two_credentials() {
        let in_query = || Err(AuthnError::CredentialsInQuery);
        check(&[], Some("access_token=x"), in_query());
        check(&["Bearer abc"], Some("a=b&access_token=abc"), in_query());
        check(&["Bearer abc"], Some("access_token"), in_query());
        check(&["Bearer abc"], Some("a;access%5Ftoken=x"), in_query());
        check(&["Bearer abc"], Some("%61ccess_toke%6e=x"), in_query());
        check(&["Bearer abc", "Bearer abc"], None, Err(AuthnError::MultipleCredentials));
        check(&["Bearer abc", "Basic abc"], None, Err(AuthnError::MultipleCredentials));
        // Not the parameter.
        check(
            &["Bearer abc"],
            Some("my_access_token=x&access_tokens=y&a=access_token"),
            Ok(Some("abc")),
        );
        check(&["Bearer abc"], Some("access%5token=x&access_token%zz=y&%"), Ok(Some("abc")));
    }

    #[test]
    fn loopback_is_what_the_address_says() {
        let peer = |text: &str| PeerInfo::new(text.parse().unwrap());
        for local in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(peer(local).is_loopback(), "{local}");
        }
        for remote in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1"] {
            assert!(!peer(remote).is_loopback(), "{remote}");
        }
        assert!(PeerInfo::in_process().is_loopback());
        assert!(!PeerInfo::unknown().is_loopback());
    }
}

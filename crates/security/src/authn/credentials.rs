//! What a request offers as proof of who sent it.

use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::{AddressBlock, AuthnError, Backoff, CredentialHeader, CredentialId};
use crate::clock::{Clock, UnixMillis};
#[cfg(feature = "tls")]
use crate::tls::PeerCertificate;

/// Names of query parameters that hold credentials, in whatever case. A URI is written to logs, histories
/// and `Referer` headers, so nothing that has one of them is served.
const QUERY_TOKENS: [&str; 13] = [
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth_token",
    "authorization",
    "bearer_token",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
    "token",
    "x-api-key",
];

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
    server: Option<(&'a dyn Clock, &'a Backoff)>,
}

impl<'a> Credentials<'a> {
    /// The credentials in headers from a peer.
    #[must_use]
    pub const fn new(headers: &'a HeaderMap, peer: &'a PeerInfo) -> Self {
        Self { headers, query: None, peer, server: None }
    }

    /// Sets the query of the request's URI.
    #[must_use]
    pub const fn with_query(mut self, query: Option<&'a str>) -> Self {
        self.query = query;
        self
    }

    /// Adds what the server knows: the time, and which attempts failed.
    pub(crate) fn within(mut self, clock: &'a dyn Clock, backoff: &'a Backoff) -> Self {
        self.server = Some((clock, backoff));
        self
    }

    /// The time by the server's clock. None outside a server: what depends on the time is refused then.
    #[must_use]
    pub fn now(&self) -> Option<UnixMillis> {
        self.server.map(|(clock, _)| clock.now())
    }

    /// Whether credentials that claim to be of `id` may be checked now. A server asks before it lets an
    /// authenticator check them; one whose checks wait for each other asks again when the wait is over,
    /// because what was checked meanwhile may have failed.
    ///
    /// # Errors
    ///
    /// [`AuthnError::Throttled`] if attempts from this address failed and the next must wait.
    pub fn check_attempt(&self, id: &CredentialId) -> Result<(), AuthnError> {
        let Some((clock, backoff)) = self.server else { return Ok(()) };
        match backoff.wait(id, AddressBlock::of(self.peer), clock) {
            Some(retry_after) => Err(AuthnError::Throttled { retry_after }),
            None => Ok(()),
        }
    }

    /// The one value of a header that holds credentials, if the request has it. Also refuses a query
    /// parameter of that name.
    ///
    /// # Errors
    ///
    /// [`AuthnError::MultipleCredentials`] if there are several values, [`AuthnError::CredentialsInQuery`]
    /// for a token in the query.
    pub fn header(&self, header: &CredentialHeader) -> Result<Option<&'a HeaderValue>, AuthnError> {
        self.refuse_query_token()?;
        if self.has_parameter(header.as_str()) {
            return Err(AuthnError::CredentialsInQuery);
        }
        let mut values = self.headers.get_all(header.name()).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(AuthnError::MultipleCredentials);
        }
        Ok(first)
    }

    /// The one `Authorization` header, if there is one.
    ///
    /// # Errors
    ///
    /// [`AuthnError::MultipleCredentials`] if there are several, [`AuthnError::CredentialsInQuery`] for a
    /// token in the query.
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

    /// Refuses a token in the query, whatever else the request carries: a parameter called `access_token`,
    /// `api_key`, `token`, `password` and the like.
    ///
    /// # Errors
    ///
    /// [`AuthnError::CredentialsInQuery`].
    pub fn refuse_query_token(&self) -> Result<(), AuthnError> {
        if self.query.is_some() && QUERY_TOKENS.iter().any(|name| self.has_parameter(name)) {
            return Err(AuthnError::CredentialsInQuery);
        }
        Ok(())
    }

    /// Whether the query has a parameter of this name.
    fn has_parameter(&self, name: &str) -> bool {
        let mut pairs = self.query.into_iter().flat_map(|query| query.split(['&', ';']));
        pairs
            .any(|pair| decoded_equals(pair.split('=').next().unwrap_or_default(), name.as_bytes()))
    }
}

/// Whether `text`, percent-decoded once, is `expected` in any case. Allocates nothing.
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
        if !expected.next().is_some_and(|expected| expected.eq_ignore_ascii_case(&byte)) {
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
    #[cfg(feature = "tls")]
    certificate: Option<Arc<PeerCertificate>>,
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
        Self::at(Place::Address(address))
    }

    /// A caller within this process.
    #[must_use]
    pub const fn in_process() -> Self {
        Self::at(Place::InProcess)
    }

    /// A peer of which nothing is known, as when a service is mounted in a framework that does not pass the
    /// address on. Treated as remote.
    #[must_use]
    pub const fn unknown() -> Self {
        Self::at(Place::Unknown)
    }

    const fn at(place: Place) -> Self {
        Self {
            place,
            tls: false,
            #[cfg(feature = "tls")]
            certificate: None,
        }
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

    /// Sets the certificate that the peer proved to own when the connection was made.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_certificate(mut self, certificate: Arc<PeerCertificate>) -> Self {
        self.tls = true;
        self.certificate = Some(certificate);
        self
    }

    /// The certificate that the peer proved to own, if it has one. It may have expired since: see
    /// [`PeerCertificate::expires_at`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn certificate(&self) -> Option<&Arc<PeerCertificate>> {
        self.certificate.as_ref()
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
        for name in
            ["api_key", "API_KEY", "apikey", "x-api-key", "X%2dApi%2DKey", "token", "Password"]
        {
            check(&["Bearer abc"], Some(&format!("a=b&{name}=x")), in_query());
        }
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
    fn a_header_is_there_once_and_not_in_the_query() {
        let header = CredentialHeader::parse("X-Team-Key").unwrap();
        let peer = PeerInfo::unknown();
        let mut map = HeaderMap::new();
        assert_eq!(Credentials::new(&map, &peer).header(&header), Ok(None));
        map.append("x-team-key", HeaderValue::from_static("a"));
        let found = Credentials::new(&map, &peer).header(&header);
        assert_eq!(found, Ok(Some(&HeaderValue::from_static("a"))));
        let in_query = Credentials::new(&map, &peer).with_query(Some("x-TEAM-key=a"));
        assert_eq!(in_query.header(&header), Err(AuthnError::CredentialsInQuery));
        map.append("x-team-key", HeaderValue::from_static("a"));
        let found = Credentials::new(&map, &peer).header(&header);
        assert_eq!(found, Err(AuthnError::MultipleCredentials));
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

//! Trusted proxies: whose word counts when they say for whom they forward a request.

mod forwarded;
mod network;

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

pub use network::{Network, NetworkError};

use crate::{
    authn::PeerInfo,
    config::{Finding, Severity},
    host::AllowedHosts,
    reject::RejectError,
};

/// The proxies in front of this server, and how they say for whom they forward.
///
/// Anybody can write `X-Forwarded-For`. The headers count only on connections from these networks; on all
/// others they are ignored, as are the headers of the other kind. On a trusted connection the client is the
/// right-most hop that is no trusted proxy, for what stands left of it was written by the client itself.
/// Its address, and whether it came over https, then take the place of the connection's: in audit records,
/// rate limits and back-off, and in the decision whether credentials were encrypted on their way. A client
/// certificate of the connection is the proxy's, and is not taken for the client's.
///
/// The proxy must set what it sends, and not pass on what it was sent: `X-Forwarded-Proto` and
/// `X-Forwarded-Host` overwritten, `X-Forwarded-For` or `Forwarded` appended to. A request from a trusted
/// proxy that does not say for whom it is, or says it malformed, is refused with 400: counted as the proxy's
/// own, it would pass for one from this network. Without a scheme the client came over http.
///
/// # Specification
///
/// RFC 7239. `X-Forwarded-*` has none: addresses separated by commas, one scheme, one host.
///
/// # Examples
///
/// ```
/// use palisade_security::TrustedProxies;
///
/// let proxies = TrustedProxies::x_forwarded(["10.0.0.0/8", "::1"])?;
/// # Ok::<(), palisade_security::NetworkError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Box<[Network]>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    XForwarded,
    Forwarded,
}

/// Whom a trusted proxy forwards for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Client<'a> {
    address: SocketAddr,
    https: bool,
    host: Option<&'a str>,
}

impl TrustedProxies {
    /// Proxies of these networks, which send `X-Forwarded-For`, `X-Forwarded-Proto` and perhaps
    /// `X-Forwarded-Host`.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] for the first text that is not a network, or if there is none.
    pub fn x_forwarded<S: AsRef<str>>(
        networks: impl IntoIterator<Item = S>,
    ) -> Result<Self, NetworkError> {
        Self::new(networks, Kind::XForwarded)
    }

    /// Proxies of these networks, which send `Forwarded`.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] for the first text that is not a network, or if there is none.
    pub fn forwarded<S: AsRef<str>>(
        networks: impl IntoIterator<Item = S>,
    ) -> Result<Self, NetworkError> {
        Self::new(networks, Kind::Forwarded)
    }

    fn new<S: AsRef<str>>(
        networks: impl IntoIterator<Item = S>,
        kind: Kind,
    ) -> Result<Self, NetworkError> {
        let networks = networks
            .into_iter()
            .map(|network| Network::parse(network.as_ref()))
            .collect::<Result<Box<_>, _>>()?;
        if networks.is_empty() {
            return Err(NetworkError::None);
        }
        Ok(Self { networks, kind })
    }

    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// The client that a request comes from, if the connection is a trusted proxy's.
    pub(crate) fn client(
        &self,
        connection: &PeerInfo,
        headers: &HeaderMap,
        hosts: &AllowedHosts,
    ) -> Result<Option<PeerInfo>, RejectError> {
        let trusted = |address: &SocketAddr| self.contains(address.ip());
        if !connection.address().as_ref().is_some_and(trusted) {
            return Ok(None);
        }
        let client = match self.kind {
            Kind::XForwarded => self.x_forwarded_client(headers),
            Kind::Forwarded => self.forwarded_client(headers),
        };
        let client = client.ok_or(RejectError::InvalidForwarded)?;
        if let Some(host) = client.host {
            // Besides `Host`, never in its place: a proxy may pass on what a page has written.
            hosts.check_name(host)?;
        }
        Ok(Some(PeerInfo::new(client.address).with_tls(client.https)))
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let everyone = self.networks.iter().any(Network::is_everyone);
        let finding = Finding::new(
            "trusted_proxies",
            Severity::Error,
            "trusted_proxies_everyone",
            "every address is a trusted proxy, so everyone may name the address they come from",
        );
        let fix = "list the addresses of the proxies";
        everyone.then(|| finding.with_fix(fix)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;

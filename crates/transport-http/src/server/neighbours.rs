//! How many connections come from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use palisade_security::{Network, ServerSecurity};

/// Counts connections. Its memory is bounded by the connections that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours(Arc<Mutex<HashMap<Network, usize>>>);

/// A connection, until this is dropped.
#[derive(Debug)]
pub(super) struct Neighbour {
    all: Neighbours,
    /// None for a proxy, whose connections are those of many.
    network: Option<Network>,
}

impl Neighbours {
    /// Takes a place for a connection; none if its address has none left.
    pub(super) fn admit(&self, address: IpAddr, security: &ServerSecurity) -> Option<Neighbour> {
        if security.trusted_proxies().is_some_and(|proxies| proxies.contains(address)) {
            return Some(Neighbour { all: self.clone(), network: None });
        }
        let network = Network::of_subscriber(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_default();
        if *count >= security.limits().max_connections_per_address() {
            return None;
        }
        *count += 1;
        Some(Neighbour { all: self.clone(), network: Some(network) })
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut counts = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use palisade_security::{AllowedOrigins, Limits, SecurityConfig, TrustedProxies};

    use super::Neighbours;

    #[test]
    fn places_are_per_subscriber_and_come_back() {
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .without_tls()
            .with_limits(Limits::new().with_max_connections_per_address(2))
            .with_trusted_proxies(TrustedProxies::forwarded(["10.0.0.1"]).unwrap())
            .build()
            .unwrap();
        let neighbours = Neighbours::default();
        let admit = |address: &str| neighbours.admit(address.parse().unwrap(), &security);
        let (first, second) = (admit("2001:db8::1").unwrap(), admit("2001:db8::2").unwrap());
        assert!(admit("2001:db8::3").is_none(), "one network");
        assert!(admit("2001:db8:0:1::3").is_some() && admit("192.0.2.1").is_some());
        drop(first);
        let third = admit("2001:db8::3");
        assert!(third.is_some() && admit("2001:db8::4").is_none());
        let proxied: Vec<_> = (0..9).map(|_| admit("10.0.0.1").unwrap()).collect();
        drop((second, third, proxied));
        assert!(neighbours.0.lock().unwrap().is_empty());
    }
}

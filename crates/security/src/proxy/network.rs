//! Networks of addresses, as `10.0.0.0/8` and `2001:db8::/32`.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::authority::excerpt;

/// The addresses that begin with the same bits. IPv4 addresses in IPv6 clothes are IPv4 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses `address/bits`, or an address, which stands for itself alone.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Invalid`] for anything else; also if bits behind the prefix are set, for then the
    /// writer meant another network.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        Self::read(text).ok_or_else(|| NetworkError::Invalid { text: excerpt(text) })
    }

    /// What one subscriber has: an IPv4 address, or the /64 network of an IPv6 address.
    #[must_use]
    pub fn of_subscriber(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let network = Self { address, prefix: if address.is_ipv4() { 32 } else { 64 } };
        Self { address: network.first(address), ..network }
    }

    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        if address != address.to_canonical() {
            return None;
        }
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(text) if text.len() > 1 && text.starts_with('0') => return None,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
        };
        let network = Self { address, prefix };
        (prefix <= bits && network.first(address) == address).then_some(network)
    }

    /// Whether an address is in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.first(address) == self.address
    }

    /// Whether this is every address of its kind.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.prefix == 0
    }

    /// The address with all bits behind the prefix cleared.
    fn first(&self, address: IpAddr) -> IpAddr {
        let prefix = u32::from(self.prefix);
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a list of networks is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The list is empty.
    #[error("at least one network is required")]
    None,
    /// The text is not a network.
    #[error("{text:?} is not a network: write address/bits with no bit set behind the prefix")]
    Invalid {
        /// The text, at most 128 characters.
        text: String,
    },
}

impl NetworkError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None => "network_required",
            Self::Invalid { .. } => "invalid_network",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let network = Network::parse(network).unwrap();
        for address in inside {
            assert!(network.contains(address.parse().unwrap()), "{address} in {network}");
        }
        for address in outside {
            assert!(!network.contains(address.parse().unwrap()), "{address} not in {network}");
        }
    }

    #[test]
    fn networks_hold_what_begins_like_them() {
        let mapped = "::ffff:10.1.2.3";
        check(
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", mapped],
            &["9.255.255.255", "11.0.0.0"],
        );
        check("10.1.2.3", &["10.1.2.3", mapped], &["10.1.2.2", "10.1.2.4", "::a01:203"]);
        check("10.1.2.2/31", &["10.1.2.2", "10.1.2.3"], &["10.1.2.1", "10.1.2.4"]);
        check(
            "2001:db8::/32",
            &["2001:db8::", "2001:db8:ffff::1"],
            &["2001:db9::", "2001:db7:ffff::"],
        );
        check("::1", &["::1"], &["::", "::2", "127.0.0.1"]);
        check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::1"]);
        check("::/0", &["::1"], &["1.2.3.4", "::ffff:1.2.3.4"]);
        assert!(Network::parse("::/0").unwrap().is_everyone());
        assert!(!Network::parse("0.0.0.0").unwrap().is_everyone());
    }

    #[test]
    fn subscribers_have_an_address_or_a_network() {
        let of = |address: &str| Network::of_subscriber(address.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.1"), "192.0.2.1/32");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1/32");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }

    #[test]
    fn what_is_not_exactly_a_network_is_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/-1",
            "10.0.0.1/8",
            "010.0.0.0/8",
            "::1/64",
            "::/129",
            "::ffff:10.0.0.0/104",
            "[::1]",
            "*",
            "10.0.0.0/8/8",
            "10.0.0.0 /8",
            "localhost",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/1000",
        ] {
            assert_eq!(Network::parse(text).unwrap_err().code(), "invalid_network", "{text}");
        }
    }
}

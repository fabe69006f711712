//! Forwarded headers: strangers are not believed, and what stands left of the client changes nothing.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use palisade::{
    SecurityConfig,
    security::{
        AllowedHosts, AllowedOrigins, Network, PeerInfo, RejectError, ServerSecurity,
        TrustedProxies,
    },
};

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const FORWARDED: &str = "forwarded";

/// Longer chains are refused somewhere, and where is tested elsewhere.
const FEW_HOPS: usize = 16;

/// A header a line: `name: value`. Those of other names are skipped.
pub fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(32) {
        let text = String::from_utf8_lossy(line);
        network(text.trim());
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::try_from(parts.next().unwrap_or_default());
        let value = HeaderValue::try_from(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for (kind, security) in [(Kind::X, &*X), (Kind::Rfc, &*RFC)] {
        let ask = |peer: &str, headers: &HeaderMap| {
            security.forwarded_peer(&PeerInfo::new(peer.parse().unwrap()).with_tls(true), headers)
        };
        for stranger in ["192.0.2.1:1", "127.0.0.1:1", "[::2]:1", "[::ffff:11.0.0.1]:1"] {
            assert!(matches!(ask(stranger, &headers), Ok(None)), "{stranger} is believed");
        }
        let found = outcome(ask("10.0.0.1:1", &headers));
        for proxy in ["[::1]:1", "[::ffff:10.9.9.9]:4711"] {
            assert_eq!(outcome(ask(proxy, &headers)), found, "{proxy} is no other proxy");
        }
        let mut own = headers.clone();
        for foreign in kind.foreign() {
            own.remove(*foreign);
        }
        assert_eq!(outcome(ask("10.0.0.1:1", &own)), found, "headers of another kind count");
        if kind == Kind::X {
            assert_eq!(found, naive(&headers));
        }
        let Ok((client, tls)) = found else { continue };
        assert_eq!(client.ip(), client.ip().to_canonical(), "one client has two addresses");
        if !is_proxy(client.ip()) {
            let mut forged = HeaderMap::new();
            let name = if kind == Kind::X { FOR } else { FORWARDED };
            for forgery in ["127.0.0.1", "for=127.0.0.1;proto=https", "\"", "for=\"", ",;=,"] {
                forged.append(name, HeaderValue::from_static(forgery));
            }
            for (name, value) in &headers {
                forged.append(name.clone(), value.clone());
            }
            let again = outcome(ask("10.0.0.1:1", &forged));
            assert_eq!(again, Ok((client, tls)), "what the client writes counts");
        }
        if kind == Kind::X {
            let again = outcome(RFC.forwarded_peer(&proxy(), &translated(client, tls)));
            assert_eq!(again, Ok((client, tls)), "the two kinds of headers differ");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    X,
    Rfc,
}

impl Kind {
    /// The headers that the other kind of proxy sends.
    fn foreign(self) -> &'static [&'static str] {
        match self {
            Self::X => &[FORWARDED],
            Self::Rfc => &[FOR, PROTO, HOST],
        }
    }
}

type Outcome = Result<(SocketAddr, bool), &'static str>;

fn outcome(answer: Result<Option<PeerInfo>, RejectError>) -> Outcome {
    match answer {
        Ok(Some(peer)) => Ok((peer.address().unwrap(), peer.is_tls())),
        Ok(None) => panic!("a proxy is not believed"),
        Err(reject) => Err(reject.code()),
    }
}

/// `X-Forwarded-*` from the left, all of it.
fn naive(headers: &HeaderMap) -> Outcome {
    let invalid = Err("invalid_forwarded");
    let mut hops = Vec::new();
    for line in headers.get_all(FOR) {
        match line.to_str() {
            Ok(text) => hops.extend(text.split(',').map(|hop| address(hop.trim()))),
            Err(_) => hops.push(None),
        }
    }
    let Some(mut client) = hops.first().copied() else { return invalid };
    let mut trusted = 0;
    for hop in hops.iter().rev() {
        client = *hop;
        match client {
            Some(address) if is_proxy(address.ip()) => trusted += 1,
            _ => break,
        }
    }
    let (Some(client), true) = (client, trusted <= FEW_HOPS) else { return invalid };
    let tls = match one(headers, PROTO)?.map(str::to_ascii_lowercase).as_deref() {
        Some("https") => true,
        Some("http") | None => false,
        Some(_) => return invalid,
    };
    match one(headers, HOST)? {
        Some(host) if !is_ours(host) => Err("host_not_allowed"),
        _ => Ok((client, tls)),
    }
}

fn is_ours(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(":80").unwrap_or(&host) == "mcp.example.com"
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, &'static str> {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    match values[..] {
        [] => Ok(None),
        [value] => match value.to_str() {
            Ok(text) if !text.contains(',') => Ok(Some(text.trim())),
            _ => Err("invalid_forwarded"),
        },
        _ => Err("invalid_forwarded"),
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let (ip, port) = match (inner, text.parse::<SocketAddr>()) {
        (Some(inner), _) => (inner.parse::<Ipv6Addr>().ok()?.into(), 0),
        (None, Ok(address)) => (address.ip(), address.port()),
        (None, Err(_)) => (text.parse().ok()?, 0),
    };
    Some(SocketAddr::new(IpAddr::to_canonical(&ip), port))
}

/// What a proxy of the other kind would have said about this client.
fn translated(client: SocketAddr, tls: bool) -> HeaderMap {
    let proto = if tls { "https" } else { "http" };
    // Left of a client that is no proxy stands what it wrote itself.
    let forged = if is_proxy(client.ip()) { "" } else { "for=unknown, " };
    let value = format!("{forged}for=\"{client}\";proto={proto};host=mcp.example.com");
    [(http::header::FORWARDED, HeaderValue::try_from(value).unwrap())].into_iter().collect()
}

fn is_proxy(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST,
    }
}

fn proxy() -> PeerInfo {
    PeerInfo::new(SocketAddr::from(([10, 0, 0, 1], 1)))
}

/// A network has one form, and holds its first address and not the one before.
fn network(text: &str) {
    let Ok(network) = Network::parse(text) else { return };
    assert_eq!(Network::parse(&network.to_string()), Ok(network));
    let first: IpAddr = text.split('/').next().unwrap().parse().unwrap();
    assert!(network.contains(first));
    let before = match first {
        IpAddr::V4(first) => first.to_bits().checked_sub(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(first) => first.to_bits().checked_sub(1).map(|bits| IpAddr::V6(bits.into())),
    };
    assert!(!before.is_some_and(|before| network.contains(before)), "{network:?} is too large");
}

static X: LazyLock<ServerSecurity> =
    LazyLock::new(|| security(TrustedProxies::x_forwarded(["10.0.0.0/8", "::1"]).unwrap()));
static RFC: LazyLock<ServerSecurity> =
    LazyLock::new(|| security(TrustedProxies::forwarded(["10.0.0.0/8", "::1"]).unwrap()));

fn security(proxies: TrustedProxies) -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_allowed_hosts(AllowedHosts::only(["mcp.example.com:80"]).unwrap())
        .with_trusted_proxies(proxies)
        .build()
        .unwrap()
}

//! What proxies write: `X-Forwarded-*` and `Forwarded`, read from the right, strictly.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

use super::{Client, TrustedProxies};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The most hops that are looked at. Chains of trusted proxies are short; a longer one is a loop.
const MAX_HOPS: usize = 16;

impl TrustedProxies {
    pub(super) fn x_forwarded_client<'a>(&self, headers: &'a HeaderMap) -> Option<Client<'a>> {
        let hops = hops(headers, &X_FORWARDED_FOR);
        let address = self.right_most_untrusted(hops, address_of, |address| *address)?;
        let https = match at_most_one(headers, &X_FORWARDED_PROTO)? {
            Some(scheme) => is_https(scheme)?,
            None => false,
        };
        Some(Client { address, https, host: at_most_one(headers, &X_FORWARDED_HOST)? })
    }

    pub(super) fn forwarded_client<'a>(&self, headers: &'a HeaderMap) -> Option<Client<'a>> {
        let hops = hops(headers, &FORWARDED);
        self.right_most_untrusted(hops, element_of, |client| client.address)
    }

    /// Reads hops from the right up to the first one that is no trusted proxy; if all are, the left-most
    /// one. None if there is none, or one that had to be read is malformed.
    fn right_most_untrusted<'a, T>(
        &self,
        hops: impl Iterator<Item = Option<&'a str>>,
        read: impl Fn(&'a str) -> Option<T>,
        address: impl Fn(&T) -> SocketAddr,
    ) -> Option<T> {
        let mut last = None;
        for (count, hop) in hops.enumerate() {
            let hop = read(hop?)?;
            if !self.contains(address(&hop).ip()) {
                return Some(hop);
            }
            if count >= MAX_HOPS {
                return None;
            }
            last = Some(hop);
        }
        last
    }
}

/// The elements of a list in all its headers, from the right. `None` for what is not ASCII.
fn hops<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
    headers.get_all(name).iter().rev().flat_map(|line: &HeaderValue| {
        let text = line.to_str().ok();
        let elements =
            text.into_iter().flat_map(|text| text.rsplit(',')).map(|hop| Some(trim(hop)));
        elements.chain(text.is_none().then_some(None))
    })
}

/// The one value of a header that may be absent; none if there are several, or a list.
fn at_most_one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Some(None) };
    let text = value.to_str().ok()?;
    (values.next().is_none() && !text.contains(',')).then_some(Some(trim(text)))
}

/// An address with or without a port. A bare IPv6 address has none.
fn address_of(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address.to_canonical(), 0));
    }
    if let Some(bare) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = bare.parse().ok()?;
        return Some(SocketAddr::new(IpAddr::V6(address).to_canonical(), 0));
    }
    let address: SocketAddr = text.parse().ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// One element of `Forwarded`: `for=..;proto=..;host=..`, each at most once, `for` required. A client that
/// the proxy hides, or does not know, has no address to count by.
fn element_of(text: &str) -> Option<Client<'_>> {
    let (mut address, mut scheme, mut host, mut by) = (None, None, None, None);
    for pair in text.split(';') {
        let (name, value) = trim(pair).split_once('=')?;
        let value = unquote(value)?;
        let place = match name {
            _ if name.eq_ignore_ascii_case("for") => &mut address,
            _ if name.eq_ignore_ascii_case("proto") => &mut scheme,
            _ if name.eq_ignore_ascii_case("host") => &mut host,
            _ if name.eq_ignore_ascii_case("by") => &mut by,
            _ if is_token(name) => continue,
            _ => return None,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    let https = scheme.map_or(Some(false), is_https)?;
    let address = address?;
    // Bare IPv6 addresses stand in brackets here.
    let bare_v6 =
        !address.starts_with('[') && address.bytes().filter(|byte| *byte == b':').count() > 1;
    Some(Client { address: (!bare_v6).then(|| address_of(address))??, https, host })
}

/// A token, or the inside of a quoted string without escapes.
fn unquote(text: &str) -> Option<&str> {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inside| !inside.contains(['"', '\\'])),
        None => is_token(text).then_some(text),
    }
}

fn is_https(scheme: &str) -> Option<bool> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(true)
    } else {
        scheme.eq_ignore_ascii_case("http").then_some(false)
    }
}

fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

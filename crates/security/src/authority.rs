//! `host[:port]` as `Host` and `Origin` carry it: parsed exactly, compared exactly, nothing allocated.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host and, if one is written, a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    pub(crate) host: HostName<'a>,
    pub(crate) port: Option<u16>,
}

/// A host, borrowed. Names keep their case; use [`HostName::same`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostName<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl<'a> Authority<'a> {
    /// Parses the text. Refuses what two readers could read differently: user information, empty or
    /// trailing-dot names, ports with a sign or leading zeros, zone ids, numbers that some resolvers take
    /// for addresses, and everything that is not ASCII.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
                (HostName::V6(address.parse().ok()?), port)
            }
            None => {
                let (host, port) = match text.split_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                (HostName::parse(host)?, port)
            }
        };
        let port = match port {
            Some(port) => Some(parse_port(port)?),
            None => None,
        };
        Some(Self { host, port })
    }
}

impl<'a> HostName<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // What programs on the same machine say, without the parser.
        if text == "127.0.0.1" {
            return Some(Self::V4(Ipv4Addr::LOCALHOST));
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        // A resolver may take `1`, `0x7f.1` or `127.0.0.08` for an address: only the canonical form passes.
        let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
            || last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")).is_some_and(is_hex);
        if numeric {
            return text.parse().ok().map(Self::V4);
        }
        let valid = text.len() <= 253 && text.split('.').all(is_label);
        valid.then_some(Self::Name(text))
    }

    /// Whether both are the same host. Names are compared without regard to case, and never resolved.
    pub(crate) fn same(&self, other: &HostName<'_>) -> bool {
        match (self, other) {
            (Self::Name(left), HostName::Name(right)) => left.eq_ignore_ascii_case(right),
            (Self::V4(left), HostName::V4(right)) => left == right,
            (Self::V6(left), HostName::V6(right)) => left == right,
            _ => false,
        }
    }

    /// Whether this is one of the three names of this machine that programs use: `localhost`, `127.0.0.1`
    /// and `[::1]`. Others that happen to lead here are not taken for it.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::V4(address) => *address == Ipv4Addr::LOCALHOST,
            Self::V6(address) => *address == Ipv6Addr::LOCALHOST,
        }
    }

    /// The text in its one form: lower case, addresses canonical, IPv6 in brackets.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Name(name) => name.to_ascii_lowercase(),
            Self::V4(address) => address.to_string(),
            Self::V6(address) => format!("[{address}]"),
        }
    }
}

/// What a message repeats of a text that is not what it should be: at most 128 characters, without user
/// information and without a query. Whoever wrote a URL where a host is wanted may have put a password there.
pub(crate) fn excerpt(text: &str) -> String {
    let (before_query, query) = match text.find(['?', '#']).and_then(|at| text.split_at_checked(at))
    {
        Some((before_query, _)) => (before_query, "?…"),
        None => (text, ""),
    };
    let (user, rest) = match before_query.rsplit_once('@') {
        Some((_, host)) => ("…@", host),
        None => ("", before_query),
    };
    let start: String = rest.chars().take(120).collect();
    format!("{user}{start}{query}")
}

fn parse_port(text: &str) -> Option<u16> {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { text.parse().ok() } else { None }
}

fn is_label(label: &str) -> bool {
    let ldh = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(ldh)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<u16>)>) {
        let parsed = Authority::parse(text).map(|parsed| (parsed.host.to_text(), parsed.port));
        assert_eq!(parsed, expected.map(|(host, port)| (host.to_owned(), port)), "{text:?}");
    }

    #[test]
    fn excerpts_hold_no_passwords() {
        for (text, expected) in [
            ("", ""),
            ("https://app.example.com/", "https://app.example.com/"),
            ("https://user:password@app.example.com/", "…@app.example.com/"),
            ("https://a@b@c?password", "…@c?…"),
            ("c#password?x@y", "c?…"),
        ] {
            assert_eq!(excerpt(text), expected);
        }
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), 120);
    }

    #[test]
    fn hosts_are_the_same_if_their_one_form_is() {
        let hosts = ["a.example", "b.example", "127.0.0.1", "127.0.0.2", "[::1]", "[::2]"];
        for left in hosts {
            for right in hosts {
                let [one, other] = [left, right].map(|text| Authority::parse(text).unwrap().host);
                assert_eq!(one.same(&other), left == right, "{left} {right}");
            }
        }
        let same = |left: &str, right: &str| {
            let [one, other] = [left, right].map(|text| Authority::parse(text).unwrap().host);
            one.same(&other)
        };
        assert!(same("A.example", "a.EXAMPLE"));
        assert!(same("[::1]", "[0:0:0:0:0:0:0:1]"));
        assert!(!same("127.0.0.1", "[::ffff:127.0.0.1]"), "who means one writes that one");
    }

    #[test]
    fn parses_hosts_and_ports() {
        check("localhost", Some(("localhost", None)));
        check("LocalHost:8080", Some(("localhost", Some(8080))));
        check("a-b.c_d.example:1", Some(("a-b.c_d.example", Some(1))));
        check("xn--bcher-kva.example", Some(("xn--bcher-kva.example", None)));
        check("a.0xyz", Some(("a.0xyz", None)));
        check("127.0.0.1:65535", Some(("127.0.0.1", Some(65535))));
        check("[::1]", Some(("[::1]", None)));
        check("[0:0:0:0:0:0:0:1]:80", Some(("[::1]", Some(80))));
    }

    #[test]
    fn o3_what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            ":80",
            "localhost:",
            "localhost:0",
            "localhost:080",
            "localhost:+80",
            "localhost:65536",
            "localhost:80@x",
            "user@localhost",
            "localhost.",
            "localhost..",
            ".localhost",
            "local host",
            "localhost/",
            "localhost#",
            "localhost?",
            "localhost\\",
            "localhost:80:80",
            "::1",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[::1%25eth0]",
            "[::1%eth0]",
            "[127.0.0.1]",
            "[localhost]",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.08",
            "127.0.0.1.",
            "1.2.3.4.5",
            "example.0x1",
            "example.1",
            "b\u{fc}cher.example",
            "-a.example",
            "a-.example",
            "%6cocalhost",
            "*",
            "*.example.com",
            "\tlocalhost",
            "localhost ",
            "a,b",
        ] {
            check(text, None);
        }
        check(&format!("{}.example", "a".repeat(64)), None);
        check(&"a.".repeat(127).trim_end_matches('.').repeat(2), None);
    }

    #[test]
    fn loopback_is_three_names() {
        let loopback = |text: &str| Authority::parse(text).is_some_and(|it| it.host.is_loopback());
        for text in ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]"] {
            assert!(loopback(text), "{text}");
        }
        for text in [
            "localhost.evil",
            "evil-localhost",
            "a.localhost",
            "127.0.0.2",
            "0.0.0.0",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ] {
            assert!(!loopback(text), "{text}");
        }
    }
}

//! What a client may claim, and what a proxy is believed.

use http::{HeaderName, HeaderValue};

use super::*;

const PROXY: &str = "10.0.0.1:4711";
const XFF: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

#[track_caller]
fn check(proxies: &TrustedProxies, peer: &str, headers: &[(&str, &str)], expected: Found) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let peer = PeerInfo::new(peer.parse().unwrap()).with_tls(true);
    let hosts = AllowedHosts::only(["mcp.example.com"]).unwrap();
    let found = match proxies.client(&peer, &map, &hosts) {
        Ok(None) => Found::Ignored,
        Ok(Some(client)) => {
            Found::Client(client.address().unwrap().to_string().leak(), client.is_tls())
        }
        Err(reject) => Found::Refused(reject.code()),
    };
    assert_eq!(found, expected, "{headers:?}");
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The connection is the client's own.
    Ignored,
    Client(&'static str, bool),
    Refused(&'static str),
}

const INVALID: Found = Found::Refused("invalid_forwarded");

fn x() -> TrustedProxies {
    TrustedProxies::x_forwarded(["10.0.0.0/8", "::1"]).unwrap()
}

#[test]
fn o6_strangers_are_not_believed() {
    let forged = [
        (XFF, "127.0.0.1"),
        (PROTO, "https"),
        (HOST, "mcp.example.com"),
        ("forwarded", "for=127.0.0.1"),
    ];
    for stranger in ["192.0.2.1:1", "11.0.0.1:1", "[::2]:1", "127.0.0.1:1", "[::ffff:11.0.0.1]:1"] {
        check(&x(), stranger, &forged, Found::Ignored);
        check(&x(), stranger, &[(XFF, "garbage")], Found::Ignored);
    }
    // Nor is what the proxy does not set.
    check(&x(), PROXY, &[("forwarded", "for=192.0.2.7;proto=https")], INVALID);
    let forwarded = TrustedProxies::forwarded(["10.0.0.0/8"]).unwrap();
    check(&forwarded, PROXY, &forged[..3], INVALID);
}

#[test]
fn o6_the_client_is_the_right_most_hop_that_is_no_proxy() {
    let client = |address| Found::Client(address, false);
    check(&x(), PROXY, &[(XFF, "192.0.2.7")], client("192.0.2.7:0"));
    check(&x(), "[::ffff:10.0.0.1]:1", &[(XFF, "192.0.2.7")], client("192.0.2.7:0"));
    check(&x(), "[::1]:1", &[(XFF, "192.0.2.7:80")], client("192.0.2.7:80"));
    // What stands to the left was written by the client, be it an address or not.
    for forged in ["127.0.0.1, 192.0.2.7", "garbage\t,192.0.2.7", "10.0.0.9,, 192.0.2.7"] {
        check(&x(), PROXY, &[(XFF, forged)], client("192.0.2.7:0"));
    }
    check(&x(), PROXY, &[(XFF, "\u{e4}, 192.0.2.7")], INVALID);
    check(&x(), PROXY, &[(XFF, "\u{e4}"), (XFF, "192.0.2.7")], client("192.0.2.7:0"));
    check(&x(), PROXY, &[(XFF, "127.0.0.1"), (XFF, "192.0.2.7")], client("192.0.2.7:0"));
    check(&x(), PROXY, &[(XFF, "192.0.2.7, 10.1.1.1, 10.2.2.2")], client("192.0.2.7:0"));
    check(&x(), PROXY, &[(XFF, "192.0.2.7"), (XFF, "10.2.2.2, ::1")], client("192.0.2.7:0"));
    // All are proxies: the first of them asks.
    check(&x(), PROXY, &[(XFF, "10.3.3.3, 10.2.2.2")], client("10.3.3.3:0"));
    check(&x(), PROXY, &[(XFF, "2001:db8::7")], client("[2001:db8::7]:0"));
    check(&x(), PROXY, &[(XFF, "[2001:db8::7]")], client("[2001:db8::7]:0"));
    check(&x(), PROXY, &[(XFF, "[2001:db8::7]:1")], client("[2001:db8::7]:1"));
    check(&x(), PROXY, &[(XFF, "::ffff:192.0.2.7")], client("192.0.2.7:0"));
}

#[test]
fn a_proxy_that_does_not_say_for_whom_is_refused() {
    check(&x(), PROXY, &[], INVALID);
    for malformed in [
        "",
        ",",
        "192.0.2.7,",
        "unknown",
        "_hidden",
        "192.0.2.7:",
        "192.0.2.7:x",
        "192.0.2.7:99999",
        "192.0.2.07",
        "192.0.2",
        "a.example",
        "[192.0.2.7]",
        "[::1",
        "::1]",
        "192.0.2.7 1.1.1.1",
        "fe80::1%eth0",
        "\u{e4}",
        "\"192.0.2.7\"",
        "10.0.0.2, garbage",
    ] {
        check(&x(), PROXY, &[(XFF, malformed)], INVALID);
    }
    check(&x(), PROXY, &[(XFF, "192.0.2.7, garbage, 10.0.0.2")], INVALID);
    let endless = ["10.0.0.2"; 18].join(",");
    check(&x(), PROXY, &[(XFF, &endless)], INVALID);
}

#[test]
fn the_scheme_and_the_host_are_one_each() {
    let with = |more: &[(&'static str, &'static str)]| [&[(XFF, "192.0.2.7")], more].concat();
    let client = |https| Found::Client("192.0.2.7:0", https);
    check(&x(), PROXY, &with(&[(PROTO, "https")]), client(true));
    check(&x(), PROXY, &with(&[(PROTO, "HTTP")]), client(false));
    // Not known to be encrypted, whatever the proxy's own connection is.
    check(&x(), PROXY, &with(&[]), client(false));
    for bad in ["", "wss", "https,http", "https, https", "httpss"] {
        check(&x(), PROXY, &with(&[(PROTO, bad)]), INVALID);
    }
    check(&x(), PROXY, &with(&[(PROTO, "https"), (PROTO, "https")]), INVALID);
    check(&x(), PROXY, &with(&[(HOST, "mcp.example.com")]), client(false));
    let foreign = || Found::Refused("host_not_allowed");
    for bad in ["evil.example", "", "mcp.example.com.", "x@mcp.example.com"] {
        check(&x(), PROXY, &with(&[(HOST, bad)]), foreign());
    }
    check(&x(), PROXY, &with(&[(HOST, "mcp.example.com, evil.example")]), INVALID);
    check(&x(), PROXY, &with(&[(HOST, "mcp.example.com"), (HOST, "mcp.example.com")]), INVALID);
}

#[test]
fn forwarded_is_read_by_its_grammar() {
    let proxies = TrustedProxies::forwarded(["10.0.0.0/8"]).unwrap();
    let check = |value: &str, expected| check(&proxies, PROXY, &[("forwarded", value)], expected);
    let client = |https| Found::Client("192.0.2.7:0", https);
    check("for=192.0.2.7", client(false));
    check("FOR=192.0.2.7; Proto=https;host=mcp.example.com", client(true));
    check("for=\"192.0.2.7\";by=_proxy;secret=token;proto=http", client(false));
    check("for=\"192.0.2.7:80\"", Found::Client("192.0.2.7:80", false));
    check("for=\"[2001:db8::7]:80\"", Found::Client("[2001:db8::7]:80", false));
    check("for=127.0.0.1;proto=https, for=192.0.2.7;proto=http", client(false));
    check("for=192.0.2.7;proto=https, for=10.0.0.2;proto=http", client(true));
    // A quote that the client left open ends where the proxy begins.
    check("for=127.0.0.1;x=\", for=192.0.2.7", client(false));
    check("for=192.0.2.7;host=evil.example", Found::Refused("host_not_allowed"));
    for malformed in [
        "",
        "for",
        "for=",
        "proto=https",
        "for=unknown",
        "for=_hidden",
        "for=192.0.2.7:80",
        "for=\"2001:db8::7\"",
        "for=[2001:db8::7]",
        "for=\"192.0.2.7",
        "for=192.0.2.7\"",
        "for=\"192.0.\\2.7\"",
        "for=192.0.2.7;for=192.0.2.7",
        "for=192.0.2.7;proto=https;proto=http",
        "for=192.0.2.7;",
        "for = 192.0.2.7",
        "for=192.0.2.7;proto=ftp",
        "for=192.0.2.7;=x",
        "for=192.0.2.7;a b=x",
        "for=192.0.2.7,",
        "192.0.2.7",
    ] {
        check(malformed, INVALID);
    }
}

#[test]
fn lists_are_validated() {
    assert_eq!(TrustedProxies::forwarded([""; 0]).unwrap_err().code(), "network_required");
    assert_eq!(TrustedProxies::x_forwarded(["a.example"]).unwrap_err().code(), "invalid_network");
    assert!(x().findings().is_empty());
    let everyone = TrustedProxies::x_forwarded(["10.0.0.0/8", "::/0"]).unwrap();
    let codes: Vec<_> = everyone.findings().iter().map(Finding::code).collect();
    assert_eq!(codes, ["trusted_proxies_everyone"]);
}

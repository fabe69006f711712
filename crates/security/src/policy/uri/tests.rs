//! Which URIs are well formed, and which are below a directory.

use std::path::{Component, Path};

use super::{UriError, UriRule, UriRuleError, check_uri, decode};

fn data() -> UriRule {
    UriRule::scheme("file").unwrap().with_below("/data").unwrap()
}

#[track_caller]
fn check(rule: &UriRule, uri: &str, expected: Result<(), UriError>) {
    assert_eq!(rule.check(uri), expected, "{uri:?} under {rule}");
}

#[test]
fn z1_uris_are_compared_by_component() {
    for uri in [
        "file:///data",
        "file:///data/",
        "file:///data/a/b",
        "file:///data/a%20b",
        "file:///d%61ta/a",
    ] {
        check(&data(), uri, Ok(()));
    }
    for uri in [
        "file:///data-secret",
        "file:///data-secret/a",
        "file:///data%2dsecret/a",
        "file:///DATA/a",
        "file:///",
        "file://host/data/a",
        "file://localhost/data/a",
        "file://user@/data/a",
        "file:/data/a",
        "file:data/a",
        "file:///data/a?b",
        "file:///data/a#b",
        "file://data/a",
    ] {
        check(&data(), uri, Err(UriError::Outside));
    }
    for uri in ["FILE:///data/a", "files:///data/a", "https:///data/a", "fil:///data/a"] {
        check(&data(), uri, Err(UriError::Scheme));
    }
}

#[test]
fn z2_uris_that_two_readers_read_differently_are_malformed() {
    for uri in [
        "",
        "data",
        "/data/a",
        ":///data",
        "1file:///data",
        "fi le:///data",
        "file:///data/..",
        "file:///data/../etc",
        "file:///data/./a",
        "file:///data/%2e%2e/etc",
        "file:///data/%2E./etc",
        "file:///data/%2e",
        "file:///data/.%2e%2Fetc",
        "file:///data/%252e%252e/etc",
        "file:///data/%25%32%65",
        "file:///data/%25252e",
        "file:///data/..%5cetc",
        "file:///data/..\\etc",
        "file:///data/a%5Cb",
        "file:///data/a%00b",
        "file:///data/a\0b",
        "file:///data/a%0d%0ab",
        "file:///data/a\nb",
        "file:///data/a b",
        "file:///data/a\u{a0}b",
        "file:///data/%",
        "file:///data/%2",
        "file:///data/%zz",
        "file:///data/%+1",
        "file:///data/%c0%ae%c0%ae/etc",
        "file:///data/%ff",
        "file:///data/x?../../etc",
        "file:///data/x#/../etc",
        "file:///data/x%3f/../etc",
    ] {
        check(&data(), uri, Err(UriError::Malformed));
        assert_eq!(check_uri(uri), Err(UriError::Malformed), "{uri:?}");
    }
    // Good elsewhere, and no path.
    check(&data(), "file:///data/a%2fb", Err(UriError::Malformed));
    check(&data(), "file:///data//etc", Err(UriError::Malformed));
    check(&data(), "file:////data/a", Err(UriError::Malformed));
    for uri in [
        "test://items/a%2Fb",
        "urn:isbn:1",
        "x:",
        "https://a.example/?q=%25 ".trim(),
        "a+b-c.1://x#y",
    ] {
        assert_eq!(check_uri(uri), Ok(()), "{uri:?}");
    }
}

#[test]
fn z1_what_a_uri_names_below_the_directory() {
    let rule = data();
    for (uri, expected) in [
        ("file:///data/a%20b/c", Ok("a b/c")),
        ("file:///data", Ok("")),
        ("file:///other/a", Err(UriError::Outside)),
        ("http:///data/a", Err(UriError::Scheme)),
        ("file:///data/../a", Err(UriError::Malformed)),
    ] {
        assert_eq!(rule.locate(uri), expected.map(str::to_owned), "{uri}");
    }
    let anywhere = UriRule::scheme("file").unwrap();
    assert_eq!(anywhere.locate("file:///data/a"), Err(UriError::Outside));
}

#[test]
fn what_all_uris_of_a_template_have_in_common() {
    for (template, expected) in [
        ("file:///data/{name}", "file:///data/"),
        ("file:///data/a{name}/b", "file:///data/"),
        ("file:///data/{a}/{b}", "file:///data/"),
        ("file:///data/a", "file:///data/a"),
        ("x{name}", "x"),
    ] {
        assert_eq!(UriRule::fixed_part(template), expected, "{template}");
    }
}

#[test]
fn reasons_have_names() {
    let names = [UriError::Malformed, UriError::Scheme, UriError::Outside]
        .map(|error| (error.code(), error.why()));
    let expected = [
        ("invalid_uri", "it is malformed"),
        ("invalid_uri_scheme", "it has another scheme"),
        ("unauthorized_path", "it is elsewhere"),
    ];
    assert_eq!(names, expected);
}

#[test]
fn schemes_and_authorities() {
    let https = UriRule::scheme("https").unwrap();
    check(&https, "https://any.example/x?y#z", Ok(()));
    check(&https, "https:x", Ok(()));
    check(&https, "http://any.example/", Err(UriError::Scheme));
    let api = https.clone().with_authority("api.example:8443").unwrap();
    check(&api, "https://api.example:8443", Ok(()));
    check(&api, "https://api.example:8443/x?y", Ok(()));
    for uri in [
        "https://api.example/",
        "https://API.example:8443/",
        "https://api.example:8443@evil.example/",
        "https://evil.example/api.example:8443",
        "https://api.example:8443.evil.example/",
        "https:api.example:8443",
        "https://api.example%3A8443/",
    ] {
        check(&api, uri, Err(UriError::Outside));
    }
    let v1 = api.with_below("/v1").unwrap();
    check(&v1, "https://api.example:8443/v1/x", Ok(()));
    check(&v1, "https://api.example:8443/v2", Err(UriError::Outside));
    check(&v1, "https://api.example:8443/v1?x", Err(UriError::Outside));
    check(&v1, "https:///v1", Err(UriError::Outside));

    for scheme in ["", "HTTPS", "1a", "a:", "a b", "+a"] {
        assert_eq!(UriRule::scheme(scheme), Err(UriRuleError::Scheme), "{scheme:?}");
    }
    for authority in ["a/b", "a?b", "a#b", "a\\b", "a b", "%61", "a\n"] {
        let rule = https.clone().with_authority(authority);
        assert_eq!(rule, Err(UriRuleError::Authority), "{authority:?}");
    }
    for directory in ["", ".", "data", "/data/../etc", "/a%2fb", "/a//b"] {
        let rule = https.clone().with_below(directory);
        assert_eq!(rule, Err(UriRuleError::Directory), "{directory:?}");
    }
}

#[test]
fn rules_show_what_they_hold() {
    let api = UriRule::scheme("https").unwrap();
    assert_eq!(api.to_string(), "https:");
    let api = api.with_authority("a.example").unwrap();
    assert_eq!(api.to_string(), "https://a.example");
    assert_eq!(api.with_below("/v1/").unwrap().to_string(), "https://a.example/v1");
    assert_eq!(data().to_string(), "file:///data");
}

/// Every URI of up to six of these pieces below `file:///`, decoded once by hand and judged by `std::path`.
#[test]
fn every_short_uri_is_judged_as_std_does() {
    const PIECES: [&str; 9] = ["/", ".", "a", "-", "%2e", "%2F", "%5c", "%25", "%61"];
    let rule = UriRule::scheme("file").unwrap().with_below("/a").unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for length in 0..=6_u32 {
        for number in 0..9_usize.pow(length) {
            let piece = |place| PIECES[number / 9_usize.pow(place) % 9];
            let path: String = (0..length).map(piece).collect();
            let decoded = decode(&path).unwrap();
            let decoded = format!("/{decoded}");
            let std = Path::new(&decoded);
            let plain = |part: Component| matches!(part, Component::Normal(_) | Component::RootDir);
            let inside = std.starts_with("/a") && std.components().all(plain);
            match rule.check(&format!("file:///{path}")) {
                Ok(()) => {
                    accepted += 1;
                    assert!(inside, "{path:?}");
                    assert!(!path.contains("%2F") && !path.contains("%5c"), "{path:?}");
                    assert!(
                        decode(&decoded).is_err() || decode(&decoded).unwrap() == decoded,
                        "{path:?} twice"
                    );
                }
                Err(error) => {
                    refused += 1;
                    let tricky = path.contains("%2F")
                        || path.contains("%5c")
                        || path.contains("%25")
                        || decoded.contains("//")
                        || decoded
                            .split('/')
                            .any(|part| !part.is_empty() && part.chars().all(|c| c == '.'));
                    assert!(
                        !inside || (tricky && error == UriError::Malformed),
                        "{path:?}: {error:?}"
                    );
                }
            }
        }
    }
    assert!(accepted > 1_000 && refused > 100_000, "{accepted} {refused}");
}

//! Containment of paths: cases, and every short path against `std::path`.

use std::path::{Component, Path};

use super::{AllowedDir, PathError, PathStyle};

#[track_caller]
fn check(directory: &str, path: &str, expected: Result<&str, PathError>) {
    let directory = AllowedDir::parse_as(directory, PathStyle::Posix).unwrap();
    assert_eq!(directory.check(path), expected, "{path:?} below {directory:?}");
}

const OUTSIDE: Result<&str, PathError> = Err(PathError::Outside);
const MALFORMED: Result<&str, PathError> = Err(PathError::Malformed);

#[test]
fn z1_paths_are_compared_by_component() {
    check("/data", "/data", Ok(""));
    check("/data", "/data/", Ok(""));
    check("/data/", "/data", Ok(""));
    check("/data", "/data/a", Ok("a"));
    check("/data", "/data/a/b.txt", Ok("a/b.txt"));
    check("/data", "/data/a/", Ok("a"));
    check("/data", "/data-secret", OUTSIDE);
    check("/data", "/data-secret/a", OUTSIDE);
    check("/data", "/datax", OUTSIDE);
    check("/data", "/dat", OUTSIDE);
    check("/data", "/", OUTSIDE);
    check("/data", "/DATA/a", OUTSIDE);
    check("/data", "/other/data/a", OUTSIDE);
    check("/data", "data/a", OUTSIDE);
    check("/", "/data/a", Ok("data/a"));
    check("/", "/", Ok(""));
    check("/", "data", OUTSIDE);
    check(".", "data/a", Ok("data/a"));
    check(".", "/data/a", OUTSIDE);
    check("notes", "notes/a", Ok("a"));
    check("notes", "notes", Ok(""));
    check("notes", "notes-secret", OUTSIDE);
    check("notes", "/notes/a", OUTSIDE);
}

#[test]
fn z2_paths_that_two_readers_read_differently_are_malformed() {
    for path in [
        "",
        "/data/..",
        "/data/../etc",
        "/data/./a",
        "/data/.../a",
        "/data/.. /etc",
        "/data/ /a",
        "/data//a",
        "//data/a",
        "//",
        "/data/a//",
        "/data/..\\etc",
        "/data\\a",
        "/data/a\0b",
        "/data/a\nb",
        "/data/a\u{85}b",
        "/data/%2e%2e/etc",
        "/data/%2E%2E/etc",
        "/data/%252e%252e/etc",
        "/data/..%5cetc",
        "/data/..%2fetc",
        "/data/a%00b",
        "/data/%c0%ae%c0%ae/etc",
        "/data/%e0%80%af",
        "..",
        ".",
        "../data",
    ] {
        check("/data", path, MALFORMED);
        check("/", path, MALFORMED);
        check(".", path, MALFORMED);
    }
    // Percent signs that hide nothing are letters like others.
    for name in ["100%", "%", "%%", "%zz", "50%20off", "a%2", "a%41"] {
        check("/data", &format!("/data/{name}"), Ok(name));
    }
    check("/data", "/data/..a/b..", Ok("..a/b.."));
    check("/data", "/data/12:30 \u{e9}.txt", Ok("12:30 \u{e9}.txt"));
    for directory in ["", "/data/../etc", "/data//a", "a\\b", "/%2e%2e", "..", "//"] {
        assert_eq!(AllowedDir::parse(directory), Err(PathError::Malformed), "{directory:?}");
    }
    assert_eq!(AllowedDir::parse("/").unwrap().as_str(), "/");
    assert_eq!(AllowedDir::parse(".").unwrap().as_str(), ".");
    assert_eq!(AllowedDir::parse("/a/").unwrap().as_str(), "/a");
}

#[test]
fn windows_has_names_that_are_none() {
    let check = |directory: &str, path: &str, expected| {
        let directory = AllowedDir::parse_as(directory, PathStyle::Windows).unwrap();
        assert_eq!(directory.check(path), expected, "{path:?} below {directory:?}");
    };
    check("C:/data", "C:/data/a.txt", Ok("a.txt"));
    check("C:/data", "C:/data", Ok(""));
    check("C:/", "C:/data", Ok("data"));
    check("C:/data", "D:/data/a.txt", OUTSIDE);
    check("C:/data", "C:/data-secret", OUTSIDE);
    check(".", "data/a.txt", Ok("data/a.txt"));
    check(".", "C:/data", OUTSIDE);
    check(".", "data/console.txt", Ok("data/console.txt"));
    check(".", "data/COM10", Ok("data/COM10"));
    for path in [
        "/data/a.txt",
        "//host/share",
        "C:a.txt",
        "C:\\data\\a.txt",
        "\\\\?\\C:\\data",
        "C:",
        "data/NUL",
        "data/nul.txt",
        "data/Con .txt",
        "aux/a.txt",
        "data/COM1",
        "data/lpt9.log",
        "data/COM\u{b9}",
        "data/a.txt:stream",
        "data/a.txt::$DATA",
        "data/a.txt.",
        "data/a.txt ",
        "data./a.txt",
        "data/a?.txt",
        "data/*",
        "data/a|b",
    ] {
        check("C:/data", path, MALFORMED);
        check(".", path, MALFORMED);
    }
}

#[test]
fn what_is_denied_is_denied_whatever_its_case() {
    let directory = AllowedDir::parse("/data/Secret").unwrap();
    for path in ["/data/Secret", "/DATA/secret/a", "/data//secret/", "/data/SECRET/x"] {
        assert!(directory.may_hold(path), "{path}");
    }
    for path in ["/data/secrets", "/data", "/data/public/secret", "/"] {
        assert!(!directory.may_hold(path), "{path}");
    }
}

/// Every path of up to seven of these characters. What is accepted must be below the directory for
/// `std::path` too, without a way up; what is refused as lying outside must lie outside there.
#[test]
fn every_short_path_is_judged_as_std_does() {
    const ALPHABET: [char; 5] = ['/', '.', 'a', 'b', ' '];
    let directories = ["/", "/a", "/a/b", ".", "a", "a/b", "/ab"]
        .map(|text| (text, AllowedDir::parse_as(text, PathStyle::Posix).unwrap()));
    let (mut accepted, mut outside, mut malformed) = (0, 0, 0);
    for length in 0..=7_u32 {
        for number in 0..5_usize.pow(length) {
            let digit = |place| ALPHABET[number / 5_usize.pow(place) % 5];
            let path: String = (0..length).map(digit).collect();
            for (text, directory) in &directories {
                let std = Path::new(&path);
                let base = if *text == "." { Path::new("") } else { Path::new(text) };
                let inside = std.starts_with(base) && std.has_root() == base.has_root();
                match directory.check(&path) {
                    Ok(below) => {
                        accepted += 1;
                        assert!(inside, "{path:?} is not below {text:?}");
                        let plain = |part: Component| {
                            matches!(part, Component::Normal(_) | Component::RootDir)
                        };
                        assert!(std.components().all(plain), "{path:?} leads elsewhere");
                        assert_eq!(base.join(below).components().count(), std.components().count());
                        assert_eq!(base.join(below), std, "{path:?} below {text:?}");
                    }
                    Err(PathError::Outside) => {
                        outside += 1;
                        assert!(!inside, "{path:?} is below {text:?}");
                    }
                    Err(PathError::Malformed) => {
                        malformed += 1;
                        let tricky = path.split('/').enumerate().any(|(at, part)| {
                            let last = at == path.split('/').count() - 1;
                            (part.is_empty() && at != 0 && !last)
                                || (!part.is_empty() && part.chars().all(|c| ". ".contains(c)))
                        });
                        assert!(tricky || path.is_empty() || path == "//", "{path:?} is plain");
                    }
                }
            }
        }
    }
    assert!(accepted > 10_000 && outside > 10_000 && malformed > 10_000);
}

#[test]
fn reasons_have_names() {
    let names = [PathError::Malformed, PathError::Outside].map(|error| error.code());
    assert_eq!(names, ["invalid_path", "path_not_authorized"]);
}

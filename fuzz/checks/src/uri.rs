//! Containment: what is said to lie below a directory lies there for `std::path` too, decoded once or twice,
//! with slashes of either kind.

use std::path::{Component, Path};

use palisade::security::{
    AllowedDir, UriRule,
    policy::{PathError, PathStyle, UriError, check_uri},
};

/// The first line is a directory, the second one a URI or a path.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (directory, target) = text.split_once('\n').unwrap_or(("/data", text));
    let _ =
        AllowedDir::parse_as(directory, PathStyle::Windows).map(|dir| dir.check(target).is_ok());
    if let Ok(allowed) = AllowedDir::parse_as(directory, PathStyle::Posix) {
        path(&allowed, directory, target);
    }
    if let Ok(rule) = UriRule::scheme("x").and_then(|rule| rule.with_below(directory)) {
        uri(&rule, "x", directory, target);
        uri(&rule, "x", directory, &format!("x://{target}"));
    }
}

fn path(allowed: &AllowedDir, directory: &str, target: &str) {
    match allowed.check(target) {
        Ok(below) => {
            assert!(is_below(directory, target), "{target:?} is not below {directory:?}");
            let joined = relative(directory).join(below);
            assert!(joined.components().eq(relative(target).components()), "{below:?}");
            for reading in readings(directory, target) {
                assert!(is_below(directory, &reading), "{target:?} read as {reading:?} escapes");
            }
        }
        Err(PathError::Outside) => assert!(!is_below(directory, target), "{target:?} is inside"),
        Err(_) => {}
    }
}

fn uri(rule: &UriRule, scheme: &str, directory: &str, target: &str) {
    let verdict = rule.check(target);
    if verdict != Err(UriError::Malformed) {
        assert_eq!(check_uri(target), Ok(()), "{target:?} is judged, but malformed");
    }
    if verdict.is_err() {
        return;
    }
    let path = target.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    let path = path.unwrap_or_else(|| panic!("{target:?} has no empty authority"));
    assert!(path.starts_with('/'), "{target:?} has an authority");
    let decoded = decode(path);
    assert!(is_below(directory, &decoded), "{target:?} is {decoded:?}, not below {directory:?}");
    for reading in readings(directory, &decoded) {
        assert!(is_below(directory, &reading), "{target:?} read as {reading:?} escapes");
    }
}

/// What careless readers take a path for that lies below this directory.
fn readings(directory: &str, path: &str) -> Vec<String> {
    // They would take the directory for another one as well.
    if directory.contains('%') {
        return Vec::new();
    }
    let decoded = decode(path);
    let cut = |mark: char| path.split(mark).next().unwrap_or_default().to_owned();
    let mut readings = vec![path.replace('\\', "/"), decode(&decoded), decoded.replace('\\', "/")];
    if !decoded.contains(['?', '#']) {
        readings.push(cut('\0'));
    }
    readings.push(decoded);
    readings
}

/// Whether a path is in a directory, or is it, without going up anywhere.
fn is_below(directory: &str, path: &str) -> bool {
    let goes_up = Path::new(path).components().any(|part| matches!(part, Component::ParentDir));
    let (path, directory) = (relative(path), relative(directory));
    let rooted = path.has_root() == directory.has_root();
    !goes_up && rooted && path.starts_with(directory)
}

/// A path without a `.` before it, which stands for nothing.
fn relative(path: &str) -> &Path {
    let path = Path::new(path);
    path.strip_prefix(".").unwrap_or(path)
}

/// Decodes `%xx` once, and lets everything else be.
fn decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let byte = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

//! As much of URIs as `$id` and `$ref` need: resolving one against another, and fragments.

/// Resolves a reference; the second part is its fragment.
pub(crate) fn resolve<'r>(base: &str, reference: &'r str) -> (String, &'r str) {
    let (reference, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    (without_fragment(base, reference), fragment)
}

fn without_fragment(base: &str, reference: &str) -> String {
    if reference.is_empty() || scheme(reference).is_some() {
        return if reference.is_empty() { base } else { reference }.to_owned();
    }
    let scheme = scheme(base).unwrap_or_default();
    if reference.starts_with("//") {
        return format!("{scheme}{reference}");
    }
    let rest = base.get(scheme.len()..).unwrap_or_default();
    let authority = match rest.strip_prefix("//") {
        Some(after) => 2 + after.find(['/', '?']).unwrap_or(after.len()),
        None => 0,
    };
    let (authority, path) = rest.split_at_checked(authority).unwrap_or((rest, ""));
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if reference.starts_with('?') {
        return format!("{scheme}{authority}{path}{reference}");
    }
    let folder = match path.rfind('/') {
        _ if reference.starts_with('/') => "",
        Some(end) => path.get(..=end).unwrap_or_default(),
        None if authority.is_empty() => "",
        None => "/",
    };
    format!("{scheme}{authority}{}", without_dots(&format!("{folder}{reference}")))
}

/// The scheme with its colon.
fn scheme(uri: &str) -> Option<&str> {
    let end = uri.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))?;
    let begins = uri.starts_with(|c: char| c.is_ascii_alphabetic());
    (begins && uri.get(end..)?.starts_with(':')).then(|| uri.get(..=end))?
}

fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." && kept.len() > 1 {
                    kept.pop();
                }
                kept.extend(last.then_some(""));
            }
            segment => kept.push(segment),
        }
    }
    kept.join("/") + query
}

/// A fragment as text. `None` if it is not valid.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{percent_decoded, resolve};

    #[test]
    fn references_resolve_as_rfc_3986_says() {
        for (base, reference, expected) in [
            ("", "a.json#x", ("a.json", "x")),
            ("", "#/a", ("", "/a")),
            ("http://h/a/b", "#f", ("http://h/a/b", "f")),
            ("http://h/a/b", "c", ("http://h/a/c", "")),
            ("http://h/a/b?q=/x", "c?p", ("http://h/a/c?p", "")),
            ("http://h/a/b", "?q", ("http://h/a/b?q", "")),
            ("http://h/a/b", "../c/./d", ("http://h/c/d", "")),
            ("http://h/a/b", "../../..", ("http://h/", "")),
            ("http://h/a/b", "/c", ("http://h/c", "")),
            ("http://h/a/b", "//i/c", ("http://i/c", "")),
            ("http://h", "c", ("http://h/c", "")),
            ("http://h/a", "urn:x:y#z", ("urn:x:y", "z")),
            ("urn:x:y", "#z", ("urn:x:y", "z")),
            ("a/b", "c:d", ("c:d", "")),
            ("a/b", "./c:d", ("a/c:d", "")),
        ] {
            let (uri, fragment) = resolve(base, reference);
            assert_eq!((uri.as_str(), fragment), expected, "{reference} at {base}");
        }
    }

    #[test]
    fn fragments_decode() {
        assert_eq!(percent_decoded("a%25%C3%A4").as_deref(), Some("a%ä"));
        for broken in ["%", "%2", "%zz", "%ff", "%ä"] {
            assert_eq!(percent_decoded(broken), None, "{broken}");
        }
    }
}

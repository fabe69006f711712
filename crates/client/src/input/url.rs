//! Which URLs may be shown to a user for a visit.

use crate::InputRefusal;

/// The longest URL that a person can be asked to examine.
const MAX_URL: usize = 2048;

/// Refuses URLs that cannot show a person where they lead: other schemes than `https` and `http`, user
/// information before the host, and characters that are displayed as something else or not at all.
///
/// What is refused here never reaches a handler. Nothing is fetched, resolved or changed.
pub(super) fn check(url: &str) -> Result<(), InputRefusal> {
    let visible =
        url.len() <= MAX_URL && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match authority {
        Some(authority) if visible && !authority.is_empty() && !authority.contains(['@', '%']) => {
            Ok(())
        }
        _ => Err(InputRefusal::Url),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn urls_show_where_they_lead() {
        for (url, shown) in [
            ("https://mcp.example.com/ui/set_api_key?id=1#x", true),
            ("HTTPS://xn--e1awd7f.example/", true),
            ("http://localhost:8080/", true),
            ("https://example.com/@user", true),
            ("https://example.com@evil.example/", false),
            ("https://user:pw@example.com/", false),
            ("https://ехample.com/", false),
            ("https://example.com\\@evil.example/", false),
            ("https://example.com/\u{202e}gpj", false),
            ("https://exa%6dple.com/", false),
            ("https:///path", false),
            ("javascript:alert(1)", false),
            ("javascript://example.com/%0aalert(1)", false),
            ("file:///etc/passwd", false),
            ("--help", false),
            ("", false),
        ] {
            assert_eq!(check(url).is_ok(), shown, "{url}");
        }
        assert!(check(&format!("https://example.com/{}", "a".repeat(2048))).is_err());
    }
}

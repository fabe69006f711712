//! Passwords in URIs, which are asked for like any other name.

/// A URI without its user information, for logs: `https://***@example.com/x`. `None` if it has none, which
/// is the rule. Queries stay: they say which resource it is.
#[must_use]
pub fn mask_userinfo(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    // The last one: what comes before belongs to the password, whatever it is.
    let (_, host) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://***@{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::mask_userinfo;

    #[test]
    fn l1_user_information_is_masked() {
        for (uri, expected) in [
            ("https://u:p@h/x?a@b", Some("https://***@h/x?a@b")),
            ("https://p@h", Some("https://***@h")),
            ("db://u:p@ss@h:1#f", Some("db://***@h:1#f")),
            ("db://:@h", Some("db://***@h")),
            ("https://h/a@b", None),
            ("https://h?a@b", None),
            ("mailto:a@b", None),
            ("test://readme", None),
            ("", None),
        ] {
            assert_eq!(mask_userinfo(uri).as_deref(), expected, "{uri}");
        }
    }
}

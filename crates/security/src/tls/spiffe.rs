//! SPIFFE IDs, parsed strictly: what has two spellings could be allowed in one and come in the other.

use std::{fmt, str::FromStr};

/// The name of a workload, such as `spiffe://example.org/billing/api`.
///
/// # Specification
///
/// SPIFFE-ID, sections 2 and 2.1: at most 2048 bytes; no port, user, query, fragment or percent-encoding; no
/// empty, `.` or `..` segment. A workload's has a path (X509-SVID, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: Box<str>,
    domain_len: usize,
}

const SCHEME: &str = "spiffe://";
const MAX_LEN: usize = 2048;

/// The text is not a SPIFFE ID, or not the name of a trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected spiffe:// with a trust domain in lower case and a path of plain segments")]
#[non_exhaustive]
pub struct SpiffeIdError;

impl SpiffeIdError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_spiffe_id"
    }
}

impl SpiffeId {
    /// Parses the ID of a workload.
    ///
    /// # Errors
    ///
    /// [`SpiffeIdError`].
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError)?;
        let (domain, path) = rest.split_once('/').ok_or(SpiffeIdError)?;
        let valid = text.len() <= MAX_LEN && is_domain(domain) && path.split('/').all(is_segment);
        if valid {
            Ok(Self { text: text.into(), domain_len: domain.len() })
        } else {
            Err(SpiffeIdError)
        }
    }

    /// The whole ID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it belongs to a trust domain.
    #[must_use]
    pub fn is_in(&self, domain: &TrustDomain) -> bool {
        self.text.get(SCHEME.len()..SCHEME.len() + self.domain_len) == Some(&*domain.0)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who issues SPIFFE IDs, such as `example.org`. Subdomains are other trust domains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustDomain(Box<str>);

impl TrustDomain {
    /// Parses the name, without scheme.
    ///
    /// # Errors
    ///
    /// [`SpiffeIdError`].
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if is_domain(text) { Ok(Self(text.into())) } else { Err(SpiffeIdError) }
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        Self::parse(text)
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_domain(text: &str) -> bool {
    let valid =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(valid)
}

fn is_segment(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m4_ids_have_one_spelling() {
        let longest = format!("spiffe://example.org/{}", "a".repeat(MAX_LEN - 21));
        for good in [
            "spiffe://example.org/api",
            "spiffe://example.org/a/B-c_d.e/0",
            "spiffe://1.2.3.4/x",
            "spiffe://example.org/...",
            &longest,
        ] {
            assert_eq!(SpiffeId::parse(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "example.org/api",
            "https://example.org/api",
            "SPIFFE://example.org/api",
            "spiffe:/example.org/api",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///api",
            "spiffe://Example.org/api",
            "spiffe://example.org:443/api",
            "spiffe://user@example.org/api",
            "spiffe://example.org/api?x",
            "spiffe://example.org/api#x",
            "spiffe://example.org/a%2fb",
            "spiffe://ex%61mple.org/api",
            "spiffe://example.org//api",
            "spiffe://example.org/api/",
            "spiffe://example.org/./api",
            "spiffe://example.org/../api",
            "spiffe://example.org/a b",
            "spiffe://example.org/\u{e4}",
            "spiffe://ex\u{e4}mple.org/api",
            &format!("{longest}a"),
            &format!("spiffe://{}/a", "a".repeat(256)),
        ] {
            assert_eq!(SpiffeId::parse(bad), Err(SpiffeIdError), "{bad}");
        }
    }

    #[test]
    fn m4_trust_domains_are_exact() {
        let id = SpiffeId::parse("spiffe://example.org/api").unwrap();
        let is_in = |domain: &str| id.is_in(&domain.parse().unwrap());
        assert!(is_in("example.org"));
        for other in ["example.or", "example.orgs", "a.example.org", "org", "example_org"] {
            assert!(!is_in(other), "{other}");
        }
        for bad in ["", "Example.org", "spiffe://example.org", "example.org/", "a:1"] {
            assert_eq!(TrustDomain::parse(bad), Err(SpiffeIdError), "{bad}");
        }
    }
}

//! `WWW-Authenticate`: what a refused request is asked for.

use std::{borrow::Cow, fmt};

use http::HeaderValue;

use super::AuthnError;

/// A challenge, such as `Bearer realm="mcp", error="invalid_token"`, or several of which one is to be met. Values are escaped, so nothing that
/// comes from a request can end a quoted string or a header line.
///
/// # Specification
///
/// RFC 9110, section 11.6.1; RFC 6750, section 3; RFC 9728, section 5.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: Cow<'static, str>,
    realm: Option<Box<str>>,
    error: Option<&'static str>,
    error_description: Option<Box<str>>,
    scope: Option<Box<str>>,
    resource_metadata: Option<Box<str>>,
    more: Vec<(&'static str, Box<str>)>,
    others: Vec<Challenge>,
}

impl Challenge {
    /// A challenge for a scheme. Characters that a scheme cannot have are left out.
    #[must_use]
    pub fn new(scheme: impl Into<Cow<'static, str>>) -> Self {
        let mut scheme = scheme.into();
        if !scheme.bytes().all(is_token_byte) {
            scheme = Cow::Owned(
                scheme.chars().filter(|c| c.is_ascii() && is_token_byte(*c as u8)).collect(),
            );
        }
        Self {
            scheme,
            realm: None,
            error: None,
            error_description: None,
            scope: None,
            resource_metadata: None,
            more: Vec::new(),
            others: Vec::new(),
        }
    }

    /// A `Bearer` challenge that tells why credentials were refused, if any were sent.
    #[must_use]
    pub fn bearer(error: Option<&AuthnError>) -> Self {
        Self { error: error.and_then(AuthnError::challenge_error), ..Self::new("Bearer") }
    }

    /// Sets the realm.
    #[must_use]
    pub fn with_realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Sets the realm unless it is set, in the other challenges too.
    #[must_use]
    pub fn or_realm(mut self, realm: &str) -> Self {
        self.realm.get_or_insert_with(|| realm.into());
        self.others = self.others.into_iter().map(|other| other.or_realm(realm)).collect();
        self
    }

    /// Sets the scope and the place of metadata in `Bearer` challenges, the others too, unless they are set.
    #[must_use]
    pub(crate) fn or_resource(mut self, metadata_url: &str, scope: Option<&str>) -> Self {
        if self.scheme.eq_ignore_ascii_case("Bearer") {
            self.resource_metadata.get_or_insert_with(|| metadata_url.into());
            self.scope = self.scope.or_else(|| scope.map(Into::into));
        }
        let others = self.others.into_iter();
        self.others = others.map(|other| other.or_resource(metadata_url, scope)).collect();
        self
    }

    /// Sets a parameter that has no setter of its own, such as `charset`.
    #[must_use]
    pub fn with_parameter(mut self, name: &'static str, value: impl Into<Box<str>>) -> Self {
        if !name.is_empty() && name.bytes().all(is_token_byte) {
            self.more.push((name, value.into()));
        }
        self
    }

    /// Adds another challenge, which can be met instead. They share one header line.
    ///
    /// # Specification
    ///
    /// RFC 9110, section 11.6.1: a list.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.others.push(other);
        self
    }

    /// The scheme of the first challenge.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether it, or another of the challenges, is of this scheme.
    pub(crate) fn has_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
            || self.others.iter().any(|other| other.has_scheme(scheme))
    }

    /// Sets the error code, such as `invalid_token`.
    #[must_use]
    pub fn with_error(mut self, error: &'static str) -> Self {
        self.error = Some(error);
        self
    }

    /// Sets the text for people.
    #[must_use]
    pub fn with_error_description(mut self, description: impl Into<Box<str>>) -> Self {
        self.error_description = Some(description.into());
        self
    }

    /// Sets the scopes that the request needs, separated by spaces.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Sets where the protected resource metadata is.
    #[must_use]
    pub fn with_resource_metadata(mut self, url: impl Into<Box<str>>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// The value of the `WWW-Authenticate` header.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        // Rendering leaves visible ASCII and space only; the fallback keeps the scheme-less promise that a
        // 401 always has a challenge.
        HeaderValue::try_from(self.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        let parameters = [
            ("realm", self.realm.as_deref()),
            ("error", self.error),
            ("error_description", self.error_description.as_deref()),
            ("scope", self.scope.as_deref()),
            ("resource_metadata", self.resource_metadata.as_deref()),
        ];
        let known = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let more = self.more.iter().map(|(name, value)| (*name, &**value));
        let mut separator = " ";
        for (name, value) in known.chain(more) {
            write!(f, "{separator}{name}=\"{}\"", Quoted(value))?;
            separator = ", ";
        }
        self.others.iter().try_for_each(|other| write!(f, ", {other}"))
    }
}

/// The inside of a quoted string: `"` and `\` escaped, whatever is not printable ASCII replaced by `?`.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                ' '..='~' => f.write_char(c)?,
                _ => f.write_char('?')?,
            }
        }
        Ok(())
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(challenge: &Challenge, expected: &str) {
        assert_eq!(challenge.to_header_value().to_str().unwrap(), expected);
    }

    #[test]
    fn rs1_bearer_challenge() {
        check(&Challenge::bearer(None).with_realm("mcp"), "Bearer realm=\"mcp\"");
        let missing = AuthnError::MissingCredentials;
        check(&Challenge::bearer(Some(&missing)).with_realm("mcp"), "Bearer realm=\"mcp\"");
        let invalid = AuthnError::InvalidCredentials;
        check(
            &Challenge::bearer(Some(&invalid)).with_realm("mcp").or_realm("other"),
            "Bearer realm=\"mcp\", error=\"invalid_token\"",
        );
        check(
            &Challenge::bearer(Some(&AuthnError::CredentialsInQuery)).or_realm("mcp"),
            "Bearer realm=\"mcp\", error=\"invalid_request\"",
        );
        check(&Challenge::new("Basic"), "Basic");
        check(
            &Challenge::bearer(None)
                .with_scope("files:read files:write")
                .with_resource_metadata("https://a.example/.well-known/oauth-protected-resource"),
            "Bearer scope=\"files:read files:write\", \
             resource_metadata=\"https://a.example/.well-known/oauth-protected-resource\"",
        );
    }

    #[test]
    fn rs1_several_challenges_share_a_line() {
        let basic = Challenge::new("Basic").with_parameter("charset", "UTF-8");
        let either = Challenge::bearer(Some(&AuthnError::InvalidCredentials)).or(basic);
        check(
            &either.or_realm("mcp"),
            "Bearer realm=\"mcp\", error=\"invalid_token\", Basic realm=\"mcp\", charset=\"UTF-8\"",
        );
    }

    #[test]
    fn rs4_values_are_escaped() {
        check(
            &Challenge::new("Basic").with_parameter("a b", "x").with_parameter("c", "\"\r\n"),
            r#"Basic c="\"??""#,
        );
        check(&Challenge::new("Bearer").with_realm("a\"b\\c"), r#"Bearer realm="a\"b\\c""#);
        check(
            &Challenge::new("Bearer").with_realm("a\r\nSet-Cookie: b\0\u{7f}\u{e4}\t"),
            "Bearer realm=\"a??Set-Cookie: b????\"",
        );
        check(
            &Challenge::new("Bea\r\nrer, x").with_error("e\"").with_error_description("d\"\n"),
            "Bearerx error=\"e\\\"\", error_description=\"d\\\"?\"",
        );
    }
}

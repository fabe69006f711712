//! Who is asking: [`Principal`], and what was granted: [`Scope`].

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, LazyLock},
};

use crate::{clock::UnixMillis, digest::digest_parts};

/// Who a request comes from, as an [`Authenticator`](crate::Authenticator) established it. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    subject: Box<str>,
    scheme: Cow<'static, str>,
    scopes: Box<[Scope]>,
    expires_at: Option<UnixMillis>,
    context_key: [u8; 32],
    anonymous: bool,
}

static ANONYMOUS: LazyLock<Principal> = LazyLock::new(|| {
    let mut principal =
        Principal::new("anonymous", "anonymous").with_context_key(digest_parts(&[b"anonymous"]));
    Arc::make_mut(&mut principal.0).anonymous = true;
    principal
});

impl Principal {
    /// A principal without scopes or expiry. `subject` names who it is (shown in audit records, so not a
    /// secret), `scheme` how that was established, such as `bearer`.
    #[must_use]
    pub fn new(subject: impl Into<Box<str>>, scheme: impl Into<Cow<'static, str>>) -> Self {
        let (subject, scheme) = (subject.into(), scheme.into());
        let context_key = digest_parts(&[b"principal", scheme.as_bytes(), subject.as_bytes()]);
        Self(Arc::new(Inner {
            subject,
            scheme,
            scopes: Box::default(),
            expires_at: None,
            context_key,
            anonymous: false,
        }))
    }

    /// The principal of a server without authentication. A principal with the subject `anonymous` that an
    /// authenticator made is another one.
    #[must_use]
    pub fn anonymous() -> Self {
        ANONYMOUS.clone()
    }

    /// Sets what was granted.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        Arc::make_mut(&mut self.0).scopes = scopes.into_iter().collect();
        self
    }

    /// Sets when the credential ends. Requests after it are refused, streams are closed at it.
    #[must_use]
    pub fn with_expires_at(mut self, expires_at: UnixMillis) -> Self {
        Arc::make_mut(&mut self.0).expires_at = Some(expires_at);
        self
    }

    /// Replaces the context key, for an authenticator whose subject alone does not tell callers apart.
    #[must_use]
    pub fn with_context_key(mut self, context_key: [u8; 32]) -> Self {
        Arc::make_mut(&mut self.0).context_key = context_key;
        self
    }

    /// Who it is.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// How that was established: `bearer`, `anonymous` and so on.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// What was granted.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.0.scopes
    }

    /// Whether a scope was granted. Exact comparison.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.iter().any(|granted| granted.as_str() == scope)
    }

    /// When the credential ends, if it does.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.0.expires_at
    }

    /// Whether the credential has ended at `now`.
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.0.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    /// Whether nobody authenticated.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.anonymous
    }

    /// A key that two callers share only if they are the same principal. Sealed state, private caches and
    /// in-flight limits are bound to it. By default a digest of scheme and subject: equal on every replica
    /// and after every restart. It reveals nothing, but is not shown either.
    #[must_use]
    pub fn context_key(&self) -> [u8; 32] {
        self.0.context_key
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("subject", &self.0.subject)
            .field("scheme", &self.0.scheme)
            .field("scopes", &self.0.scopes)
            .field("expires_at", &self.0.expires_at)
            .finish_non_exhaustive()
    }
}

/// One thing that was granted, such as `files:read`. Compared exactly, case included.
///
/// # Specification
///
/// RFC 6749, section 3.3: visible ASCII without space, `"` and `\`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

impl Scope {
    /// Parses one scope.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] if the text is empty or has a character that a scope cannot have.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let valid = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.is_empty() || !text.bytes().all(valid) {
            return Err(ScopeError);
        }
        Ok(Self(text.into()))
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope is empty or has a character other than visible ascii without quote and backslash")]
#[non_exhaustive]
pub struct ScopeError;

impl ScopeError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_scope"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_key_tells_principals_apart() {
        let key = |subject: &'static str, scheme: &'static str| {
            Principal::new(subject, scheme).context_key()
        };
        assert_eq!(key("a", "bearer"), key("a", "bearer"));
        assert_ne!(key("a", "bearer"), key("b", "bearer"));
        assert_ne!(key("a", "bearer"), key("a", "api_key"));
        assert_ne!(key("ab", "c"), key("a", "bc"));
    }

    #[test]
    fn a_subject_named_anonymous_is_not_anonymous() {
        assert!(Principal::anonymous().is_anonymous());
        let named = Principal::new("anonymous", "anonymous");
        assert!(!named.is_anonymous());
        assert_ne!(named, Principal::anonymous());
        assert_ne!(named.context_key(), Principal::anonymous().context_key());
    }

    #[test]
    fn n7_expires_at_its_last_millisecond() {
        let principal = Principal::new("a", "bearer").with_expires_at(UnixMillis::new(10));
        assert!(!principal.is_expired(UnixMillis::new(9)));
        assert!(principal.is_expired(UnixMillis::new(10)));
        assert!(!Principal::new("a", "bearer").is_expired(UnixMillis::new(u64::MAX)));
    }

    #[test]
    fn scopes_are_exact() {
        let principal =
            Principal::new("a", "bearer").with_scopes([Scope::parse("files:read").unwrap()]);
        assert!(principal.has_scope("files:read"));
        for other in ["files", "files:READ", "files:read ", ""] {
            assert!(!principal.has_scope(other), "{other}");
        }
        for bad in ["", "a b", "a\"b", "a\\b", "a\n", "\u{e4}"] {
            assert_eq!(Scope::parse(bad), Err(ScopeError), "{bad:?}");
        }
    }
}

//! The server's side: which tokens are valid, and whose they are.

use std::fmt;

use async_trait::async_trait;
use palisade_security::{
    Authenticator, AuthnError, Challenge, Credentials, Finding, Principal, Scope, Secret, Severity,
    UnixMillis,
    digest::{DigestKey, KeyedDigest, digest_parts},
};

use super::{MAX_TOKEN_LEN, is_token68};

/// Accepts fixed bearer tokens. Keeps a keyed digest of each (HMAC-SHA-256, key random per process), and
/// compares a presented token with all of them in constant time.
///
/// A token that is malformed, shorter than 16 bytes or guessable is a finding: building a configuration
/// reports it, and until then nobody is let in. Several tokens may be valid at once, so that they can be
/// rotated.
///
/// # Specification
///
/// RFC 6750, section 2.1. Tokens in the body or the URI are not accepted.
///
/// # Examples
///
/// ```
/// use palisade_auth::{Bearer, bearer::TokenEntry};
/// use palisade_security::{Scope, Secret};
///
/// let anyone = Bearer::tokens(["q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT"]);
/// let named = Bearer::entries([
///     TokenEntry::new("alice", "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l").with_scopes([Scope::parse("admin")?]),
///     TokenEntry::new("bob", "hV0zJq9gE3mXw7Tn5RyKb2LcPd8FsA4u"),
/// ]);
/// # Ok::<(), palisade_security::ScopeError>(())
/// ```
pub struct Bearer {
    /// None if a finding is an error.
    store: Option<Store>,
    findings: Vec<Finding>,
}

struct Store {
    key: DigestKey,
    known: Vec<(KeyedDigest, Principal)>,
}

/// The least length of a token, in bytes: 16 random hexadecimal digits hold 64 bits.
const MIN_TOKEN_LEN: usize = 16;

impl Bearer {
    /// Accepts these tokens. Their principals are called `token-1`, `token-2` and so on, and are told apart
    /// by token, not by place: another token in the same place is another principal. Name them with
    /// [`Self::entries`] where audit records or rules matter.
    #[must_use]
    pub fn tokens<S: Into<Secret>>(tokens: impl IntoIterator<Item = S>) -> Self {
        Self::entries(tokens.into_iter().enumerate().map(|(index, token)| {
            let token = token.into();
            let key = digest_parts(&[b"bearer token", token.expose().as_bytes()]);
            let mut entry = TokenEntry::new(format!("token-{}", index + 1), token);
            entry.principal = entry.principal.with_context_key(key);
            entry
        }))
    }

    /// Accepts tokens with names. Tokens with the same subject are the same principal, as in a rotation.
    #[must_use]
    pub fn entries(entries: impl IntoIterator<Item = TokenEntry>) -> Self {
        Self::build(entries, Strength::Checked)
    }

    /// Opens what weakens security.
    #[must_use]
    pub const fn dangerous() -> DangerousBearer {
        DangerousBearer(())
    }

    fn build(entries: impl IntoIterator<Item = TokenEntry>, strength: Strength) -> Self {
        let mut findings = Vec::new();
        let mut known: Vec<(KeyedDigest, Principal)> = Vec::new();
        let key = DigestKey::random();
        for (index, entry) in entries.into_iter().enumerate() {
            let path = format!("tokens[{index}]");
            if let Some(finding) = examine(&path, &entry.token, strength) {
                findings.push(finding);
            }
            let Ok(key) = &key else { continue };
            let digest = key.digest(entry.token.expose().as_bytes());
            if known.iter().any(|(other, _)| other.matches(&digest)) {
                findings.push(
                    error(path, "duplicate_token", "the token is listed twice").with_fix(
                        "remove one: whose token it is would depend on the order of the list",
                    ),
                );
                continue;
            }
            known.push((digest, entry.principal));
        }
        if known.is_empty() && key.is_ok() {
            let message = "no token is listed, so nobody could be let in";
            findings.push(
                error("tokens", "token_required", message).with_fix("list at least one token"),
            );
        }
        if key.is_err() {
            findings.push(
                error("tokens", "randomness_unavailable", "no random bytes can be had")
                    .with_fix("enable feature `aws-lc-rs` or `ring`"),
            );
        }
        let usable = !findings.iter().any(Finding::is_error);
        let store = key.ok().filter(|_| usable).map(|key| Store { key, known });
        Self { store, findings }
    }
}

impl Store {
    /// Whose token it is.
    fn verify(&self, token: &str) -> Option<&Principal> {
        // Before any cryptography, and no secret: the bound and the alphabet are public.
        if token.len() > MAX_TOKEN_LEN || !is_token68(token) {
            return None;
        }
        let digest = self.key.digest(token.as_bytes());
        // All of them, without stopping at a match: the time tells nothing about the place in the list.
        self.known.iter().fold(
            None,
            |found, (known, principal)| {
                if known.matches(&digest) { Some(principal) } else { found }
            },
        )
    }
}

#[async_trait]
impl Authenticator for Bearer {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let token = credentials
            .authorization_with_scheme("Bearer")?
            .ok_or(AuthnError::MissingCredentials)?;
        let store = self.store.as_ref().ok_or(AuthnError::Unavailable)?;
        store.verify(token).cloned().ok_or(AuthnError::InvalidCredentials)
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        Challenge::bearer(error)
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.store.as_ref().map_or(0, |store| store.known.len());
        f.debug_struct("Bearer").field("tokens", &tokens).finish_non_exhaustive()
    }
}

/// A token and whose it is.
#[derive(Clone)]
pub struct TokenEntry {
    token: Secret,
    principal: Principal,
}

impl TokenEntry {
    /// A token of `subject`, which audit records show.
    #[must_use]
    pub fn new(subject: impl Into<Box<str>>, token: impl Into<Secret>) -> Self {
        Self { token: token.into(), principal: Principal::new(subject, "bearer") }
    }

    /// Sets what the token grants.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.principal = self.principal.with_scopes(scopes);
        self
    }

    /// Sets when the token ends. Default: never.
    #[must_use]
    pub fn with_expires_at(mut self, expires_at: UnixMillis) -> Self {
        self.principal = self.principal.with_expires_at(expires_at);
        self
    }
}

impl fmt::Debug for TokenEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEntry").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// What weakens bearer authentication: see [`Bearer::dangerous`].
#[derive(Debug)]
pub struct DangerousBearer(());

impl DangerousBearer {
    /// As [`Bearer::entries`], but a guessable token is a warning, not an error. For tests, and for tokens
    /// that another system dictates.
    #[must_use]
    pub fn weak_tokens(self, entries: impl IntoIterator<Item = TokenEntry>) -> Bearer {
        Bearer::build(entries, Strength::Tolerated)
    }
}

#[derive(Clone, Copy)]
enum Strength {
    Checked,
    Tolerated,
}

fn examine(path: &str, token: &Secret, strength: Strength) -> Option<Finding> {
    let path = path.to_owned();
    if token.len() > MAX_TOKEN_LEN || !is_token68(token.expose()) {
        let message =
            "the token is empty, too long, or has characters that a bearer token cannot have";
        return Some(error(path, "malformed_token", message).with_fix(
            "use 1 to 8192 letters, digits and -._~+/, such as `openssl rand -hex 32` gives",
        ));
    }
    let weakness = token.weakness(MIN_TOKEN_LEN)?;
    let severity = match strength {
        Strength::Checked => Severity::Error,
        Strength::Tolerated => Severity::Warning,
    };
    Some(
        Finding::new(path, severity, weakness.code(), format!("the token is {weakness}"))
            .with_fix("use a random token, such as `openssl rand -hex 32` gives"),
    )
}

fn error(
    path: impl Into<std::borrow::Cow<'static, str>>,
    code: &'static str,
    message: &'static str,
) -> Finding {
    Finding::new(path, Severity::Error, code, message)
}

//! The server's side: which tokens are valid, and whose they are.

use std::fmt;

use palisade_security::{
    Authenticator, AuthnError, Challenge, CredentialId, Credentials, Finding, Principal, Secret,
    digest::digest_parts,
};

use super::{TokenEntry, is_token68};
use crate::secrets::{Kind, Secrets, SecretsHandle, Strength};

/// Accepts fixed bearer tokens. Keeps a keyed digest of each (HMAC-SHA-256, key random per process), and
/// compares a presented token with all of them in constant time.
///
/// A token that is malformed, shorter than 16 bytes or guessable is a finding: building a configuration
/// reports it, and until then nobody is let in. Several tokens may be valid at once, so that they can be
/// rotated, and [`Self::handle`] exchanges them in a running server.
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
    tokens: Secrets,
}

static TOKENS: Kind = Kind {
    scheme: "bearer",
    noun: "token",
    path: "tokens",
    is_wellformed: is_token68,
    syntax: "1 to 8192 letters, digits and -._~+/",
    codes: ["malformed_token", "duplicate_token", "token_required"],
};

impl Bearer {
    /// Accepts these tokens. Their principals are called `token-1`, `token-2` and so on, and are told apart
    /// by token, not by place: another token in the same place is another principal. Name them with
    /// [`Self::entries`] where audit records or rules matter.
    #[must_use]
    pub fn tokens<S: Into<Secret>>(tokens: impl IntoIterator<Item = S>) -> Self {
        Self::entries(tokens.into_iter().enumerate().map(|(index, token)| {
            let token = token.into();
            let key = digest_parts(&[b"bearer token", token.expose().as_bytes()]);
            TokenEntry::new(format!("token-{}", index + 1), token).with_context_key(key)
        }))
    }

    /// Accepts tokens with names. Tokens with the same subject are the same principal, as in a rotation.
    #[must_use]
    pub fn entries(entries: impl IntoIterator<Item = TokenEntry>) -> Self {
        Self { tokens: Secrets::new(&TOKENS, entries, Strength::Checked) }
    }

    /// Opens what weakens security.
    #[must_use]
    pub const fn dangerous() -> DangerousBearer {
        DangerousBearer(())
    }

    fn verify(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let token = credentials
            .authorization_with_scheme("Bearer")?
            .ok_or(AuthnError::MissingCredentials)?;
        self.tokens.verify(token, credentials)
    }

    /// What exchanges the tokens of a running server.
    #[must_use]
    pub fn handle(&self) -> SecretsHandle {
        self.tokens.handle()
    }
}

impl Authenticator for Bearer {
    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        Some(self.verify(credentials))
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        Challenge::bearer(error)
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(credentials.authorization_with_scheme("Bearer")?.is_some())
    }

    fn claims(&self, _: &Credentials<'_>) -> Option<CredentialId> {
        self.tokens.claims()
    }

    fn findings(&self) -> Vec<Finding> {
        self.tokens.findings()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

/// What weakens bearer authentication: see [`Bearer::dangerous`].
#[derive(Debug)]
pub struct DangerousBearer(());

impl DangerousBearer {
    /// As [`Bearer::entries`], but a guessable token is a warning, not an error. For tests, and for tokens
    /// that another system dictates. After failed attempts even a valid token has to wait.
    #[must_use]
    pub fn weak_tokens(self, entries: impl IntoIterator<Item = TokenEntry>) -> Bearer {
        Bearer { tokens: Secrets::new(&TOKENS, entries, Strength::Tolerated) }
    }
}

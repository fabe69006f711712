//! The server's side: which values the headers must have.

use std::fmt;

use palisade_security::{
    Authenticator, AuthnError, Challenge, CredentialHeader, CredentialId, Credentials, Finding,
    Principal, Secret,
};
use zeroize::Zeroizing;

use super::{MAX_HEADERS, is_value};
use crate::{
    grant::{Grant, grant_setters},
    secrets::{MAX_SECRET_LEN, Set, Strength, error, weak},
};

/// Demands several headers, each with its value. Keeps one keyed digest of all values of a set
/// (HMAC-SHA-256, key random per process), and compares it in constant time: nothing tells which of the
/// values was wrong.
///
/// At least one value of a set must be one that cannot be guessed; names that have a meaning of their own and
/// names that are listed twice are findings. All sets have the same headers, so that it is clear what a
/// request has to have.
///
/// # Examples
///
/// ```
/// use palisade_auth::{CustomHeaders, custom::HeaderSet};
///
/// let headers = CustomHeaders::sets([HeaderSet::new(
///     "billing",
///     [("X-Client-Id", "billing"), ("X-Client-Secret", "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT")],
/// )]);
/// ```
pub struct CustomHeaders {
    /// In the order of their names.
    names: Vec<CredentialHeader>,
    /// None if a finding is an error.
    set: Option<Set>,
    findings: Vec<Finding>,
    /// All of them together, if one could be guessed.
    claimed: Option<CredentialId>,
}

/// The headers of one caller.
#[derive(Clone)]
pub struct HeaderSet {
    subject: Box<str>,
    headers: Vec<(String, Secret)>,
    grant: Grant,
}

impl HeaderSet {
    /// Headers, as names and values, of `subject`, which audit records show.
    #[must_use]
    pub fn new<N: Into<String>, V: Into<Secret>>(
        subject: impl Into<Box<str>>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { subject: subject.into(), headers: headers.collect(), grant: Grant::default() }
    }

    /// The names, and the values in the order of the names. Reports what cannot be one.
    fn parse(
        &self,
        path: &str,
        strength: Strength,
        findings: &mut Vec<Finding>,
    ) -> (Vec<CredentialHeader>, Zeroizing<Vec<u8>>) {
        let mut headers = Vec::new();
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let path = format!("{path}.headers[{index}]");
            if value.len() > MAX_SECRET_LEN || !is_value(value.expose()) {
                let message = "the value is empty, too long, or has characters it cannot have";
                findings.push(
                    error(path.clone(), "malformed_header_value", message)
                        .with_fix("use 1 to 8192 printable ascii characters"),
                );
            }
            match CredentialHeader::parse(name) {
                Ok(name) => headers.push((name, value)),
                Err(cause) => findings.push(
                    error(path, cause.code(), cause.to_string())
                        .with_fix("choose a name such as `X-Client-Secret`"),
                ),
            }
        }
        headers.sort_by(|(left, _), (right, _)| left.as_str().cmp(right.as_str()));
        let duplicate = headers.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0));
        if duplicate {
            let message = "a header is listed twice, so that no request could have it";
            findings.push(
                error(format!("{path}.headers"), "duplicate_header", message)
                    .with_fix("list each header once, in whatever case"),
            );
        }
        if self.headers.is_empty() || self.headers.len() > MAX_HEADERS {
            let message = "no header is listed, or more than 16";
            findings.push(
                error(format!("{path}.headers"), "header_required", message)
                    .with_fix("list 1 to 16 headers"),
            );
        }
        // One strong value is enough: a client id may be as plain as it likes.
        let weakest = self.headers.iter().try_fold(None, |_, (_, value)| {
            weak(format!("{path}.headers"), "value", &self.subject, value, strength).map(Some)
        });
        findings.extend(weakest.flatten());
        let values = frame(headers.iter().map(|(_, value)| value.expose().as_bytes()));
        (headers.into_iter().map(|(name, _)| name).collect(), values)
    }
}

/// Values one after the other, each behind its length, so that none can pass for a part of another.
fn frame<'a>(values: impl Iterator<Item = &'a [u8]> + Clone) -> Zeroizing<Vec<u8>> {
    // As large as it gets, so that no copy is left behind when it grows.
    let length = values.clone().map(|value| size_of::<u64>() + value.len()).sum();
    let mut framed = Zeroizing::new(Vec::with_capacity(length));
    for value in values {
        framed.extend_from_slice(&(value.len() as u64).to_le_bytes());
        framed.extend_from_slice(value);
    }
    framed
}

grant_setters!(HeaderSet, "set");

impl CustomHeaders {
    /// Accepts these sets. Sets with the same subject are the same principal, as in a rotation.
    #[must_use]
    pub fn sets(sets: impl IntoIterator<Item = HeaderSet>) -> Self {
        Self::build(sets, Strength::Checked)
    }

    /// Opens what weakens security.
    #[must_use]
    pub const fn dangerous() -> DangerousCustomHeaders {
        DangerousCustomHeaders(())
    }

    fn build(sets: impl IntoIterator<Item = HeaderSet>, strength: Strength) -> Self {
        let mut findings = Vec::new();
        let mut names: Option<Vec<CredentialHeader>> = None;
        let mut set = Set::new("sets").map_err(|finding| findings.push(finding)).ok();
        for (index, entry) in sets.into_iter().enumerate() {
            let path = format!("sets[{index}]");
            let (own, values) = entry.parse(&path, strength, &mut findings);
            if *names.get_or_insert_with(|| own.clone()) != own {
                let message = "the set has other headers than the first";
                findings.push(
                    error(path.clone(), "headers_differ", message)
                        .with_fix("use the same headers in all sets, or another authenticator"),
                );
            }
            if entry.grant.is_never_valid() {
                let message = "the headers end before they begin";
                findings.push(
                    error(path.clone(), "never_valid", message)
                        .with_fix("set `expires_at` after `not_before`"),
                );
            }
            let principal = entry.grant.principal(&entry.subject, "custom");
            if let Some(set) = &mut set
                && !set.insert(&values, principal, entry.grant.not_before)
            {
                findings.push(
                    error(path, "duplicate_set", "the same values are listed twice").with_fix(
                        "remove one: whose they are would depend on the order of the list",
                    ),
                );
            }
        }
        if names.is_none() {
            let message = "no set of headers is listed, so nobody could be let in";
            findings.push(error("sets", "set_required", message).with_fix("list at least one set"));
        }
        let claimed = (!findings.is_empty()).then(|| CredentialId::of_all("custom"));
        let set = set.filter(|_| !findings.iter().any(Finding::is_error));
        Self { names: names.unwrap_or_default(), set, findings, claimed }
    }

    fn verify(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        let set = self.set.as_ref().ok_or(AuthnError::Unavailable)?;
        let found: Vec<_> = self
            .names
            .iter()
            .map(|name| credentials.header(name))
            .collect::<Result<_, AuthnError>>()?;
        if found.iter().all(Option::is_none) {
            return Err(AuthnError::MissingCredentials);
        }
        // A header that is missing is as wrong as any other value, and takes as long.
        let values = found.iter().map(|value| value.map_or(&[][..], |value| value.as_bytes()));
        if values.clone().map(<[u8]>::len).sum::<usize>() > MAX_SECRET_LEN * MAX_HEADERS {
            return Err(AuthnError::InvalidCredentials);
        }
        set.verify(&frame(values), credentials)
    }
}

impl Authenticator for CustomHeaders {
    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        Some(self.verify(credentials))
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        let names: Vec<_> = self.names.iter().map(CredentialHeader::as_str).collect();
        Challenge::new("Custom").with_parameter("headers", names.join(" "))
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        self.names
            .iter()
            .try_fold(false, |found, name| Ok(found | credentials.header(name)?.is_some()))
    }

    fn claims(&self, _: &Credentials<'_>) -> Option<CredentialId> {
        self.claimed
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomHeaders")
            .field("names", &self.names)
            .field("sets", &self.set.as_ref().map_or(0, Set::len))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HeaderSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HeaderSet")
            .field("subject", &self.subject)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

/// What weakens custom headers: see [`CustomHeaders::dangerous`].
#[derive(Debug)]
pub struct DangerousCustomHeaders(());

impl DangerousCustomHeaders {
    /// As [`CustomHeaders::sets`], but sets of guessable values are a warning, not an error. For tests, and
    /// for values that another system dictates. After failed attempts even valid ones have to wait.
    #[must_use]
    pub fn weak_sets(self, sets: impl IntoIterator<Item = HeaderSet>) -> CustomHeaders {
        CustomHeaders::build(sets, Strength::Tolerated)
    }
}

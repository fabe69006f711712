//! URIs: which are well formed, and which a rule allows.

use std::{borrow::Cow, fmt};

use super::path::{AllowedDir, PathError, PathStyle, encoded_bytes, hex, is_dots};

/// Which URIs are allowed: those of a scheme, of one authority, below one directory.
///
/// | given | holds |
/// |-|-|
/// | `scheme` | every URI of the scheme |
/// | and `authority` | those of this authority, `user@` and `:port` included, compared exactly |
/// | and `below` | those whose path lies in this directory, without query and fragment; without an `authority`, it must be empty, as in `file:///` |
///
/// Schemes are compared in lower case: `FILE:` is refused. Paths are percent-decoded once and then compared
/// as [`AllowedDir`] does. An encoded separator is refused.
///
/// ```
/// use palisade_security::UriRule;
///
/// let rule = UriRule::scheme("file")?.with_below("/srv/data")?;
/// assert!(rule.check("file:///srv/data/a%20b.txt").is_ok());
/// assert!(rule.check("file:///srv/data-secret").is_err());
/// assert!(rule.check("file:///srv/data/%2e%2e/secret").is_err());
/// # Ok::<(), palisade_security::UriRuleError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UriRule {
    scheme: Box<str>,
    authority: Option<Box<str>>,
    below: Option<AllowedDir>,
}

/// Why a URI is refused. Safe to send and to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// The scheme is not allowed.
    #[error("uri scheme is not allowed")]
    Scheme,
    /// The authority, the path or the query is not allowed.
    #[error("uri is outside of what is allowed")]
    Outside,
    /// The URI is none, or has parts that two readers may read differently: see [`check_uri`].
    #[error("uri is malformed")]
    Malformed,
}

impl UriError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_uri",
            Self::Scheme => "invalid_uri_scheme",
            Self::Outside => "unauthorized_path",
        }
    }

    /// For explanations.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "it is malformed",
            Self::Scheme => "it has another scheme",
            Self::Outside => "it is elsewhere",
        }
    }
}

/// Why a rule about URIs is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriRuleError {
    /// Not a scheme in lower case.
    #[error("a scheme is made of a-z, 0-9, `+`, `-` and `.`, and begins with a letter")]
    Scheme,
    /// Not an authority.
    #[error("an authority has no `/`, `?`, `#`, `%`, backslash, blank or control character")]
    Authority,
    /// Not an absolute path.
    #[error("a directory of uris is an absolute path without dot segments, not percent-encoded")]
    Directory,
}

impl UriRuleError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Scheme => "invalid_scheme",
            Self::Authority => "invalid_authority",
            Self::Directory => "invalid_directory",
        }
    }
}

impl UriRule {
    /// Allows a scheme.
    ///
    /// # Errors
    ///
    /// [`UriRuleError::Scheme`].
    pub fn scheme(scheme: &str) -> Result<Self, UriRuleError> {
        let valid = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
        if !valid {
            return Err(UriRuleError::Scheme);
        }
        Ok(Self { scheme: scheme.into(), authority: None, below: None })
    }

    /// Allows one authority only.
    ///
    /// # Errors
    ///
    /// [`UriRuleError::Authority`].
    pub fn with_authority(mut self, authority: &str) -> Result<Self, UriRuleError> {
        let valid = |character: char| {
            !matches!(character, '/' | '?' | '#' | '%' | '\\')
                && !character.is_control()
                && !character.is_whitespace()
        };
        if !authority.chars().all(valid) {
            return Err(UriRuleError::Authority);
        }
        self.authority = Some(authority.into());
        Ok(self)
    }

    /// Allows paths in this directory only.
    ///
    /// # Errors
    ///
    /// [`UriRuleError::Directory`].
    pub fn with_below(mut self, directory: &str) -> Result<Self, UriRuleError> {
        let below = AllowedDir::parse_as(directory, self.style());
        let below = below.ok().filter(AllowedDir::is_absolute);
        self.below = Some(below.ok_or(UriRuleError::Directory)?);
        Ok(self)
    }

    /// Judges a URI: a pure function of the rule and the text.
    ///
    /// # Errors
    ///
    /// [`UriError`] says what is wrong.
    pub fn check(&self, uri: &str) -> Result<(), UriError> {
        self.check_parts(&Parts::of(uri)?)
    }

    /// The path below the directory of this rule that a URI names, decoded once; empty for the directory.
    ///
    /// # Errors
    ///
    /// As [`Self::check`]; [`UriError::Outside`] if the rule has no directory.
    pub fn locate(&self, uri: &str) -> Result<String, UriError> {
        let parts = Parts::of(uri)?;
        self.check_parts(&parts)?;
        let below = self.below.as_ref().ok_or(UriError::Outside)?;
        below.check(self.local(&parts.path)).map(str::to_owned).map_err(|_| UriError::Outside)
    }

    /// The part of a template that all URIs it makes have in common: its text before the first variable, up
    /// to the last slash. If a rule holds for that part, it holds for whatever lies below.
    pub(super) fn fixed_part(template: &str) -> &str {
        let fixed = template.split('{').next().unwrap_or_default();
        match fixed.rfind('/') {
            Some(slash) if fixed.len() < template.len() => fixed.get(..=slash).unwrap_or_default(),
            _ => fixed,
        }
    }

    /// Judges a URI whose text is well formed.
    pub(super) fn check_parts(&self, parts: &Parts<'_>) -> Result<(), UriError> {
        if parts.scheme != &*self.scheme {
            return Err(UriError::Scheme);
        }
        let authority = match (&self.authority, &self.below) {
            (Some(authority), _) => Some(&**authority),
            (None, Some(_)) => Some(""),
            (None, None) => None,
        };
        if authority.is_some() && authority != parts.authority {
            return Err(UriError::Outside);
        }
        let Some(below) = &self.below else { return Ok(()) };
        if parts.has_encoded_separator {
            return Err(UriError::Malformed);
        }
        if parts.has_query || parts.path.is_empty() {
            return Err(UriError::Outside);
        }
        match below.check(self.local(&parts.path)) {
            Ok(_) => Ok(()),
            Err(PathError::Malformed) => Err(UriError::Malformed),
            Err(PathError::Outside) => Err(UriError::Outside),
        }
    }

    /// Whether a URI may be one of this rule for some reader: one that ignores case, query or encoding of
    /// separators. For rules that deny.
    pub(super) fn may_hold(&self, parts: &Parts<'_>) -> bool {
        let same = |left: &str, right: &str| left.to_lowercase() == right.to_lowercase();
        same(parts.scheme, &self.scheme)
            && match &self.authority {
                Some(authority) => same(parts.authority.unwrap_or_default(), authority),
                None => true,
            }
            && match &self.below {
                Some(below) => below.may_hold(self.local(&parts.path)),
                None => true,
            }
    }

    /// Names of files are judged by the rules of this system.
    fn style(&self) -> PathStyle {
        if &*self.scheme == "file" { PathStyle::NATIVE } else { PathStyle::Posix }
    }

    /// The path of a URI as the path of a file: `/C:/data` is `C:/data`.
    fn local<'p>(&self, path: &'p str) -> &'p str {
        match self.style() {
            PathStyle::Posix => path,
            PathStyle::Windows => path.strip_prefix('/').unwrap_or(path),
        }
    }
}

impl fmt::Display for UriRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if self.authority.is_some() || self.below.is_some() {
            write!(f, "//{}", self.authority.as_deref().unwrap_or_default())?;
        }
        f.write_str(self.below.as_ref().map_or("", AllowedDir::as_str))
    }
}

impl fmt::Debug for UriRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UriRule({self})")
    }
}

/// Refuses a URI that two readers may read differently: without a scheme; with a blank, a control
/// character or a backslash, encoded or not; with a dot segment, encoded or not; with encoding that is
/// broken, that is no UTF-8, or that leaves encoding behind when it was decoded once.
///
/// Every request for a resource passes this before any policy is asked.
///
/// # Errors
///
/// [`UriError::Malformed`].
pub fn check_uri(uri: &str) -> Result<(), UriError> {
    Parts::of(uri).map(drop)
}

/// A well-formed URI.
pub(super) struct Parts<'a> {
    scheme: &'a str,
    authority: Option<&'a str>,
    /// Decoded once.
    path: Cow<'a, str>,
    has_query: bool,
    has_encoded_separator: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn of(uri: &'a str) -> Result<Self, UriError> {
        let (scheme, rest) = uri.split_once(':').ok_or(UriError::Malformed)?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme || rest.contains(char::is_whitespace) {
            return Err(UriError::Malformed);
        }
        // As a whole: a handler may take a query for a part of the path.
        let decoded = decode(rest)?;
        let hostile = |character: char| character == '\\' || character.is_control();
        if decoded.contains(hostile)
            || decoded.split(['/', '?', '#']).any(is_dots)
            || encoded_bytes(&decoded).next().is_some()
        {
            return Err(UriError::Malformed);
        }
        let end = rest.find(['?', '#']);
        let before_query = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        let (authority, path) = match before_query.strip_prefix("//") {
            Some(after) => {
                let slash = after.find('/').unwrap_or(after.len());
                let (authority, path) = after.split_at_checked(slash).ok_or(UriError::Malformed)?;
                (Some(authority), path)
            }
            None => (None, before_query),
        };
        Ok(Self {
            scheme,
            authority,
            path: decode(path)?,
            has_query: end.is_some(),
            has_encoded_separator: encoded_bytes(path).any(|byte| byte == b'/'),
        })
    }
}

/// Percent-decodes once. Borrows if there is nothing to decode.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, UriError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => match (bytes.next().and_then(hex), bytes.next().and_then(hex)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(UriError::Malformed),
            },
            byte => byte,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| UriError::Malformed)
}

#[cfg(test)]
mod tests;

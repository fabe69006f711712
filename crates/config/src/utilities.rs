//! Functions for programs that hold raw forms in their hands.

use palisade_security::{Finding, Secret, digest};

use crate::{
    SecretRef, build,
    checked::Purpose,
    findings::Findings,
    raw::{RawAuthentication, RawOrigins, RawSecret, RawSecurityConfig},
};

/// Everything that is wrong with a raw form, or deserves a look. Empty if there is nothing to say. Changes
/// nothing.
#[must_use]
pub fn validate(raw: &RawSecurityConfig) -> Vec<Finding> {
    let mut findings = Findings::default();
    let _ = build::server(raw, Purpose::Check, &mut findings);
    findings.into_list()
}

/// A configuration to start from: this machine only, no web pages, one bearer token of the subject `owner`
/// that is made anew at each call. Read it with [`SecretRef::as_given`].
///
/// # Examples
///
/// ```
/// use palisade_config::{RawAuthentication, ServerConfig, secure_defaults, validate};
///
/// let raw = secure_defaults();
/// assert!(validate(&raw).is_empty());
/// let RawAuthentication::Bearer { tokens } = &raw.authentication[0] else { unreachable!() };
/// let token = tokens[0].secret.as_given().cloned();
/// let config = ServerConfig::try_from(raw)?;
/// assert!(token.is_some() && config.listen().ip().is_loopback());
/// # Ok::<(), palisade_security::SecurityConfigError>(())
/// ```
#[must_use]
pub fn secure_defaults() -> RawSecurityConfig {
    // Without randomness the token is empty, which is a finding.
    let random = digest::random_bytes::<32>().map(|bytes| hexadecimal(&bytes)).unwrap_or_default();
    let owner = RawSecret {
        subject: "owner".to_owned(),
        secret: SecretRef::given(Secret::new(random)),
        scopes: Vec::new(),
        not_before: None,
        expires_at: None,
    };
    RawSecurityConfig {
        listen: Some("127.0.0.1:8000".to_owned()),
        origins: Some(RawOrigins { allowed: Vec::new(), loopback: false }),
        authentication: vec![RawAuthentication::Bearer { tokens: vec![owner] }],
        ..RawSecurityConfig::default()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

//! What is wrong with a TLS configuration, and the fix.

use std::fmt;

use crate::config::{Finding, Severity};

/// TLS cannot be set up, or not again. Holds every finding; names files, never what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfigError {
    findings: Vec<Finding>,
}

impl TlsConfigError {
    pub(super) const fn new(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// Everything that was found, with paths below `tls`.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The stable name of the first error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.findings.iter().find(|finding| finding.is_error()).map_or("tls_invalid", Finding::code)
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in
            self.findings.iter().filter(|finding| finding.is_error()).enumerate()
        {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TlsConfigError {}

/// The fields of a TLS configuration: where findings point.
pub(super) mod field {
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    pub(in crate::tls) const TLS: &str = "tls";
    pub(in crate::tls) const CERTIFICATES: &str = "tls.certificates";
    pub(in crate::tls) const KEY: &str = "tls.key";
    pub(in crate::tls) const AUTHORITIES: &str = "tls.authorities";
    pub(in crate::tls) const CRLS: &str = "tls.crls";
    pub(in crate::tls) const SPKI_PINS: &str = "tls.spki_pins";
    pub(in crate::tls) const MAX_CHAIN_DEPTH: &str = "tls.max_chain_depth";
    pub(in crate::tls) const RELOAD_INTERVAL: &str = "tls.reload_interval";
    pub(in crate::tls) const CLIENT_AUTHORITIES: &str = "tls.client_certificates.authorities";
    pub(in crate::tls) const CLIENT_CRLS: &str = "tls.client_certificates.crls";
    pub(in crate::tls) const CLIENT_SPKI_PINS: &str = "tls.client_certificates.spki_pins";
    pub(in crate::tls) const CLIENT_MAX_CHAIN_DEPTH: &str =
        "tls.client_certificates.max_chain_depth";
    pub(in crate::tls) const CLIENT_CERTIFICATE: &str = "tls.client_certificate";
    pub(in crate::tls) const CLIENT_KEY: &str = "tls.client_key";
}

/// Collects findings while a configuration is read, so that all are reported at once.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    /// Notes an error.
    pub(super) fn error(
        &mut self,
        path: &'static str,
        code: &'static str,
        message: impl Into<std::borrow::Cow<'static, str>>,
        fix: &'static str,
    ) {
        self.0.push(Finding::new(path, Severity::Error, code, message).with_fix(fix));
    }

    /// Notes a warning.
    pub(super) fn warning(
        &mut self,
        path: &'static str,
        code: &'static str,
        message: impl Into<std::borrow::Cow<'static, str>>,
        fix: &'static str,
    ) {
        self.0.push(Finding::new(path, Severity::Warning, code, message).with_fix(fix));
    }

    pub(super) fn has_error(&self) -> bool {
        self.0.iter().any(Finding::is_error)
    }
}

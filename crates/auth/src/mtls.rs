//! Client certificates: [`Mtls`] says whose they are. The handshake has verified them by then.

use std::{fmt, sync::Arc};

use palisade_security::{
    Authenticator, AuthnError, Challenge, Credentials, Finding, PeerCertificate, Principal, Scope,
    Severity,
    tls::{SpiffeId, SubjectName, TrustDomain},
};

/// Knows clients by the certificate they made the connection with. The principal's subject is the one
/// subject alternative name of the chosen kind; the common name is not looked at. A certificate without a
/// name of this kind, or with two, is refused: who it is would depend on the reader.
///
/// Which authorities issue the certificates is a matter of
/// [`ServerTls::with_client_certificates`](palisade_security::tls::ServerTlsBuilder::with_client_certificates);
/// a configuration without it is not built. By default every certificate of these authorities is let in;
/// [`Self::only`] lists who is.
///
/// # Specification
///
/// RFC 9525, section 6; X509-SVID, sections 2 and 5.2.
///
/// # Examples
///
/// ```
/// use palisade_auth::{Mtls, mtls::CertificateEntry};
///
/// let workloads = Mtls::spiffe(["example.org".parse()?]);
/// let machines = Mtls::dns_name()
///     .only([CertificateEntry::new("ci.example.org"), CertificateEntry::new("ops.example.org")]);
/// # Ok::<(), palisade_security::tls::SpiffeIdError>(())
/// ```
#[derive(Clone)]
pub struct Mtls {
    rule: Rule,
    /// None: everybody.
    entries: Option<Arc<[CertificateEntry]>>,
}

#[derive(Clone, Debug)]
enum Rule {
    DnsName,
    Uri,
    Email,
    Spiffe(Box<[TrustDomain]>),
}

impl Mtls {
    /// The one DNS name, in lower case. Names with a wildcard name nobody.
    #[must_use]
    pub const fn dns_name() -> Self {
        Self { rule: Rule::DnsName, entries: None }
    }

    /// The one URI, as it is written.
    #[must_use]
    pub const fn uri() -> Self {
        Self { rule: Rule::Uri, entries: None }
    }

    /// The one e-mail address, as it is written.
    #[must_use]
    pub const fn email() -> Self {
        Self { rule: Rule::Email, entries: None }
    }

    /// The one URI, which is a SPIFFE ID of one of these trust domains.
    #[must_use]
    pub fn spiffe(trust_domains: impl IntoIterator<Item = TrustDomain>) -> Self {
        Self { rule: Rule::Spiffe(trust_domains.into_iter().collect()), entries: None }
    }

    /// Lets only these in, whoever else has a certificate.
    #[must_use]
    pub fn only(mut self, entries: impl IntoIterator<Item = CertificateEntry>) -> Self {
        self.entries = Some(entries.into_iter().collect());
        self
    }

    /// Whose certificate it is.
    fn identify(&self, certificate: &PeerCertificate) -> Option<Principal> {
        let name = self.rule.name(certificate.names())?;
        let scopes = match &self.entries {
            None => Vec::new(),
            Some(entries) => {
                entries.iter().find(|entry| self.rule.same(&entry.name, &name))?.scopes.clone()
            }
        };
        let principal = Principal::new(name, "mtls").with_scopes(scopes);
        Some(principal.with_expires_at(certificate.expires_at()))
    }
}

impl Rule {
    /// The one name of this kind.
    fn name(&self, names: &[SubjectName]) -> Option<Box<str>> {
        let mut of_kind = names.iter().filter_map(|name| match (self, name) {
            (Self::DnsName, SubjectName::Dns(name))
            | (Self::Uri | Self::Spiffe(_), SubjectName::Uri(name))
            | (Self::Email, SubjectName::Email(name)) => Some(name),
            _ => None,
        });
        let (name, None) = (of_kind.next()?, of_kind.next()) else { return None };
        match self {
            Self::DnsName if name.contains('*') => None,
            Self::DnsName => Some(name.to_ascii_lowercase().into()),
            Self::Uri | Self::Email => Some(name.clone()),
            Self::Spiffe(domains) => {
                let id = SpiffeId::parse(name).ok()?;
                domains.iter().any(|domain| id.is_in(domain)).then(|| name.clone())
            }
        }
    }

    fn same(&self, listed: &str, found: &str) -> bool {
        match self {
            Self::DnsName => listed.eq_ignore_ascii_case(found),
            Self::Uri | Self::Email | Self::Spiffe(_) => listed == found,
        }
    }

    /// Whether a certificate can have this name under this rule.
    fn admits(&self, name: &str) -> bool {
        let name: Box<str> = name.into();
        let name = match self {
            Self::DnsName => SubjectName::Dns(name),
            Self::Uri | Self::Spiffe(_) => SubjectName::Uri(name),
            Self::Email => SubjectName::Email(name),
        };
        self.name(&[name]).is_some()
    }
}

impl Authenticator for Mtls {
    fn authenticate_now(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<Result<Principal, AuthnError>> {
        let certificate = credentials.peer.certificate().ok_or(AuthnError::MissingCredentials);
        Some(certificate.and_then(|certificate| {
            self.identify(certificate).ok_or(AuthnError::InvalidCredentials)
        }))
    }

    /// There is no scheme for certificates: this names what is asked for, so that a person who reads it
    /// knows.
    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        Challenge::new("ClientCertificate")
    }

    fn is_offered(&self, credentials: &Credentials<'_>) -> Result<bool, AuthnError> {
        Ok(credentials.peer.certificate().is_some())
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut error = |path: String, code, message: &'static str, fix: &'static str| {
            findings.push(Finding::new(path, Severity::Error, code, message).with_fix(fix));
        };
        if matches!(&self.rule, Rule::Spiffe(domains) if domains.is_empty()) {
            error(
                "trust_domains".into(),
                "trust_domain_required",
                "no trust domain is listed, so nobody could be let in",
                "list at least one, such as `example.org`",
            );
        }
        let entries = self.entries.as_deref().unwrap_or_default();
        if self.entries.is_some() && entries.is_empty() {
            error(
                "certificates".into(),
                "certificate_entry_required",
                "no certificate is listed, so nobody could be let in",
                "list at least one, or leave the list out to let in all of the authorities",
            );
        }
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("certificates[{index}]");
            let (before, _) = entries.split_at(index);
            if !self.rule.admits(&entry.name) {
                error(
                    path,
                    "certificate_name_invalid",
                    "no certificate can have this name under this rule, so it lets nobody in",
                    "write the name as it is in the certificate",
                );
            } else if before.iter().any(|other| self.rule.same(&other.name, &entry.name)) {
                error(
                    path,
                    "certificate_name_duplicate",
                    "the name is listed twice",
                    "remove one: what it grants would depend on the order of the list",
                );
            }
        }
        findings
    }

    fn uses_client_certificates(&self) -> bool {
        true
    }
}

impl fmt::Debug for Mtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mtls").field("rule", &self.rule).field("entries", &self.entries).finish()
    }
}

/// A name that is let in, and what it is granted.
#[derive(Clone, Debug)]
pub struct CertificateEntry {
    name: Box<str>,
    scopes: Vec<Scope>,
}

impl CertificateEntry {
    /// The name as it is in the certificate.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), scopes: Vec::new() }
    }

    /// Sets what it is granted.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str) -> SubjectName {
        SubjectName::Dns(name.into())
    }

    fn uri(name: &str) -> SubjectName {
        SubjectName::Uri(name.into())
    }

    #[track_caller]
    fn check(mtls: &Mtls, names: &[SubjectName], expected: Option<&str>) {
        assert_eq!(mtls.rule.name(names).as_deref(), expected, "{mtls:?} {names:?}");
    }

    #[test]
    fn m3_exactly_one_name_of_the_kind_counts() {
        let (a, b, mail) =
            (dns("A.example"), uri("urn:b"), SubjectName::Email("c@d.example".into()));
        for (mtls, expected) in [
            (Mtls::dns_name(), "a.example"),
            (Mtls::uri(), "urn:b"),
            (Mtls::email(), "c@d.example"),
        ] {
            check(&mtls, &[a.clone(), b.clone(), mail.clone(), SubjectName::Other], Some(expected));
            check(&mtls, &[], None);
            check(&mtls, &[SubjectName::Other], None);
            // Twice the same name is two names as well.
            let twice = [a.clone(), a.clone(), b.clone(), b.clone(), mail.clone(), mail.clone()];
            check(&mtls, &twice, None);
        }
        check(&Mtls::dns_name(), &[dns("*.example")], None);
        check(&Mtls::dns_name(), &[b], None);
        check(&Mtls::uri(), &[a], None);
    }

    #[test]
    fn m4_exactly_one_uri_of_the_trust_domain() {
        let mtls = Mtls::spiffe(["example.org".parse().unwrap()]);
        let good = uri("spiffe://example.org/api");
        check(&mtls, std::slice::from_ref(&good), Some("spiffe://example.org/api"));
        check(&mtls, &[good.clone(), dns("a.example")], Some("spiffe://example.org/api"));
        check(&mtls, &[good.clone(), good.clone()], None);
        check(&mtls, &[good, uri("urn:b")], None);
        for bad in ["spiffe://other.org/api", "spiffe://example.org", "urn:spiffe://example.org/a"]
        {
            check(&mtls, &[uri(bad)], None);
        }
    }

    #[track_caller]
    fn codes(mtls: &Mtls, expected: &[(&str, &str)]) {
        let findings = mtls.findings();
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.path(), finding.code())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn lists_that_let_nobody_in_are_findings() {
        let entry = CertificateEntry::new;
        codes(&Mtls::dns_name().only([entry("a.example"), entry("b.example")]), &[]);
        codes(&Mtls::spiffe([]), &[("trust_domains", "trust_domain_required")]);
        codes(&Mtls::uri().only([]), &[("certificates", "certificate_entry_required")]);
        codes(
            &Mtls::dns_name().only([entry("a.example"), entry("A.example"), entry("*.example")]),
            &[
                ("certificates[1]", "certificate_name_duplicate"),
                ("certificates[2]", "certificate_name_invalid"),
            ],
        );
        codes(
            &Mtls::spiffe(["example.org".parse().unwrap()])
                .only([entry("spiffe://example.org/a"), entry("spiffe://other.org/a")]),
            &[("certificates[1]", "certificate_name_invalid")],
        );
    }
}

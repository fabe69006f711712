//! Certificates that somebody could try to get in with, authorities below authorities, and revocation lists.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use super::{TestCa, TestCert, client_params, common_name, serial, server_params, with_http1};

/// A subject alternative name.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TestName<'a> {
    /// A DNS name.
    Dns(&'a str),
    /// A URI.
    Uri(&'a str),
    /// An e-mail address.
    Email(&'a str),
}

impl TestCa {
    /// A new authority below which there may be others.
    ///
    /// # Panics
    ///
    /// If the certificate cannot be made.
    pub fn root() -> Self {
        let key = KeyPair::generate().expect("a key for the authority");
        let (params, serial) = authority_params();
        let issuer = CertifiedIssuer::self_signed(params, key);
        Self { issuer: issuer.expect("a certificate for the authority"), serial }
    }

    /// A new authority below this one.
    ///
    /// # Panics
    ///
    /// If the certificate cannot be made.
    pub fn intermediate(&self) -> Self {
        let key = KeyPair::generate().expect("a key for the authority");
        let (params, serial) = authority_params();
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer);
        Self { issuer: issuer.expect("a certificate for the authority"), serial }
    }

    /// A client certificate with these names, in this order; none leaves only the common name.
    ///
    /// # Panics
    ///
    /// If a name is not ASCII.
    pub fn client_named(&self, names: &[TestName<'_>]) -> TestCert {
        let mut params = client_params("urn:replaced");
        params.subject_alt_names = names
            .iter()
            .map(|name| match *name {
                TestName::Dns(name) => SanType::DnsName(name.try_into().expect("ASCII")),
                TestName::Uri(name) => SanType::URI(name.try_into().expect("ASCII")),
                TestName::Email(name) => SanType::Rfc822Name(name.try_into().expect("ASCII")),
            })
            .collect();
        self.sign(params)
    }

    /// A client certificate with this common name and no other name.
    pub fn client_common_name(&self, name: &str) -> TestCert {
        let mut params = client_params("urn:replaced");
        params.subject_alt_names.clear();
        params.distinguished_name = common_name(name);
        self.sign(params)
    }

    /// A client certificate that is valid between two times, in seconds since 1970.
    pub fn client_between(&self, uri: &str, from: u64, to: u64) -> TestCert {
        self.sign(between(client_params(uri), from, to))
    }

    /// A server certificate for the loopback names that is valid between two times, in seconds since 1970.
    pub fn server_between(&self, from: u64, to: u64) -> TestCert {
        self.sign(between(server_params(&super::LOOPBACK_NAMES), from, to))
    }

    /// A client certificate whose key may encrypt keys and nothing else.
    pub fn client_that_may_not_sign(&self, uri: &str) -> TestCert {
        let mut params = client_params(uri);
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        self.sign(params)
    }

    /// A client certificate whose key may sign certificates.
    pub fn client_that_may_certify(&self, uri: &str) -> TestCert {
        let mut params = client_params(uri);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        self.sign(params)
    }

    /// A revocation list of this authority as PEM, out of date in the year 2100.
    pub fn crl(&self, revoked: &[&TestCert]) -> String {
        self.crl_until(revoked, 4_102_444_800)
    }

    /// A revocation list of this authority as PEM that revokes an authority below it.
    pub fn crl_of_authority(&self, revoked: &TestCa) -> String {
        self.list([revoked.serial.clone()], 4_102_444_800)
    }

    /// A revocation list of this authority as PEM, out of date at this time, in seconds since 1970.
    ///
    /// # Panics
    ///
    /// If the list cannot be made.
    pub fn crl_until(&self, revoked: &[&TestCert], next_update: u64) -> String {
        self.list(revoked.iter().map(|cert| cert.serial.clone()), next_update)
    }

    fn list(&self, revoked: impl IntoIterator<Item = SerialNumber>, next_update: u64) -> String {
        let revoked = revoked.into_iter().map(|serial_number| RevokedCertParams {
            serial_number,
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2001, 1, 1),
            next_update: date_time_ymd(1970, 1, 1) + Duration::from_secs(next_update),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).expect("a revocation list");
        list.pem().expect("pem")
    }

    /// A rustls client that trusts this authority and speaks TLS 1.2 only.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn old_client_config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("protocol versions")
            .with_root_certificates(self.roots());
        Arc::new(with_http1(builder.with_no_client_auth()))
    }

    /// A rustls server with this certificate that speaks TLS 1.2 only.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn old_server_config(&self, identity: &TestCert) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![identity.der()], identity.key_der());
        Arc::new(config.expect("a server certificate that rustls takes"))
    }

    /// A rustls client that trusts this authority, and sends a certificate with the rest of a chain.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn client_config_with_chain(
        &self,
        identity: &TestCert,
        rest: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Arc<ClientConfig> {
        let chain = std::iter::once(identity.der()).chain(rest).collect();
        let config = self.client_builder().with_client_auth_cert(chain, identity.key_der());
        Arc::new(with_http1(config.expect("a client certificate that rustls takes")))
    }
}

fn authority_params() -> (CertificateParams, SerialNumber) {
    let mut params = CertificateParams::default();
    let serial = serial();
    params.distinguished_name = common_name(&format!("palisade test authority {serial}"));
    params.serial_number = Some(serial.clone());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params, serial)
}

fn between(mut params: CertificateParams, from: u64, to: u64) -> CertificateParams {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from);
    params.not_after = epoch + Duration::from_secs(to);
    params
}

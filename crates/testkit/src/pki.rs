//! A throw-away certificate authority, and certificates that are right, expired, misused or from somebody else.

mod early;
mod hostile;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use early::{EarlyClient, EarlyVisit};
pub use hostile::TestName;

/// The names that [`TestCa::server`] puts into a certificate.
pub const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate authority that exists only in this process.
#[derive(Debug)]
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    serial: SerialNumber,
}

/// A certificate with its private key.
///
/// `Debug` shows the certificate only.
#[derive(Clone)]
pub struct TestCert {
    cert: CertificateDer<'static>,
    cert_pem: String,
    key: Vec<u8>,
    key_pem: String,
    serial: SerialNumber,
}

impl TestCa {
    /// A new authority with a key of its own; no two are alike.
    ///
    /// # Panics
    ///
    /// If the certificate cannot be made.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("palisade test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key for the authority");
        let serial = serial();
        params.serial_number = Some(serial.clone());
        let issuer = CertifiedIssuer::self_signed(params, key);
        Self { issuer: issuer.expect("a certificate for the authority"), serial }
    }

    /// The authority's certificate as PEM: what a peer has to trust.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate as DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server certificate for `localhost`, `127.0.0.1` and `::1`.
    pub fn server(&self) -> TestCert {
        self.sign(server_params(&LOOPBACK_NAMES))
    }

    /// A server certificate for other names, to be refused by a client that asked for `localhost`.
    pub fn server_for(&self, names: &[&str]) -> TestCert {
        self.sign(server_params(names))
    }

    /// A server certificate for the loopback names that ran out in 2001.
    pub fn expired_server(&self) -> TestCert {
        self.sign(expired(server_params(&LOOPBACK_NAMES)))
    }

    /// A client certificate whose only subject alternative name is this URI (such as a SPIFFE ID).
    pub fn client(&self, uri: &str) -> TestCert {
        self.sign(client_params(uri))
    }

    /// A client certificate that ran out in 2001.
    pub fn expired_client(&self, uri: &str) -> TestCert {
        self.sign(expired(client_params(uri)))
    }

    /// A certificate made after the caller's own idea, signed by this authority.
    ///
    /// # Panics
    ///
    /// If the parameters cannot be encoded.
    pub fn sign(&self, mut params: CertificateParams) -> TestCert {
        let serial = serial();
        params.serial_number = Some(serial.clone());
        let key = KeyPair::generate().expect("a key for the certificate");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        TestCert {
            cert: cert.der().clone(),
            cert_pem: cert.pem(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
            serial,
        }
    }

    /// A rustls client that trusts this authority only and speaks HTTP/1.1.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        let builder = self.client_builder();
        Arc::new(with_http1(builder.with_no_client_auth()))
    }

    /// The same with a client certificate.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn client_config_with(&self, identity: &TestCert) -> Arc<ClientConfig> {
        let builder = self.client_builder();
        let config = builder.with_client_auth_cert(vec![identity.der()], identity.key_der());
        Arc::new(with_http1(config.expect("a client certificate that rustls takes")))
    }

    /// A rustls server with this certificate that asks nobody for theirs.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn server_config(&self, identity: &TestCert) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = builder
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![identity.der()], identity.key_der());
        Arc::new(config.expect("a server certificate that rustls takes"))
    }

    /// A rustls server with this certificate that wants client certificates of this authority.
    ///
    /// # Panics
    ///
    /// If rustls refuses the configuration.
    pub fn mutual_server_config(&self, identity: &TestCert) -> Arc<ServerConfig> {
        let provider = Arc::new(default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::new(self.roots()),
            Arc::clone(&provider),
        );
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_client_cert_verifier(
                verifier.build().expect("a verifier for client certificates"),
            )
            .with_single_cert(vec![identity.der()], identity.key_der());
        Arc::new(config.expect("a server certificate that rustls takes"))
    }

    /// A root store with this authority only.
    ///
    /// # Panics
    ///
    /// If rustls refuses the authority's certificate.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).expect("the authority is a trust anchor");
        roots
    }

    fn client_builder(
        &self,
    ) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_root_certificates(self.roots())
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl TestCert {
    /// The certificate as DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.cert.clone()
    }

    /// The certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.cert_pem
    }

    /// The private key as PKCS #8 DER.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }

    /// The private key as PKCS #8 PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }
}

impl std::fmt::Debug for TestCert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCert").field("pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// A number that no other certificate of this process has.
fn serial() -> SerialNumber {
    static LAST: AtomicU64 = AtomicU64::new(0);
    SerialNumber::from(LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names that a certificate can hold");
    params.distinguished_name = common_name("palisade test server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn client_params(uri: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("palisade test client");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("an ASCII URI"))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn with_http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::pki_types::ServerName;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    async fn handshake(
        server: Arc<ServerConfig>,
        client: Arc<ClientConfig>,
        name: &'static str,
    ) -> (io::Result<()>, io::Result<()>) {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let name = ServerName::try_from(name).unwrap();
        let accept = async { TlsAcceptor::from(server).accept(far).await };
        let connect = async { TlsConnector::from(client).connect(name, near).await };
        let (accepted, connected) =
            crate::within(crate::guard::PATIENCE, async { tokio::join!(accept, connect) }).await;
        (accepted.map(drop), connected.map(drop))
    }

    #[tokio::test]
    async fn the_right_certificate_is_taken_for_every_loopback_name() {
        let ca = TestCa::new();
        for name in LOOPBACK_NAMES {
            let (server, client) =
                handshake(ca.server_config(&ca.server()), ca.client_config(), name).await;
            assert!(server.is_ok() && client.is_ok(), "{name}: {server:?} {client:?}");
        }
    }

    #[tokio::test]
    async fn wrong_server_certificates_are_refused() {
        let ca = TestCa::new();
        let strangers = [
            ("expired", ca.expired_server()),
            ("another authority", TestCa::new().server()),
            ("another name", ca.server_for(&["elsewhere.test"])),
            ("a client's", ca.client("spiffe://test/client")),
        ];
        for (what, cert) in strangers {
            let (_, client) =
                handshake(ca.server_config(&cert), ca.client_config(), "localhost").await;
            assert!(client.is_err(), "{what}");
        }
    }

    #[tokio::test]
    async fn client_certificates_are_checked() {
        let ca = TestCa::new();
        let uri = "spiffe://test/client";
        let cases = [
            ("right", ca.client(uri), true),
            ("expired", ca.expired_client(uri), false),
            ("another authority", TestCa::new().client(uri), false),
            ("a server's", ca.server(), false),
        ];
        for (what, cert, taken) in cases {
            let (server, _) = handshake(
                ca.mutual_server_config(&ca.server()),
                ca.client_config_with(&cert),
                "localhost",
            )
            .await;
            assert_eq!(server.is_ok(), taken, "{what}: {server:?}");
        }
        let (server, _) =
            handshake(ca.mutual_server_config(&ca.server()), ca.client_config(), "localhost").await;
        assert!(server.is_err(), "no certificate");
    }

    #[test]
    fn pem_and_der_are_the_same() {
        use rustls::pki_types::pem::PemObject;
        let cert = TestCa::new().server();
        assert_eq!(CertificateDer::from_pem_slice(cert.pem().as_bytes()).unwrap(), cert.der());
        assert_eq!(
            PrivateKeyDer::from_pem_slice(cert.key_pem().as_bytes()).unwrap(),
            cert.key_der()
        );
        assert!(!format!("{cert:?}").contains("PRIVATE"));
    }
}

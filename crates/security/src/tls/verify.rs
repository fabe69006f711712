//! What is checked of a peer beyond the usual: the length of its chain before, its key after. The usual
//! (chain, dates, purpose, names, revocation) is rustls's.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{certificate::Certificate, pin::SpkiPin};

/// Why a peer was refused that rustls would have let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the certificate chain is longer than configured")]
    ChainTooLong,
    #[error("the certificate's key is not pinned")]
    KeyNotPinned,
    #[error(
        "the certificate's key usage does not allow signatures, or allows to sign certificates"
    )]
    KeyUsage,
    #[error("a server that is not verified must be on this machine")]
    NotLoopback,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

/// The checks for both sides.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    pub(super) max_chain_depth: usize,
    /// Empty: any key.
    pub(super) pins: Box<[SpkiPin]>,
}

impl Checks {
    /// Before anything is verified: signatures are what verification costs. The verified path is made of
    /// what the peer sent, so it is no longer than that.
    fn check_length(&self, intermediates: &[CertificateDer<'_>]) -> Result<(), Error> {
        if intermediates.len() < self.max_chain_depth {
            Ok(())
        } else {
            Err(Refusal::ChainTooLong.into())
        }
    }

    fn check_pin(&self, leaf: &Certificate) -> Result<(), Error> {
        let pinned = |pin: &SpkiPin| pin.matches(&leaf.spki_sha256);
        if self.pins.is_empty() || self.pins.iter().any(pinned) {
            Ok(())
        } else {
            Err(Refusal::KeyNotPinned.into())
        }
    }
}

fn parse(leaf: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::parse(leaf).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// Verifies clients.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
    pub(super) checks: Checks,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.checks.check_length(intermediates)?;
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        let leaf = parse(end_entity)?;
        // rustls looks at the extended usage only.
        if !leaf.may_sign || leaf.may_certify {
            return Err(Refusal::KeyUsage.into());
        }
        self.checks.check_pin(&leaf)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Verifies servers.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    pub(super) inner: Arc<dyn ServerCertVerifier>,
    pub(super) checks: Checks,
    /// Whether chain, dates and name count. If not, the server must be on this machine.
    pub(super) verifies: bool,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.checks.check_length(intermediates)?;
        let verified = if self.verifies {
            self.inner.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )?
        } else if is_loopback(server_name) {
            ServerCertVerified::assertion()
        } else {
            return Err(Refusal::NotLoopback.into());
        };
        self.checks.check_pin(&parse(end_entity)?)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn is_loopback(name: &ServerName<'_>) -> bool {
    match name {
        ServerName::DnsName(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        ServerName::IpAddress(address) => {
            std::net::IpAddr::from(*address).to_canonical().is_loopback()
        }
        _ => false,
    }
}

/// The stable name of a failed handshake, for audit records.
#[must_use]
pub fn handshake_code(error: &Error) -> &'static str {
    match error {
        Error::NoCertificatesPresented => "client_certificate_missing",
        Error::InvalidCertificate(error) => certificate_code(error),
        Error::PeerIncompatible(_) => "tls_incompatible",
        _ => "tls_handshake_failed",
    }
}

fn certificate_code(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "client_certificate_expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "client_certificate_not_yet_valid",
        E::Revoked => "client_certificate_revoked",
        E::UnknownRevocationStatus => "client_certificate_revocation_unknown",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => "stale_crl",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "client_certificate_wrong_usage",
        E::Other(OtherError(other)) => match other.downcast_ref() {
            Some(Refusal::ChainTooLong) => "client_chain_too_long",
            Some(Refusal::KeyNotPinned) => "client_key_not_pinned",
            Some(Refusal::KeyUsage) => "client_certificate_wrong_usage",
            Some(Refusal::NotLoopback) | None => "client_certificate_invalid",
        },
        _ => "client_certificate_invalid",
    }
}

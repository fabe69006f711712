//! TLS by rustls: certificates of servers, roots that clients trust. The cryptography is chosen by feature
//! and passed explicitly; the default of the process is neither read nor set.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use zeroize::Zeroizing;

/// HTTP/2 first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How a server encrypts: certificate chain and key, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no early data
/// (it can be replayed).
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    certificates: usize,
}

impl ServerTls {
    /// Reads a certificate chain (the server's own first) and its key from PEM files.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], which names the file and the fix.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsConfigError> {
        let certificates = read(TlsField::Certificates, certificates.as_ref())?;
        let key = read(TlsField::Key, key.as_ref())?;
        Self::from_pem(&certificates, &key)
    }

    /// Takes a certificate chain (the server's own first) and its key as PEM text.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], which names the field and the fix.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsConfigError> {
        let chain = parse_certificates(TlsField::Certificates, certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsConfigError::NoKey)?;
        let count = chain.len();
        let mut config = ServerConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsConfigError::NoProvider)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|_| TlsConfigError::KeyMismatch)?;
        config.alpn_protocols = ALPN.map(Vec::from).into();
        config.max_early_data_size = 0;
        Ok(Self { config: Arc::new(config), certificates: count })
    }

    /// The configuration for rustls.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

/// Which certificates a client trusts. Peers are always verified: chain, name and validity.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    roots: usize,
}

impl ClientTls {
    /// Trusts what the operating system trusts.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::NoRoots`] if the operating system has no certificates.
    pub fn system_roots() -> Result<Self, TlsConfigError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::from_roots(roots)
    }

    /// Trusts only the authorities in a PEM text.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], if the text has no certificate or one that is malformed.
    pub fn from_ca_pem(authorities: &[u8]) -> Result<Self, TlsConfigError> {
        let mut roots = RootCertStore::empty();
        for certificate in parse_certificates(TlsField::Authorities, authorities)? {
            roots
                .add(certificate)
                .map_err(|_| TlsConfigError::InvalidCertificate { field: TlsField::Authorities })?;
        }
        Self::from_roots(roots)
    }

    /// Trusts only the authorities in a PEM file.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], which names the file and the fix.
    pub fn from_ca_file(authorities: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        Self::from_ca_pem(&read(TlsField::Authorities, authorities.as_ref())?)
    }

    fn from_roots(roots: RootCertStore) -> Result<Self, TlsConfigError> {
        if roots.is_empty() {
            return Err(TlsConfigError::NoRoots);
        }
        let count = roots.len();
        let mut config = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsConfigError::NoProvider)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = ALPN.map(Vec::from).into();
        config.enable_early_data = false;
        Ok(Self { config: Arc::new(config), roots: count })
    }

    /// The configuration for rustls.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("roots", &self.roots).finish_non_exhaustive()
    }
}

/// A field of the TLS configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsField {
    /// The server's certificate chain.
    Certificates,
    /// The key of the server's certificate.
    Key,
    /// The authorities that a client trusts.
    Authorities,
}

impl fmt::Display for TlsField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificates => "tls.certificates",
            Self::Key => "tls.key",
            Self::Authorities => "tls.authorities",
        })
    }
}

/// Why TLS cannot be set up. Shows names of files, never what is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A file cannot be read.
    #[error("{field}: cannot read {}: {kind}", path.display())]
    Unreadable {
        /// The field.
        field: TlsField,
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: std::io::ErrorKind,
    },
    /// There is no certificate.
    #[error("{field}: no certificate: expected pem text with -----BEGIN CERTIFICATE-----")]
    NoCertificate {
        /// The field.
        field: TlsField,
    },
    /// A certificate is malformed.
    #[error("{field}: malformed certificate: make or export it again as pem")]
    InvalidCertificate {
        /// The field.
        field: TlsField,
    },
    /// There is no key, or it is malformed.
    #[error(
        "tls.key: no usable private key: expected unencrypted pem text (pkcs#8, pkcs#1 or sec1)"
    )]
    NoKey,
    /// The key does not belong to the certificate, or its algorithm is not supported.
    #[error(
        "tls.key: the key does not fit the first certificate: list the server's own certificate first"
    )]
    KeyMismatch,
    /// No authority is trusted, so no server could be.
    #[error("tls.authorities: no trusted certificates: install the system's, or name a ca file")]
    NoRoots,
    /// No cryptography was compiled in.
    #[error("tls: no cryptography: enable feature `aws-lc-rs` or `ring`")]
    NoProvider,
}

impl TlsConfigError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "tls_file_unreadable",
            Self::NoCertificate { .. } => "tls_certificate_missing",
            Self::InvalidCertificate { .. } => "tls_certificate_invalid",
            Self::NoKey => "tls_key_invalid",
            Self::KeyMismatch => "tls_key_mismatch",
            Self::NoRoots => "tls_roots_missing",
            Self::NoProvider => "tls_provider_missing",
        }
    }
}

fn provider() -> Result<Arc<CryptoProvider>, TlsConfigError> {
    #[cfg(feature = "aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    return Err(TlsConfigError::NoProvider);
}

fn read(field: TlsField, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsConfigError> {
    let unreadable = |error: std::io::Error| TlsConfigError::Unreadable {
        field,
        path: path.to_owned(),
        kind: error.kind(),
    };
    std::fs::read(path).map(Zeroizing::new).map_err(unreadable)
}

fn parse_certificates(
    field: TlsField,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsConfigError::InvalidCertificate { field })?;
    if certificates.is_empty() {
        return Err(TlsConfigError::NoCertificate { field });
    }
    Ok(certificates)
}

//! Where PEM text comes from, and reading it within a bound.

use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject,
};
use zeroize::Zeroizing;

use super::error::Findings;

/// PEM text: a file, which is read again on a reload, or the text itself.
#[derive(Clone)]
pub struct PemSource(Place);

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Text(Arc<Zeroizing<Vec<u8>>>),
}

/// The largest file, in bytes. Abuse: a path that names a device without end. Revocation lists of public
/// authorities have a few megabytes.
const MAX_FILE_BYTES: u64 = 32 << 20;

impl PemSource {
    /// A file. It may be replaced while the program runs: see [`ServerTls::reload`](super::ServerTls::reload).
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// The text itself. It is wiped from memory when the last copy is dropped.
    #[must_use]
    pub fn text(pem: impl Into<Vec<u8>>) -> Self {
        Self(Place::Text(Arc::new(Zeroizing::new(pem.into()))))
    }

    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Text(_) => None,
        }
    }

    /// Reads it. What cannot be read is a finding.
    pub(super) fn read(
        &self,
        field: &'static str,
        findings: &mut Findings,
    ) -> Option<Arc<Zeroizing<Vec<u8>>>> {
        let path = match &self.0 {
            Place::File(path) => path,
            Place::Text(text) => return Some(Arc::clone(text)),
        };
        let mut text = Zeroizing::new(Vec::new());
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
        let problem = match read {
            Ok(length) if length as u64 <= MAX_FILE_BYTES => return Some(Arc::new(text)),
            Ok(_) => "larger than 32 MiB".to_owned(),
            Err(error) => error.kind().to_string(),
        };
        findings.error(
            field,
            "tls_file_unreadable",
            format!("cannot read {}: {problem}", path.display()),
            "check the path and who may read the file",
        );
        None
    }
}

/// Shows the path, never the text: it may be a key.
impl fmt::Debug for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => f.debug_tuple("PemSource").field(path).finish(),
            Place::Text(_) => f.write_str("PemSource(..)"),
        }
    }
}

/// All certificates of a text; at least one.
pub(super) fn certificates(
    field: &'static str,
    pem: &[u8],
    findings: &mut Findings,
) -> Option<Vec<CertificateDer<'static>>> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(all) if !all.is_empty() => return Some(all),
        Ok(_) => findings.error(
            field,
            "tls_certificate_missing",
            "there is no certificate",
            "expected pem text with -----BEGIN CERTIFICATE-----",
        ),
        Err(_) => malformed(field, findings),
    }
    None
}

pub(super) fn malformed(field: &'static str, findings: &mut Findings) {
    findings.error(
        field,
        "tls_certificate_invalid",
        "a certificate is malformed",
        "make or export it again as pem",
    );
}

/// The one key of a text.
pub(super) fn key(
    field: &'static str,
    pem: &[u8],
    findings: &mut Findings,
) -> Option<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(pem).ok();
    if key.is_none() {
        findings.error(
            field,
            "tls_key_invalid",
            "there is no usable private key",
            "expected unencrypted pem text (pkcs#8, pkcs#1 or sec1)",
        );
    }
    key
}

/// All revocation lists of a text, or the one in DER: authorities publish them so.
pub(super) fn crls(
    field: &'static str,
    bytes: &[u8],
    findings: &mut Findings,
) -> Vec<CertificateRevocationListDer<'static>> {
    if bytes.first() == Some(&super::der::SEQUENCE) {
        return vec![bytes.to_vec().into()];
    }
    match CertificateRevocationListDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>() {
        Ok(all) if !all.is_empty() => all,
        _ => {
            findings.error(
                field,
                "tls_crl_invalid",
                "there is no revocation list, or it is malformed",
                "expected pem text with -----BEGIN X509 CRL-----, or one list in der",
            );
            Vec::new()
        }
    }
}

//! What a certificate says: dates, names and key. Reading it verifies nothing.

use rustls::pki_types::CertificateDer;

use super::der::{BIT_STRING, BOOLEAN, INTEGER, Malformed, OCTET_STRING, OID, Reader, SEQUENCE};
use crate::{clock::UnixMillis, digest::digest};

/// The certificate that a peer proved to own, with the chain that was verified. Made by transports, after
/// the handshake.
///
/// # Specification
///
/// RFC 9525, section 6: names are subject alternative names; the common name is not looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    chain: Box<[CertificateDer<'static>]>,
    leaf: Certificate,
    expires_at: UnixMillis,
}

/// A certificate cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate is malformed")]
#[non_exhaustive]
pub struct CertificateError;

impl CertificateError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "certificate_malformed"
    }
}

impl PeerCertificate {
    /// Reads a chain, the peer's own certificate first. Call it with what a handshake verified and nothing
    /// else: whoever makes this value vouches for it.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if there is none, or one is malformed.
    pub fn from_verified_chain(chain: &[CertificateDer<'_>]) -> Result<Self, CertificateError> {
        let mut all = chain.iter().map(|der| Certificate::parse(der));
        let leaf = all.next().ok_or(CertificateError)?.map_err(|Malformed| CertificateError)?;
        let expires_at = all.try_fold(leaf.not_after, |earliest, next| {
            next.map(|next| earliest.min(next.not_after)).map_err(|Malformed| CertificateError)
        })?;
        let chain = chain.iter().map(|der| der.clone().into_owned()).collect();
        Ok(Self { chain, leaf, expires_at })
    }

    /// The peer's own certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.chain.first().map_or(&[], |leaf| leaf)
    }

    /// The whole chain, the peer's own certificate first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The names that it was issued for, in order.
    #[must_use]
    pub fn names(&self) -> &[SubjectName] {
        &self.leaf.names
    }

    /// When the first certificate of the chain ends: from then on nothing is proved by it.
    #[must_use]
    pub const fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }

    /// SHA-256 over the public key (`SubjectPublicKeyInfo`).
    #[must_use]
    pub const fn spki_sha256(&self) -> [u8; 32] {
        self.leaf.spki_sha256
    }
}

impl std::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerCertificate")
            .field("names", &self.leaf.names)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectName {
    /// A DNS name, as written.
    Dns(Box<str>),
    /// A URI, as written.
    Uri(Box<str>),
    /// An e-mail address, as written.
    Email(Box<str>),
    /// Another kind of name, such as an IP address.
    Other,
}

/// What is read of any certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) not_before: UnixMillis,
    pub(super) not_after: UnixMillis,
    pub(super) names: Box<[SubjectName]>,
    pub(super) spki_sha256: [u8; 32],
    /// The size of an RSA key, in bits.
    pub(super) rsa_bits: Option<usize>,
    /// Whether the key may sign handshakes; certificates may leave that open.
    pub(super) may_sign: bool,
    /// Whether the key may sign certificates.
    pub(super) may_certify: bool,
}

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// The bits of the key usage: the first is the highest.
const DIGITAL_SIGNATURE: u8 = 0x80;
const KEY_CERT_SIGN: u8 = 0x04;

impl Certificate {
    /// RFC 5280, section 4.1.
    pub(super) fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let mut certificate = Reader::new(Reader::new(der).expect(SEQUENCE)?);
        let mut fields = Reader::new(certificate.expect(SEQUENCE)?);
        fields.optional(0xa0)?; // version
        fields.expect(INTEGER)?; // serial number
        fields.expect(SEQUENCE)?; // signature algorithm
        fields.expect(SEQUENCE)?; // issuer
        let mut validity = Reader::new(fields.expect(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        fields.expect(SEQUENCE)?; // subject
        let (SEQUENCE, key, spki) = fields.any()? else { return Err(Malformed) };
        fields.optional(0x81)?; // issuer's unique id
        fields.optional(0x82)?; // subject's unique id
        let mut found = Self {
            not_before,
            not_after,
            names: Box::default(),
            spki_sha256: digest(spki),
            rsa_bits: rsa_bits(key)?,
            may_sign: true,
            may_certify: false,
        };
        if let Some(extensions) = fields.optional(0xa3)? {
            found.read_extensions(extensions)?;
        }
        Ok(found)
    }

    fn read_extensions(&mut self, extensions: &[u8]) -> Result<(), Malformed> {
        let mut all = Reader::new(Reader::new(extensions).expect(SEQUENCE)?);
        let (mut names, mut usage) = (None, None);
        while !all.is_empty() {
            let mut extension = Reader::new(all.expect(SEQUENCE)?);
            let id = extension.expect(OID)?;
            extension.optional(BOOLEAN)?; // critical
            let value = extension.expect(OCTET_STRING)?;
            let slot = match id {
                SUBJECT_ALT_NAME => &mut names,
                KEY_USAGE => &mut usage,
                _ => continue,
            };
            // Twice the same extension is two answers to one question.
            if slot.replace(value).is_some() {
                return Err(Malformed);
            }
        }
        if let Some(value) = names {
            self.names = subject_names(value)?;
        }
        if let Some(value) = usage {
            let bits = Reader::new(value).expect(BIT_STRING)?.get(1).copied().unwrap_or_default();
            self.may_sign = bits & DIGITAL_SIGNATURE != 0;
            self.may_certify = bits & KEY_CERT_SIGN != 0;
        }
        Ok(())
    }
}

fn subject_names(value: &[u8]) -> Result<Box<[SubjectName]>, Malformed> {
    let mut all = Reader::new(Reader::new(value).expect(SEQUENCE)?);
    let mut names = Vec::new();
    while !all.is_empty() {
        names.push(match all.any()? {
            (0x81, text, _) => SubjectName::Email(visible(text)?),
            (0x82, text, _) => SubjectName::Dns(visible(text)?),
            (0x86, text, _) => SubjectName::Uri(visible(text)?),
            _ => SubjectName::Other,
        });
    }
    Ok(names.into())
}

/// Names are ASCII without blanks and controls: one that has a NUL or a line break is there to be read in
/// two ways.
fn visible(text: &[u8]) -> Result<Box<str>, Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
    let valid = !text.is_empty() && text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if valid { Ok(text.into()) } else { Err(Malformed) }
}

/// The size of the modulus, if it is an RSA key.
fn rsa_bits(key: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut key = Reader::new(key);
    let algorithm = Reader::new(key.expect(SEQUENCE)?).expect(OID)?;
    if algorithm != RSA_ENCRYPTION {
        return Ok(None);
    }
    let bits = key.expect(BIT_STRING)?.get(1..).ok_or(Malformed)?;
    let modulus = Reader::new(Reader::new(bits).expect(SEQUENCE)?).expect(INTEGER)?;
    let first = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
    let digits = modulus.get(first..).unwrap_or_default();
    let unused = digits.first().map_or(0, |byte| byte.leading_zeros() as usize);
    Ok(Some(digits.len() * 8 - unused))
}

/// When a revocation list must have been replaced. RFC 5280, section 5.1.
pub(super) fn next_update(list: &[u8]) -> Result<Option<UnixMillis>, Malformed> {
    let mut list = Reader::new(Reader::new(list).expect(SEQUENCE)?);
    let mut fields = Reader::new(list.expect(SEQUENCE)?);
    fields.optional(INTEGER)?; // version
    fields.expect(SEQUENCE)?; // signature algorithm
    fields.expect(SEQUENCE)?; // issuer
    fields.time()?; // this update
    let mut next = fields;
    Ok(next.time().ok())
}

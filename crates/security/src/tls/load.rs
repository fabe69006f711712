//! From settings to what rustls needs: everything is read, and everything that is wrong is noted.

use std::{sync::Arc, time::Duration};

use rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateRevocationListDer, UnixTime},
    sign::CertifiedKey,
    time_provider::TimeProvider,
};
use zeroize::Zeroizing;

use super::{
    certificate::{Certificate, next_update},
    error::{Findings, TlsConfigError},
    pin::SpkiPin,
    source::{self, PemSource},
    verify::Checks,
};
use crate::{
    clock::{Clock, UnixMillis},
    digest::{digest, digest_parts},
};

/// How many certificates a peer may send, its own included, unless the configuration says otherwise.
pub(super) const DEFAULT_CHAIN_DEPTH: usize = 4;
/// What the verifier follows at most: six intermediates between two ends.
const MOST_CHAIN_DEPTH: usize = 8;
/// When the end of a certificate deserves a look.
const SOON: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 24 * 60 * 60;
/// The least size of an RSA key, in bits.
const MIN_RSA_BITS: usize = 2048;

/// Reads sources, and remembers what was in them and what was wrong with them.
#[derive(Default)]
pub(super) struct Inputs {
    pub(super) findings: Findings,
    digests: Vec<[u8; 32]>,
}

impl Inputs {
    pub(super) fn read(
        &mut self,
        field: &'static str,
        source: &PemSource,
    ) -> Option<Arc<Zeroizing<Vec<u8>>>> {
        let text = source.read(field, &mut self.findings)?;
        self.digests.push(digest(&text));
        Some(text)
    }

    /// A digest of all that was read.
    pub(super) fn digest(&self) -> [u8; 32] {
        digest_parts(&self.digests.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
    }

    /// All findings, because one of them is an error or what was read is missing for another reason.
    pub(super) fn fail(self) -> TlsConfigError {
        TlsConfigError::new(self.findings.0)
    }

    /// The cryptography that was compiled in.
    pub(super) fn provider(&mut self) -> Option<Arc<CryptoProvider>> {
        #[cfg(feature = "aws-lc-rs")]
        return Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
        return Some(Arc::new(rustls::crypto::ring::default_provider()));
        #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
        {
            self.findings.error(
                super::error::field::TLS,
                "tls_provider_missing",
                "no cryptography was compiled in",
                "enable feature `aws-lc-rs` or `ring`",
            );
            None
        }
    }

    /// Adds the authorities of a PEM text.
    pub(super) fn authorities(&mut self, field: &'static str, source: &PemSource) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let Some(text) = self.read(field, source) else { return roots };
        let certificates = source::certificates(field, &text, &mut self.findings);
        for certificate in certificates.into_iter().flatten() {
            if roots.add(certificate).is_err() {
                source::malformed(field, &mut self.findings);
            }
        }
        roots
    }
}

/// The fields of this side's own certificate and key.
pub(super) struct OwnFields {
    pub(super) certificates: &'static str,
    pub(super) key: &'static str,
}

/// This side's own certificate chain and key.
pub(super) struct Own {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) chain: Vec<Certificate>,
}

impl Own {
    pub(super) fn load(
        fields: &OwnFields,
        certificates: &PemSource,
        key: &PemSource,
        provider: Option<&CryptoProvider>,
        inputs: &mut Inputs,
    ) -> Option<Self> {
        let text = inputs.read(fields.certificates, certificates);
        let certificates = text.and_then(|text| {
            source::certificates(fields.certificates, &text, &mut inputs.findings)
        });
        warn_if_everyone_reads(fields.key, key, &mut inputs.findings);
        let key = inputs
            .read(fields.key, key)
            .and_then(|text| source::key(fields.key, &text, &mut inputs.findings));
        let (certificates, key) = (certificates?, key?);
        let parsed = certificates.iter().map(|der| Certificate::parse(der));
        let Ok(chain) = parsed.collect::<Result<Vec<_>, _>>() else {
            source::malformed(fields.certificates, &mut inputs.findings);
            return None;
        };
        let weak = |parsed: &Certificate| parsed.rsa_bits.is_some_and(|bits| bits < MIN_RSA_BITS);
        if chain.iter().any(weak) {
            inputs.findings.error(
                fields.certificates,
                "tls_key_weak",
                "a certificate of the chain has an rsa key of less than 2048 bits",
                "issue it again with a key on P-256 or of at least 2048 bits",
            );
            return None;
        }
        let Ok(key) = provider?.key_provider.load_private_key(key) else {
            inputs.findings.error(
                fields.key,
                "tls_key_invalid",
                "the private key is of a kind that is not supported",
                "use a key on P-256, P-384, Ed25519, or rsa of at least 2048 bits",
            );
            return None;
        };
        let certified = CertifiedKey::new(certificates, key);
        if certified.keys_match().is_err() {
            inputs.findings.error(
                fields.key,
                "tls_key_mismatch",
                "the key does not fit the first certificate",
                "list the own certificate first, and its key",
            );
            return None;
        }
        Some(Self { certified: Arc::new(certified), chain })
    }

    /// When the first certificate of the chain ends.
    pub(super) fn expires_at(&self) -> UnixMillis {
        let ends = self.chain.iter().map(|certificate| certificate.not_after);
        ends.min().unwrap_or_default()
    }

    /// What the calendar says of the chain.
    pub(super) fn check_dates(
        &self,
        field: &'static str,
        now: UnixMillis,
        findings: &mut Findings,
    ) {
        let count = self.chain.len();
        for (index, certificate) in self.chain.iter().enumerate() {
            let which = format!("certificate {} of {count}", index + 1);
            let left = certificate.not_after.saturating_duration_since(now);
            let life = certificate.not_after.saturating_duration_since(certificate.not_before);
            if now < certificate.not_before {
                findings.error(
                    field,
                    "tls_certificate_not_yet_valid",
                    format!("{which} is not valid yet"),
                    "check the clock, or use the certificate that is valid now",
                );
            } else if left.is_zero() {
                let since = now.saturating_duration_since(certificate.not_after).as_secs() / DAY;
                findings.error(
                    field,
                    "tls_certificate_expired",
                    format!("{which} ended {since} days ago"),
                    "renew it",
                );
            } else if left < SOON.min(life / 3) {
                findings.warning(
                    field,
                    "tls_certificate_expires_soon",
                    format!("{which} ends in {} days", left.as_secs() / DAY),
                    "renew it",
                );
            }
        }
    }
}

/// What a peer's certificate must pass besides the usual; the same on both sides.
#[derive(Clone, Debug)]
pub(super) struct Demands {
    pub(super) crls: Option<Vec<PemSource>>,
    pub(super) pins: Option<Vec<SpkiPin>>,
    pub(super) max_chain_depth: usize,
}

/// Where findings about them point.
pub(super) struct DemandFields {
    pub(super) crls: &'static str,
    pub(super) pins: &'static str,
    pub(super) max_chain_depth: &'static str,
}

/// Revocation lists, and when the first of them must have been replaced.
pub(super) struct Crls {
    pub(super) lists: Vec<CertificateRevocationListDer<'static>>,
    pub(super) expire_at: Option<UnixMillis>,
}

impl Demands {
    pub(super) const fn new() -> Self {
        Self { crls: None, pins: None, max_chain_depth: DEFAULT_CHAIN_DEPTH }
    }

    pub(super) fn checks(&self, fields: &DemandFields, inputs: &mut Inputs) -> Checks {
        if !(1..=MOST_CHAIN_DEPTH).contains(&self.max_chain_depth) {
            inputs.findings.error(
                fields.max_chain_depth,
                "tls_chain_depth_invalid",
                "the chain depth is not between 1 and 8",
                "count the peer's own certificate and its intermediates: 2 to 4 are usual",
            );
        }
        if self.pins.as_ref().is_some_and(Vec::is_empty) {
            inputs.findings.error(
                fields.pins,
                "tls_spki_pins_empty",
                "pins are configured, but there is none",
                "list at least one pin, or leave the setting out",
            );
        }
        let pins = self.pins.as_deref().unwrap_or_default().into();
        Checks { max_chain_depth: self.max_chain_depth, pins }
    }

    pub(super) fn load_crls(
        &self,
        fields: &DemandFields,
        now: UnixMillis,
        inputs: &mut Inputs,
    ) -> Crls {
        let mut crls = Crls { lists: Vec::new(), expire_at: None };
        let Some(sources) = &self.crls else { return crls };
        if sources.is_empty() {
            inputs.findings.error(
                fields.crls,
                "tls_crls_empty",
                "revocation lists are configured, but there is none",
                "list one for every authority, or leave the setting out",
            );
        }
        for source in sources {
            if let Some(bytes) = inputs.read(fields.crls, source) {
                crls.lists.extend(source::crls(fields.crls, &bytes, &mut inputs.findings));
            }
        }
        let ends: Option<Vec<_>> =
            crls.lists.iter().map(|list| next_update(list).ok().flatten()).collect();
        match ends {
            Some(ends) => crls.expire_at = ends.into_iter().min(),
            None => inputs.findings.error(
                fields.crls,
                "tls_crl_invalid",
                "a revocation list is malformed, or does not say when the next one is due",
                "export it again with a next update",
            ),
        }
        check_crl_dates(fields.crls, crls.expire_at, now, &mut inputs.findings);
        crls
    }
}

pub(super) fn check_crl_dates(
    field: &'static str,
    expire_at: Option<UnixMillis>,
    now: UnixMillis,
    findings: &mut Findings,
) {
    if expire_at.is_some_and(|end| now >= end) {
        findings.error(
            field,
            "tls_crl_stale",
            "a revocation list is out of date: all its certificates are refused",
            "fetch the current one",
        );
    }
}

/// A key that every user of the machine can read is no secret.
fn warn_if_everyone_reads(field: &'static str, key: &PemSource, findings: &mut Findings) {
    #[cfg(unix)]
    if let Some(path) = key.path()
        && let Ok(metadata) = std::fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o004 != 0
    {
        findings.warning(
            field,
            "tls_key_readable_by_all",
            format!("everyone on this machine can read {}", path.display()),
            "take the right to read from others: `chmod o-r`",
        );
    }
    #[cfg(not(unix))]
    let _ = (field, key, findings);
}

/// The time, as rustls asks for it.
#[derive(Debug)]
pub(super) struct ClockTime(pub(super) Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}

pub(super) fn unix_time(now: UnixMillis) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(now.as_millis()))
}

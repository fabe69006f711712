//! How connections are encrypted, and whom each side trusts.

use std::path::PathBuf;

use palisade_security::{
    ClientTls, ServerTls, TlsConfigError,
    tls::{ClientCertificates, PemSource, Roots, SpkiPin, TlsVersions},
};

use super::{WithAuthn, WithTls, check_key_file, limits::duration, take};
use crate::{
    findings::Findings,
    raw::{
        RawClientCertificates, RawClientConfig, RawClientTls, RawSecurityConfig, RawTls,
        RawTlsVersion,
    },
    secret_ref::Fetcher,
};

/// Decides how connections are encrypted.
pub(super) fn decide(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    builder: WithAuthn,
    findings: &mut Findings,
) -> WithTls {
    let plain = raw.dangerous.plain_http_behind_proxy;
    let Some(tls) = &raw.tls else {
        return match plain {
            true => builder.dangerous().plain_http_behind_proxy(),
            false => builder.without_tls(),
        };
    };
    if plain {
        let message = "it says that a proxy encrypts, but `tls` is there too";
        let path = "dangerous.plain_http_behind_proxy";
        findings.error(path, "contradictory_tls", message, "remove one of the two");
    }
    match server(tls, fetcher, findings) {
        Ok(tls) => builder.with_tls(tls),
        Err(error) => {
            take(error.findings(), findings);
            if tls.client_certificates.is_some() {
                // They were asked for: that nobody asks is no news.
                findings.mark_broken("tls.client_certificates");
            }
            builder.without_tls()
        }
    }
}

fn server(
    raw: &RawTls,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> Result<ServerTls, TlsConfigError> {
    let key = fetcher.resolve(&raw.key);
    check_key_file(&key, "tls.key", findings);
    let certificates = PemSource::file(fetcher.resolve(&raw.certificates));
    let mut builder = ServerTls::builder(certificates, PemSource::file(key))
        .with_versions(versions(raw.min_version));
    if let Some(text) = &raw.reload_interval
        && let Some(time) = duration(text, "tls.reload_interval", findings)
    {
        builder = builder.with_reload_interval(time);
    }
    if let Some(clients) = &raw.client_certificates {
        builder = builder.with_client_certificates(client_certificates(clients, fetcher, findings));
    }
    builder.build()
}

fn client_certificates(
    raw: &RawClientCertificates,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> ClientCertificates {
    let roots = PemSource::file(fetcher.resolve(&raw.authorities));
    let mut clients = match raw.optional {
        true => ClientCertificates::optional(roots),
        false => ClientCertificates::required(roots),
    };
    if let Some(files) = &raw.crls {
        clients = clients.with_crls(sources(files, fetcher));
    }
    if let Some(texts) = &raw.spki_pins {
        clients =
            clients.with_spki_pins(pins(texts, "tls.client_certificates.spki_pins", findings));
    }
    match raw.max_chain_depth {
        Some(depth) => clients.with_max_chain_depth(depth),
        None => clients,
    }
}

/// Whom a client trusts, and how it shows who it is.
pub(super) fn client(
    raw: &RawClientConfig,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> Option<ClientTls> {
    let default = RawClientTls::default();
    let unverified = raw.dangerous.without_server_verification;
    if raw.tls.is_none() && !unverified {
        return None;
    }
    let tls = raw.tls.as_ref().unwrap_or(&default);
    let mut builder = ClientTls::builder(roots(tls.authorities.as_deref(), fetcher, findings))
        .with_versions(versions(tls.min_version));
    match (&tls.client_certificate, &tls.client_key) {
        (Some(certificate), Some(key)) => {
            let key = fetcher.resolve(key);
            check_key_file(&key, "tls.client_key", findings);
            let certificate = PemSource::file(fetcher.resolve(certificate));
            builder = builder.with_client_certificate(certificate, PemSource::file(key));
        }
        (None, None) => {}
        (certificate, _) => {
            let missing = if certificate.is_some() { "client_key" } else { "client_certificate" };
            let message = "a certificate and its key go together";
            let fix = format!("add `{missing}`");
            findings.error(format!("tls.{missing}"), "missing_key", message, fix);
        }
    }
    if let Some(files) = &tls.crls {
        builder = builder.with_crls(sources(files, fetcher));
    }
    if let Some(texts) = &tls.spki_pins {
        builder = builder.with_spki_pins(pins(texts, "tls.spki_pins", findings));
    }
    if let Some(depth) = tls.max_chain_depth {
        builder = builder.with_max_chain_depth(depth);
    }
    if unverified {
        builder = builder.dangerous().without_server_verification();
    }
    builder.build().map_err(|error| take(error.findings(), findings)).ok()
}

fn roots(text: Option<&str>, fetcher: Fetcher<'_>, findings: &mut Findings) -> Roots {
    match text {
        None | Some("system") => return Roots::system(),
        #[cfg(feature = "webpki-roots")]
        Some("webpki") => return Roots::webpki(),
        #[cfg(not(feature = "webpki-roots"))]
        Some("webpki") => {
            let message = "these authorities are not compiled in";
            let fix = "enable feature `tls-webpki-roots`, or write `system`";
            findings.error("tls.authorities", "roots_not_compiled", message, fix);
        }
        Some(other) => match other.strip_prefix("file:") {
            Some(path) => return Roots::only(PemSource::file(fetcher.resolve(path.as_ref()))),
            None => {
                let message = "it names no authorities";
                let fix = "write `system`, `webpki` or `file:PATH`";
                findings.error("tls.authorities", "unknown_value", message, fix);
            }
        },
    }
    Roots::system()
}

const fn versions(oldest: RawTlsVersion) -> TlsVersions {
    match oldest {
        RawTlsVersion::V1_2 => TlsVersions::V1_2AndV1_3,
        RawTlsVersion::V1_3 => TlsVersions::V1_3Only,
    }
}

fn sources(files: &[PathBuf], fetcher: Fetcher<'_>) -> Vec<PemSource> {
    files.iter().map(|file| PemSource::file(fetcher.resolve(file))).collect()
}

fn pins(texts: &[String], path: &str, findings: &mut Findings) -> Vec<SpkiPin> {
    let mut pins = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse::<SpkiPin>() {
            Ok(pin) => pins.push(pin),
            Err(error) => {
                let fix = "write `sha256/` and the base64 of the digest of the key";
                let path = format!("{path}[{index}]");
                findings.error(path, error.code(), error.to_string(), fix);
            }
        }
    }
    if pins.len() != texts.len() {
        findings.mark_broken(path);
    }
    pins
}

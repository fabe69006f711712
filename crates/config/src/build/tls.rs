//! How connections are encrypted.

use palisade_security::ServerTls;

use super::{WithAuthn, WithTls, check_key_file};
use crate::{findings::Findings, raw::RawSecurityConfig, secret_ref::Fetcher};

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
    let key = fetcher.resolve(&tls.key);
    check_key_file(&key, "tls.key", findings);
    match ServerTls::from_pem_files(fetcher.resolve(&tls.certificates), key) {
        Ok(tls) => builder.with_tls(tls),
        Err(error) => {
            error.findings().iter().cloned().for_each(|finding| findings.add(finding));
            builder.without_tls()
        }
    }
}

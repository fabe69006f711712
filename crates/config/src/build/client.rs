//! The configuration of a client.

use palisade_auth::BearerToken;
use palisade_security::{ClientTls, CredentialError, Origin, SecurityConfig};

use super::{absorb, limits};
use crate::{
    checked::Purpose,
    client::ClientConfig,
    findings::Findings,
    raw::{RawClientConfig, RawClientCredentials},
    secret_ref::Fetcher,
};

/// The longest URL, in bytes.
const MAX_URL: usize = 4096;

/// Builds the configuration of a client.
pub(crate) fn client(
    raw: &RawClientConfig,
    _: Purpose,
    findings: &mut Findings,
) -> Option<ClientConfig> {
    let fetcher =
        Fetcher { base: raw.base.as_deref(), allow_inline: raw.dangerous.allow_inline_secrets };
    let origin = endpoint(&raw.url, findings).map(|(origin, _)| origin);
    let limits = limits::client(&raw.limits, findings);
    // To look at what depends on it too, whatever is wrong with the URL.
    let server = origin.clone().or_else(|| Origin::parse("https://localhost").ok())?;
    // What is wrong with the credentials themselves is found in any case.
    let safe = match server.is_trustworthy() {
        true => server.clone(),
        false => Origin::parse("https://localhost").ok()?,
    };
    let builder = SecurityConfig::client().with_server(server);
    let mut builder = match &raw.credentials {
        None => builder.without_credentials(),
        Some(credentials) => match credentials {
            RawClientCredentials::Bearer { token } => {
                let token = fetcher.fetch(token, "credentials.token", findings);
                match BearerToken::new(safe, token) {
                    Ok(token) => builder.with_credentials(token),
                    Err(error) => {
                        refused(&error, "credentials.token", findings);
                        builder.without_credentials()
                    }
                }
            }
        },
    }
    .with_limits(limits);
    if let Some(tls) = &raw.tls {
        match ClientTls::from_ca_file(fetcher.resolve(&tls.authorities)) {
            Ok(tls) => builder = builder.with_tls(tls),
            Err(error) => {
                error.findings().iter().cloned().for_each(|finding| findings.add(finding));
            }
        }
    }
    if raw.credentials.is_some() && !origin.as_ref().is_none_or(Origin::is_trustworthy) {
        let message = "credentials are not sent over plain http to another machine";
        findings.error("credentials", "credentials_not_sent", message, "use an https url");
    }
    let security = absorb(builder.build(), findings)?;
    origin?;
    Some(ClientConfig { url: raw.url.clone(), security, warnings: findings.warnings() })
}

fn refused(error: &CredentialError, path: &str, findings: &mut Findings) {
    let fix = "use letters, digits and -._~+/, such as `openssl rand -hex 32` gives";
    findings.error(path, error.code(), error.to_string(), fix);
}

/// The origin of a URL, and its path with the query.
pub(crate) fn endpoint(url: &str, findings: &mut Findings) -> Option<(Origin, String)> {
    let rest = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(rest..).and_then(|rest| rest.find(['/', '?'])).map(|end| end + rest);
    let (origin, path) = url.split_at_checked(end.unwrap_or(url.len())).unwrap_or_default();
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['#', '\\']);
    match Origin::parse(origin) {
        Ok(origin) if visible && url.len() <= MAX_URL => {
            let slash = if path.starts_with('/') { "" } else { "/" };
            Some((origin, format!("{slash}{path}")))
        }
        _ => {
            // Not shown: a password may be in it.
            let message = "it is not the url of an endpoint";
            let fix = "write `https://host/path`, without user information or a fragment";
            findings.broken("url", "invalid_url", message, fix);
            None
        }
    }
}

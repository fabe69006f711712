//! The configuration of a client.

use std::sync::Arc;

use palisade_auth::{ApiKeyCredential, BasicCredential, BearerToken, CustomHeadersCredential};
use palisade_protocol::Eras;
use palisade_security::{
    CredentialError, CredentialHeader, CredentialProvider, Origin, SecurityConfig,
};

use super::{absorb, limits, tls};
use crate::{
    checked::Purpose,
    client::ClientConfig,
    findings::Findings,
    raw::{RawClientConfig, RawClientCredentials, RawEras},
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
        Some(raw) => match credentials(raw, safe, fetcher, findings) {
            Some(provider) => builder.with_credentials(provider),
            None => builder.without_credentials(),
        },
    }
    .with_limits(limits);
    if let Some(tls) = tls::client(raw, fetcher, findings) {
        builder = builder.with_tls(tls);
    }
    if raw.credentials.is_some() && !origin.as_ref().is_none_or(Origin::is_trustworthy) {
        let message = "credentials are not sent over plain http to another machine";
        findings.error("credentials", "credentials_not_sent", message, "use an https url");
    }
    let security = absorb(builder.build(), findings)?;
    origin?;
    let eras = eras(raw.eras);
    Some(ClientConfig { url: raw.url.clone(), eras, security, warnings: findings.warnings() })
}

/// Which revisions to speak.
pub(super) fn eras(raw: Option<RawEras>) -> Eras {
    match raw {
        None | Some(RawEras::Both) => Eras::Both,
        Some(RawEras::Modern) => Eras::ModernOnly,
        Some(RawEras::Legacy) => Eras::LegacyOnly,
    }
}

/// What proves who the client is, bound to the origin.
fn credentials(
    raw: &RawClientCredentials,
    origin: Origin,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> Option<Arc<dyn CredentialProvider>> {
    let mut fetch = |secret, path| fetcher.fetch(secret, path, findings);
    let (path, made): (_, Result<Arc<dyn CredentialProvider>, _>) = match raw {
        RawClientCredentials::Bearer { token } => {
            let token = fetch(token, "credentials.token");
            ("token", BearerToken::new(origin, token).map(|made| Arc::new(made) as _))
        }
        RawClientCredentials::ApiKey { header, key } => {
            let key = ApiKeyCredential::new(origin, fetch(key, "credentials.key"));
            let header = header.as_deref().map(CredentialHeader::parse).transpose();
            match (key, header) {
                (key, Ok(None)) => ("key", key.map(|made| Arc::new(made) as _)),
                (key, Ok(Some(header))) => {
                    ("key", key.map(|made| Arc::new(made.with_header(header)) as _))
                }
                (_, Err(error)) => ("header", Err(CredentialError::from(error))),
            }
        }
        RawClientCredentials::Basic { user, password } => {
            let password = fetch(password, "credentials.password");
            let made = BasicCredential::new(origin, user.as_str(), password);
            let field = match &made {
                Err(CredentialError::InvalidUserName) => "user",
                _ => "password",
            };
            (field, made.map(|made| Arc::new(made) as _))
        }
        RawClientCredentials::Custom { headers } => {
            let mut values = Vec::new();
            for (index, header) in headers.iter().enumerate() {
                let path = format!("credentials.headers[{index}].value");
                values.push((header.name.as_str(), fetcher.fetch(&header.value, &path, findings)));
            }
            let made = CustomHeadersCredential::new(origin, values);
            ("headers", made.map(|made| Arc::new(made) as _))
        }
    };
    made.map_err(|error| {
        let fix = "use what a header can carry, such as `openssl rand -hex 32` gives";
        findings.error(format!("credentials.{path}"), error.code(), error.to_string(), fix);
    })
    .ok()
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

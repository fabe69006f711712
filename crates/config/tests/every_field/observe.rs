//! What can be seen of a configuration: everything that was found, what was decided, and how it behaves.

use std::{fmt::Write, io::BufReader, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_config::{
    ClientConfig, Format, LaunchConfig, RawClientConfig, RawLaunchConfig, RawSecurityConfig,
    ServerConfig, build_auth_headers,
};
use palisade_security::{
    Credentials, PeerCertificate, PeerInfo, SealPurpose, Sealer, Secret, SecurityConfigError,
    ServerSecurity,
    audit::{self, AuditKey},
};
use serde_json::Value;

use crate::World;

pub(crate) const TOKEN: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
pub(crate) const KEY: &str = "hV0zJq9gE3mXw7Tn5RyKb2LcPd8FsA4u";
pub(crate) const VALUE: &str = "mT3vXc8qLr5wZn1yKp7dHs0gJb6fQa2e";
pub(crate) const AUDIT_KEY: &str = "Rb8nWs2kYt6vMx0qLc4zHf9jPd1gTa7eVu3o";
pub(crate) const SEALING_KEY: &str = "Jw5rQz1xNc8tKv3mYb7pLs0hGd6fTa9eWu2i";
/// Of `password`, and fast.
pub(crate) const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

/// All that can be seen of a server's configuration.
pub(crate) async fn server(file: &Value, world: &World) -> String {
    // Audit files are begun anew each time.
    for name in ["audit.jsonl", "other.jsonl"] {
        drop(std::fs::remove_file(world.folder.join(name)));
    }
    let raw = RawSecurityConfig::from_text(&file.to_string(), Format::Json);
    let built = raw.and_then(|raw| ServerConfig::try_from(raw.with_base(&world.folder)));
    let mut seen = String::new();
    match built {
        Err(error) => describe(&error, &mut seen),
        Ok(config) => {
            seen.push_str(&config.describe());
            sealing(config.security(), &mut seen);
            authentication(config.security(), world, &mut seen).await;
            // Writes the file to its end.
            drop(config);
            audit(world, &mut seen);
        }
    }
    seen
}

fn describe(error: &SecurityConfigError, seen: &mut String) {
    for finding in error.findings() {
        let severity = if finding.is_error() { "error" } else { "warning" };
        writeln!(seen, "{severity}[{}] {finding}", finding.code()).unwrap();
    }
}

/// Whose key seals.
fn sealing(security: &ServerSecurity, seen: &mut String) {
    let known = Sealer::from_keys([SEALING_KEY]).unwrap();
    let sealed = security.sealer().seal(SealPurpose::Cursor, &[], b"x").unwrap();
    writeln!(
        seen,
        "sealed by the known key: {}",
        known.open(SealPurpose::Cursor, &[], &sealed).is_ok()
    )
    .unwrap();
}

/// What it is, who tries, and with which headers.
type Attempt<'a> = (&'a str, &'a PeerInfo, &'a [(&'static str, &'a str)]);

/// Who is let in.
async fn authentication(security: &ServerSecurity, world: &World, seen: &mut String) {
    let certificate = world.ca.client("spiffe://example.org/ci");
    let certificate = PeerCertificate::from_verified_chain(&[certificate.der()]).unwrap();
    let peer = PeerInfo::new("127.0.0.1:9".parse().unwrap()).with_tls(true);
    let known = peer.clone().with_certificate(Arc::new(certificate));
    let basic = format!("Basic {}", "YmFzaWM6cGFzc3dvcmQ=");
    let bearer = format!("Bearer {TOKEN}");
    let attempts: [Attempt<'_>; 6] = [
        ("nobody", &peer, &[]),
        ("bearer", &peer, &[("authorization", &bearer)]),
        ("api key", &peer, &[("x-team-key", KEY)]),
        ("basic", &peer, &[("authorization", &basic)]),
        ("custom", &peer, &[("x-client-id", "custom"), ("x-client-secret", VALUE)]),
        ("certificate", &known, &[]),
    ];
    for (what, peer, headers) in attempts {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let outcome = match security.authenticate(&Credentials::new(&headers, peer)).await {
            Err(error) => error.code().to_owned(),
            // The certificate is made anew in each run of the test, so its end says nothing.
            Ok(principal) if what == "certificate" => {
                format!("{} {:?}", principal.subject(), principal.scopes())
            }
            Ok(principal) => format!(
                "{} {:?} {:?}",
                principal.subject(),
                principal.scopes(),
                principal.expires_at()
            ),
        };
        writeln!(seen, "{what}: {outcome}").unwrap();
    }
}

/// Which files were written, and whether under the known key.
fn audit(world: &World, seen: &mut String) {
    let key = AuditKey::from_secret(&Secret::new(AUDIT_KEY)).unwrap();
    for name in ["audit.jsonl", "other.jsonl"] {
        let verified = std::fs::File::open(world.folder.join(name)).map(|file| {
            audit::verify(BufReader::new(file), Some(&key)).map(|summary| summary.lines)
        });
        writeln!(seen, "{name}: {:?}", verified.ok().map(|lines| lines.ok())).unwrap();
    }
}

/// All that can be seen of a client's configuration.
pub(crate) async fn client(file: &Value, world: &World) -> String {
    let raw = RawClientConfig::from_text(&file.to_string(), Format::Json);
    let built = raw.and_then(|raw| ClientConfig::try_from(raw.with_base(&world.folder)));
    let mut seen = String::new();
    match built {
        Err(error) => describe(&error, &mut seen),
        Ok(config) => {
            seen.push_str(&config.describe());
            let security = config.security();
            if let Some(provider) = security.credentials() {
                let headers = build_auth_headers(&**provider, security.origin()).await.unwrap();
                for (name, value) in &headers {
                    writeln!(seen, "{name}: {}", value.to_str().unwrap()).unwrap();
                }
            }
        }
    }
    seen
}

/// All that can be seen of the configuration of a launched server.
pub(crate) fn launch(file: &Value) -> String {
    let raw = RawLaunchConfig::from_text(&file.to_string(), Format::Json);
    let mut seen = String::new();
    match raw.and_then(LaunchConfig::try_from) {
        Err(error) => describe(&error, &mut seen),
        Ok(config) => {
            seen.push_str(&config.describe());
            for (name, value) in config.command().env() {
                writeln!(seen, "{}={:?}", name.display(), value.map(Secret::expose)).unwrap();
            }
        }
    }
    seen
}

//! From raw forms to checked configurations. Everything is looked at, whatever was found before; a part that
//! cannot be used is replaced by the strictest one, which nobody will ever see: there is an error then.

mod audit;
mod authentication;
mod client;
mod edge;
mod launch;
mod limits;
mod tls;

use std::{net::SocketAddr, path::Path};

use palisade_security::{
    AllowedHosts, AllowedOrigins, Capability, EndpointPath, Finding, RulePolicy, Sealer, Secret,
    SecurityConfig, SecurityConfigError, TransportKind,
    config::{Ready, ServerConfigBuilder, WantsAuthn, WantsTls},
};

pub(crate) use client::client;
#[cfg(feature = "doctor")]
pub(crate) use client::endpoint;
pub(crate) use launch::launch;

use crate::{
    checked::Purpose,
    findings::Findings,
    raw::{RawCombination, RawSecurityConfig, RawTransport},
    secret_ref::Fetcher,
    server::ServerConfig,
};

/// Where a server listens if the file does not say.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8000);

/// Builds the configuration of a server. None if something is wrong that leaves nothing to build from.
pub(crate) fn server(
    raw: &RawSecurityConfig,
    purpose: Purpose,
    findings: &mut Findings,
) -> Option<ServerConfig> {
    let transport = match raw.transport {
        RawTransport::StreamableHttp => TransportKind::StreamableHttp,
        RawTransport::Stdio => TransportKind::Stdio,
        RawTransport::Cluster => TransportKind::Cluster,
    };
    check_capabilities(raw, transport, findings);
    if transport == TransportKind::Cluster {
        let message = "no server for cluster takes a configuration file yet";
        let fix = "use `streamable_http`, the default, or `stdio`";
        findings.error("transport", "transport_not_available", message, fix);
        return None;
    }
    let fetcher =
        Fetcher { base: raw.base.as_deref(), allow_inline: raw.dangerous.allow_inline_secrets };
    let (listen, path, mut builder) = match transport {
        TransportKind::StreamableHttp => http(raw, fetcher, findings),
        _ => (DEFAULT_LISTEN, EndpointPath::default(), SecurityConfig::stdio()),
    };
    builder = builder
        .with_limits(limits::server(&raw.limits, findings))
        .with_rate_limits(limits::rates(raw, findings));
    if let Some(policy) = policy(raw, findings) {
        builder = builder.with_policy(policy);
    }
    if let Some(sealer) = sealer(raw, fetcher, findings) {
        builder = builder.with_sealer(sealer);
    }
    // Last, and only if all is well: it may begin to write a file.
    let purpose = if findings.has_errors() { Purpose::Check } else { purpose };
    if let Some(audit) = audit::sinks(raw, fetcher, purpose, findings) {
        builder = builder.with_audit(audit);
    }
    let security = absorb(builder.build(), findings)?;
    take(security.warnings(), findings);
    if transport == TransportKind::StreamableHttp
        && let Err(error) = security.check_bind(listen)
    {
        take(error.findings(), findings);
    }
    Some(ServerConfig { transport, listen, path, security, warnings: findings.warnings() })
}

/// What only a server on a network decides.
fn http(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> (SocketAddr, EndpointPath, WithTls) {
    let listen = listen(raw, findings);
    let path = edge::path(raw, findings);
    let builder = SecurityConfig::server().with_allowed_origins(origins(raw, findings));
    let builder = authentication::decide(raw, fetcher, builder, findings);
    let builder = tls::decide(raw, fetcher, builder, findings);
    let hosts = hosts(raw, findings);
    edge::check_hsts(raw, &hosts, findings);
    let mut builder = builder
        .with_allowed_hosts(hosts)
        .with_backoff(authentication::backoff(raw, findings))
        .with_security_headers(edge::security_headers(raw, findings));
    if let Some(proxies) = edge::proxies(raw, findings) {
        builder = builder.with_trusted_proxies(proxies);
    }
    if let Some(cors) = edge::cors(raw, findings) {
        builder = builder.with_cors(cors);
    }
    if let Some(resource) = edge::protected_resource(raw, findings) {
        builder = builder.with_protected_resource(resource);
    }
    if let Some(realm) = &raw.realm {
        builder = builder.with_realm(realm.as_str());
    }
    (listen, path, builder)
}

/// Finds the settings that the transport cannot honour.
fn check_capabilities(raw: &RawSecurityConfig, transport: TransportKind, findings: &mut Findings) {
    let mut check = |set: bool, capability: Capability, path: &str| {
        if let Some(finding) = capability.finding(transport, path).filter(|_| set) {
            findings.add(finding);
            findings.mark_broken(path);
        }
    };
    check(raw.listen.is_some(), Capability::ListenAddress, "listen");
    check(raw.realm.is_some(), Capability::Challenges, "realm");
    check(raw.origins.is_some(), Capability::OriginValidation, "origins");
    check(raw.hosts.is_some(), Capability::HostValidation, "hosts");
    check(raw.tls.is_some(), Capability::Tls, "tls");
    check(raw.path.is_some(), Capability::EndpointPath, "path");
    check(raw.backoff.is_some(), Capability::Backoff, "backoff");
    let combined = raw.authentication_combination != RawCombination::AnyOf;
    check(combined, Capability::Challenges, "authentication_combination");
    check(raw.rate_limits.is_some(), Capability::RateLimits, "rate_limits");
    check(raw.trusted_proxies.is_some(), Capability::TrustedProxies, "trusted_proxies");
    check(raw.protected_resource.is_some(), Capability::Challenges, "protected_resource");
    check(raw.cors.is_some(), Capability::Cors, "cors");
    check(raw.security_headers.is_some(), Capability::SecurityHeaders, "security_headers");
    check(raw.dangerous.without_backoff, Capability::Backoff, "dangerous.without_backoff");
    let plain = raw.dangerous.plain_http_behind_proxy;
    check(plain, Capability::Tls, "dangerous.plain_http_behind_proxy");
    check(
        raw.dangerous.without_authentication,
        Capability::Challenges,
        "dangerous.without_authentication",
    );
    for (index, authentication) in raw.authentication.iter().enumerate() {
        let capability = authentication::capability(authentication);
        check(true, capability, &format!("authentication[{index}]"));
    }
    if transport == TransportKind::Stdio {
        limits::check_stdio(raw, findings);
    }
}

fn listen(raw: &RawSecurityConfig, findings: &mut Findings) -> SocketAddr {
    let Some(text) = &raw.listen else { return DEFAULT_LISTEN };
    text.parse().unwrap_or_else(|_| {
        let message = "it is not an address with a port";
        let fix = "write an IP address and a port, such as `127.0.0.1:8000` or `[::]:443`";
        findings.broken("listen", "invalid_listen_address", message, fix);
        DEFAULT_LISTEN
    })
}

fn origins(raw: &RawSecurityConfig, findings: &mut Findings) -> AllowedOrigins {
    let Some(origins) = &raw.origins else {
        let message = "which web pages may talk to this server is not decided";
        let fix = "add `[origins]` with `allowed = []` for none, or the pages' origins";
        findings.error("origins", "origins_required", message, fix);
        return AllowedOrigins::none();
    };
    // One by one, so that each that is wrong is found.
    for (index, origin) in origins.allowed.iter().enumerate() {
        if let Err(error) = AllowedOrigins::only([origin]) {
            let fix = "write scheme://host or scheme://host:port, without a path or a pattern";
            let path = format!("origins.allowed[{index}]");
            findings.error(path, error.code(), error.to_string(), fix);
        }
    }
    let allowed = AllowedOrigins::only(&origins.allowed).unwrap_or_else(|_| AllowedOrigins::none());
    if origins.loopback { allowed.with_loopback() } else { allowed }
}

fn hosts(raw: &RawSecurityConfig, findings: &mut Findings) -> AllowedHosts {
    let Some(hosts) = &raw.hosts else { return AllowedHosts::loopback() };
    for (index, host) in hosts.allowed.iter().enumerate() {
        if let Err(error) = AllowedHosts::only([host]) {
            let fix = "write host or host:port, IPv6 addresses in brackets";
            let path = format!("hosts.allowed[{index}]");
            findings.error(path, error.code(), error.to_string(), fix);
        }
    }
    match AllowedHosts::only(&hosts.allowed) {
        Ok(allowed) if hosts.loopback => allowed.with_loopback(),
        Ok(allowed) => allowed,
        Err(_) if hosts.allowed.is_empty() && hosts.loopback => AllowedHosts::loopback(),
        Err(error) => {
            if hosts.allowed.is_empty() {
                let fix = "list the server's names, or remove `[hosts]` for those of this machine";
                findings.error("hosts.allowed", error.code(), error.to_string(), fix);
            }
            AllowedHosts::loopback()
        }
    }
}

/// Who may do what. One that cannot be used is replaced by one that denies everything.
fn policy(raw: &RawSecurityConfig, findings: &mut Findings) -> Option<RulePolicy> {
    let raw = raw.policy.as_ref()?;
    Some(RulePolicy::try_from(raw).unwrap_or_else(|error| {
        let own = error.findings().iter().cloned();
        own.for_each(|finding| findings.add(finding.within("policy")));
        // The one in its place has no rules, which is no news.
        findings.mark_broken("policy");
        RulePolicy::new()
    }))
}

fn sealer(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> Option<Sealer> {
    let sealing = raw.sealing.as_ref()?;
    let mut keys: Vec<Secret> = Vec::new();
    for (index, key) in sealing.keys.iter().enumerate() {
        let path = format!("sealing.keys[{index}]");
        let key = fetcher.fetch(key, &path, findings);
        if let Err(error) = Sealer::from_keys([key.clone()]) {
            let fix = "make one with `openssl rand -base64 32`";
            findings.error(path, error.code(), "the key is short or can be guessed", fix);
        }
        keys.push(key);
    }
    if keys.is_empty() {
        let fix = "list a key, or remove `[sealing]` for a random one";
        findings.error("sealing.keys", "sealing_key_missing", "there is no key", fix);
    }
    Sealer::from_keys(keys).ok()
}

/// Takes over what a builder found.
fn absorb<T>(built: Result<T, SecurityConfigError>, findings: &mut Findings) -> Option<T> {
    match built {
        Ok(built) => Some(built),
        Err(error) => {
            take(error.findings(), findings);
            None
        }
    }
}

fn take(found: &[Finding], findings: &mut Findings) {
    // Those of authenticators were found part by part, with the place in the file.
    let own = found.iter().filter(|finding| !finding.path().starts_with("authentication."));
    own.for_each(|finding| findings.add(translate(finding.clone())));
}

/// Says in terms of a file what a builder says in terms of Rust.
fn translate(finding: Finding) -> Finding {
    let (path, fix) = match finding.code() {
        "unauthenticated_bind" => {
            ("authentication", "add `[[authentication]]`, or listen on 127.0.0.1")
        }
        "plain_http_bind" => (
            "tls",
            "add `[tls]`, listen on 127.0.0.1, or behind a proxy that encrypts set \
             `dangerous.plain_http_behind_proxy`",
        ),
        "client_certificates_not_requested" => {
            ("tls.client_certificates", "add `[tls.client_certificates]` with `authorities`")
        }
        "proxy_not_named" => ("trusted_proxies", "add `[trusted_proxies]` with its addresses"),
        "cors_without_origins" => ("cors", "list pages in `origins.allowed`, or remove `[cors]`"),
        "cors_credentials_loopback" => (
            "cors.credentials",
            "list the pages in `origins.allowed` instead of `origins.loopback`",
        ),
        "hosts_loopback_only" => ("hosts", "add `[hosts]` with the server's names in `allowed`"),
        _ => return finding,
    };
    Finding::new(path, finding.severity(), finding.code(), finding.message().to_owned())
        .with_fix(fix)
}

/// The states that parts of the builder are in.
type WithOrigins = ServerConfigBuilder<WantsAuthn>;
type WithAuthn = ServerConfigBuilder<WantsTls>;
type WithTls = ServerConfigBuilder<Ready>;

/// Only for what must be readable by nobody else.
fn check_key_file(path: &Path, at: &str, findings: &mut Findings) {
    // Whoever pasted the key itself does not want to read it again in a log.
    if path.to_string_lossy().contains(['\n', '\r']) || path.to_string_lossy().contains("-----") {
        let message = "the key stands in the file itself";
        findings.broken(at, "inline_secret", message, "write the path of a file that holds it");
        return;
    }
    // One that cannot be opened is found where it is read.
    if path.is_file()
        && let Ok(file) = std::fs::File::open(path)
    {
        let _ = crate::secret_ref::check_mode(&file, path, at, findings);
    }
}

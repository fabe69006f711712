//! What browsers and clients without a token are told, and where the endpoint is.

use std::time::Duration;

use http::HeaderName;
use palisade_security::{
    AllowedHosts, Cors, EndpointPath, Issuer, ProtectedResource, ResourceId, SecurityHeaders,
    TrustedProxies,
};

use super::{authentication::scopes, limits::duration};
use crate::{
    findings::Findings,
    raw::{RawForwarded, RawSecurityConfig},
};

/// The path of the endpoint.
pub(super) fn path(raw: &RawSecurityConfig, findings: &mut Findings) -> EndpointPath {
    let Some(text) = &raw.path else { return EndpointPath::default() };
    EndpointPath::parse(text).unwrap_or_else(|error| {
        let fix = "write segments of letters, digits and -._~, such as `/mcp`";
        findings.error("path", error.code(), error.to_string(), fix);
        EndpointPath::default()
    })
}

/// Which proxies are believed.
pub(super) fn proxies(raw: &RawSecurityConfig, findings: &mut Findings) -> Option<TrustedProxies> {
    let raw = raw.trusted_proxies.as_ref()?;
    let fix = "write an address or a network, such as `10.0.0.0/8`";
    for (index, network) in raw.networks.iter().enumerate() {
        if let Err(error) = TrustedProxies::forwarded([network]) {
            let path = format!("trusted_proxies.networks[{index}]");
            findings.error(path, error.code(), error.to_string(), fix);
        }
    }
    let proxies = match raw.header {
        RawForwarded::XForwarded => TrustedProxies::x_forwarded(&raw.networks),
        RawForwarded::Forwarded => TrustedProxies::forwarded(&raw.networks),
    };
    if let Err(error) = &proxies
        && raw.networks.is_empty()
    {
        findings.error("trusted_proxies.networks", error.code(), error.to_string(), fix);
    }
    proxies.ok()
}

/// What clients without a token are told.
pub(super) fn protected_resource(
    raw: &RawSecurityConfig,
    findings: &mut Findings,
) -> Option<ProtectedResource> {
    let section = raw.protected_resource.as_ref()?;
    let id = ResourceId::parse(&section.resource).or_else(|error| {
        let fix = "write the url that clients connect to, such as `https://mcp.example.com/mcp`";
        findings.broken("protected_resource.resource", error.code(), error.to_string(), fix);
        ResourceId::parse("https://localhost")
    });
    let mut issuers = Vec::new();
    for (index, issuer) in section.authorization_servers.iter().enumerate() {
        match Issuer::parse(issuer) {
            Ok(issuer) => issuers.push(issuer),
            Err(error) => {
                let path = format!("protected_resource.authorization_servers[{index}]");
                let fix = "write its issuer, such as `https://login.example.com`";
                findings.error(path, error.code(), error.to_string(), fix);
            }
        }
    }
    if issuers.len() < section.authorization_servers.len() {
        findings.mark_broken("protected_resource.authorization_servers");
    }
    let path = "protected_resource.scopes_supported";
    let scopes = scopes(&section.scopes_supported, path, findings);
    // What stands in for a decision that is missing takes no tokens, which is no news.
    if raw.authentication.is_empty() && !raw.dangerous.without_authentication {
        return None;
    }
    let mut resource = ProtectedResource::new(id.ok()?)
        .with_authorization_servers(issuers)
        .with_scopes_supported(scopes);
    if let Some(name) = &section.resource_name {
        resource = resource.with_resource_name(name.as_str());
    }
    if let Some(link) = &section.resource_documentation {
        resource = resource.with_resource_documentation(link.as_str());
    }
    Some(resource)
}

/// What pages may do.
pub(super) fn cors(raw: &RawSecurityConfig, findings: &mut Findings) -> Option<Cors> {
    let raw = raw.cors.as_ref()?;
    let mut cors = Cors::new()
        .with_request_headers(names(&raw.request_headers, "cors.request_headers", findings))
        .with_exposed_headers(names(&raw.exposed_headers, "cors.exposed_headers", findings))
        .with_credentials(raw.credentials)
        .with_private_network(raw.private_network);
    if let Some(text) = &raw.max_age
        && let Some(time) = duration(text, "cors.max_age", findings)
    {
        cors = cors.with_max_age(whole_seconds(time, "cors.max_age", findings));
    }
    Some(cors)
}

/// What responses say.
pub(super) fn security_headers(
    raw: &RawSecurityConfig,
    findings: &mut Findings,
) -> SecurityHeaders {
    let Some(raw) = &raw.security_headers else { return SecurityHeaders::new() };
    if raw.include == Some(false) {
        for (set, key) in [(raw.hsts.is_some(), "hsts"), (raw.hsts_subdomains, "hsts_subdomains")] {
            if set {
                let message = "it has no effect, as `include` is false";
                let path = format!("security_headers.{key}");
                findings.error(path, "setting_without_effect", message, "remove one of the two");
            }
        }
        return SecurityHeaders::none();
    }
    let mut headers = SecurityHeaders::new().with_hsts_subdomains(raw.hsts_subdomains);
    let path = "security_headers.hsts";
    match raw.hsts.as_ref().map(|hsts| hsts.duration()) {
        None => {}
        Some(None) => headers = headers.without_hsts(),
        Some(Some(text)) => {
            if let Some(time) = duration(text, path, findings) {
                headers = headers.with_hsts(whole_seconds(time, path, findings));
            }
        }
    }
    headers
}

/// Finds `Strict-Transport-Security` where it is never sent.
pub(super) fn check_hsts(raw: &RawSecurityConfig, hosts: &AllowedHosts, findings: &mut Findings) {
    let Some(headers) = &raw.security_headers else { return };
    let encrypted = raw.tls.is_some() || raw.dangerous.plain_http_behind_proxy;
    let (message, fix) = if !encrypted {
        ("it is not sent over plain http", "add `[tls]`, or remove it")
    } else if hosts.is_loopback_only() {
        (
            "it is not sent by a server that answers to names of this machine only",
            "name the server in `hosts.allowed`, or remove it",
        )
    } else {
        return;
    };
    for (set, key) in
        [(headers.hsts.is_some(), "hsts"), (headers.hsts_subdomains, "hsts_subdomains")]
    {
        if set {
            let path = format!("security_headers.{key}");
            findings.error(path, "setting_without_effect", message, fix);
        }
    }
}

/// Headers carry whole seconds: a fraction would be dropped in silence.
fn whole_seconds(time: Duration, path: &str, findings: &mut Findings) -> Duration {
    if time.subsec_nanos() != 0 {
        let message = "the header carries whole seconds";
        findings.error(path, "invalid_duration", message, "write whole seconds, such as `10s`");
    }
    time
}

fn names(texts: &[String], path: &str, findings: &mut Findings) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match HeaderName::try_from(text.as_str()) {
            Ok(name) => names.push(name),
            Err(_) => findings.error(
                format!("{path}[{index}]"),
                "invalid_header_name",
                "it is not the name of a header",
                "write letters, digits and `-`, such as `x-api-key`",
            ),
        }
    }
    names
}

//! Protected resource metadata: how clients learn where to get a token for this server.

mod url;

use serde::Serialize;

pub use url::{Issuer, ResourceId, ResourceUrlError};

use crate::{
    authn::Authenticator,
    config::{Finding, Severity},
    endpoint::EndpointPath,
    host::AllowedHosts,
    principal::Scope,
};

/// The one method that metadata is asked for with: the value of the `Allow` header of other answers.
pub const METADATA_METHOD: &str = "GET";

/// The longest name of a resource, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// What a server says of itself to clients that have no token yet: a document at a well-known path, and in
/// each `Bearer` challenge its URL and the scopes. Without it, challenges name the realm alone and the path
/// is not found.
///
/// Every byte of both is a constant of the configuration. Abuse: a server that takes its own name from
/// `Host` or `X-Forwarded-Host` says to a client that asked through an attacker, or to everybody who shares
/// a cache with one, that the attacker is whom tokens are for, and who issues them.
///
/// Clients compare the identifier with the URL that they connect to. Behind a proxy that changes paths, this
/// is the URL outside, and the proxy must forward [`ResourceId::metadata_path`] unchanged.
///
/// # Specification
///
/// RFC 9728; MCP 2026-07-28, Authorization, "Authorization Server Location".
///
/// # Examples
///
/// ```
/// use palisade_security::{Issuer, ProtectedResource, ResourceId, Scope};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let resource = ProtectedResource::new(ResourceId::parse("https://mcp.example.com/mcp")?)
///     .with_authorization_servers([Issuer::parse("https://login.example.com")?])
///     .with_scopes_supported([Scope::parse("tools:call")?]);
/// assert_eq!(
///     resource.id().metadata_url(),
///     "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
/// );
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource {
    id: ResourceId,
    authorization_servers: Vec<Issuer>,
    scopes: Vec<Scope>,
    name: Option<Box<str>>,
    /// None inside if it was no link: what it was instead is not kept, for it may hold a password.
    documentation: Option<Option<Box<str>>>,
}

impl ProtectedResource {
    /// A resource about which nothing is known but its identifier.
    #[must_use]
    pub const fn new(id: ResourceId) -> Self {
        Self {
            id,
            authorization_servers: Vec::new(),
            scopes: Vec::new(),
            name: None,
            documentation: None,
        }
    }

    /// Sets who issues tokens for it. Default: nobody, which MCP clients cannot go on from.
    #[must_use]
    pub fn with_authorization_servers(mut self, issuers: impl IntoIterator<Item = Issuer>) -> Self {
        self.authorization_servers = issuers.into_iter().collect();
        self
    }

    /// Sets the scopes that clients should ask for. Default: none are named.
    #[must_use]
    pub fn with_scopes_supported(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Sets the name that people are shown, at most 256 bytes. Default: none.
    #[must_use]
    pub fn with_resource_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the URL of a page for developers, without a query, which may hold a secret. Default: none.
    #[must_use]
    pub fn with_resource_documentation(mut self, url: impl Into<Box<str>>) -> Self {
        self.documentation = Some(Some(url.into()).filter(|url| url::is_link(url)));
        self
    }

    /// The identifier.
    #[must_use]
    pub const fn id(&self) -> &ResourceId {
        &self.id
    }

    /// What is wrong with it, by itself and beside the rest of the configuration.
    pub(crate) fn findings(
        &self,
        authenticator: Option<&dyn Authenticator>,
        hosts: &AllowedHosts,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |path, severity, code, message: String, fix: String| {
            findings.push(Finding::new(path, severity, code, message).with_fix(fix));
        };
        let bearer = authenticator.is_some_and(|it| it.challenge(None).has_scheme("Bearer"));
        if !bearer {
            let message = "no bearer tokens are taken, so nobody is told of the resource, and what \
                           its metadata says is not true";
            let fix = "take bearer tokens, or remove the protected resource";
            let code = "resource_without_bearer";
            add("protected_resource", Severity::Error, code, message.into(), fix.into());
        }
        let origin = self.id.origin().to_string();
        let (_, host) = origin.split_once("://").unwrap_or_default();
        if hosts.check_name(host).is_err() {
            let message = format!("requests for {host} are refused, those for metadata too");
            let fix = format!("list {host} among the allowed hosts");
            let path = "protected_resource.resource";
            add(path, Severity::Warning, "resource_host_not_allowed", message, fix);
        }
        if self.authorization_servers.is_empty() {
            let message = "clients are not told who issues tokens";
            let fix = "name an authorization server";
            let path = "protected_resource.authorization_servers";
            let code = "no_authorization_server";
            add(path, Severity::Warning, code, message.into(), fix.into());
        }
        let nameless = |name: &str| {
            name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(char::is_control)
        };
        if self.name.as_deref().is_some_and(nameless) {
            let message = "the name is empty, longer than 256 bytes, or has control characters";
            let fix = "write a short name in one line";
            let path = "protected_resource.resource_name";
            add(path, Severity::Error, "invalid_resource_name", message.into(), fix.into());
        }
        if self.documentation == Some(None) {
            let message = "it is not an https url, or it has user information or a query";
            let fix = "write the url of a page, such as `https://example.com/docs`";
            let path = "protected_resource.resource_documentation";
            let code = "invalid_resource_documentation";
            add(path, Severity::Error, code, message.into(), fix.into());
        }
        findings
    }
}

/// [`ProtectedResource`], written down once.
#[derive(Debug)]
pub(crate) struct PreparedResource {
    id: ResourceId,
    document: Box<str>,
    metadata_url: Box<str>,
    scope: Option<Box<str>>,
}

/// The document.
///
/// # Specification
///
/// RFC 9728, section 2; lists that are empty are left out by section 3.2.
#[derive(Serialize)]
struct Document<'a> {
    resource: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'a str>,
}

impl PreparedResource {
    /// None if it cannot be written, which text always can.
    pub(crate) fn new(resource: ProtectedResource) -> Option<Self> {
        let scopes: Vec<_> = resource.scopes.iter().map(Scope::as_str).collect();
        let scope = (!scopes.is_empty()).then(|| scopes.join(" ").into());
        let document = Document {
            resource: resource.id.to_string(),
            authorization_servers: resource
                .authorization_servers
                .iter()
                .map(Issuer::as_str)
                .collect(),
            scopes_supported: scopes,
            bearer_methods_supported: ["header"],
            resource_name: resource.name.as_deref(),
            resource_documentation: resource.documentation.as_ref().and_then(Option::as_deref),
        };
        let document = serde_json::to_string(&document).ok()?.into();
        let metadata_url = resource.id.metadata_url().into();
        Some(Self { id: resource.id, document, metadata_url, scope })
    }

    pub(crate) const fn id(&self) -> &ResourceId {
        &self.id
    }

    pub(crate) const fn metadata_path(&self) -> &EndpointPath {
        self.id.metadata_path()
    }

    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    pub(crate) fn metadata_url(&self) -> &str {
        &self.metadata_url
    }

    /// The scopes of challenges, in the form that they have there.
    pub(crate) fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
}

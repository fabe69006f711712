//! What a server configuration decides at its edge: which pages may read responses, what responses say to
//! browsers, which proxies are believed, how often callers may ask, what they are told without credentials.

use http::{HeaderMap, Method};

use super::{Finding, Ready, ServerConfigBuilder, ServerSecurity, Severity};
use crate::{
    authn::{Authenticator, PeerInfo},
    clock::Moment,
    cors::{Cors, Preflight, PreparedCors},
    guard::{self, GuardInput},
    host::AllowedHosts,
    origin::AllowedOrigins,
    principal::Principal,
    protected_resource::{PreparedResource, ProtectedResource, ResourceId},
    proxy::TrustedProxies,
    rate::{RateLimiter, RateLimits},
    reject::RejectError,
    response_headers::{PreparedHeaders, ResponseHeaders, SecurityHeaders},
};

/// The settings, as the builder collects them.
#[derive(Debug, Default)]
pub(super) struct EdgeSettings {
    cors: Option<Cors>,
    headers: SecurityHeaders,
    proxies: Option<TrustedProxies>,
    rates: RateLimits,
    resource: Option<ProtectedResource>,
}

/// The settings, prepared.
#[derive(Debug)]
pub(super) struct Edge {
    cors: Option<PreparedCors>,
    headers: PreparedHeaders,
    proxies: Option<TrustedProxies>,
    rates: RateLimiter,
    resource: Option<PreparedResource>,
}

impl ServerConfigBuilder<Ready> {
    /// Lets pages of the allowed origins read responses. Default: no page can, and `OPTIONS` is 405.
    pub fn with_cors(mut self, cors: Cors) -> Self {
        self.state.edge.cors = Some(cors);
        self
    }

    /// Sets what responses say to browsers. Default: [`SecurityHeaders::new`].
    pub fn with_security_headers(mut self, headers: SecurityHeaders) -> Self {
        self.state.edge.headers = headers;
        self
    }

    /// Believes these proxies when they say for whom they forward. Default: nobody is believed.
    pub fn with_trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.state.edge.proxies = Some(proxies);
        self
    }

    /// Sets how often callers may ask. Default: [`RateLimits::new`].
    pub fn with_rate_limits(mut self, rates: RateLimits) -> Self {
        self.state.edge.rates = rates;
        self
    }

    /// Tells clients where to get a token for this server. Default: they are told nothing.
    pub fn with_protected_resource(mut self, resource: ProtectedResource) -> Self {
        self.state.edge.resource = Some(resource);
        self
    }
}

impl EdgeSettings {
    /// `behind_proxy`: clients are only reached through a proxy.
    pub(super) fn findings(&self, origins: &AllowedOrigins, behind_proxy: bool) -> Vec<Finding> {
        let mut findings = self.headers.findings();
        if let Some(cors) = &self.cors {
            findings.extend(cors.findings(origins, guard::ALLOWED_METHODS));
        }
        findings.extend(self.proxies.iter().flat_map(TrustedProxies::findings));
        findings.extend(self.rates.findings());
        if behind_proxy && self.proxies.is_none() {
            let message = "all clients of an unnamed proxy share one address, so one of them can use up what \
                           addresses may, and what came over http counts as encrypted";
            let fix = "add `with_trusted_proxies(..)` with the addresses of the proxy";
            let code = "proxy_not_named";
            let finding = Finding::new("trusted_proxies", Severity::Warning, code, message);
            findings.push(finding.with_fix(fix));
        }
        findings
    }

    pub(super) fn resource_findings(
        &self,
        authenticator: Option<&dyn Authenticator>,
        hosts: &AllowedHosts,
    ) -> Vec<Finding> {
        let resource = self.resource.as_ref();
        resource.map(|resource| resource.findings(authenticator, hosts)).unwrap_or_default()
    }

    pub(super) fn prepare(self, hosts: &AllowedHosts) -> Edge {
        Edge {
            cors: self.cors.map(PreparedCors::new),
            headers: PreparedHeaders::new(&self.headers, hosts.is_loopback_only()),
            proxies: self.proxies,
            rates: RateLimiter::new(self.rates),
            resource: self.resource.and_then(PreparedResource::new),
        }
    }
}

impl Edge {
    pub(super) fn resource(&self) -> Option<&PreparedResource> {
        self.resource.as_ref()
    }
}

impl ServerSecurity {
    /// Answers a preflight: the same limits, Host and Origin as for the request that it asks for, and no
    /// credentials, which browsers do not send with it. None if the request is none, or pages may not read
    /// responses; then it is a request like others.
    ///
    /// # Errors
    ///
    /// Those of [`Self::guard`] for headers, Host and Origin; [`RejectError::PreflightNotAllowed`] if the
    /// method or a header is not allowed.
    ///
    /// # Specification
    ///
    /// Fetch, section 4.9, "CORS-preflight fetch".
    pub fn preflight(&self, input: &GuardInput<'_>) -> Option<Result<Preflight, RejectError>> {
        let cors = self.edge().cors.as_ref()?;
        if !Preflight::is_one(input.method, input.headers) {
            return None;
        }
        let metadata = self.is_resource_metadata(input.uri.path());
        let sessions = input.sessions && !metadata;
        let methods = if metadata { &[Method::GET][..] } else { cors.methods(sessions) };
        let checked = guard::check_source(input, self);
        Some(checked.and_then(|()| cors.preflight(input.headers, methods, sessions)))
    }

    /// Answers a request for the metadata of the [`ProtectedResource`]: a JSON document, the same for
    /// everybody and by whatever name it is asked for. None if something else is asked for.
    ///
    /// # Errors
    ///
    /// Those of [`Self::guard`] for headers, Host and Origin; [`RejectError::MethodNotAllowed`] for other
    /// methods than [`METADATA_METHOD`](crate::protected_resource::METADATA_METHOD).
    ///
    /// # Specification
    ///
    /// RFC 9728, sections 3.1 to 3.3.
    pub fn resource_metadata(&self, input: &GuardInput<'_>) -> Option<Result<&str, RejectError>> {
        let resource = self.edge().resource()?;
        if !resource.metadata_path().matches(input.uri.path()) {
            return None;
        }
        Some(guard::check_source(input, self).and_then(|()| match *input.method {
            Method::GET => Ok(resource.document()),
            _ => Err(RejectError::MethodNotAllowed),
        }))
    }

    /// Whether the metadata of the [`ProtectedResource`] is at this path.
    #[must_use]
    pub fn is_resource_metadata(&self, path: &str) -> bool {
        self.edge().resource().is_some_and(|resource| resource.metadata_path().matches(path))
    }

    /// What this server calls itself where tokens for it are issued.
    #[must_use]
    pub fn resource_id(&self) -> Option<&ResourceId> {
        self.edge().resource().map(PreparedResource::id)
    }

    /// What the response to a request says besides its own headers, be it a refusal or a stream.
    #[must_use]
    pub fn response_headers(&self, request: &GuardInput<'_>, tls: bool) -> ResponseHeaders {
        let cors = self.edge().cors.as_ref();
        let origin = cors.and_then(|_| self.allowed_origins().allow_origin(request.headers));
        ResponseHeaders::new(self, request, tls, origin)
    }

    /// The client that a request comes from, if the connection is a trusted proxy's. Ask before anything
    /// else: whoever it is takes the place of the connection in every decision.
    ///
    /// # Errors
    ///
    /// [`RejectError::InvalidForwarded`] if the proxy does not say for whom it forwards,
    /// [`RejectError::HostNotAllowed`] if it says that another server was asked for.
    pub fn forwarded_peer(
        &self,
        connection: &PeerInfo,
        headers: &HeaderMap,
    ) -> Result<Option<PeerInfo>, RejectError> {
        match &self.edge().proxies {
            Some(proxies) => proxies.client(connection, headers, self.allowed_hosts()),
            None => Ok(None),
        }
    }

    /// The proxies that are believed.
    #[must_use]
    pub fn trusted_proxies(&self) -> Option<&TrustedProxies> {
        self.edge().proxies.as_ref()
    }

    /// Counts a request against its address, before anybody is authenticated.
    ///
    /// # Errors
    ///
    /// [`RejectError::RateLimited`].
    pub fn admit_address(&self, peer: &PeerInfo, came: &Moment) -> Result<(), RejectError> {
        self.edge().rates.address(peer, || came.get(self.clock()))
    }

    /// Counts a request against its principal.
    ///
    /// # Errors
    ///
    /// [`RejectError::RateLimited`].
    pub fn admit_principal(&self, principal: &Principal, came: &Moment) -> Result<(), RejectError> {
        self.edge().rates.principal(principal, || came.get(self.clock()))
    }

    /// Counts a call of a tool against its principal.
    ///
    /// # Errors
    ///
    /// [`RejectError::RateLimited`].
    pub fn admit_tool(
        &self,
        principal: &Principal,
        tool: &str,
        came: &Moment,
    ) -> Result<(), RejectError> {
        self.edge().rates.tool(principal, tool, || came.get(self.clock()))
    }

    pub(crate) fn prepared_headers(&self) -> &PreparedHeaders {
        &self.edge().headers
    }

    pub(crate) fn prepared_cors(&self) -> Option<&PreparedCors> {
        self.edge().cors.as_ref()
    }
}

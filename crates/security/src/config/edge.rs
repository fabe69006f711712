//! What a server configuration decides at its edge: which pages may read responses, what responses say to
//! browsers.

use http::HeaderMap;

use super::{Finding, Ready, ServerConfigBuilder, ServerSecurity};
use crate::{
    cors::{Cors, Preflight, PreparedCors},
    guard::{self, GuardInput},
    host::AllowedHosts,
    origin::AllowedOrigins,
    reject::RejectError,
    response_headers::{PreparedHeaders, ResponseHeaders, SecurityHeaders},
};

/// The settings, as the builder collects them.
#[derive(Debug, Default)]
pub(super) struct EdgeSettings {
    cors: Option<Cors>,
    headers: SecurityHeaders,
}

/// The settings, prepared.
#[derive(Debug)]
pub(super) struct Edge {
    cors: Option<PreparedCors>,
    headers: PreparedHeaders,
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
}

impl EdgeSettings {
    pub(super) fn findings(&self, origins: &AllowedOrigins) -> Vec<Finding> {
        let mut findings = self.headers.findings();
        if let Some(cors) = &self.cors {
            findings.extend(cors.findings(origins, guard::ALLOWED_METHODS));
        }
        findings
    }

    pub(super) fn prepare(self, hosts: &AllowedHosts) -> Edge {
        Edge {
            cors: self.cors.map(PreparedCors::new),
            headers: PreparedHeaders::new(&self.headers, hosts.is_loopback_only()),
        }
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
        Some(guard::check_source(input, self).and_then(|()| cors.preflight(input.headers)))
    }

    /// What the response to a request with these headers says besides its own headers, be it a refusal or a
    /// stream.
    #[must_use]
    pub fn response_headers(&self, request: &HeaderMap, tls: bool) -> ResponseHeaders {
        let cors = self.edge().cors.as_ref();
        let origin = cors.and_then(|_| self.allowed_origins().allow_origin(request));
        ResponseHeaders::new(self.clone(), tls, origin)
    }

    pub(crate) fn prepared_headers(&self) -> &PreparedHeaders {
        &self.edge().headers
    }

    pub(crate) fn prepared_cors(&self) -> Option<&PreparedCors> {
        self.edge().cors.as_ref()
    }
}

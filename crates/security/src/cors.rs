//! CORS: what a browser may let a page of another origin do here, and what it may let that page read.

mod preflight;

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCEPT, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER, VARY,
        WWW_AUTHENTICATE,
    },
};
use palisade_protocol::header::{
    LAST_EVENT_ID, MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION, MCP_SESSION_ID,
};

pub use preflight::Preflight;

use crate::{
    config::{Finding, Severity},
    origin::{AllowedOrigins, Origin},
};

/// What a user quotes to have a request found in the server's records.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page needs besides to speak the older revisions, where they are served.
static SESSION_METHODS: [Method; 3] = [Method::POST, Method::GET, Method::DELETE];
static SESSION_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static(MCP_SESSION_ID), HeaderName::from_static(LAST_EVENT_ID)];

/// The longest time that browsers keep the answer to a preflight: one day.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What pages of the [`AllowedOrigins`] may do from within a browser. Without it, no page can read a
/// response, and `OPTIONS` is answered with 405 like every other method.
///
/// The origins are those of the configuration: exact, never reflected, and there is no `*`. What a page
/// needs to speak MCP is allowed from the start: `POST`, the headers `Accept`, `Content-Type`,
/// `Authorization`, `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*`; and it may read `WWW-Authenticate`,
/// `Retry-After` and `X-Request-Id`. Where sessions of the older revisions are served, these are `GET` and
/// `DELETE` besides, and the headers `Mcp-Session-Id` and `Last-Event-ID`.
///
/// # Specification
///
/// Fetch, section 3.3, "CORS protocol"; Private Network Access, "CORS preflight".
///
/// # Examples
///
/// ```
/// use http::HeaderName;
/// use palisade_security::Cors;
///
/// // For a server whose clients send an API key.
/// let cors = Cors::new().with_request_headers([HeaderName::from_static("x-api-key")]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    methods: Vec<Method>,
    request_headers: Vec<HeaderName>,
    exposed_headers: Vec<HeaderName>,
    credentials: bool,
    max_age: Duration,
    private_network: bool,
}

impl Default for Cors {
    fn default() -> Self {
        Self::new()
    }
}

impl Cors {
    /// What a page needs to speak MCP, and no more.
    #[must_use]
    pub fn new() -> Self {
        let own = [MCP_PROTOCOL_VERSION, MCP_METHOD, MCP_NAME].map(HeaderName::from_static);
        let mut request_headers = vec![ACCEPT, CONTENT_TYPE, AUTHORIZATION];
        request_headers.extend(own);
        Self {
            methods: vec![Method::POST],
            request_headers,
            exposed_headers: vec![WWW_AUTHENTICATE, RETRY_AFTER, REQUEST_ID],
            credentials: false,
            max_age: Duration::from_secs(10 * 60),
            private_network: false,
        }
    }

    /// Sets the methods that a page may use. Default: `POST`, the only one that is served without sessions. Abuse: a method
    /// that something mounted beside the endpoint answers to.
    #[must_use]
    pub fn with_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// Adds request headers that a page may set. Abuse: headers that something behind the server trusts,
    /// which a page could not set otherwise.
    #[must_use]
    pub fn with_request_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.request_headers.extend(names);
        self
    }

    /// Adds response headers that a page may read. Abuse: headers that tell of the inside of a network.
    #[must_use]
    pub fn with_exposed_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.exposed_headers.extend(names);
        self
    }

    /// Lets pages use what the browser has stored for this server: cookies, passwords, client
    /// certificates. Default: no; a bearer token that the page itself sends needs no such permission. Abuse:
    /// a page that acts with the rights of whoever visits it.
    #[must_use]
    pub const fn with_credentials(mut self, credentials: bool) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets for how long a browser may remember the answer to a preflight, in whole seconds. Default: 10
    /// min, at most a day. Abuse: a permission that outlives its withdrawal.
    #[must_use]
    pub const fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Lets pages of public websites reach this server on a private network. Default: no. Abuse: websites
    /// that look for servers on the networks of their visitors.
    #[must_use]
    pub const fn with_private_network(mut self, private_network: bool) -> Self {
        self.private_network = private_network;
        self
    }

    /// What is wrong with these permissions, given who has them.
    pub(crate) fn findings(&self, origins: &AllowedOrigins, served: &str) -> Vec<Finding> {
        let error = |path, code, message| Finding::new(path, Severity::Error, code, message);
        let mut findings = Vec::new();
        if origins.is_none() {
            findings.push(
                error(
                    "cors",
                    "cors_without_origins",
                    "no origin is allowed, so no page could use it",
                )
                .with_fix("list origins with `AllowedOrigins::only([..])`, or leave CORS out"),
            );
        }
        let unserved = |method: &&Method| method.as_str() != served;
        if self.methods.is_empty() || self.methods.iter().any(|method| unserved(&method)) {
            findings.push(
                error(
                    "cors.methods",
                    "cors_method_not_served",
                    "a method is listed that is not served",
                )
                .with_fix(format!("list exactly `{served}`, or leave the default")),
            );
        }
        let lists = [
            ("cors.request_headers", &self.request_headers),
            ("cors.exposed_headers", &self.exposed_headers),
        ];
        for (path, names) in lists {
            if names.iter().any(|name| name == "*") {
                findings.push(
                    error(
                        path,
                        "cors_wildcard",
                        "`*` stands for headers that nobody has thought of",
                    )
                    .with_fix("name the headers"),
                );
            }
        }
        if self.max_age > MAX_AGE {
            findings.push(
                error("cors.max_age", "limit_too_large", "the time is above a day")
                    .with_fix("set at most 86400 seconds"),
            );
        }
        if self.credentials && origins.allows_loopback() {
            let message =
                "every web server on the user's machine may act with the user's credentials";
            findings.push(
                Finding::new(
                    "cors.credentials",
                    Severity::Warning,
                    "cors_credentials_loopback",
                    message,
                )
                .with_fix("list the origins with `AllowedOrigins::only([..])`"),
            );
        }
        let plain = |origin: &Origin| !origin.is_trustworthy();
        if self.credentials && origins.iter().any(plain) {
            let message = "pages of an http origin may act with the user's credentials, and whoever is on \
                           the network can change such a page";
            findings.push(
                Finding::new(
                    "cors.credentials",
                    Severity::Warning,
                    "cors_credentials_http",
                    message,
                )
                .with_fix("list https origins only"),
            );
        }
        findings
    }
}

/// [`Cors`] as it is written into responses.
#[derive(Debug)]
pub(crate) struct PreparedCors {
    rules: Cors,
    exposed: Option<HeaderValue>,
    exposed_with_sessions: Option<HeaderValue>,
}

impl PreparedCors {
    pub(crate) fn new(rules: Cors) -> Self {
        let exposed = || rules.exposed_headers.iter().map(HeaderName::as_str);
        Self {
            exposed: list(exposed()),
            exposed_with_sessions: list(exposed().chain([MCP_SESSION_ID])),
            rules,
        }
    }

    pub(crate) fn methods(&self, sessions: bool) -> &[Method] {
        if sessions { &SESSION_METHODS } else { &self.rules.methods }
    }

    /// Writes what a response to `origin` says; to no origin, that the answer depends on it.
    pub(crate) fn write(
        &self,
        origin: Option<&HeaderValue>,
        sessions: bool,
        response: &mut HeaderMap,
    ) {
        if !response.contains_key(VARY) {
            response.insert(VARY, HeaderValue::from_name(ORIGIN));
        }
        let Some(origin) = origin else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.rules.credentials {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        let exposed = if sessions { &self.exposed_with_sessions } else { &self.exposed };
        if let Some(exposed) = exposed {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }
}

/// A list as headers have it; none if it is empty.
fn list<'a>(items: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let text = items.collect::<Vec<_>>().join(", ");
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

#[cfg(test)]
mod tests;

//! What every response says to browsers and caches, whatever it answers.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        CACHE_CONTROL, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};

use crate::{
    config::{Finding, ServerSecurity, Severity},
    guard::GuardInput,
};

const X_PERMITTED_CROSS_DOMAIN_POLICIES: HeaderName =
    HeaderName::from_static("x-permitted-cross-domain-policies");

/// What is sent without TLS too.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_PERMITTED_CROSS_DOMAIN_POLICIES, HeaderValue::from_static("none")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The longest time a browser can be bound to https: two years, what preload lists ask for.
const MAX_HSTS: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// Headers that make browsers careful with responses: `X-Content-Type-Options: nosniff`,
/// `X-Frame-Options: DENY`, `Referrer-Policy: no-referrer`, `X-Permitted-Cross-Domain-Policies: none`,
/// `Cache-Control: no-store`, and over TLS `Strict-Transport-Security`. They go out on responses only, on
/// every one that a browser could have asked for. That leaves out a `POST` without `Origin`: browsers name
/// the page on every `POST`, so it comes from a program, which these headers mean nothing to. Default: on.
///
/// Abuse: a response that a browser takes for a page and runs, shows within another page, leaves in a cache
/// for the next user of the machine; a first request over http that somebody on the network answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityHeaders {
    included: bool,
    hsts: Option<Duration>,
    hsts_subdomains: bool,
}

impl Default for SecurityHeaders {
    fn default() -> Self {
        Self::new()
    }
}

impl SecurityHeaders {
    /// All of them; `Strict-Transport-Security` for one year and this host alone.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            included: true,
            hsts: Some(Duration::from_secs(365 * 24 * 60 * 60)),
            hsts_subdomains: false,
        }
    }

    /// None of them: for a server behind a proxy that adds its own.
    #[must_use]
    pub const fn none() -> Self {
        Self { included: false, hsts: None, hsts_subdomains: false }
    }

    /// Sets for how long browsers insist on https for this host, in whole seconds. Default: one year, at
    /// most two. Never sent over http, nor by a server that answers to names of this machine only: the
    /// browser would bind every local server to https.
    #[must_use]
    pub const fn with_hsts(mut self, max_age: Duration) -> Self {
        self.hsts = Some(max_age);
        self
    }

    /// Leaves `Strict-Transport-Security` out.
    #[must_use]
    pub const fn without_hsts(mut self) -> Self {
        self.hsts = None;
        self
    }

    /// Sets whether browsers insist on https for all subdomains of this host too. Default: no, for they may
    /// belong to somebody who serves http.
    #[must_use]
    pub const fn with_hsts_subdomains(mut self, subdomains: bool) -> Self {
        self.hsts_subdomains = subdomains;
        self
    }

    fn hsts_value(&self) -> Option<HeaderValue> {
        let subdomains = if self.hsts_subdomains { "; includeSubDomains" } else { "" };
        let value = format!("max-age={}{subdomains}", self.hsts?.as_secs());
        HeaderValue::try_from(value).ok()
    }

    /// What is wrong with these headers.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let error = |path, code, message| Finding::new(path, Severity::Error, code, message);
        let mut findings = Vec::new();
        if self.hsts.is_some_and(|max_age| max_age > MAX_HSTS) {
            findings.push(
                error("security_headers.hsts", "limit_too_large", "the time is above two years")
                    .with_fix("set at most 63072000 seconds"),
            );
        }
        if self.hsts_subdomains && self.hsts.is_none() {
            let message = "subdomains are bound to https, but this host is not";
            findings.push(
                error("security_headers.hsts_subdomains", "setting_without_effect", message)
                    .with_fix("add `with_hsts(..)`, or leave the subdomains out"),
            );
        }
        findings
    }
}

/// The headers that a response gets: over TLS or not.
#[must_use]
pub fn build_security_headers(
    options: &SecurityHeaders,
    tls: bool,
) -> Vec<(HeaderName, HeaderValue)> {
    let always = if options.included { &ALWAYS[..] } else { &[] };
    let hsts = options.hsts_value().filter(|_| tls);
    let hsts = hsts.map(|value| (STRICT_TRANSPORT_SECURITY, value));
    always.iter().cloned().chain(hsts).collect()
}

/// [`SecurityHeaders`], written down once.
#[derive(Debug)]
pub(crate) struct PreparedHeaders {
    plain: Box<[(HeaderName, HeaderValue)]>,
    tls: Box<[(HeaderName, HeaderValue)]>,
}

impl PreparedHeaders {
    /// `local`: the server answers to names of this machine only.
    pub(crate) fn new(options: &SecurityHeaders, local: bool) -> Self {
        Self {
            plain: build_security_headers(options, false).into(),
            tls: build_security_headers(options, !local).into(),
        }
    }

    fn of(&self, tls: bool) -> &[(HeaderName, HeaderValue)] {
        if tls { &self.tls } else { &self.plain }
    }
}

/// What the response to one request says besides its own headers; see
/// [`ServerSecurity::response_headers`].
#[derive(Clone, Debug)]
pub struct ResponseHeaders {
    /// None if there is nothing to say.
    security: Option<ServerSecurity>,
    /// Whether they are for a browser, or could be.
    browser: bool,
    sessions: bool,
    tls: bool,
    origin: Option<HeaderValue>,
}

impl ResponseHeaders {
    pub(crate) fn new(
        security: &ServerSecurity,
        request: &GuardInput<'_>,
        tls: bool,
        origin: Option<HeaderValue>,
    ) -> Self {
        // Fetch, section 3.2, "`Origin` header": appended to every request that is not GET or HEAD.
        let browser = *request.method != Method::POST || request.headers.contains_key(ORIGIN);
        let speaks = browser || security.prepared_cors().is_some();
        let security = speaks.then(|| security.clone());
        Self { security, browser, sessions: request.sessions, tls, origin }
    }

    /// Writes them, over what is there.
    pub fn write(&self, response: &mut HeaderMap) {
        let Some(security) = &self.security else { return };
        if self.browser {
            let prepared = security.prepared_headers().of(self.tls);
            response.reserve(prepared.len());
            for (name, value) in prepared {
                response.insert(name, value.clone());
            }
        }
        if let Some(cors) = security.prepared_cors() {
            cors.write(self.origin.as_ref(), self.sessions, response);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &SecurityHeaders, tls: bool, expected: &[(&str, &str)]) {
        let headers = build_security_headers(options, tls);
        let found: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(found, expected);
    }

    const PLAIN: [(&str, &str); 5] = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-permitted-cross-domain-policies", "none"),
        ("cache-control", "no-store"),
    ];

    #[test]
    fn hsts_is_for_tls_only() {
        check(&SecurityHeaders::new(), false, &PLAIN);
        let hsts = |value| [&PLAIN[..], &[("strict-transport-security", value)]].concat();
        check(&SecurityHeaders::new(), true, &hsts("max-age=31536000"));
        let short = SecurityHeaders::new().with_hsts(Duration::from_millis(60_999));
        check(&short, true, &hsts("max-age=60"));
        let all = SecurityHeaders::default().with_hsts_subdomains(true);
        check(&all, true, &hsts("max-age=31536000; includeSubDomains"));
        check(&SecurityHeaders::new().without_hsts(), true, &PLAIN);
        check(&SecurityHeaders::none(), true, &[]);
        let alone = SecurityHeaders::none().with_hsts(Duration::from_secs(1));
        check(&alone, true, &[("strict-transport-security", "max-age=1")]);
    }

    #[test]
    fn settings_that_cannot_be_honoured_are_findings() {
        let codes = |options: &SecurityHeaders| {
            options.findings().iter().map(|finding| finding.code()).collect::<Vec<_>>()
        };
        assert!(codes(&SecurityHeaders::new().with_hsts(MAX_HSTS)).is_empty());
        assert!(codes(&SecurityHeaders::none()).is_empty());
        let long = SecurityHeaders::new().with_hsts(MAX_HSTS + Duration::from_secs(1));
        assert_eq!(codes(&long), ["limit_too_large"]);
        let idle = SecurityHeaders::none().with_hsts_subdomains(true);
        assert_eq!(codes(&idle), ["setting_without_effect"]);
    }
}

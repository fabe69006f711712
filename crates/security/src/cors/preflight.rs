//! The preflight: what a browser asks before it sends what a page wants sent.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};
use palisade_protocol::header::MCP_PARAM_PREFIX;

use super::{PreparedCors, SESSION_HEADERS, list};
use crate::reject::RejectError;

const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

/// The permission that answers a preflight: status 204 and these headers. [`ResponseHeaders`] adds for
/// which origin it is.
///
/// [`ResponseHeaders`]: crate::ResponseHeaders
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    headers: HeaderMap,
}

impl Preflight {
    /// Whether a request is a preflight. An `OPTIONS` without these headers is a request like others.
    pub(crate) fn is_one(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// What the response says.
    #[must_use]
    pub fn into_headers(self) -> HeaderMap {
        self.headers
    }
}

impl PreparedCors {
    /// Decides over what a page, whose origin is allowed, would like to send where these methods are served.
    pub(crate) fn preflight(
        &self,
        headers: &HeaderMap,
        served: &[Method],
        sessions: bool,
    ) -> Result<Preflight, RejectError> {
        let rules = &self.rules;
        let mut methods = headers.get_all(ACCESS_CONTROL_REQUEST_METHOD).iter();
        let allowed = |value: &HeaderValue| served.iter().any(|method| method.as_str() == value);
        if !methods.next().is_some_and(allowed) || methods.next().is_some() {
            return Err(RejectError::PreflightNotAllowed);
        }
        let own: Vec<&HeaderName> = rules
            .request_headers
            .iter()
            .chain(SESSION_HEADERS.iter().filter(|_| sessions))
            .collect();
        let mirrored = mirrored(headers, &own).ok_or(RejectError::PreflightNotAllowed)?;

        let mut answer = HeaderMap::with_capacity(8);
        let names = own.iter().map(|name| name.as_str());
        let written = [
            (ACCESS_CONTROL_ALLOW_METHODS, list(served.iter().map(Method::as_str))),
            (ACCESS_CONTROL_ALLOW_HEADERS, list(names.chain(mirrored))),
        ];
        for (name, value) in written {
            if let Some(value) = value {
                answer.insert(name, value);
            }
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, rules.max_age.as_secs().into());
        let asked = headers.get(REQUEST_PRIVATE_NETWORK).is_some_and(|asked| asked == "true");
        if rules.private_network && asked {
            answer.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
        answer.insert(VARY, HeaderValue::from_static(VARIES));
        Ok(Preflight { headers: answer })
    }
}

/// What the answer depends on.
const VARIES: &str = "origin, access-control-request-method, access-control-request-headers, \
                      access-control-request-private-network";

/// The requested headers that mirror arguments of tools: their names are the tools' own, so a prefix
/// stands for them. None if a header is requested that is not allowed.
fn mirrored<'a>(headers: &'a HeaderMap, allowed: &[&HeaderName]) -> Option<Vec<&'a str>> {
    let mut mirrored = Vec::new();
    for value in headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        for name in value.to_str().ok()?.split(',').map(|name| name.trim_matches([' ', '\t'])) {
            if allowed.iter().any(|own| name.eq_ignore_ascii_case(own.as_str())) {
                continue;
            }
            let (prefix, rest) = name.split_at_checked(MCP_PARAM_PREFIX.len())?;
            let own = prefix.eq_ignore_ascii_case(MCP_PARAM_PREFIX) && !rest.is_empty();
            if !own || HeaderName::try_from(name).is_err() {
                return None;
            }
            mirrored.push(name);
        }
    }
    Some(mirrored)
}

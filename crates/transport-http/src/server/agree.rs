//! Whether the headers of a request say what its body says.
//!
//! Proxies route and filter by the headers, the engine acts by the body. Where the two differ, someone
//! was told something else than what would happen, so nothing happens.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header::AsHeaderName};
use palisade_protocol::{
    ErrorCode, ErrorObject, ProtocolVersion, Request, RequestParams, header, method,
};
use palisade_transport::{Dispatcher, pipeline};

pub(super) static PROTOCOL_VERSION: HeaderName =
    HeaderName::from_static(header::MCP_PROTOCOL_VERSION);
static METHOD: HeaderName = HeaderName::from_static(header::MCP_METHOD);
static NAME: HeaderName = HeaderName::from_static(header::MCP_NAME);

/// Checks the version, the method, the name and the mirrored arguments.
///
/// # Errors
///
/// `-32602` if `_meta` lacks a required field, `-32020` if a header is missing or differs, `-32022` if
/// the version is not served.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP, "Server Validation".
pub(super) fn check(
    headers: &HeaderMap,
    request: &Request<'_>,
    params: &RequestParams<'_>,
    dispatcher: &dyn Dispatcher,
) -> Result<ProtocolVersion, ErrorObject> {
    let version = pipeline::required_version(params.meta.as_ref(), dispatcher)?;
    if !says_as_it_stands(headers, &PROTOCOL_VERSION, version) {
        return Err(mismatch("MCP-Protocol-Version differs from the body"));
    }
    let known = pipeline::served_version(version, dispatcher)?;

    if !says_as_it_stands(headers, &METHOD, &request.method) {
        return Err(mismatch("Mcp-Method differs from the body"));
    }
    if let Some(name) = params.mirrored_name(&request.method) {
        if !says(headers, &NAME, name) {
            return Err(mismatch("Mcp-Name differs from the body"));
        }
        if request.method == method::TOOLS_CALL
            && let Some(mirrored) = dispatcher.param_headers(name)
        {
            let mut malformed = false;
            let agree = mirrored.agree(params.arguments, |name| {
                let name = format!("{}{name}", header::MCP_PARAM_PREFIX);
                let value = one_value(headers, name.as_str());
                malformed |= value.is_none() && headers.contains_key(&name);
                value
            });
            if malformed || !agree {
                return Err(mismatch("an Mcp-Param header differs from the body"));
            }
        }
    }
    Ok(known)
}

/// Checks a message of an older revision, which has no such headers. One that is there all the same must say
/// what the body says: whoever filters by it does not ask for the revision first.
///
/// # Errors
///
/// `-32020` if a header is there and differs.
pub(super) fn check_present(
    headers: &HeaderMap,
    message: Option<(&Request<'_>, &RequestParams<'_>)>,
) -> Result<(), ErrorObject> {
    let method = message.map(|(request, _)| &*request.method);
    let name = message.and_then(|(request, params)| params.mirrored_name(&request.method));
    if headers.contains_key(&METHOD)
        && !method.is_some_and(|method| says_as_it_stands(headers, &METHOD, method))
    {
        return Err(mismatch("Mcp-Method differs from the body"));
    }
    if headers.contains_key(&NAME) && !name.is_some_and(|name| says(headers, &NAME, name)) {
        return Err(mismatch("Mcp-Name differs from the body"));
    }
    Ok(())
}

/// Whether a header is there once and says what the body says, in the one form that has no choice: text
/// that is plain stands there plain. Proxies decode only the name and the arguments, so a method in other
/// clothes would pass a proxy that refuses the method.
fn says_as_it_stands(headers: &HeaderMap, name: &HeaderName, body: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    value.as_bytes() == header::encode_value(body).as_bytes()
}

/// Whether a header is there once and says, decoded, what the body says.
fn says(headers: &HeaderMap, name: &HeaderName, body: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    // Most values stand as they are; only what may be encoded or must not stand there is looked into.
    let plain = body.is_ascii() && !body.starts_with("=?");
    (plain && value.as_bytes() == body.as_bytes())
        || header::decode_value(value.as_bytes()).is_ok_and(|value| value == body)
}

/// The one value of a header, decoded. `None` if it is absent, there several times, or malformed.
fn one_value(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => header::decode_value(value.as_bytes()).ok(),
        _ => None,
    }
}

fn mismatch(message: &'static str) -> ErrorObject {
    ErrorObject::new(ErrorCode::HEADER_MISMATCH, message)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{METHOD, NAME, says, says_as_it_stands};

    #[test]
    fn h12_only_names_may_be_encoded() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in [&METHOD, &NAME] {
                for value in values {
                    headers.append(name, HeaderValue::from_static(value));
                }
            }
            headers
        };
        for (values, method, name) in [
            (&["tools/call"][..], true, true),
            (&["=?base64?dG9vbHMvY2FsbA==?="], false, true),
            (&["Tools/call"], false, false),
            (&["tools/call", "tools/call"], false, false),
            (&[], false, false),
        ] {
            let headers = headers(values);
            assert_eq!(says_as_it_stands(&headers, &METHOD, "tools/call"), method, "{values:?}");
            assert_eq!(says(&headers, &NAME, "tools/call"), name, "{values:?}");
        }
    }
}

//! Whether the headers of a request say what its body says.
//!
//! Proxies route and filter by the headers, the engine acts by the body. Where the two differ, someone
//! was told something else than what would happen, so nothing happens.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header::AsHeaderName};
use palisade_protocol::{
    ErrorCode, ErrorObject, ProtocolVersion, Request, RequestParams, header, method,
};
use palisade_transport::{Dispatcher, pipeline};

/// What the headers of a request say of its message, found in one walk: to look each of them up would take
/// longer, and every request is asked for all of them.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) version: Said<'a>,
    pub(super) method: Said<'a>,
    name: Said<'a>,
}

/// What one header says.
#[derive(Clone, Copy)]
pub(super) enum Said<'a> {
    Nothing,
    Once(&'a HeaderValue),
    /// Several things, or one several times: only the map knows.
    Repeatedly,
}

impl<'a> Words<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let nothing = Said::Nothing;
        let mut words = Self { headers, version: nothing, method: nothing, name: nothing };
        for (name, value) in headers {
            let said = match name.as_str() {
                header::MCP_PROTOCOL_VERSION => &mut words.version,
                header::MCP_METHOD => &mut words.method,
                header::MCP_NAME => &mut words.name,
                _ => continue,
            };
            *said = match said {
                Said::Nothing => Said::Once(value),
                Said::Once(_) | Said::Repeatedly => Said::Repeatedly,
            };
        }
        words
    }
}

impl<'a> Said<'a> {
    pub(super) fn is_nothing(self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn once(self) -> Option<&'a HeaderValue> {
        match self {
            Self::Once(value) => Some(value),
            Self::Nothing | Self::Repeatedly => None,
        }
    }

    /// Whether it says, once, what the body says, in the one form that has no choice: text that is plain
    /// stands there plain. Proxies decode only the name and the arguments, so a method in other clothes would
    /// pass a proxy that refuses the method.
    fn is_as_it_stands(self, body: &str) -> bool {
        self.once().is_some_and(|value| value.as_bytes() == header::encode_value(body).as_bytes())
    }

    /// Whether it says, once and decoded, what the body says.
    fn is(self, body: &str) -> bool {
        let Some(value) = self.once() else { return false };
        // Most values stand as they are; only what may be encoded or must not stand there is looked into.
        let plain = body.is_ascii() && !body.starts_with("=?");
        (plain && value.as_bytes() == body.as_bytes())
            || header::decode_value(value.as_bytes()).is_ok_and(|value| value == body)
    }
}

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
    words: &Words<'_>,
    request: &Request<'_>,
    params: &RequestParams<'_>,
    dispatcher: &dyn Dispatcher,
) -> Result<ProtocolVersion, ErrorObject> {
    let version = pipeline::required_version(params.meta.as_ref(), dispatcher)?;
    if !words.version.is_as_it_stands(version) {
        return Err(mismatch("MCP-Protocol-Version differs from the body"));
    }
    let known = pipeline::served_version(version, dispatcher)?;

    if !words.method.is_as_it_stands(&request.method) {
        return Err(mismatch("Mcp-Method differs from the body"));
    }
    if let Some(name) = params.mirrored_name(&request.method) {
        if !words.name.is(name) {
            return Err(mismatch("Mcp-Name differs from the body"));
        }
        if request.method == method::TOOLS_CALL
            && let Some(mirrored) = dispatcher.param_headers(name)
        {
            let mut malformed = false;
            let agree = mirrored.agree(params.arguments, |name| {
                let name = format!("{}{name}", header::MCP_PARAM_PREFIX);
                let value = one_value(words.headers, name.as_str());
                malformed |= value.is_none() && words.headers.contains_key(&name);
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
    let words = Words::of(headers);
    if !words.method.is_nothing()
        && !method.is_some_and(|method| words.method.is_as_it_stands(method))
    {
        return Err(mismatch("Mcp-Method differs from the body"));
    }
    if !words.name.is_nothing() && !name.is_some_and(|name| words.name.is(name)) {
        return Err(mismatch("Mcp-Name differs from the body"));
    }
    Ok(())
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

    use palisade_protocol::header;

    use super::Words;

    #[test]
    fn h12_only_names_may_be_encoded() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in [header::MCP_METHOD, header::MCP_NAME] {
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
            let words = Words::of(&headers);
            assert_eq!(words.method.is_as_it_stands("tools/call"), method, "{values:?}");
            assert_eq!(words.name.is("tools/call"), name, "{values:?}");
        }
    }
}

//! `_meta`: the keys the specification reserves, and the three shapes in which it appears.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Encoded, Implementation, LoggingLevel, RawTraceContext, RequestId, jsonrpc::Key};

/// The version of the protocol a request uses. Required on every request.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Name and version of the client.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// What the client can do. Required on every request.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The least severe log message that the client wants for this request.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Name and version of the server, on results.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The `subscriptions/listen` request that a message belongs to.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// Opts a request into progress notifications.
pub const PROGRESS_TOKEN: &str = "progressToken";
/// The position of the request in a trace, as W3C Trace Context has it.
pub const TRACEPARENT: &str = "traceparent";
/// What tracing systems have noted about the trace, as W3C Trace Context has it.
pub const TRACESTATE: &str = "tracestate";
/// What applications pass along, as W3C Baggage has it.
pub const BAGGAGE: &str = "baggage";

pub(crate) const REQUEST_KEYS: [&str; 5] =
    [PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL, PROGRESS_TOKEN];

/// An owned `_meta` object.
pub type Meta = serde_json::Map<String, serde_json::Value>;

/// The `_meta` of a result: the server's name and whatever else a handler added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResultMeta {
    /// Name and version of the server, as it says itself. For display, never for decisions.
    #[serde(
        rename = "io.modelcontextprotocol/serverInfo",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub server_info: Option<Encoded<Implementation>>,
    /// Every other key.
    #[serde(flatten)]
    pub extra: Meta,
}

impl ResultMeta {
    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.server_info.is_none() && self.extra.is_empty()
    }
}

/// The `_meta` of a request, borrowed from the message.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestMeta<'a> {
    /// The version, as sent.
    pub protocol_version: Option<Cow<'a, str>>,
    /// The client's name and version, an object, as JSON text.
    pub client_info: Option<&'a str>,
    /// The client's capabilities, an object, as JSON text.
    pub client_capabilities: Option<&'a str>,
    /// Where progress notifications belong.
    pub progress_token: Option<RequestId>,
    /// The least severe log message wanted.
    pub log_level: Option<LoggingLevel>,
    /// Where the request stands in a trace, not checked yet. What is no string counts as absent: a client that
    /// traces badly is served all the same.
    pub trace: RawTraceContext<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for RequestMeta<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MetaVisitor;

        impl<'de> Visitor<'de> for MetaVisitor {
            type Value = RequestMeta<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut meta = RequestMeta::default();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    match key.as_str() {
                        PROTOCOL_VERSION => {
                            meta.protocol_version = Some(map.next_value::<Key<'de>>()?.into_cow());
                        }
                        CLIENT_INFO => {
                            meta.client_info = Some(object(map.next_value()?, CLIENT_INFO)?.get());
                        }
                        CLIENT_CAPABILITIES => {
                            meta.client_capabilities =
                                Some(object(map.next_value()?, CLIENT_CAPABILITIES)?.get());
                        }
                        PROGRESS_TOKEN => meta.progress_token = Some(map.next_value()?),
                        LOG_LEVEL => meta.log_level = Some(map.next_value()?),
                        TRACEPARENT => meta.trace.traceparent = text(map.next_value()?),
                        TRACESTATE => meta.trace.tracestate = text(map.next_value()?),
                        BAGGAGE => meta.trace.baggage = text(map.next_value()?),
                        _ => {
                            key.refuse_variant_of(&REQUEST_KEYS)?;
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(meta)
            }
        }

        deserializer.deserialize_map(MetaVisitor)
    }
}

/// The value if it is a string.
fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Key<'_>>(raw.get()).ok().map(Key::into_cow)
}

/// Accepts a raw value only if it is an object.
pub(crate) fn object<'a, E: serde::de::Error>(
    raw: &'a RawValue,
    name: &str,
) -> Result<&'a RawValue, E> {
    if raw.get().starts_with('{') {
        Ok(raw)
    } else {
        Err(E::custom(format_args!("`{name}` is not an object")))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestMeta;

    fn check(text: &str, ok: bool) {
        let decoded = serde_json::from_str::<RequestMeta<'_>>(text);
        assert_eq!(decoded.is_ok(), ok, "{text}: {decoded:?}");
    }

    #[test]
    fn request_meta_takes_only_well_typed_values() {
        check(r#"{}"#, true);
        check(r#"{"io.modelcontextprotocol/protocolVersion":"x","com.example/a":[1]}"#, true);
        check(r#"{"io.modelcontextprotocol/protocolVersion":1}"#, false);
        check(r#"{"io.modelcontextprotocol/clientCapabilities":[]}"#, false);
        check(r#"{"io.modelcontextprotocol/clientCapabilities":{}}"#, true);
        check(r#"{"io.modelcontextprotocol/clientcapabilities":{}}"#, false);
        check(r#"{"io.modelcontextprotocol/clientInfo":"x"}"#, false);
        check(r#"{"io.modelcontextprotocol/logLevel":"loud"}"#, false);
        check(r#"{"io.modelcontextprotocol/logLevel":"info"}"#, true);
        check(r#"{"progressToken":null}"#, false);
        check(r#"{"progressToken":1.5}"#, false);
        check(r#"{"progressToken":"a"}"#, true);
        check(r#"{"ProgressToken":"a"}"#, false);
    }

    #[test]
    fn a_trace_that_is_none_is_no_error() {
        for (text, expected) in [
            (
                r#"{"traceparent":"a","tracestate":"b","baggage":"\u0063"}"#,
                [Some("a"), Some("b"), Some("c")],
            ),
            (r#"{"traceparent":1,"tracestate":null,"baggage":["a"]}"#, [None, None, None]),
            (r#"{"Traceparent":"a","x":{"baggage":"b"}}"#, [None, None, None]),
        ] {
            let meta: RequestMeta<'_> = serde_json::from_str(text).unwrap();
            let trace = &meta.trace;
            let seen =
                [&trace.traceparent, &trace.tracestate, &trace.baggage].map(Option::as_deref);
            assert_eq!(seen, expected, "{text}");
        }
    }
}

//! The parameters of a request: one borrowed decode that serves every method.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    ErrorObject,
    jsonrpc::Key,
    meta::{RequestMeta, object},
};

/// The parameters of any request, decoded as far as every layer needs them and no further.
///
/// The header check, the policy and the handler read this one decode.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestParams<'a> {
    /// `_meta`; `None` if it is absent.
    pub meta: Option<RequestMeta<'a>>,
    /// The tool or prompt.
    pub name: Option<Cow<'a, str>>,
    /// The resource.
    pub uri: Option<Cow<'a, str>>,
    /// The task, in requests of the tasks extension.
    pub task_id: Option<Cow<'a, str>>,
    /// The arguments, an object, as JSON text.
    pub arguments: Option<&'a str>,
    /// Where a list continues.
    pub cursor: Option<Cow<'a, str>>,
    /// Answers to input requests, an object, as JSON text.
    pub input_responses: Option<&'a str>,
    /// What the server gave the client to send back.
    pub request_state: Option<Cow<'a, str>>,
}

/// The parameters do not have the types the specification gives them. Answer `-32602`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid params")]
#[non_exhaustive]
pub struct ParamsError;

impl ParamsError {
    /// The error object that tells the peer.
    #[must_use]
    pub fn to_error(&self) -> ErrorObject {
        ErrorObject::invalid_params("invalid params")
    }
}

pub(crate) const MEMBERS: [&str; 8] =
    ["_meta", "name", "uri", "taskId", "arguments", "cursor", "inputResponses", "requestState"];

impl<'a> RequestParams<'a> {
    /// Decodes the parameters of a request. Absent parameters decode as empty ones.
    ///
    /// # Errors
    ///
    /// [`ParamsError`] if a member has the wrong type or differs from a known one only in case.
    pub fn decode(raw: Option<&'a RawValue>) -> Result<Self, ParamsError> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        serde_json::from_str(raw.get()).map_err(|_| ParamsError)
    }

    /// What the `Mcp-Name` header mirrors for this method: the tool, the prompt, the resource or the
    /// task. `None` if the method has no such header.
    #[must_use]
    pub fn mirrored_name(&self, method: &str) -> Option<&str> {
        self.mirrored(method).map(Cow::as_ref)
    }

    /// The same, telling whether it is borrowed from the message.
    #[must_use]
    pub fn mirrored(&self, method: &str) -> Option<&Cow<'a, str>> {
        match method {
            "tools/call" | "prompts/get" => self.name.as_ref(),
            "resources/read" => self.uri.as_ref(),
            "tasks/get" | "tasks/update" | "tasks/cancel" => self.task_id.as_ref(),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RequestParams<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ParamsVisitor;

        impl<'de> Visitor<'de> for ParamsVisitor {
            type Value = RequestParams<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut params = RequestParams::default();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    match key.as_str() {
                        "_meta" => params.meta = Some(map.next_value()?),
                        "name" => params.name = Some(map.next_value::<Key<'de>>()?.into_cow()),
                        "uri" => params.uri = Some(map.next_value::<Key<'de>>()?.into_cow()),
                        "taskId" => params.task_id = Some(map.next_value::<Key<'de>>()?.into_cow()),
                        "arguments" => {
                            params.arguments = Some(object(map.next_value()?, "arguments")?.get())
                        }
                        "cursor" => params.cursor = Some(map.next_value::<Key<'de>>()?.into_cow()),
                        "inputResponses" => {
                            params.input_responses =
                                Some(object(map.next_value()?, "inputResponses")?.get());
                        }
                        "requestState" => {
                            params.request_state = Some(map.next_value::<Key<'de>>()?.into_cow());
                        }
                        _ => {
                            key.refuse_variant_of(&MEMBERS)?;
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(params)
            }
        }

        deserializer.deserialize_map(ParamsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::RequestParams;

    fn check(text: &str, ok: bool) {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let decoded = RequestParams::decode(Some(raw));
        assert_eq!(decoded.is_ok(), ok, "{text}: {decoded:?}");
    }

    #[test]
    fn members_have_their_types() {
        check(r#"{}"#, true);
        check(r#"{"name":"add","arguments":{"a":1},"_meta":{}}"#, true);
        check(r#"{"name":1}"#, false);
        check(r#"{"name":null}"#, false);
        check(r#"{"arguments":"{}"}"#, false);
        check(r#"{"arguments":[]}"#, false);
        check(r#"{"arguments":null}"#, false);
        check(r#"{"_meta":null}"#, false);
        check(r#"{"inputResponses":[]}"#, false);
        check(r#"{"requestState":{}}"#, false);
        check(r#"{"cursor":""}"#, true);
        check(r#"{"Arguments":{}}"#, false);
        check(r#"{"vendor":{"Arguments":{}}}"#, true);
    }

    #[test]
    fn the_mirrored_name_depends_on_the_method() {
        let raw: &RawValue =
            serde_json::from_str(r#"{"name":"n","uri":"u","taskId":"t"}"#).unwrap();
        let params = RequestParams::decode(Some(raw)).unwrap();
        for (method, name) in [
            ("tools/call", Some("n")),
            ("prompts/get", Some("n")),
            ("resources/read", Some("u")),
            ("tasks/get", Some("t")),
            ("tasks/update", Some("t")),
            ("tasks/cancel", Some("t")),
            // Removed: it must be refused as unknown, not for a header that nobody prescribes.
            ("tasks/result", None),
            ("tools/list", None),
            ("completion/complete", None),
        ] {
            assert_eq!(params.mirrored_name(method), name, "{method}");
        }
    }
}

//! Input that a server needs before it can finish a request.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    ClientCapabilities, CreateMessageRequestParams, ElicitRequestFormParams, ElicitRequestParams,
    ElicitRequestUrlParams, ElicitationCapability, IncludeContext, OrderedMap, RawJson, ResultMeta,
    ResultType, RootsCapability, SamplingCapability, method,
};

/// What a server asks of a client, on the wire `method` and `params`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputRequest {
    /// Asks the user.
    Elicit(ElicitRequestParams),
    /// Asks the model. Deprecated by the specification.
    CreateMessage(Box<CreateMessageRequestParams>),
    /// Asks for the roots. Deprecated by the specification.
    ListRoots,
}

impl InputRequest {
    /// The method's name on the wire.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Elicit(_) => method::ELICITATION_CREATE,
            Self::CreateMessage(_) => method::SAMPLING_CREATE_MESSAGE,
            Self::ListRoots => method::ROOTS_LIST,
        }
    }

    /// What the client must have stated for the server to be allowed to ask this: the data of the error
    /// for a missing capability.
    #[must_use]
    pub fn required_capabilities(&self) -> ClientCapabilities {
        let all = ClientCapabilities::new();
        match self {
            Self::Elicit(ElicitRequestParams::Form(_)) => {
                all.with_elicitation(ElicitationCapability::new().with_form())
            }
            Self::Elicit(ElicitRequestParams::Url(_)) => {
                all.with_elicitation(ElicitationCapability::new().with_url())
            }
            Self::CreateMessage(params) => {
                let mut sampling = SamplingCapability::new();
                if params.tools.is_some() || params.tool_choice.is_some() {
                    sampling = sampling.with_tools();
                }
                if !matches!(params.include_context, None | Some(IncludeContext::None)) {
                    sampling = sampling.with_context();
                }
                all.with_sampling(sampling)
            }
            Self::ListRoots => all.with_roots(RootsCapability::new()),
        }
    }
}

impl From<ElicitRequestParams> for InputRequest {
    fn from(params: ElicitRequestParams) -> Self {
        Self::Elicit(params)
    }
}

impl From<ElicitRequestFormParams> for InputRequest {
    fn from(params: ElicitRequestFormParams) -> Self {
        Self::Elicit(params.into())
    }
}

impl From<ElicitRequestUrlParams> for InputRequest {
    fn from(params: ElicitRequestUrlParams) -> Self {
        Self::Elicit(params.into())
    }
}

impl From<CreateMessageRequestParams> for InputRequest {
    fn from(params: CreateMessageRequestParams) -> Self {
        Self::CreateMessage(Box::new(params))
    }
}

impl Serialize for InputRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", self.method())?;
        match self {
            Self::Elicit(params) => map.serialize_entry("params", params)?,
            Self::CreateMessage(params) => map.serialize_entry("params", params)?,
            Self::ListRoots => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for InputRequest {
    /// The params stay text until the method is known, whichever of the two comes first.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            method: Cow<'a, str>,
            #[serde(default)]
            params: Option<Box<RawValue>>,
        }

        fn decode<'a, T: Deserialize<'a>, E: de::Error>(
            params: Option<&'a RawValue>,
        ) -> Result<T, E> {
            let params = params.ok_or_else(|| E::missing_field("params"))?;
            serde_json::from_str(params.get()).map_err(E::custom)
        }

        let wire = Wire::deserialize(deserializer)?;
        let params = wire.params.as_deref();
        match &*wire.method {
            method::ELICITATION_CREATE => decode(params).map(Self::Elicit),
            method::SAMPLING_CREATE_MESSAGE => decode(params).map(Self::CreateMessage),
            method::ROOTS_LIST => Ok(Self::ListRoots),
            _ => Err(de::Error::custom("unknown method of an input request")),
        }
    }
}

/// What a server asks, by keys that it chose.
pub type InputRequests = OrderedMap<InputRequest>;

/// What a client answers, by the keys of the requests. Each value is an
/// [`ElicitResult`](crate::ElicitResult), a [`CreateMessageResult`](crate::CreateMessageResult) or a
/// [`ListRootsResult`](crate::ListRootsResult); the request with the same key tells which.
pub type InputResponses = OrderedMap<RawJson>;

/// The result of a request that the server cannot finish yet. The client sends the request again, with
/// the answers and the state.
///
/// At least one of the two fields is there; both are `None` only in a result of a faulty server.
///
/// # Specification
///
/// MCP 2026-07-28, Multi Round-Trip Requests, "InputRequiredResult".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InputRequiredResult {
    /// [`ResultType::InputRequired`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// What the server asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<InputRequests>,
    /// What the client sends back unseen. A client could change it or hand it to another: the server
    /// seals it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<String>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl InputRequiredResult {
    /// Asks for input.
    #[must_use]
    pub fn new(input_requests: InputRequests) -> Self {
        Self { input_requests: Some(input_requests), ..Self::empty() }
    }

    /// Asks for nothing but to be called again with this state.
    #[must_use]
    pub fn retry(request_state: impl Into<String>) -> Self {
        Self::empty().with_request_state(request_state)
    }

    fn empty() -> Self {
        Self {
            result_type: Some(ResultType::InputRequired),
            input_requests: None,
            request_state: None,
            meta: ResultMeta::default(),
            extra: Map::new(),
        }
    }
}

result_body!(InputRequiredResult);
setters!(InputRequiredResult {
    /// Sets what the client sends back unseen.
    with_request_state(into request_state: String);
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ElicitSchema, SamplingMessage, Tool, ToolChoice};

    #[track_caller]
    fn check_required(request: impl Into<InputRequest>, json: &Value) {
        let required = request.into().required_capabilities();
        assert_eq!(&serde_json::to_value(required).unwrap(), json);
    }

    #[test]
    fn each_request_requires_its_capability() {
        let sampling = || CreateMessageRequestParams::new(vec![SamplingMessage::user("hi")], 10);
        check_required(
            ElicitRequestFormParams::new("m", ElicitSchema::new()),
            &json!({"elicitation":{"form":{}}}),
        );
        check_required(
            ElicitRequestUrlParams::new("m", "https://a.example"),
            &json!({"elicitation":{"url":{}}}),
        );
        check_required(sampling(), &json!({"sampling":{}}));
        check_required(
            sampling().with_include_context(IncludeContext::None),
            &json!({"sampling":{}}),
        );
        check_required(
            sampling().with_include_context(IncludeContext::ThisServer),
            &json!({"sampling":{"context":{}}}),
        );
        check_required(
            sampling().with_tools(vec![Tool::new("t", json!({"type":"object"}))]),
            &json!({"sampling":{"tools":{}}}),
        );
        check_required(
            sampling().with_tool_choice(ToolChoice::auto()),
            &json!({"sampling":{"tools":{}}}),
        );
        check_required(InputRequest::ListRoots, &json!({"roots":{}}));
    }

    #[track_caller]
    fn check_decode(json: &str, expected: Option<&str>) {
        let decoded = serde_json::from_str::<InputRequest>(json);
        assert_eq!(
            decoded.as_ref().ok().map(InputRequest::method),
            expected,
            "{json}: {decoded:?}"
        );
    }

    #[test]
    fn params_may_come_before_the_method() {
        let tools =
            r#"{"messages":[],"maxTokens":1,"tools":[{"name":"t","inputSchema":{"b":1,"a":2}}]}"#;
        let first = format!(r#"{{"params":{tools},"method":"sampling/createMessage"}}"#);
        let last = format!(r#"{{"method":"sampling/createMessage","params":{tools}}}"#);
        check_decode(&first, Some(method::SAMPLING_CREATE_MESSAGE));
        let decoded: InputRequest = serde_json::from_str(&first).unwrap();
        assert_eq!(decoded, serde_json::from_str(&last).unwrap());
        let InputRequest::CreateMessage(params) = decoded else { panic!("{decoded:?}") };
        assert_eq!(params.tools.unwrap()[0].input_schema.get(), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn requests_are_tagged_by_method() {
        check_decode(r#"{"method":"roots/list"}"#, Some(method::ROOTS_LIST));
        check_decode(r#"{"method":"roots/list","params":{}}"#, Some(method::ROOTS_LIST));
        check_decode(r#"{"method":"elicitation/create"}"#, None);
        check_decode(r#"{"method":"tools/call","params":{"name":"t"}}"#, None);
        check_decode(r#"{"params":{}}"#, None);
        let url =
            r#"{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"u:v"}}"#;
        check_decode(url, Some(method::ELICITATION_CREATE));
        let value: Value = serde_json::from_str(url).unwrap();
        assert!(serde_json::from_value::<InputRequest>(value).is_ok());
    }
}

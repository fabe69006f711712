//! Encodes requests: the parameters are encoded once, each attempt adds what only it has.

use bytes::Bytes;
use palisade_protocol::{ClientCapabilities, Implementation, ProtocolVersion, TraceContext, meta};
use serde::Serialize;
use serde_json::Value;

use crate::{CallOptions, InvalidRequest};

/// The parameters of a request without `_meta`: the text of a JSON object.
#[derive(Clone, Debug)]
pub(crate) struct EncodedParams(Bytes);

impl EncodedParams {
    pub(crate) fn new<T: Serialize + ?Sized>(params: &T) -> Result<Self, InvalidRequest> {
        Self::from_text(serde_json::to_vec(params).map_err(|_| InvalidRequest::Json)?)
    }

    /// Takes over what is encoded already.
    pub(crate) fn from_text(text: Vec<u8>) -> Result<Self, InvalidRequest> {
        match (text.first(), text.last()) {
            (Some(b'{'), Some(b'}')) => Ok(Self(text.into())),
            _ => Err(InvalidRequest::NotAnObject),
        }
    }

    /// The text, as the cache keys it.
    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// The members, without the braces.
    fn members(&self) -> &[u8] {
        self.0.get(1..self.0.len().saturating_sub(1)).unwrap_or_default()
    }
}

/// What the server asked to get with the next attempt, already JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retry {
    /// The object of input responses.
    pub(crate) input_responses: Option<Vec<u8>>,
    /// The string of the request state, exactly as it came, quotes and escapes included.
    pub(crate) request_state: Option<Bytes>,
}

/// The members of `_meta` that every request of a client has in common.
#[derive(Debug)]
pub(crate) struct CommonMeta(Vec<u8>);

impl CommonMeta {
    /// Nothing in common: a session of an older revision said it once.
    pub(crate) const NONE: Self = Self(Vec::new());

    pub(crate) fn new(
        version: ProtocolVersion,
        info: Option<&Implementation>,
        capabilities: &ClientCapabilities,
    ) -> Result<Self, InvalidRequest> {
        let mut out = Vec::new();
        member(&mut out, meta::PROTOCOL_VERSION, version.as_str())?;
        if let Some(info) = info {
            member(&mut out, meta::CLIENT_INFO, info)?;
        }
        member(&mut out, meta::CLIENT_CAPABILITIES, capabilities)?;
        Ok(Self(out))
    }
}

/// One request, ready to send.
pub(crate) fn request(
    id: i64,
    method: &str,
    params: &EncodedParams,
    common: &CommonMeta,
    options: &CallOptions,
    trace: Option<&TraceContext>,
    retry: &Retry,
) -> Result<Bytes, InvalidRequest> {
    let mut out =
        Vec::with_capacity(params.0.len().saturating_add(common.0.len()).saturating_add(256));
    out.extend_from_slice(br#"{"jsonrpc":"2.0""#);
    member(&mut out, "id", &id)?;
    member(&mut out, "method", method)?;
    out.extend_from_slice(br#","params":{"#);
    let begin = out.len();
    metadata(&mut out, id, common, options, trace)?;
    let members = params.members();
    if !members.is_empty() {
        if out.len() > begin {
            out.push(b',');
        }
        out.extend_from_slice(members);
    }
    if let Some(responses) = &retry.input_responses {
        out.extend_from_slice(br#","inputResponses":"#);
        out.extend_from_slice(responses);
    }
    if let Some(state) = &retry.request_state {
        out.extend_from_slice(br#","requestState":"#);
        out.extend_from_slice(state);
    }
    out.extend_from_slice(b"}}");
    Ok(out.into())
}

/// Appends `"_meta":{...}`, unless there is nothing to say.
fn metadata(
    out: &mut Vec<u8>,
    id: i64,
    common: &CommonMeta,
    options: &CallOptions,
    trace: Option<&TraceContext>,
) -> Result<(), InvalidRequest> {
    let begin = out.len();
    out.extend_from_slice(&common.0);
    if options.progress.is_some() {
        member(out, meta::PROGRESS_TOKEN, &id)?;
    }
    // A session has one level for all of its requests.
    if let Some((level, _)) = &options.log
        && !common.0.is_empty()
    {
        member(out, meta::LOG_LEVEL, level)?;
    }
    for (key, value) in &options.meta {
        if is_reserved(key) {
            return Err(InvalidRequest::ReservedMeta);
        }
        member::<Value>(out, key, value)?;
    }
    for (key, value) in trace.into_iter().flat_map(trace_members) {
        // What the caller has written itself stands.
        if !options.meta.contains_key(key) {
            member(out, key, value)?;
        }
    }
    if out.len() > begin {
        // Every member begins with a comma, the first one of an object must not.
        out.splice(begin..=begin, *br#""_meta":{"#);
        out.push(b'}');
    }
    Ok(())
}

fn trace_members(trace: &TraceContext) -> impl Iterator<Item = (&'static str, &str)> {
    [
        (meta::TRACEPARENT, trace.traceparent()),
        (meta::TRACESTATE, trace.tracestate()),
        (meta::BAGGAGE, trace.baggage()),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.map(|value| (key, value)))
}

/// Appends `,"key":value`.
pub(crate) fn member<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    key: &str,
    value: &T,
) -> Result<(), InvalidRequest> {
    out.push(b',');
    serde_json::to_writer(&mut *out, key).map_err(|_| InvalidRequest::Json)?;
    out.push(b':');
    serde_json::to_writer(&mut *out, value).map_err(|_| InvalidRequest::Json)
}

/// Whether the engine alone writes this key.
fn is_reserved(key: &str) -> bool {
    [
        meta::PROTOCOL_VERSION,
        meta::CLIENT_INFO,
        meta::CLIENT_CAPABILITIES,
        meta::LOG_LEVEL,
        meta::PROGRESS_TOKEN,
        meta::SUBSCRIPTION_ID,
        meta::SERVER_INFO,
    ]
    .iter()
    .any(|reserved| reserved.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use palisade_protocol::LoggingLevel;
    use serde_json::json;

    use super::*;

    fn encode(
        params: &Value,
        options: &CallOptions,
        retry: &Retry,
    ) -> Result<Value, InvalidRequest> {
        let info = Implementation::new("c", "1");
        let common =
            CommonMeta::new(ProtocolVersion::LATEST, Some(&info), &ClientCapabilities::default())?;
        let params = EncodedParams::new(params)?;
        let bytes = request(7, "m", &params, &common, options, options.trace.as_ref(), retry)?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    fn check(params: Value, options: &CallOptions, retry: &Retry, meta: Value, expected: Value) {
        let mut expected_meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        expected_meta.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
        let mut expected = expected;
        expected["_meta"] = expected_meta;
        let expected = json!({ "jsonrpc": "2.0", "id": 7, "method": "m", "params": expected });
        assert_eq!(encode(&params, options, retry).unwrap(), expected);
    }

    #[test]
    fn requests_have_their_members_and_no_others() {
        let (options, retry) = (CallOptions::new(), Retry::default());
        check(json!({}), &options, &retry, json!({}), json!({}));
        check(json!({ "a": "}" }), &options, &retry, json!({}), json!({ "a": "}" }));
        let options = CallOptions::new()
            .with_progress(|_| {})
            .with_log(LoggingLevel::Info, |_| {})
            .with_meta("traceparent", "00-x");
        let retry = Retry {
            input_responses: Some(br#"{"k":{}}"#.to_vec()),
            request_state: Some(Bytes::from_static(br#""s\u0041""#)),
        };
        check(
            json!({ "a": 1 }),
            &options,
            &retry,
            json!({
                "progressToken": 7,
                "io.modelcontextprotocol/logLevel": "info",
                "traceparent": "00-x",
            }),
            json!({ "a": 1, "inputResponses": { "k": {} }, "requestState": "sA" }),
        );
    }

    #[track_caller]
    fn check_in_session(params: Value, options: &CallOptions, expected: &str) {
        let params = EncodedParams::new(&params).unwrap();
        let retry = Retry::default();
        let bytes = request(7, "m", &params, &CommonMeta::NONE, options, None, &retry).unwrap();
        let expected = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":{expected}}}"#);
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
    }

    #[test]
    fn requests_of_a_session_have_no_metadata_of_their_own() {
        let options = CallOptions::new().with_log(LoggingLevel::Info, |_| {});
        check_in_session(json!({}), &options, "{}");
        check_in_session(json!({ "a": 1 }), &options, r#"{"a":1}"#);
        let options = options.with_progress(|_| {}).with_meta("a/b", 1);
        check_in_session(json!({}), &options, r#"{"_meta":{"progressToken":7,"a/b":1}}"#);
        let expected = r#"{"_meta":{"progressToken":7,"a/b":1},"a":1}"#;
        check_in_session(json!({ "a": 1 }), &options, expected);
    }

    #[test]
    fn a_trace_is_sent_as_it_is_unless_the_caller_has_written_it() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let trace = TraceContext::new(Some(parent), Some("a=1"), Some("b=2")).unwrap();
        let options = CallOptions::new().with_trace_context(trace).with_meta("baggage", "mine=1");
        let sent = json!({ "traceparent": parent, "tracestate": "a=1", "baggage": "mine=1" });
        check(json!({}), &options, &Retry::default(), sent, json!({}));
    }

    #[test]
    fn what_would_forge_members_is_refused() {
        let retry = Retry::default();
        for params in [json!(1), json!([]), json!(null), json!("{}")] {
            let refused = encode(&params, &CallOptions::new(), &retry);
            assert_eq!(refused, Err(InvalidRequest::NotAnObject), "{params}");
        }
        for key in ["progressToken", "io.modelcontextprotocol/clientinfo", "ProgressToken"] {
            let options = CallOptions::new().with_meta(key, 1);
            assert_eq!(
                encode(&json!({}), &options, &retry),
                Err(InvalidRequest::ReservedMeta),
                "{key}"
            );
        }
    }

    #[test]
    fn the_request_state_is_sent_back_byte_for_byte() {
        let common =
            CommonMeta::new(ProtocolVersion::LATEST, None, &ClientCapabilities::default()).unwrap();
        let params = EncodedParams::new(&json!({})).unwrap();
        let state = Bytes::from_static(br#""a\u0041\/""#);
        let retry = Retry { request_state: Some(state), ..Retry::default() };
        let bytes = request(1, "m", &params, &common, &CallOptions::new(), None, &retry).unwrap();
        assert!(bytes.ends_with(br#","requestState":"a\u0041\/"}}"#));
    }
}

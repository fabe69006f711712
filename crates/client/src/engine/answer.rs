//! Reads results only as far as every method needs it: the type, the caching hints, the request state.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use palisade_protocol::method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{ClientError, InvalidResponse, cache::Scope};

/// A result as it came: the text of a JSON value, and the credentials it was given to.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) result: Bytes,
    pub(crate) context: Option<[u8; 32]>,
}

/// The parts of a result that the engine acts on.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) kind: ResultKind,
    pub(crate) ttl: Duration,
    pub(crate) public: bool,
    /// `requestState`, as text: a JSON string with its quotes.
    pub(crate) request_state: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultKind {
    Complete,
    InputRequired,
    Task,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOutline<'a> {
    #[serde(borrow)]
    result_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ttl_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_scope: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request_state: Option<&'a RawValue>,
}

impl Answer {
    /// Looks at the parts that the engine acts on.
    pub(crate) fn outline(&self, method: &'static str) -> Result<Outline, ClientError> {
        let raw: RawOutline<'_> = serde_json::from_slice(&self.result)
            .map_err(|_| InvalidResponse::Result { method: method.into() })?;
        let kind = match raw.result_type.as_deref() {
            None | Some("complete") => ResultKind::Complete,
            Some("input_required") => ResultKind::InputRequired,
            Some("task") if method == method::TOOLS_CALL => ResultKind::Task,
            Some(_) => return Err(InvalidResponse::ResultType.into()),
        };
        let request_state = match raw.request_state {
            Some(state) if state.get().starts_with('"') => {
                Some(self.result.slice_ref(state.get().as_bytes()))
            }
            Some(_) if kind == ResultKind::InputRequired => {
                return Err(InvalidResponse::InputRequired.into());
            }
            _ => None,
        };
        let ttl = raw.ttl_ms.map_or(0, |ttl| milliseconds(ttl.get()));
        Ok(Outline {
            kind,
            ttl: Duration::from_millis(ttl),
            public: raw.cache_scope.as_deref() == Some("public"),
            request_state,
        })
    }

    /// Decodes the whole result.
    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        method: &'static str,
    ) -> Result<T, ClientError> {
        decode(&self.result, method)
    }
}

impl Outline {
    /// For whom the result may be kept, if that is certain.
    pub(crate) fn scope(&self, context: Option<[u8; 32]>) -> Option<Scope> {
        if self.public { Some(Scope::Public) } else { context.map(Scope::Private) }
    }
}

/// Decodes the text of a result.
pub(crate) fn decode<T: DeserializeOwned>(
    result: &[u8],
    method: &'static str,
) -> Result<T, ClientError> {
    serde_json::from_slice(result)
        .map_err(|_| InvalidResponse::Result { method: method.into() }.into())
}

/// What is negative or not a number counts as stale at once.
fn milliseconds(text: &str) -> u64 {
    match text.parse::<u64>() {
        Ok(whole) => whole,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float that is out of range saturates, NaN becomes 0"
        )]
        Err(_) => text.parse::<f64>().unwrap_or_default() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Result<Outline, ClientError> {
        let result = Bytes::copy_from_slice(text.as_bytes());
        Answer { result, context: None }.outline("m")
    }

    fn check(text: &str, kind: ResultKind, ttl: u64, public: bool) {
        let outline = outline(text).unwrap();
        let seen = (outline.kind, outline.ttl, outline.public);
        assert_eq!(seen, (kind, Duration::from_millis(ttl), public), "{text}");
    }

    #[test]
    fn hints_default_to_stale_and_private() {
        use ResultKind::{Complete, InputRequired};
        check("{}", Complete, 0, false);
        check(r#"{"resultType":"complete","ttlMs":5,"cacheScope":"public"}"#, Complete, 5, true);
        check(r#"{"ttlMs":5e3,"cacheScope":"PUBLIC"}"#, Complete, 5000, false);
        check(r#"{"ttlMs":-1,"cacheScope":"private"}"#, Complete, 0, false);
        check(r#"{"ttlMs":"9"}"#, Complete, 0, false);
        check(r#"{"ttlMs":1e300}"#, Complete, u64::MAX, false);
        check(r#"{"resultType":"input_required","requestState":"s"}"#, InputRequired, 0, false);
    }

    #[test]
    fn unknown_types_and_states_that_are_not_strings_are_refused() {
        for text in [
            "[]",
            "1",
            r#"{"resultType":"task"}"#,
            r#"{"resultType":"Complete"}"#,
            r#"{"resultType":1}"#,
            r#"{"resultType":"input_required","requestState":1}"#,
        ] {
            assert_eq!(outline(text).unwrap_err().code(), "invalid_response", "{text}");
        }
        let state = outline(r#"{"requestState": "a\u0041" }"#).unwrap().request_state;
        assert_eq!(state.as_deref(), Some(br#""a\u0041""#.as_slice()));
    }
}

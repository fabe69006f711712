//! Encoders for the messages that an engine sends.

mod plain;

use serde::Serialize;

use self::plain::PlainResult;
use super::{ErrorResponse, RequestId};
use crate::{CallToolResult, ErrorObject};

#[derive(Serialize)]
struct Outgoing<'a, T: ?Sized> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RequestId>,
    method: &'a str,
    params: &'a T,
}

/// A request.
///
/// # Errors
///
/// If the parameters' `Serialize` fails.
pub fn request<T: Serialize + ?Sized>(
    id: &RequestId,
    method: &str,
    params: &T,
) -> Result<Vec<u8>, serde_json::Error> {
    to_vec(&Outgoing { jsonrpc: "2.0", id: Some(id), method, params })
}

/// A notification.
///
/// # Errors
///
/// If the parameters' `Serialize` fails.
pub fn notification<T: Serialize + ?Sized>(
    method: &str,
    params: &T,
) -> Result<Vec<u8>, serde_json::Error> {
    to_vec(&Outgoing { jsonrpc: "2.0", id: None, method, params })
}

/// A response with a result.
///
/// # Errors
///
/// If the result's `Serialize` fails.
pub fn result<T: Serialize + ?Sized>(
    id: &RequestId,
    result: &T,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(512);
    begin_result(&mut bytes, id);
    serde_json::to_writer(&mut bytes, result)?;
    bytes.push(b'}');
    Ok(bytes)
}

/// A response with a result that is JSON already.
#[must_use]
pub fn encoded_result(id: &RequestId, result: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(result.len().saturating_add(64));
    begin_result(&mut bytes, id);
    bytes.extend_from_slice(result);
    bytes.push(b'}');
    bytes
}

/// A response with the result of a tool: the same as [`result`], faster where the tool gave text.
///
/// # Errors
///
/// If the result's `Serialize` fails.
pub fn tool_result(id: &RequestId, result: &CallToolResult) -> Result<Vec<u8>, serde_json::Error> {
    let Some(plain) = PlainResult::of(result) else { return self::result(id, result) };
    // Not a byte more than it takes: as `Bytes`, a vector with room left costs another allocation.
    let length = BEGIN.len() + length_of(id) + RESULT.len() + plain.length() + 1;
    let mut bytes = Vec::with_capacity(length);
    begin_result(&mut bytes, id);
    plain.write(&mut bytes)?;
    bytes.push(b'}');
    Ok(bytes)
}

const BEGIN: &[u8] = br#"{"jsonrpc":"2.0","id":"#;
const RESULT: &[u8] = br#","result":"#;

/// By hand: every answer has this beginning.
fn begin_result(bytes: &mut Vec<u8>, id: &RequestId) {
    bytes.extend_from_slice(BEGIN);
    // An id always encodes.
    let _ = serde_json::to_writer(&mut *bytes, id);
    bytes.extend_from_slice(RESULT);
}

/// The length of an id as JSON, if nothing in it has to be escaped.
fn length_of(id: &RequestId) -> usize {
    match id {
        RequestId::Integer(id) => {
            let digits = id.unsigned_abs().checked_ilog10().unwrap_or_default() as usize + 1;
            digits + usize::from(*id < 0)
        }
        RequestId::String(id) => id.len() + 2,
    }
}

/// A response with an error. An error object always encodes.
#[must_use]
pub fn error(id: Option<&RequestId>, error: &ErrorObject) -> Vec<u8> {
    to_vec(&ErrorResponse::new(id, error)).unwrap_or_else(|_| {
        br#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"internal error"}}"#.to_vec()
    })
}

fn to_vec<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(512);
    serde_json::to_writer(&mut bytes, message)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{encoded_result, error, notification, request, result, tool_result};
    use crate::{CallToolResult, ErrorObject, RequestId};

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(std::str::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn messages_have_their_members_and_no_others() {
        let params = serde_json::json!({ "a": 1 });
        check(
            &request(&1.into(), "m", &params).unwrap(),
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}"#,
        );
        check(
            &notification("m", &params).unwrap(),
            r#"{"jsonrpc":"2.0","method":"m","params":{"a":1}}"#,
        );
        check(
            &result(&"x".into(), &params).unwrap(),
            r#"{"jsonrpc":"2.0","id":"x","result":{"a":1}}"#,
        );
        for id in [0, 1, 9, 10, -1, -10, i64::MIN, i64::MAX].map(RequestId::from) {
            let short = tool_result(&id, &CallToolResult::text("5")).unwrap();
            assert_eq!(short.len(), short.capacity(), "{id:?}");
        }
        let mut answer = CallToolResult::text("5");
        for later in [None, Some("later")] {
            answer.extra.extend(later.map(|key| (key.to_owned(), true.into())));
            let long = result(&"x".into(), &answer).unwrap();
            assert_eq!(tool_result(&"x".into(), &answer).unwrap(), long);
        }
        check(
            &encoded_result(&"x".into(), br#"{"a":1}"#),
            r#"{"jsonrpc":"2.0","id":"x","result":{"a":1}}"#,
        );
        check(
            &error(None, &ErrorObject::method_not_found()),
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"method not found"}}"#,
        );
    }
}

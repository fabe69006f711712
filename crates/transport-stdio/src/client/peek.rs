//! As much of a message as it takes to know whose it is. The engine reads it properly.

use bytes::Bytes;
use palisade_protocol::{DecodeError, DecodeLimits, RequestId, legacy, method};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// A message of the server.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Incoming {
    id: Option<RequestId>,
    method: Option<Box<str>>,
    params: Params,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Params {
    progress_token: Option<RequestId>,
    #[serde(rename = "_meta")]
    meta: Meta,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
    subscription: Option<RequestId>,
    #[serde(rename = "io.modelcontextprotocol/logLevel", deserialize_with = "is_there")]
    has_log_level: bool,
}

/// Whom a message of the server is for.
#[derive(Debug, PartialEq)]
pub(super) enum Addressee {
    /// Who made this request; it is the response. Without an id, the server could not read the request.
    Requester(Option<RequestId>),
    /// Who made this request, which goes on. `droppable` if nothing depends on it.
    Follower { id: RequestId, droppable: bool },
    /// Who asked for log messages.
    LogReader,
    /// Who listens to what belongs to no request.
    Listener,
}

/// The messages of a line that is an array, which revision 2025-03-26 allows.
pub(super) fn batch(line: &Bytes) -> Option<Result<Vec<Bytes>, DecodeError>> {
    let batch = legacy::batch(line, &DecodeLimits::default())?;
    let slice = |message: &RawValue| line.slice_ref(message.get().as_bytes());
    Some(batch.map(|messages| messages.into_iter().map(slice).collect()))
}

/// Whom a message is for; `None` if it is no message.
pub(super) fn addressee(message: &[u8]) -> Option<Addressee> {
    // Serde would take an array for the fields in their order.
    if !message.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let Incoming { id, method, params } = serde_json::from_slice(message).ok()?;
    Some(match (method.as_deref(), id) {
        (None, id) => Addressee::Requester(id),
        (Some(_), Some(_)) => Addressee::Listener,
        (Some(method::NOTIFICATIONS_MESSAGE), None) => Addressee::LogReader,
        (Some(method), None) => match (params.meta.subscription, params.progress_token) {
            (Some(id), _) => Addressee::Follower { id, droppable: false },
            (None, Some(id)) if method == method::NOTIFICATIONS_PROGRESS => {
                Addressee::Follower { id, droppable: true }
            }
            _ => Addressee::Listener,
        },
    })
}

/// A request of this client: its id, and whether it asks for log messages.
pub(super) fn request(message: &[u8]) -> Option<(RequestId, bool)> {
    let Incoming { id, params, .. } = serde_json::from_slice(message).ok()?;
    Some((id?, params.meta.has_log_level))
}

fn is_there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_find_their_readers() {
        use Addressee::{Follower, Listener, LogReader, Requester};
        let id = || RequestId::from(7);
        for (text, expected) in [
            (r#"{"id":7,"result":{}}"#, Some(Requester(Some(id())))),
            (r#"{"error":{"code":1,"message":"m"}}"#, Some(Requester(None))),
            (r#"{"id":null,"error":{}}"#, Some(Requester(None))),
            (r#"{"id":7,"method":"ping"}"#, Some(Listener)),
            (r#"{"method":"notifications/message","params":{}}"#, Some(LogReader)),
            (r#"{"method":"notifications/tools/list_changed"}"#, Some(Listener)),
            (
                r#"{"method":"notifications/progress","params":{"progressToken":7}}"#,
                Some(Follower { id: id(), droppable: true }),
            ),
            (
                r#"{"method":"n","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}}"#,
                Some(Follower { id: id(), droppable: false }),
            ),
            (r#"{"id":7.5,"result":{}}"#, None),
            (r#"{"id":7,"id":8}"#, None),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(addressee(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn batches_are_taken_apart() {
        let batch = |line: &str| batch(&Bytes::copy_from_slice(line.as_bytes()));
        let both = batch(r#" [{"id":1}, {"id":2} ]"#).unwrap().unwrap();
        assert_eq!(both, [r#"{"id":1}"#, r#"{"id":2}"#]);
        assert!(batch(r#"{"id":1}"#).is_none());
        let long = format!("[0{}]", ",0".repeat(100));
        for line in ["[]", "[{]", &long] {
            assert!(batch(line).unwrap().is_err(), "{line}");
        }
    }

    #[test]
    fn requests_say_whether_they_want_log_messages() {
        let request = |text: &str| request(text.as_bytes());
        assert_eq!(request(r#"{"id":1,"method":"m"}"#), Some((1.into(), false)));
        let log = r#"{"id":1,"params":{"_meta":{"io.modelcontextprotocol/logLevel":"info"}}}"#;
        assert_eq!(request(log), Some((1.into(), true)));
        assert_eq!(request(r#"{"method":"m"}"#), None);
    }
}

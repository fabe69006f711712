//! What a client sends: the envelope and the parameters, in one pass where nothing is wrong.

use super::{
    DecodeError, DecodeLimits, Message, Notification, Request, Response,
    ordinary::{self, Ordinary},
};
use crate::{ParamsError, RequestParams};

/// One message of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "a request is the rule, and a box would cost an allocation"
)]
pub enum Inbound<'a> {
    /// A request, and its parameters if they have the types the specification gives them.
    Request(Request<'a>, Result<RequestParams<'a>, ParamsError>),
    /// A notification.
    Notification(Notification<'a>),
    /// A response.
    Response(Response<'a>),
}

impl<'a> Inbound<'a> {
    /// Decodes one message, with the checks of [`Message::decode`]. An ordinary request is read once;
    /// whatever is not one is read again, slowly, to find out what it is or what to answer.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says why and, if it could be read, for which request id.
    pub fn decode(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let mut params = RequestParams::default();
        if let Some(text) = std::str::from_utf8(bytes).ok()
            && let Some(Ordinary { id, method }) = ordinary::read(text, limits.depth, &mut params)
        {
            let request = Request { id, method: method.into(), params: None };
            return Ok(Self::Request(request, Ok(params)));
        }
        Ok(match Message::decode(bytes, limits)? {
            Message::Request(request) => {
                let params = RequestParams::decode(request.params);
                Self::Request(request, params)
            }
            Message::Notification(notification) => Self::Notification(notification),
            Message::Response(response) => Self::Response(response),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Inbound;
    use crate::{DecodeLimits, Message, RequestParams};

    /// One pass and two passes must agree on everything but how long they take.
    #[track_caller]
    fn check(text: &str) -> bool {
        let limits = DecodeLimits::default();
        let slow = Message::decode(text.as_bytes(), &limits);
        match (Inbound::decode(text.as_bytes(), &limits), slow) {
            (Ok(Inbound::Request(fast, fast_params)), Ok(Message::Request(slow))) => {
                assert_eq!((&fast.id, &fast.method), (&slow.id, &slow.method), "{text}");
                let params = RequestParams::decode(slow.params);
                assert_eq!(format!("{fast_params:?}"), format!("{params:?}"), "{text}");
                fast_params.is_ok()
            }
            (Ok(Inbound::Notification(fast)), Ok(Message::Notification(slow))) => {
                assert_eq!(fast.method, slow.method, "{text}");
                true
            }
            (Ok(Inbound::Response(fast)), Ok(Message::Response(slow))) => {
                assert_eq!(fast.id, slow.id, "{text}");
                true
            }
            (Err(fast), Err(slow)) => {
                assert_eq!(fast, slow, "{text}");
                false
            }
            (fast, slow) => panic!("{text}: {fast:?} but {slow:?}"),
        }
    }

    const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":-1.5e3,"b":[20,{"c":"\u00e9\"}"},true, null ]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":{}},"io.modelcontextprotocol/logLevel":"info","progressToken":7}}}"#;

    #[test]
    fn both_readings_agree() {
        assert!(check(CALL));
        assert!(check(r#"{"method":"m","id":"x","jsonrpc":"2.0","unknown":{"a":[1]}}"#));
        assert!(check(r#"{"jsonrpc":"2.0","method":"n"}"#));
        assert!(check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":1}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"Name":"a"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":null}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1,"a":2}}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","Params":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","error":{"code":1,"message":""}}"#,
            "[]",
            "",
        ] {
            assert!(!check(text), "{text}");
        }
    }

    #[test]
    fn both_readings_agree_on_whatever_a_byte_makes_of_a_call() {
        let mut accepted = 0;
        for at in 0..CALL.len() {
            for byte in [b'"', b'{', b'}', b'[', b']', b',', b':', b'\\', b'0', b'A', b' ', b'-'] {
                let mut bytes = CALL.as_bytes().to_vec();
                bytes[at] = byte;
                accepted += usize::from(check(std::str::from_utf8(&bytes).unwrap()));
            }
            check(&CALL[..at]);
            check(&format!("{}{}", &CALL[..at], &CALL[at + 1..]));
            check(&format!("{}{}", CALL, &CALL[at..]));
        }
        assert!(accepted > 100, "some changes do no harm, {accepted}");
    }
}

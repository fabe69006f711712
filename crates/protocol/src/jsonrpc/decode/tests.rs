//! What decodes, what does not, and why.

use super::{DecodeErrorKind as Kind, DecodeLimits, Message};
use crate::RequestId;

fn kind_of(bytes: &[u8]) -> Result<&'static str, Kind> {
    match Message::decode(bytes, &DecodeLimits::default()) {
        Ok(Message::Request(_)) => Ok("request"),
        Ok(Message::Notification(_)) => Ok("notification"),
        Ok(Message::Response(_)) => Ok("response"),
        Err(error) => Err(error.kind),
    }
}

fn check(text: &str, expected: Result<&str, Kind>) {
    assert_eq!(kind_of(text.as_bytes()), expected, "{text}");
}

#[test]
fn messages_are_told_apart() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#, Ok("request"));
    check(r#" {"id":"x","params":{},"method":"a","jsonrpc":"2.0"} "#, Ok("request"));
    check(r#"{"jsonrpc":"2.0","method":"a","params":{"b":1}}"#, Ok("notification"));
    check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Ok("response"));
    check(r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}"#, Ok("response"));
    check(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}"#, Ok("response"));
    check(r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, Err(Kind::Id));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","extension":true}"#, Ok("request"));
}

#[test]
fn faults_have_their_reason() {
    check("", Err(Kind::Syntax));
    check("{", Err(Kind::Syntax));
    check("\u{feff}{}", Err(Kind::Syntax));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a"}x"#, Err(Kind::Syntax));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a"}{}"#, Err(Kind::Syntax));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a",}"#, Err(Kind::Syntax));
    check("[]", Err(Kind::Batch));
    check(r#"[{"jsonrpc":"2.0","id":1,"method":"a"}]"#, Err(Kind::Batch));
    check("[", Err(Kind::Syntax));
    check("1", Err(Kind::NotAnObject));
    check("null", Err(Kind::NotAnObject));
    check("{}", Err(Kind::Version));
    check(r#"{"jsonrpc":"2.0"}"#, Err(Kind::Shape));
    check(r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, Err(Kind::Version));
    check(r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, Err(Kind::Version));
    check(r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, Err(Kind::Id));
    check(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, Err(Kind::Id));
    check(r#"{"jsonrpc":"2.0","id":[1],"method":"a"}"#, Err(Kind::Id));
    check(r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"a"}"#, Err(Kind::Id));
    check(r#"{"jsonrpc":"2.0","id":1,"method":1}"#, Err(Kind::Method));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, Err(Kind::Params));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#, Err(Kind::Params));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#, Err(Kind::Shape));
    check(
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
        Err(Kind::Shape),
    );
    check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":""}}"#, Err(Kind::Shape));
    assert_eq!(kind_of(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}"), Err(Kind::Syntax));
}

#[test]
fn doubled_and_disguised_members_are_refused() {
    check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, Err(Kind::DuplicateKey));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, Err(Kind::DuplicateKey));
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":1,"name":2}}"#,
        Err(Kind::DuplicateKey),
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"p":1,"\u0070":2}}}"#,
        Err(Kind::DuplicateKey),
    );
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}"#, Err(Kind::KeyVariant));
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","paramſ":{}}"#, Err(Kind::KeyVariant));
    check(r#"{"jsonrpc":"2.0","ID":1,"method":"a"}"#, Err(Kind::KeyVariant));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"x":{}{}}}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    check(&nested(62), Ok("request"));
    check(&nested(63), Err(Kind::TooDeep));
    check(&nested(100_000), Err(Kind::TooDeep));
}

#[test]
fn the_id_is_reported_with_the_fault() {
    let id_of =
        |text: &str| Message::decode(text.as_bytes(), &DecodeLimits::default()).unwrap_err().id;
    assert_eq!(id_of(r#"{"id":7,"method":"a"}"#), Some(RequestId::Integer(7)));
    assert_eq!(id_of(r#"{"jsonrpc":"2.0","id":"x","method":1}"#), Some("x".into()));
    assert_eq!(id_of(r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#), None);
}

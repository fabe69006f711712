//! The JSON-RPC envelope: depth, batches, keys that two readers would read differently, bytes that are not JSON.

use palisade_testkit::RawRequest;
use serde_json::{Value, json};

use crate::support::{Refusal, Target, call_add};

/// The valid call with this text in the place of that in its body.
fn replaced(from: &str, to: &str) -> RawRequest {
    let body = String::from_utf8(call_add().body().to_vec()).unwrap();
    assert_eq!(body.matches(from).count(), 1, "{from} in {body}");
    call_add().with_body(body.replace(from, to))
}

#[tokio::test]
async fn h5_deep_json() {
    let target = Target::start().await;
    let refusal = Refusal::of_envelope(400, -32700, "json_too_deep");
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [200, 100_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            target.refuses(&replaced(r#""a":1"#, &format!(r#""a":{deep}"#)), &refusal).await;
            target.refuses(&replaced(r#""id":1"#, &format!(r#""id":{deep}"#)), &refusal).await;
        }
        let whole = format!("{}1{}", open.repeat(200), close.repeat(200));
        target.refuses(&call_add().with_body(whole), &refusal).await;
        // Nothing closes: there is no recursion to run out of either.
        let open = call_add().with_body(open.repeat(100_000));
        target.refuses(&open, &Refusal::of_envelope(400, -32700, "invalid_json")).await;
    }
    // Depth within strings is no depth.
    let text = replaced(r#""a":1"#, &format!(r#""a":1,"c":"{}""#, "[{".repeat(1000)));
    assert_eq!(target.send(&text).await.status(), 200);
}

#[tokio::test]
async fn h6_batch() {
    let target = Target::start().await;
    let refusal = Refusal::of_envelope(400, -32600, "batch_not_supported");
    let call: Value = serde_json::from_slice(call_add().body()).unwrap();
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/cancelled"});
    for batch in [
        json!([call]),
        json!([call, call]),
        json!([]),
        json!([notification]),
        json!([[call]]),
        json!([1, call]),
    ] {
        target.refuses(&call_add().with_body(batch.to_string()), &refusal).await;
    }
    let blanks = [b" \r\n\t".as_slice(), json!([call]).to_string().as_bytes()].concat();
    target.refuses(&call_add().with_body(blanks), &refusal).await;
}

#[tokio::test]
async fn h7_duplicate_keys() {
    let target = Target::start().await;
    let refusal = Refusal::of_envelope(400, -32600, "duplicate_key");
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    for (from, to) in [
        (r#""method":"tools/call""#, r#""method":"tools/list","method":"tools/call""#.to_owned()),
        (r#""id":1"#, r#""id":1,"id":2"#.to_owned()),
        (r#""jsonrpc":"2.0""#, r#""jsonrpc":"1.0","jsonrpc":"2.0""#.to_owned()),
        (r#""params":"#, r#""params":{"name":"other"},"params":"#.to_owned()),
        (r#""name":"add""#, r#""name":"other","name":"add""#.to_owned()),
        (r#""name":"add""#, r#""name":"add","name":"add""#.to_owned()),
        (r#""name":"add""#, r#""na\u006de":"other","name":"add""#.to_owned()),
        (r#""_meta":"#, r#""_meta":{},"_meta":"#.to_owned()),
        (r#""arguments":"#, r#""arguments":{"a":9,"b":9},"arguments":"#.to_owned()),
        (version, format!("{version},{version}")),
        (r#""a":1"#, r#""a":9,"a":1"#.to_owned()),
        (r#""a":1"#, r#""a":1,"c":[{"d":{"e":1,"f":2,"e":3}}]"#.to_owned()),
    ] {
        target.refuses(&replaced(from, &to), &refusal).await;
    }
    // Equal keys of different objects are two keys.
    let nested = replaced(r#""a":1"#, r#""a":1,"c":{"a":1,"name":"x","method":"y"}"#);
    assert_eq!(target.send(&nested).await.status(), 200);
}

#[tokio::test]
async fn h8_keys_that_differ_in_case() {
    let target = Target::start().await;
    let refusal = Refusal::of_envelope(400, -32600, "key_variant");
    let (method, params) = (r#""method":"tools/call""#, r#""params":"#);
    for (from, to) in [
        (method, r#""Method":"tools/call""#),
        (method, r#""METHOD":"tools/list","method":"tools/call""#),
        (method, r#""\u004dethod":"tools/call""#),
        (params, r#""paramſ":"#),
        (params, r#""param\u017f":"#),
        (params, r#""Params":{"name":"other"},"params":"#),
        (r#""id":1"#, r#""ID":1"#),
        (r#""id":1"#, r#""id":1,"Id":2"#),
        (r#""jsonrpc":"2.0""#, r#""JsonRpc":"2.0""#),
        (r#""id":1"#, r#""id":1,"Result":{}"#),
    ] {
        target.refuses(&replaced(from, to), &refusal).await;
    }
    // One level down they are faults of the parameters.
    let refusal = Refusal::of_envelope(400, -32602, "invalid_params");
    for (from, to) in [
        (r#""name":"add""#, r#""Name":"add""#),
        (r#""name":"add""#, r#""name":"add","NAME":"other""#),
        (r#""arguments":"#, r#""argumentſ":"#),
        (r#""arguments":"#, r#""Arguments":{"a":9,"b":9},"arguments":"#),
        (r#""_meta":"#, r#""_META":"#),
        (r#""name":"add""#, r#""name":"add","RequestState":"x""#),
    ] {
        target.refuses(&replaced(from, to), &refusal).await;
    }
}

#[tokio::test]
async fn h9_bytes_that_are_not_json() {
    let target = Target::start().await;
    let refusal = Refusal::of_envelope(400, -32700, "invalid_json");
    let body = call_add().body().to_vec();
    let around = |before: &[u8], after: &[u8]| [before, &body, after].concat();
    let within = |bytes: &[u8]| {
        let at = body.windows(3).position(|window| window == b"add").unwrap();
        [&body[..at], bytes, &body[at..]].concat()
    };
    let mut connection = target.connect().await;
    for (bytes, why) in [
        (within(b"\xff"), "not UTF-8"),
        (within(b"\xc0\xaf"), "an overlong slash"),
        (within(b"\xed\xa0\x80"), "half a surrogate pair in UTF-8"),
        (within(b"\0"), "a bare control character"),
        (around(b"\xef\xbb\xbf", b""), "a byte order mark"),
        (around(b"", b"{}"), "a second value"),
        (around(b"", b","), "trailing data"),
        (around(b"", b"\0"), "a trailing NUL"),
        (around(b"", &body), "the message twice"),
        (body[..body.len() - 1].to_vec(), "the end is missing"),
        (Vec::new(), "nothing"),
        (b"\xff\xfe{\0}\0".to_vec(), "UTF-16"),
        (b"NaN".to_vec(), "not a value"),
        (b"{'id':1}".to_vec(), "not quite JSON"),
    ] {
        // The same connection goes on to be used.
        let response = connection.send(&call_add().with_body(bytes)).await.unwrap();
        assert_eq!(response.error_code(), Some(-32700), "{why}");
        target.check_refused(&response, &refusal).await;
        assert_eq!(connection.send(&call_add()).await.unwrap().status(), 200, "after {why}");
        target.check_healthy().await;
        target.runs.forget();
    }
}

#[tokio::test]
async fn h10_arguments_that_are_no_object() {
    let target = Target::start().await;
    let refusal = Refusal::of_envelope(400, -32602, "invalid_params");
    for arguments in [json!("{\"a\":1,\"b\":2}"), json!(""), json!([1, 2]), json!(null), json!(7)] {
        let call = call_add().with_edited_body(|body| body["params"]["arguments"] = arguments);
        target.refuses(&call, &refusal).await;
    }
    // Objects that do not fit are told to the model: a result, not a protocol error.
    for arguments in [json!({}), json!({"a": "1", "b": 2}), json!({"a": 1.5, "b": 2})] {
        let call = call_add().with_edited_body(|body| body["params"]["arguments"] = arguments);
        let response = target.send(&call).await;
        assert_eq!((response.status(), target.runs.count()), (200, 0));
        assert_eq!(response.json()["result"]["isError"], true);
    }
    target.check_healthy().await;
}

//! Decoding the envelope of a call, and its parameters.

use palisade::protocol::{DecodeLimits, Inbound};
use palisade_testkit::{RawRequest, alloc::count};
use serde_json::{Value, json};

/// The limit that was promised.
const PROMISED: u64 = 3;

fn check(body: &[u8], limit: u64) {
    let (name, allocations) = count(|| {
        let Ok(Inbound::Request(_, Ok(params))) = Inbound::decode(body, &DecodeLimits::default())
        else {
            panic!("a request with parameters");
        };
        params.name.as_deref() == Some("add") && params.meta.is_some() && params.arguments.is_some()
    });
    assert!(name);
    println!("decode of {} bytes: {allocations:?}", body.len());
    assert!(allocations.total() <= limit, "{allocations:?}: {}", String::from_utf8_lossy(body));
}

#[test]
fn a_typical_call_takes_few_allocations() {
    let small = RawRequest::tools_call("add", json!({"a": 40, "b": 2}));
    check(small.body(), PROMISED);
    check(small.clone().with_id(json!("a-string-as-an-id")).body(), PROMISED);
    check(small.clone().with_meta("progressToken", json!("abc")).body(), PROMISED);
    check(
        small.with_capabilities(json!({"elicitation": {"form": {}}, "roots": {}})).body(),
        PROMISED,
    );
}

/// What the arguments hold is not looked at, so it costs nothing more.
#[test]
fn large_arguments_take_no_more() {
    let items: Vec<Value> = (0..200)
        .map(|n| json!({"name": format!("item {n}"), "tags": ["a", "b"], "n": n}))
        .collect();
    check(RawRequest::tools_call("add", json!({"items": items})).body(), PROMISED);
}

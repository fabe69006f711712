//! The older revisions: what is written for them is JSON whatever a handler made, writing it twice is writing it
//! once, and a batch is divided as a second reader divides it.

use palisade::protocol::{DecodeLimits, ProtocolVersion, legacy, method};
use serde_json::{Value, value::RawValue};

const METHODS: [&str; 9] = [
    method::TOOLS_LIST,
    method::TOOLS_CALL,
    method::PROMPTS_LIST,
    method::PROMPTS_GET,
    method::RESOURCES_LIST,
    method::RESOURCES_TEMPLATES_LIST,
    method::RESOURCES_READ,
    method::ROOTS_LIST,
    method::COMPLETION_COMPLETE,
];

/// The input is a result, a message and a batch, as far as it is any of them.
pub fn check(data: &[u8]) {
    check_batch(data);
    for version in ProtocolVersion::ALL {
        if let Some(written) = legacy::notification_for(version, data) {
            assert_eq!(is_json(data), is_json(&written), "{version}");
        }
    }
    let Ok(result) = serde_json::from_slice::<&RawValue>(data) else { return };
    for version in ProtocolVersion::ALL {
        for method in METHODS {
            check_result(version, method, result);
        }
    }
}

fn check_result(version: ProtocolVersion, method: &str, result: &RawValue) {
    let written = legacy::result_for(version, method, result);
    if version.is_modern() {
        assert_eq!(written, result.get().as_bytes());
        return;
    }
    let once: &RawValue = serde_json::from_slice(&written).expect("what is written is JSON");
    let twice = legacy::result_for(version, method, once);
    assert_eq!(twice, written, "{method} in {version}");
    assert_eq!(
        is_json(&legacy::answer_for(version, method, result)),
        is_json(result.get().as_bytes())
    );
    // The values themselves may be beyond what a tree of values can hold, such as 1e999.
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::from_str(result.get()), serde_json::from_slice(&written))
    else {
        return;
    };
    for newer in ["resultType", "ttlMs", "cacheScope"] {
        assert!(!after.contains_key(newer), "{newer} in {version}");
    }
    assert!(after.keys().all(|key| before.contains_key(key)), "nothing is added");
}

fn check_batch(data: &[u8]) {
    let limits = DecodeLimits::default();
    let found = legacy::batch(data, &limits);
    let is_array = data.trim_ascii_start().starts_with(b"[");
    assert_eq!(found.is_some(), is_array);
    let Some(Ok(messages)) = found else { return };
    let naive: Vec<&RawValue> = serde_json::from_slice(data).expect("a batch is JSON");
    assert!((1..=limits.batch).contains(&naive.len()));
    assert!(messages.iter().map(|it| it.get()).eq(naive.iter().map(|it| it.get())));
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

//! Questions and answers in every older revision.

use serde_json::json;

use super::*;
use crate::{ProtocolVersion as V, Tool};

const OLDER: [V; 4] = [V::V2024_11_05, V::V2025_03_26, V::V2025_06_18, V::V2025_11_25];

/// What `asked` becomes in each of the older revisions.
#[track_caller]
fn check(asked: &Value, expected: [Option<Value>; 4]) {
    let request: InputRequest = serde_json::from_value(asked.clone()).unwrap();
    for (version, expected) in OLDER.into_iter().zip(expected) {
        let sent = request_for(version, &request, "e1");
        let sent = sent.map(|(method, params)| {
            assert_eq!(method, asked["method"], "{version}");
            params.decode::<Value>().unwrap()
        });
        assert_eq!(sent, expected, "{version}: {asked}");
    }
}

#[track_caller]
fn check_form(properties: &Value, in_2025_06_18: Option<Value>) {
    let schema = |properties: &Value| json!({"type":"object","properties":properties});
    let form = json!({"mode":"form","message":"m","requestedSchema":schema(properties)});
    let older = in_2025_06_18
        .map(|properties| json!({"message":"m","requestedSchema":schema(&properties)}));
    let asked = json!({"method":"elicitation/create","params":form});
    check(&asked, [None, None, older, Some(form)]);
}

#[test]
fn forms_have_what_their_revision_knows() {
    check_form(
        &json!({"a":{"type":"string","default":"x","format":"email"},"b":{"type":"boolean","default":true},"c":{"type":"integer","default":1,"minimum":0}}),
        Some(
            json!({"a":{"type":"string","format":"email"},"b":{"type":"boolean","default":true},"c":{"type":"integer","minimum":0}}),
        ),
    );
    check_form(
        &json!({"a":{"type":"string","title":"T","description":"d","oneOf":[{"const":"1","title":"one"},{"const":"2","title":"two"}],"default":"1"}}),
        Some(
            json!({"a":{"type":"string","title":"T","description":"d","enum":["1","2"],"enumNames":["one","two"]}}),
        ),
    );
    check_form(
        &json!({"a":{"type":"string","enum":["1"],"default":"1"},"b":{"type":"string","enum":["1"],"enumNames":["one"],"default":"1"}}),
        Some(
            json!({"a":{"type":"string","enum":["1"]},"b":{"type":"string","enum":["1"],"enumNames":["one"]}}),
        ),
    );
    check_form(&json!({"a":{"type":"array","items":{"type":"string","enum":["1"]}}}), None);
    check_form(
        &json!({"a":{"type":"array","items":{"anyOf":[{"const":"1","title":"one"}]}}}),
        None,
    );
}

#[test]
fn a_dialect_is_not_named_before_2025_11_25() {
    let schema = json!({"type":"object","properties":{},"required":["a"]});
    let mut named = schema.clone();
    named["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    let newest = json!({"mode":"form","message":"m","requestedSchema":named});
    check(
        &json!({"method":"elicitation/create","params":newest}),
        [None, None, Some(json!({"message":"m","requestedSchema":schema})), Some(newest)],
    );
}

#[test]
fn urls_are_asked_under_an_id() {
    let params = json!({"mode":"url","message":"m","url":"https://a.example/"});
    let mut named = params.clone();
    named["elicitationId"] = "e1".into();
    check(&json!({"method":"elicitation/create","params":params}), [None, None, None, Some(named)]);
}

#[test]
fn roots_are_as_old_as_the_protocol() {
    let asked = json!({"method":"roots/list"});
    check(&asked, [Some(json!({})), Some(json!({})), Some(json!({})), Some(json!({}))]);
}

#[test]
fn conversations_have_one_block_a_message_before_2025_11_25() {
    let text = |text: &str| json!({"type":"text","text":text});
    let audio = json!({"type":"audio","data":"","mimeType":"audio/wav"});
    let said = |content: Value| json!({"role":"user","content":content});
    let params = |messages: Vec<Value>| json!({"messages":messages,"maxTokens":1});
    let newest = params(vec![said(json!([text("a"), audio.clone()])), said(text("b"))]);
    let split = params(vec![said(text("a")), said(audio), said(text("b"))]);
    let first = params(vec![said(text("a")), said(text("[audio: audio/wav]")), said(text("b"))]);
    check(
        &json!({"method":"sampling/createMessage","params":newest}),
        [Some(first), Some(split.clone()), Some(split), Some(newest)],
    );
}

#[test]
fn meta_of_messages_and_blocks_came_later() {
    let block = json!({"type":"text","text":"a","_meta":{"x":1}});
    let bare = json!({"type":"text","text":"a"});
    let params = |message: Value| json!({"messages":[message],"maxTokens":1});
    let newest = params(json!({"role":"user","content":block,"_meta":{"y":1}}));
    let middle = params(json!({"role":"user","content":block}));
    let first = params(json!({"role":"user","content":bare}));
    check(
        &json!({"method":"sampling/createMessage","params":newest}),
        [Some(first.clone()), Some(first), Some(middle), Some(newest)],
    );
}

#[test]
fn models_get_no_tools_before_2025_11_25() {
    let tool = serde_json::to_value(Tool::new("t", json!({"type":"object"}))).unwrap();
    let used = json!({"type":"tool_use","id":"1","name":"t","input":{}});
    for params in [
        json!({"messages":[],"maxTokens":1,"tools":[tool]}),
        json!({"messages":[],"maxTokens":1,"toolChoice":{"mode":"none"}}),
        json!({"messages":[{"role":"assistant","content":used}],"maxTokens":1}),
    ] {
        check(
            &json!({"method":"sampling/createMessage","params":params}),
            [None, None, None, Some(params)],
        );
    }
}

#[track_caller]
fn check_answer(version: V, content: &Value, expected: &Value) {
    let answer = |content: &Value| json!({"role":"assistant","content":content,"model":"m"});
    let raw = serde_json::value::to_raw_value(&answer(content)).unwrap();
    let sent = answer_for(version, method::SAMPLING_CREATE_MESSAGE, &raw);
    assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), answer(expected), "{version}");
}

#[test]
fn answers_of_models_were_one_block() {
    let text = |text: &str| json!({"type":"text","text":text});
    let audio = json!({"type":"audio","data":"","mimeType":"audio/wav"});
    for version in OLDER {
        check_answer(version, &text("a"), &text("a"));
    }
    for version in [V::V2024_11_05, V::V2025_03_26, V::V2025_06_18] {
        check_answer(version, &json!([text("a")]), &text("a"));
        check_answer(version, &json!([text("a"), text("b")]), &text("a\nb"));
        check_answer(version, &json!([]), &text(""));
    }
    let several = json!([text("a"), text("b")]);
    check_answer(V::V2025_11_25, &several, &several);
    check_answer(V::V2024_11_05, &audio, &text("[audio: audio/wav]"));
    check_answer(V::V2025_03_26, &audio, &audio);
}

#[test]
fn other_answers_pass() {
    for version in OLDER {
        let answer: &RawValue =
            serde_json::from_str(r#"{"action":"accept","content":{"a":["b"]}}"#).unwrap();
        let sent = answer_for(version, method::ELICITATION_CREATE, answer);
        assert_eq!(sent, answer.get().as_bytes());
    }
}

//! Every field that a revision added, against the schema that added it.

use serde_json::value::RawValue;

use super::result_for;
use crate::{ProtocolVersion, method};

const ALL: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// `template` has marks `<since revision|text>`: text that is there from this revision on.
fn expand(template: &str, version: ProtocolVersion) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, marked)) = rest.split_once('<') {
        let (mark, after) = marked.split_once('>').unwrap();
        let (since, text) = mark.split_once('|').unwrap();
        out.push_str(before);
        let index = |name: &str| ALL.iter().position(|known| *known == name).unwrap();
        let (from, to) = since.split_once("..").unwrap_or((since, "2026-07-28"));
        if (index(from)..=index(to)).contains(&index(version.as_str())) {
            out.push_str(text);
        }
        rest = after;
    }
    out + rest
}

/// What the newest revision sends, and what is left of it in each of the others.
#[track_caller]
fn check(method: &str, template: &str) {
    let newest = expand(template, ProtocolVersion::LATEST);
    let result: &RawValue = serde_json::from_str(&newest).unwrap();
    for version in ProtocolVersion::ALL {
        let sent = String::from_utf8(result_for(version, method, result)).unwrap();
        assert_eq!(sent, expand(template, version), "{method} in {version}");
    }
}

#[track_caller]
fn check_one(version: ProtocolVersion, method: &str, result: &str, expected: &str) {
    let raw: &RawValue = serde_json::from_str(result).unwrap();
    let sent = String::from_utf8(result_for(version, method, raw)).unwrap();
    assert_eq!(sent, expected, "{method} in {version}: {result}");
}

#[test]
fn tools() {
    check(
        method::TOOLS_LIST,
        r#"{<2026-07-28|"resultType":"complete",>"tools":[{"name":"t"<2025-06-18|,"title":"T">,"description":"d","inputSchema":{"type": "object","title":"kept","icons":[1.50]}<2025-06-18|,"outputSchema":{"z":1,"type":"object","a":2}><2025-03-26|,"annotations":{"title":"A","readOnlyHint":true}><2025-11-25|,"icons":[{"src":"data:,"}]><2025-06-18|,"_meta":{"a/b":1}>,"vendor":1}],"nextCursor":"c"<2026-07-28|,"ttlMs":0,"cacheScope":"private">}"#,
    );
}

#[test]
fn results_of_tools() {
    check(
        method::TOOLS_CALL,
        r#"{"content":[{"type":"text","text":"<>"<2025-06-18|,"_meta":{"a":1}>},{"type":"image","data":"","mimeType":"image/png","annotations":{"priority":1<2025-06-18|,"lastModified":"x">}},{"type":"resource","resource":{"uri":"u:v","text":""<2025-06-18|,"_meta":{"a":1}>}}]<2025-06-18|,"structuredContent":{"resultType":1,"title":2}>,"isError":true,"_meta":{"a/b":1<2026-07-28|,"io.modelcontextprotocol/serverInfo":{"name":"n","version":"1"}>}}"#
            .replace("<>", "t").as_str(),
    );
}

#[test]
fn prompts() {
    check(
        method::PROMPTS_LIST,
        r#"{"prompts":[{"name":"p"<2025-06-18|,"title":"P">,"arguments":[{"name":"a"<2025-06-18|,"title":"A">,"required":true}]<2025-11-25|,"icons":[]><2025-06-18|,"_meta":{"a":1}>}]<2026-07-28|,"ttlMs":1,"cacheScope":"public">}"#,
    );
    check(
        method::PROMPTS_GET,
        r#"{<2026-07-28|"resultType":"complete",>"description":"d","messages":[{"role":"user","content":{"type":"text","text":"t"<2025-06-18|,"_meta":{"a":1}>}}]}"#,
    );
}

#[test]
fn resources() {
    let described = r#""name":"r"<2025-06-18|,"title":"R">,"mimeType":"a/b","annotations":{"audience":["user"]<2025-06-18|,"lastModified":"x">},"size":1<2025-11-25|,"icons":[]><2025-06-18|,"_meta":{"a":1}>"#;
    check(method::RESOURCES_LIST, &format!(r#"{{"resources":[{{"uri":"u:v",{described}}}]}}"#));
    check(
        method::RESOURCES_TEMPLATES_LIST,
        &format!(r#"{{"resourceTemplates":[{{"uriTemplate":"u:{{v}}",{described}}}]}}"#),
    );
    check(
        method::RESOURCES_READ,
        r#"{"contents":[{"uri":"u:v","text":"x"<2025-06-18|,"_meta":{"a":1}>},{"uri":"u:w","blob":""}]<2026-07-28|,"ttlMs":0>}"#,
    );
}

#[test]
fn what_is_in_no_table_stays() {
    check(
        method::COMPLETION_COMPLETE,
        r#"{"completion":{"values":["a"],"total":1,"hasMore":false},"extra":{"_meta":{}}}"#,
    );
    check("vendor/method", r#"{<2026-07-28|"resultType":"complete",>"a":[{"title":1,"icons":2}]}"#);
    check(
        method::ROOTS_LIST,
        r#"{"roots":[{"uri":"file:///","name":"n"<2025-06-18|,"_meta":{"a":1}>}]}"#,
    );
}

#[test]
fn meta_that_holds_nothing_any_more_is_left_out() {
    let result = r#"{"_meta":{"io.modelcontextprotocol/serverInfo":{}},"content":[]}"#;
    for version in [ProtocolVersion::V2024_11_05, ProtocolVersion::V2025_11_25] {
        check_one(version, method::TOOLS_CALL, result, r#"{"content":[]}"#);
    }
    check_one(ProtocolVersion::LATEST, method::TOOLS_CALL, result, result);
}

#[test]
fn tasks_of_tools_are_of_one_revision() {
    for version in ProtocolVersion::ALL {
        let execution = match version {
            ProtocolVersion::V2025_11_25 | ProtocolVersion::V2026_07_28 => {
                r#","execution":{"taskSupport":"optional"}"#
            }
            _ => "",
        };
        let tool = r#"{"tools":[{"name":"t","execution":{"taskSupport":"optional"}}]}"#;
        let expected = format!(r#"{{"tools":[{{"name":"t"{execution}}}]}}"#);
        check_one(version, method::TOOLS_LIST, tool, &expected);
    }
}

#[test]
fn structured_results_were_objects() {
    let schemas = r#"{"tools":[{"name":"t","outputSchema":{"type":"array"}},{"name":"u","outputSchema":{}}]}"#;
    let result = r#"{"content":[],"structuredContent":[{"a":1}]}"#;
    for version in ProtocolVersion::ALL {
        let newest = version.is_modern();
        let bare = r#"{"tools":[{"name":"t"},{"name":"u"}]}"#;
        check_one(version, method::TOOLS_LIST, schemas, if newest { schemas } else { bare });
        let bare = r#"{"content":[]}"#;
        check_one(version, method::TOOLS_CALL, result, if newest { result } else { bare });
    }
}

#[test]
fn unknown_content_becomes_text() {
    let audio = r#"{"type":"audio","data":"YQ==","mimeType":"audio/wav","annotations":{"priority":0.5,"lastModified":"x"}}"#;
    let link = r#"{"type":"resource_link","uri":"u:v","name":"n","title":"N","description":"d","icons":[{"src":"data:,"}]}"#;
    let sound = r#"{"type":"text","text":"[audio: audio/wav]","annotations":{"priority":0.5}}"#;
    let plain_audio =
        r#"{"type":"audio","data":"YQ==","mimeType":"audio/wav","annotations":{"priority":0.5}}"#;
    let pointer = r#"{"type":"text","text":"[resource: N, u:v] d"}"#;
    let plain_link =
        r#"{"type":"resource_link","uri":"u:v","name":"n","title":"N","description":"d"}"#;
    for (version, first, second) in [
        (ProtocolVersion::V2024_11_05, sound, pointer),
        (ProtocolVersion::V2025_03_26, plain_audio, pointer),
        (ProtocolVersion::V2025_06_18, audio, plain_link),
        (ProtocolVersion::V2025_11_25, audio, link),
    ] {
        check_one(
            version,
            method::TOOLS_CALL,
            &format!(r#"{{"content":[{audio},{link}]}}"#),
            &format!(r#"{{"content":[{first},{second}]}}"#),
        );
        check_one(
            version,
            method::PROMPTS_GET,
            &format!(r#"{{"messages":[{{"role":"user","content":{link}}}]}}"#),
            &format!(r#"{{"messages":[{{"role":"user","content":{second}}}]}}"#),
        );
    }
}

#[test]
fn what_is_not_of_its_shape_passes() {
    for result in [
        r#"{"content":[{"type":"video","data":1},{"type":7},"a",null]}"#,
        r#"{"content":"x"}"#,
        r#"{"content":{"type":"audio","data":7}}"#,
        r#"[1,{"resultType":2}]"#,
        "null",
    ] {
        check_one(ProtocolVersion::V2024_11_05, method::TOOLS_CALL, result, result);
    }
}

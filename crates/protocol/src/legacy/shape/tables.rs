//! What each revision added, as tables: read off the five schemas.
//!
//! A field without a rule has been there since 2024-11-05, or belongs to nobody.

use super::{Rule, Shape};
use crate::{ProtocolVersion as V, meta, method};

/// The result of a request, for whoever gets it from this method.
pub(in crate::legacy) fn result_of(method: &str) -> &'static Shape {
    match method {
        method::TOOLS_LIST => &TOOLS,
        method::TOOLS_CALL => &CALL,
        method::PROMPTS_LIST => &PROMPTS,
        method::PROMPTS_GET => &PROMPT_MESSAGES,
        method::RESOURCES_LIST => &RESOURCES,
        method::RESOURCES_TEMPLATES_LIST => &TEMPLATES,
        method::RESOURCES_READ => &CONTENTS,
        method::ROOTS_LIST => &ROOTS,
        _ => &EMPTY,
    }
}

/// The params of a request of a client.
pub(in crate::legacy) fn params_of(method: &str) -> Option<&'static Shape> {
    (method == method::COMPLETION_COMPLETE).then_some(&COMPLETE)
}

/// The params of a notification.
pub(in crate::legacy) fn notification_of(method: &str) -> &'static Shape {
    match method {
        method::NOTIFICATIONS_PROGRESS => &PROGRESS,
        _ => &NOTIFICATION,
    }
}

/// A block of content, of any kind.
pub(super) static CONTENT_BLOCK: Shape =
    Shape::Object(&[NAMED, ANNOTATED, &[Rule::inside("resource", &Shape::Object(&[&[META]]))]]);

const META: Rule = Rule::since(V::V2025_06_18, "_meta");

/// `BaseMetadata`, `Icons` and `_meta` of a definition.
const NAMED: &[Rule] =
    &[Rule::since(V::V2025_06_18, "title"), Rule::since(V::V2025_11_25, "icons"), META];

const ANNOTATED: &[Rule] = &[Rule::inside(
    "annotations",
    &Shape::Object(&[&[Rule::since(V::V2025_06_18, "lastModified")]]),
)];

/// What every result has, or loses.
const RESULT: &[Rule] = &[
    Rule::newest("resultType"),
    Rule::newest("ttlMs"),
    Rule::newest("cacheScope"),
    Rule::inside("_meta", &OUTER_META),
];

/// The `_meta` of a result or a notification, which is as old as the protocol.
static OUTER_META: Shape =
    Shape::Object(&[&[Rule::newest(meta::SERVER_INFO), Rule::newest(meta::SUBSCRIPTION_ID)]]);

static EMPTY: Shape = Shape::Object(&[RESULT]);

static TOOLS: Shape = Shape::Object(&[RESULT, &[Rule::inside("tools", &Shape::List(&TOOL))]]);

static TOOL: Shape = Shape::Object(&[
    NAMED,
    &[
        Rule::since(V::V2025_03_26, "annotations"),
        Rule::since(V::V2025_06_18, "outputSchema").only(says_object),
        Rule::since(V::V2025_11_25, "execution").until(V::V2025_11_25),
    ],
]);

static CALL: Shape = Shape::Object(&[
    RESULT,
    &[
        Rule::inside("content", &Shape::Content),
        Rule::since(V::V2025_06_18, "structuredContent").only(is_object),
    ],
]);

static PROMPTS: Shape = Shape::Object(&[RESULT, &[Rule::inside("prompts", &Shape::List(&PROMPT))]]);

static PROMPT: Shape = Shape::Object(&[
    NAMED,
    &[Rule::inside(
        "arguments",
        &Shape::List(&Shape::Object(&[&[Rule::since(V::V2025_06_18, "title")]])),
    )],
]);

static PROMPT_MESSAGES: Shape = Shape::Object(&[
    RESULT,
    &[Rule::inside(
        "messages",
        &Shape::List(&Shape::Object(&[&[Rule::inside("content", &Shape::Content)]])),
    )],
]);

static RESOURCES: Shape =
    Shape::Object(&[RESULT, &[Rule::inside("resources", &Shape::List(&RESOURCE))]]);

static TEMPLATES: Shape =
    Shape::Object(&[RESULT, &[Rule::inside("resourceTemplates", &Shape::List(&RESOURCE))]]);

static RESOURCE: Shape = Shape::Object(&[NAMED, ANNOTATED]);

static CONTENTS: Shape =
    Shape::Object(&[RESULT, &[Rule::inside("contents", &Shape::List(&Shape::Object(&[&[META]])))]]);

static ROOTS: Shape =
    Shape::Object(&[RESULT, &[Rule::inside("roots", &Shape::List(&Shape::Object(&[&[META]])))]]);

static COMPLETE: Shape = Shape::Object(&[&[
    Rule::inside("ref", &Shape::Object(&[&[Rule::since(V::V2025_06_18, "title")]])),
    Rule::since(V::V2025_06_18, "context"),
]]);

static NOTIFICATION: Shape = Shape::Object(&[&[Rule::inside("_meta", &OUTER_META)]]);

static PROGRESS: Shape =
    Shape::Object(&[&[Rule::inside("_meta", &OUTER_META), Rule::since(V::V2025_03_26, "message")]]);

/// Before the newest revision a structured result is an object.
fn is_object(value: &str) -> bool {
    value.starts_with('{')
}

/// Before the newest revision an output schema says so at its root.
fn says_object(schema: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Root<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }

    serde_json::from_str::<Root<'_>>(schema).is_ok_and(|root| root.kind == "object")
}

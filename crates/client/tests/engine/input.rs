//! Multi round-trip requests: what the server may ask, what it gets.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use palisade_client::{Client, ClientBuilder, ClientError, InputError};
use palisade_protocol::{
    CreateMessageResult, ElicitAction, ElicitResult, ListRootsResult, Root, SamplingContent,
    TextContent,
};
use serde_json::{Map, Value, json};

use crate::fake::{Control, Seen, Step, client, connect};

fn done(seen: &Seen) -> Vec<Step> {
    vec![seen.result(json!({ "content": [] }))]
}

fn ask(seen: &Seen, requests: Value, state: Option<&str>) -> Vec<Step> {
    let mut result = json!({ "resultType": "input_required" });
    if !requests.is_null() {
        result["inputRequests"] = requests;
    }
    if let Some(state) = state {
        result["requestState"] = state.into();
    }
    vec![seen.result(result)]
}

fn form(properties: Value) -> Value {
    json!({ "method": "elicitation/create", "params": {
        "message": "who?", "requestedSchema": { "type": "object", "properties": properties,
        "required": ["name"] } } })
}

fn name_form() -> Value {
    form(json!({ "name": { "type": "string" } }))
}

fn content(entries: Value) -> Map<String, Value> {
    entries.as_object().unwrap().clone()
}

fn everything() -> ClientBuilder {
    Client::builder()
        .with_elicitation_handler(|_| async {
            Ok(ElicitResult::accept(content(json!({ "name": "Ada" }))))
        })
        .with_url_elicitation_handler(|_| async { Ok(ElicitAction::Accept) })
        .with_sampling_handler(|_| async {
            Ok(CreateMessageResult::new("m", SamplingContent::from(TextContent::new("Paris"))))
        })
        .with_roots_handler(|| async { Ok(ListRootsResult::new(vec![Root::new("file:///work")])) })
}

#[tokio::test]
async fn capabilities_follow_from_the_handlers() {
    let capabilities = |control: &Control| {
        control.seen()[0].params()["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone()
    };
    let all = json!({ "elicitation": { "form": {}, "url": {} }, "sampling": { "tools": {}, "context": {} },
        "roots": {} });
    for (builder, expected) in [
        (Client::builder(), json!({})),
        (everything().with_sampling_tools().with_sampling_context(), all),
        (Client::builder().with_sampling_tools(), json!({})),
        (
            Client::builder().with_url_elicitation_handler(|_| async { Ok(ElicitAction::Decline) }),
            json!({ "elicitation": { "url": {} } }),
        ),
    ] {
        let (client, control) = connect(builder, done).await;
        client.call_tool("t", &json!({})).await.unwrap();
        assert_eq!(capabilities(&control), expected);
    }
}

#[tokio::test]
async fn the_answers_and_the_state_go_into_the_next_attempt_only() {
    let (client, control) = connect(everything(), |seen| match seen.id() {
        1 => {
            let requests = json!({
                "z": name_form(),
                "a": { "method": "roots/list" },
                "m": { "method": "sampling/createMessage", "params": {
                    "messages": [{ "role": "user", "content": { "type": "text", "text": "capital?" } }],
                    "maxTokens": 10 } },
                "u": { "method": "elicitation/create", "params": {
                    "mode": "url", "message": "visit", "url": "https://example.com/x" } },
            });
            ask(seen, requests, Some("opaque \u{1F600} \"1\" \\ /"))
        }
        2 => ask(seen, Value::Null, Some("second")),
        3 => ask(seen, json!({ "q": name_form() }), None),
        _ => done(seen),
    })
    .await;
    client.call_tool("t", &json!({ "x": 1 })).await.unwrap();
    client.call_tool("t", &json!({ "x": 1 })).await.unwrap();
    let seen = control.seen();
    let sent = |n: usize| {
        let params = seen[n].params();
        assert_eq!(params["arguments"], json!({ "x": 1 }));
        (params.get("inputResponses").cloned(), params.get("requestState").cloned())
    };
    let ada = json!({ "action": "accept", "content": { "name": "Ada" } });
    assert_eq!(seen.iter().map(Seen::id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(sent(0), (None, None));
    assert_eq!(
        sent(1),
        (
            Some(json!({
                "z": ada,
                "a": { "roots": [{ "uri": "file:///work" }] },
                "m": { "role": "assistant", "content": { "type": "text", "text": "Paris" }, "model": "m" },
                "u": { "action": "accept" },
            })),
            Some(json!("opaque \u{1F600} \"1\" \\ /")),
        )
    );
    assert_eq!(sent(2), (None, Some(json!("second"))));
    assert_eq!(sent(3), (Some(json!({ "q": ada })), None));
    assert_eq!(sent(4), (None, None), "another call knows nothing of it");
}

#[tokio::test]
async fn the_state_is_echoed_byte_for_byte() {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"\u0041\/\ud83d\ude00"}}"#;
    let (client, control) =
        client(move |seen| if seen.id() == 1 { vec![Step::Text(answer)] } else { done(seen) })
            .await;
    client.call_tool("t", &json!({})).await.unwrap();
    assert!(control.seen()[1].text.contains(r#""requestState":"\u0041\/\ud83d\ude00""#));
}

#[tokio::test]
async fn r4_a_server_that_asks_for_ever_is_stopped() {
    let (client, control) =
        connect(everything(), |seen| ask(seen, json!({ "k": name_form() }), Some("again"))).await;
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert!(matches!(error, ClientError::TooManyRounds { limit: 10 }), "{error}");
    assert_eq!(control.seen().len(), 11);
    let (client, control) =
        connect(everything().with_max_rounds(0), |seen| ask(seen, Value::Null, Some("s"))).await;
    assert_eq!(client.call_tool("t", &json!({})).await.unwrap_err().code(), "too_many_rounds");
    assert_eq!(control.seen().len(), 1);
}

#[tokio::test]
async fn input_is_asked_for_only_where_it_may_be() {
    let (client, _) =
        connect(everything(), |seen| ask(seen, json!({ "k": name_form() }), None)).await;
    let error = client.list_tools().collect_all().await.unwrap_err();
    assert_eq!(error.code(), "invalid_response");
    let reference = palisade_protocol::CompletionReference::prompt("p");
    let params = palisade_protocol::CompleteRequestParams::new(reference, "a", "");
    assert_eq!(client.complete(&params).await.unwrap_err().code(), "invalid_response");
    let (client, control) = connect(everything(), |seen| ask(seen, Value::Null, None)).await;
    assert_eq!(client.call_tool("t", &json!({})).await.unwrap_err().code(), "invalid_response");
    assert_eq!(control.seen().len(), 1);
}

#[tokio::test]
async fn e4_what_was_not_declared_is_refused_before_any_handler_runs() {
    let sampling = |extra: Value| {
        let mut params = json!({ "messages": [], "maxTokens": 1 });
        params.as_object_mut().unwrap().extend(content(extra));
        json!({ "method": "sampling/createMessage", "params": params })
    };
    let visit = |url: &str| json!({ "method": "elicitation/create", "params": { "mode": "url", "message": "m", "url": url } });
    let password = form(json!({ "name": { "type": "string" }, "password": { "type": "string" } }));
    for (request, code) in [
        (
            sampling(json!({ "tools": [{ "name": "t", "inputSchema": { "type": "object" } }] })),
            "input_refused",
        ),
        (sampling(json!({ "toolChoice": { "mode": "auto" } })), "input_refused"),
        (sampling(json!({ "includeContext": "allServers" })), "input_refused"),
        (visit("https://user@evil.example/"), "input_refused"),
        (visit("javascript:alert(1)"), "input_refused"),
        (password, "input_refused"),
        (json!({ "method": "roots/list" }), "input_refused"),
        (json!({ "method": "tools/call", "params": {} }), "invalid_response"),
    ] {
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ran);
        let builder = Client::builder()
            .with_elicitation_handler(move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                async { Ok(ElicitResult::decline()) }
            })
            .with_url_elicitation_handler(|_| async { Ok(ElicitAction::Accept) })
            .with_sampling_handler(|_| async { Err(InputError::new("never")) });
        let asked = request.clone();
        let (client, control) = connect(builder, move |seen| {
            ask(seen, json!({ "a": name_form(), "b": asked.clone() }), None)
        })
        .await;
        let error = client.call_tool("t", &json!({})).await.unwrap_err();
        assert_eq!((error.code(), ran.load(Ordering::SeqCst)), (code, 0), "{request}: {error}");
        assert_eq!(control.seen().len(), 1, "nothing is told to the server");
    }
}

#[tokio::test]
async fn answers_fit_the_form_or_stay_here() {
    let properties = json!({ "name": { "type": "string", "maxLength": 3 },
        "age": { "type": "integer", "minimum": 0 } });
    for (answer, sent) in [
        (ElicitResult::accept(content(json!({ "name": "Ada", "age": 36 }))), true),
        (ElicitResult::decline(), true),
        (ElicitResult::cancel(), true),
        (ElicitResult::accept(content(json!({ "name": "Adam" }))), false),
        (ElicitResult::accept(content(json!({ "age": 3 }))), false),
        (ElicitResult::accept(content(json!({ "name": "Ada", "age": "3" }))), false),
        (ElicitResult::accept(content(json!({ "name": "Ada", "home": "here" }))), false),
        (ElicitResult::accept_url(), false),
    ] {
        let reply = answer.clone();
        let builder = Client::builder().with_elicitation_handler(move |_| {
            let reply = reply.clone();
            async move { Ok(reply) }
        });
        let asked = form(properties.clone());
        let (client, control) = connect(builder, move |seen| match seen.id() {
            1 => ask(seen, json!({ "k": asked.clone() }), None),
            _ => done(seen),
        })
        .await;
        let outcome = client.call_tool("t", &json!({})).await;
        assert_eq!(outcome.is_ok(), sent, "{answer:?}: {outcome:?}");
        if sent {
            let responses = control.seen()[1].params()["inputResponses"].clone();
            assert_eq!(responses, json!({ "k": serde_json::to_value(&answer).unwrap() }));
        } else {
            assert_eq!(outcome.unwrap_err().code(), "input_refused");
        }
    }
}

#[tokio::test]
async fn a_declined_form_reveals_nothing() {
    let mut answer = ElicitResult::decline();
    answer.content = Some(content(json!({ "name": "secret" })));
    let builder = Client::builder().with_elicitation_handler(move |_| {
        let answer = answer.clone();
        async move { Ok(answer) }
    });
    let (client, control) = connect(builder, |seen| match seen.id() {
        1 => ask(seen, json!({ "k": name_form() }), None),
        _ => done(seen),
    })
    .await;
    client.call_tool("t", &json!({})).await.unwrap();
    assert_eq!(
        control.seen()[1].params()["inputResponses"],
        json!({ "k": { "action": "decline" } })
    );
}

#[tokio::test]
async fn a_failing_handler_ends_the_request() {
    let builder = Client::builder()
        .with_elicitation_handler(|_| async { Err(InputError::new("no display")) });
    let (client, control) =
        connect(builder, |seen| ask(seen, json!({ "k": name_form() }), None)).await;
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!(error.code(), "input_failed");
    assert_eq!(control.seen().len(), 1);
}

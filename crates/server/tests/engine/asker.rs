//! Questions whose answer the handler awaits where it asks.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use palisade_protocol::{
    DecodeLimits, ElicitRequestFormParams, ElicitSchema, ErrorCode, ErrorObject, Inbound,
    InputRequest, RawJson,
};
use palisade_security::{AllowAuthenticated, Principal};
use palisade_server::{Context, RawArguments, Server, ToolRoute};
use palisade_transport::{AskError, Asker, BoxFuture, Call, Dispatcher, Outbox};
use serde_json::{Value, json};

use crate::support::{ready, security};

/// Has the answer at hand.
#[derive(Debug)]
struct Scripted(Result<Value, AskError>);

impl Asker for Scripted {
    fn ask<'a>(
        &'a self,
        key: &'a str,
        request: &'a InputRequest,
        _: &'a Outbox,
    ) -> BoxFuture<'a, Result<RawJson, AskError>> {
        assert_eq!((key, request.method()), ("sure", "elicitation/create"));
        let answer = self.0.clone().map(|answer| RawJson::from_serialize(&answer).unwrap());
        Box::pin(std::future::ready(answer))
    }
}

/// The response of a tool that asks, and how often the handler ran.
fn ask(answer: Result<Value, AskError>) -> (Value, usize) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let ask = move |_: RawArguments, context: Context| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            let form = ElicitRequestFormParams::new("sure?", ElicitSchema::new());
            context.elicit("sure", form).await.map(|answer| format!("{:?}", answer.action))
        }
    };
    let server = Server::new("test", "1")
        .with_tool(ToolRoute::dynamic("ask", json!({ "type": "object" }), ask))
        .build()
        .unwrap();
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "ask", "arguments": {}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
        } } });
    let body = Bytes::from(message.to_string());
    let Ok(Inbound::Request(request, Ok(params))) =
        Inbound::decode(&body, &DecodeLimits::default())
    else {
        panic!("not a request");
    };
    let (security, principal) =
        (security(AllowAuthenticated::new()), Principal::new("alice", "test"));
    let outbox = Arc::new(Outbox::new(8));
    let asker: Arc<dyn Asker> = Arc::new(Scripted(answer));
    let mut call = Call::new(&body, &request, &params, &principal, &security, &outbox);
    call.asker = Some(&asker);
    let reply = ready(pin!(server.dispatch(call))).expect("the answer is at hand");
    (serde_json::from_slice(&reply.message).unwrap(), runs.load(Ordering::SeqCst))
}

#[test]
fn the_handler_waits_for_the_answer_and_runs_once() {
    let (response, runs) = ask(Ok(json!({ "action": "accept", "content": {} })));
    assert_eq!(response["result"]["content"][0]["text"], "Accept");
    assert_eq!((&response["result"]["resultType"], runs), (&json!("complete"), 1));
}

#[test]
fn what_is_no_answer_ends_the_call_with_its_reason() {
    let refused = ErrorObject::new(ErrorCode::new(-1), "not now");
    for (answer, said) in [
        (Ok(json!({ "action": "accept" })), "the client answered something else"),
        (Ok(json!({ "action": 1 })), "the client answered something else"),
        (Err(AskError::Refused(refused)), "the client refused: not now"),
        (Err(AskError::Gone), "the client has left"),
        (Err(AskError::TooMany), "too many questions to the client are open"),
    ] {
        let (response, _) = ask(answer);
        assert_eq!(response["result"]["isError"], true, "{response}");
        assert_eq!(response["result"]["content"][0]["text"], said);
    }
    let (response, _) = ask(Err(AskError::Unsupported));
    assert_eq!(response["error"]["code"], -32021, "{response}");
}

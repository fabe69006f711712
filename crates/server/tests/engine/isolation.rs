//! What one principal was given is of no use to another, and nobody learns of what is hidden.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use palisade_protocol::{
    DecodeLimits, ElicitRequestFormParams, ElicitSchema, Message, RequestParams, Resource,
};
use palisade_security::{AllowAuthenticated, Principal, RulePolicy, ServerSecurity};
use palisade_server::{Context, RawArguments, ResourceRoute, Server, ToolRoute};
use palisade_transport::{Call, Dispatcher, Outbox};
use serde_json::{Value, json};

use crate::support::{ready, security};

fn server() -> Server {
    let ask = async |_: RawArguments, context: Context| {
        context.elicit("sure", ElicitRequestFormParams::new("sure?", ElicitSchema::new())).await?;
        Ok::<_, palisade_server::HandlerError>("done")
    };
    let schema = || json!({ "type": "object" });
    Server::new("test", "1")
        .with_tool(ToolRoute::dynamic("ask", schema(), ask))
        .with_tool(ToolRoute::dynamic("other", schema(), async |_: RawArguments, _: Context| "x"))
        .with_page_size(1)
        .build()
        .unwrap()
}

/// `token-1`, as an authenticator names whoever holds its first token.
fn first(token: u8) -> Principal {
    Principal::new("token-1", "bearer").with_context_key([token; 32])
}

/// Sends a request and polls it once; the response, and what was sent before it.
fn send(
    server: &Server,
    security: &ServerSecurity,
    principal: &Principal,
    method: &str,
    mut params: Value,
) -> (Option<Value>, Vec<Value>) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
    });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let body = Bytes::from(message.to_string());
    let Ok(Message::Request(request)) = Message::decode(&body, &DecodeLimits::default()) else {
        panic!("not a request");
    };
    let params = RequestParams::decode(request.params).unwrap();
    let outbox = Arc::new(Outbox::new(8));
    let call = Call::new(&body, &request, &params, principal, security, &outbox);
    let reply = ready(pin!(server.dispatch(call)));
    let reply = reply.map(|reply| serde_json::from_slice(&reply.message).unwrap());
    let sent = std::iter::from_fn(|| outbox.try_next());
    (reply, sent.map(|message| serde_json::from_slice(&message).unwrap()).collect())
}

#[test]
fn r2_request_state_is_for_one_principal_even_if_another_has_its_name() {
    let (server, security) = (server(), security(AllowAuthenticated::new()));
    let call = |principal: &Principal, params| {
        send(&server, &security, principal, "tools/call", params).0.unwrap()
    };
    let asked = call(&first(1), json!({ "name": "ask", "arguments": {} }));
    let retry = json!({
        "name": "ask",
        "arguments": {},
        "requestState": asked["result"]["requestState"],
        "inputResponses": { "sure": { "action": "accept", "content": {} } },
    });
    assert_eq!(call(&first(2), retry.clone())["error"]["code"], -32602);
    assert_eq!(call(&first(1), retry)["result"]["content"][0]["text"], "done");
}

#[test]
fn r2_cursors_are_for_one_principal_even_if_another_has_its_name() {
    let (server, security) = (server(), security(AllowAuthenticated::new()));
    let list = |principal: &Principal, params| {
        send(&server, &security, principal, "tools/list", params).0.unwrap()
    };
    let page = list(&first(1), json!({}));
    let next = json!({ "cursor": page["result"]["nextCursor"] });
    assert_eq!(list(&first(2), next.clone())["error"]["code"], -32602);
    assert_eq!(list(&first(1), next)["result"]["tools"][0]["name"], "other");
}

#[test]
fn z4_changes_of_a_list_are_told_to_those_who_may_list() {
    let server = server();
    let asked = json!({ "notifications": { "toolsListChanged": true } });
    for (methods, told) in
        [(&["subscriptions/listen"][..], false), (&["subscriptions/listen", "tools/list"], true)]
    {
        let security = security(RulePolicy::new().allow_methods(methods.iter().copied()));
        let (reply, sent) =
            send(&server, &security, &first(1), "subscriptions/listen", asked.clone());
        assert_eq!((reply, sent.len()), (None, 1), "{sent:?}");
        let acknowledged = &sent[0]["params"]["notifications"]["toolsListChanged"];
        assert_eq!(acknowledged.as_bool().unwrap_or_default(), told, "{methods:?}");
    }
}

#[test]
fn z4_changes_of_a_resource_are_told_to_those_who_may_read_it() {
    let read = |uri: &'static str| {
        ResourceRoute::new(Resource::new(uri, "resource"), move |_: Context| {
            std::future::ready(uri)
        })
    };
    let server = Server::new("test", "1")
        .with_resource(read("test://shared"))
        .with_resource(read("test://hidden"))
        .build()
        .unwrap();
    let security = security(
        RulePolicy::new().allow_methods(["subscriptions/listen"]).allow_resource("test://shared"),
    );
    let asked = ["test://shared", "test://hidden", "test://shared/%2e%2e/hidden"];
    let asked = json!({ "notifications": { "resourceSubscriptions": asked } });
    let (reply, sent) = send(&server, &security, &first(1), "subscriptions/listen", asked);
    assert_eq!((reply, sent.len()), (None, 1), "{sent:?}");
    let granted = &sent[0]["params"]["notifications"]["resourceSubscriptions"];
    assert_eq!(*granted, json!(["test://shared"]));
}

//! One server, spoken to in sessions of the older revisions.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use bytes::Bytes;
use palisade_protocol::{
    DecodeLimits, ElicitRequestFormParams, ElicitSchema, Eras, Inbound, LoggingLevel, Message,
    ProtocolVersion, Resource,
};
use palisade_security::{AllowAuthenticated, Policy, Principal, RulePolicy, ServerSecurity};
use palisade_server::{Context, HandlerError, RawArguments, ResourceRoute, Server, ToolRoute};
use palisade_transport::{
    Call, Outbox, Reply,
    legacy::{Opened, Session},
};
use serde_json::{Value, json};

use crate::support::{ready, security};

/// Asks whether it may, and then says so.
async fn ask(_: RawArguments, context: Context) -> Result<String, HandlerError> {
    context.progress(1.0, None, Some("asking")).await;
    let form = ElicitRequestFormParams::new("sure?", ElicitSchema::new());
    let answer = context.elicit("sure", form).await?;
    context.log(LoggingLevel::Info, None, "asked").await;
    Ok(format!("{:?}", answer.action))
}

fn server(eras: Eras) -> Server {
    let schema = || json!({ "type": "object" });
    Server::new("test", "1")
        .with_tool(ToolRoute::dynamic("ask", schema(), ask))
        .with_tool(ToolRoute::dynamic("hang", schema(), async |_: RawArguments, _: Context| {
            std::future::pending::<()>().await;
        }))
        .with_resource(ResourceRoute::new(
            Resource::new("test://shared", "shared"),
            |_: Context| std::future::ready("text"),
        ))
        .with_instructions("read this")
        .with_eras(eras)
        .build()
        .unwrap()
}

/// A server and one client of it.
struct Peer {
    server: Server,
    security: ServerSecurity,
    principal: Principal,
    outbox: Arc<Outbox>,
}

impl Peer {
    fn new(server: Server, policy: impl Policy + 'static) -> Self {
        Self {
            server,
            security: security(policy),
            principal: Principal::new("alice", "test"),
            outbox: Arc::new(Outbox::new(8)),
        }
    }

    /// Begins a session; the reply too.
    fn open(&self, version: &str, capabilities: Value) -> Result<(Session, Value), Value> {
        let message = json!({ "jsonrpc": "2.0", "id": "i", "method": "initialize", "params": {
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": { "name": "c", "version": "2" },
        } });
        let opening =
            self.with_call(&message, async |call| Session::open(&self.server, call).await);
        match ready(pin!(opening)).unwrap() {
            Ok(Opened { session, reply, .. }) => Ok((session, message_of(&reply))),
            Err(reply) => Err(message_of(&reply)),
        }
    }

    fn session(&self, version: &str) -> Session {
        self.open(version, json!({ "elicitation": {}, "sampling": {} })).unwrap().0
    }

    /// A request under way.
    async fn request(&self, session: &Session, id: i64, method: &str, params: Value) -> Reply {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.with_call(&message, async |call| session.request(&self.server, call).await).await
    }

    /// Does something with a request, as a transport decodes it.
    async fn with_call<T>(&self, message: &Value, ask: impl AsyncFnOnce(Call<'_>) -> T) -> T {
        let body = Bytes::from(message.to_string());
        let Ok(Inbound::Request(request, Ok(params))) =
            Inbound::decode(&body, &DecodeLimits::default())
        else {
            panic!("not a request");
        };
        let call =
            Call::new(&body, &request, &params, &self.principal, &self.security, &self.outbox);
        ask(call).await
    }

    /// The response to a request that needs no waiting.
    fn answer(&self, session: &Session, method: &str, params: Value) -> Value {
        message_of(&ready(pin!(self.request(session, 1, method, params))).unwrap())
    }

    /// What the client of the session sees of what was sent.
    fn sent(&self, session: &Session) -> Vec<Value> {
        std::iter::from_fn(|| self.outbox.try_next())
            .filter_map(|message| session.outgoing(&message))
            .map(|message| serde_json::from_slice(&message).unwrap())
            .collect()
    }
}

fn message_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.message).unwrap()
}

/// Hands a message of the client to the session; whether it was of use.
fn hand(session: &Session, message: &Value) -> bool {
    let bytes = message.to_string();
    match Message::decode(bytes.as_bytes(), &DecodeLimits::default()).unwrap() {
        Message::Response(response) => session.response(&response),
        Message::Notification(notification) => {
            session.notification(&notification);
            true
        }
        _ => panic!("not for a session"),
    }
}

#[test]
fn each_older_revision_is_spoken_and_a_strange_one_answered_with_the_newest_of_them() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    for version in Eras::LegacyOnly.versions() {
        let (session, answer) = peer.open(version.as_str(), json!({})).unwrap();
        assert_eq!(session.version(), *version);
        let result = &answer["result"];
        assert_eq!(result["protocolVersion"], version.as_str());
        assert_eq!(result["serverInfo"]["name"], "test");
        assert_eq!(result["instructions"], "read this");
        assert!(result["capabilities"]["tools"].is_object(), "{result}");
        assert!(result.get("resultType").is_none(), "{result}");
    }
    let (session, _) = peer.open("2099-01-01", json!({})).unwrap();
    assert_eq!(session.version(), ProtocolVersion::V2025_11_25);
}

#[test]
fn no_session_where_none_is_served_or_discovery_is_denied() {
    let modern = Peer::new(server(Eras::ModernOnly), AllowAuthenticated::new());
    let refused = modern.open("2025-11-25", json!({})).unwrap_err();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("i"), &json!(-32022)));
    assert_eq!(refused["error"]["data"]["supported"], json!(["2026-07-28"]));
    let denied = Peer::new(server(Eras::Both), RulePolicy::new().allow_methods(["tools/list"]));
    let refused = denied.open("2025-11-25", json!({})).unwrap_err();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("i"), &json!(-31403)));
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let refused = peer.open("2025-11-25", json!(1)).unwrap_err();
    assert_eq!(refused["error"]["code"], -32602);
}

#[test]
fn a_handler_that_asks_waits_for_the_answer_and_runs_once() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let session = peer.session("2025-06-18");
    let params = json!({ "name": "ask", "arguments": {}, "_meta": { "progressToken": "p" } });
    let mut call = pin!(peer.request(&session, 7, "tools/call", params));
    assert!(ready(call.as_mut()).is_none());
    assert!(session.question(&peer.outbox).is_some());
    let sent = peer.sent(&session);
    assert_eq!(sent[0]["params"]["progressToken"], "p");
    assert_eq!(sent[1]["method"], "elicitation/create", "{sent:?}");
    assert_eq!(sent[1]["params"]["message"], "sure?");
    let answer = |id: &Value| json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept", "content": {} } });
    assert!(!hand(&session, &answer(&json!(99))), "nobody asked that");
    assert!(!hand(&session, &answer(&json!("1"))));
    assert!(ready(call.as_mut()).is_none());
    assert!(hand(&session, &answer(&sent[1]["id"])));
    let response = message_of(&ready(call.as_mut()).unwrap());
    assert_eq!(response["id"], 7);
    assert_eq!(response["result"], json!({ "content": [{ "type": "text", "text": "Accept" }] }));
    assert_eq!(peer.sent(&session)[0]["params"]["data"], "asked");
    assert_eq!(session.question(&peer.outbox), None);
    assert!(!hand(&session, &answer(&sent[1]["id"])), "answered already");
}

#[test]
fn a_question_that_the_revision_or_the_client_lacks_is_not_asked() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let call = json!({ "name": "ask", "arguments": {} });
    for (version, capabilities) in [
        ("2025-06-18", json!({})),
        ("2025-03-26", json!({ "elicitation": {} })),
        ("2024-11-05", json!({ "elicitation": { "form": {} } })),
    ] {
        let session = peer.open(version, capabilities).unwrap().0;
        let response = peer.answer(&session, "tools/call", call.clone());
        assert!(response["error"]["code"].is_i64(), "{version}: {response}");
        assert!(peer.sent(&session).iter().all(|sent| sent.get("id").is_none()));
    }
}

#[test]
fn the_end_of_a_session_ends_its_questions_and_requests() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let session = peer.session("2025-11-25");
    let call = |name: &str| json!({ "name": name, "arguments": {} });
    let mut asks = pin!(peer.request(&session, 1, "tools/call", call("ask")));
    let mut hangs = pin!(peer.request(&session, 2, "tools/call", call("hang")));
    assert!(ready(asks.as_mut()).is_none() && ready(hangs.as_mut()).is_none());
    session.close();
    assert!(ready(asks.as_mut()).unwrap().message.is_empty());
    assert!(ready(hangs.as_mut()).unwrap().message.is_empty());
}

#[test]
fn a_cancelled_request_gets_no_response_and_its_id_is_free_again() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let session = peer.session("2025-11-25");
    let params = json!({ "name": "hang", "arguments": {} });
    {
        let mut call = pin!(peer.request(&session, 1, "tools/call", params.clone()));
        assert!(ready(call.as_mut()).is_none());
        let again = peer.answer(&session, "tools/call", params.clone());
        assert_eq!(again["error"]["code"], -32600, "the id is in use");
        let cancel = |id| json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
        hand(&session, &cancel(json!(2)));
        hand(&session, &cancel(json!("1")));
        assert!(ready(call.as_mut()).is_none(), "another request was meant");
        hand(&session, &cancel(json!(1)));
        assert!(ready(call.as_mut()).unwrap().message.is_empty());
    }
    let mut call = pin!(peer.request(&session, 1, "tools/call", params));
    assert!(ready(call.as_mut()).is_none());
}

#[test]
fn what_concerns_the_session_alone_is_answered_there() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let session = peer.session("2025-11-25");
    assert_eq!(peer.answer(&session, "ping", json!({}))["result"], json!({}));
    let level = |level: &str| peer.answer(&session, "logging/setLevel", json!({ "level": level }));
    assert_eq!(level("error")["result"], json!({}));
    assert_eq!(level("loud")["error"]["code"], -32602);
    for method in ["server/discover", "subscriptions/listen", "no/such"] {
        assert_eq!(peer.answer(&session, method, json!({}))["error"]["code"], -32601, "{method}");
    }
    assert_eq!(peer.answer(&session, "initialize", json!({}))["error"]["code"], -32600);
    let listed = peer.answer(&session, "tools/list", json!({}));
    let members: Vec<_> = listed["result"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["tools"]);
}

#[test]
fn the_level_decides_which_log_messages_are_sent() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    for (level, logged) in [(None, true), (Some("debug"), true), (Some("warning"), false)] {
        let session = peer.session("2025-06-18");
        if let Some(level) = level {
            peer.answer(&session, "logging/setLevel", json!({ "level": level }));
        }
        let params = json!({ "name": "ask", "arguments": {} });
        let mut call = pin!(peer.request(&session, 1, "tools/call", params));
        assert!(ready(call.as_mut()).is_none());
        let id = peer.sent(&session)[0]["id"].clone();
        hand(&session, &json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "cancel" } }));
        assert!(ready(call.as_mut()).is_some());
        assert_eq!(!peer.sent(&session).is_empty(), logged, "{level:?}");
    }
}

#[test]
fn changes_come_unasked_and_those_of_resources_only_if_watched() {
    let server = server(Eras::Both);
    let peer = Peer::new(server.clone(), AllowAuthenticated::new());
    let session = peer.session("2025-03-26");
    let mut stream =
        pin!(session.listen(&peer.server, &peer.principal, &peer.security, &peer.outbox));
    assert!(ready(stream.as_mut()).is_none());
    assert_eq!(peer.sent(&session), Vec::<Value>::new(), "the acknowledgment is not for it");
    let changes = || {
        server.notifier().tools_changed();
        server.notifier().resource_updated("test://shared");
    };
    let mut told = || {
        changes();
        assert!(ready(stream.as_mut()).is_none());
        peer.sent(&session)
    };
    let tools = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    let bare = |mut message: Value| {
        let params = message["params"].take();
        message.as_object_mut().unwrap().remove("params");
        (message, params)
    };
    let seen = told();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(bare(seen[0].clone()).0, tools);
    let uri = json!({ "uri": "test://shared" });
    assert_eq!(peer.answer(&session, "resources/subscribe", uri.clone())["result"], json!({}));
    // The subscription is made anew before it is told of anything.
    told();
    let seen = told();
    let updated = json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated" });
    assert!(
        seen.iter().any(|seen| bare(seen.clone()) == (updated.clone(), uri.clone())),
        "{seen:?}"
    );
    assert_eq!(peer.answer(&session, "resources/unsubscribe", uri)["result"], json!({}));
    told();
    assert_eq!(told().len(), 1);
}

#[test]
fn whoever_watches_more_misses_nothing_of_the_rest() {
    let server = server(Eras::Both);
    let peer = Peer::new(server.clone(), AllowAuthenticated::new());
    let session = peer.session("2025-11-25");
    let uris: BTreeSet<_> = (0..20).map(|n| format!("test://{n}")).collect();
    let watch = |uri: &str| {
        let answer = peer.answer(&session, "resources/subscribe", json!({ "uri": uri }));
        assert_eq!(answer["result"], json!({}));
    };
    uris.iter().for_each(|uri| watch(uri));
    let mut stream =
        pin!(session.listen(&peer.server, &peer.principal, &peer.security, &peer.outbox));
    let mut seen = BTreeSet::new();
    let mut read = || {
        assert!(ready(stream.as_mut()).is_none());
        for message in peer.sent(&session) {
            seen.extend(message["params"]["uri"].as_str().map(str::to_owned));
        }
    };
    read();
    // More than there is room for.
    uris.iter().for_each(|uri| server.notifier().resource_updated(uri));
    watch("test://more");
    (0..10).for_each(|_| read());
    assert_eq!(seen, uris);
}

#[test]
fn who_may_not_read_a_resource_may_not_watch_it() {
    let policy =
        RulePolicy::new().allow_methods(["server/discover"]).allow_resource("test://shared");
    let peer = Peer::new(server(Eras::Both), policy);
    let session = peer.session("2025-11-25");
    for (uri, allowed) in [("test://shared", true), ("test://hidden", false)] {
        let response = peer.answer(&session, "resources/subscribe", json!({ "uri": uri }));
        assert_eq!(response.get("result").is_some(), allowed, "{response}");
    }
    assert_eq!(peer.answer(&session, "resources/subscribe", json!({}))["error"]["code"], -32602);
    let uri = |n: usize| json!({ "uri": format!("test://{n}") });
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let session = peer.session("2025-11-25");
    let refused = (0..300)
        .filter(|n| peer.answer(&session, "resources/subscribe", uri(*n)).get("error").is_some());
    assert_eq!(refused.count(), 300 - 256, "watching has a limit");
    let session = peer.session("2025-11-25");
    let long = |n: usize| json!({ "uri": format!("test://{n}/{}", "x".repeat(10_000)) });
    let refused = (0..10)
        .filter(|n| peer.answer(&session, "resources/subscribe", long(*n)).get("error").is_some());
    assert_eq!(refused.count(), 10 - 6, "so has what is kept of their names");
}

#[test]
fn what_a_session_keeps_of_its_client_is_bounded() {
    let peer = Peer::new(server(Eras::Both), AllowAuthenticated::new());
    let about = |bytes: usize| json!({ "experimental": { "x": { "y": "z".repeat(bytes) } } });
    assert!(peer.open("2025-11-25", about(60_000)).is_ok());
    let refused = peer.open("2025-11-25", about(70_000)).unwrap_err();
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
}

//! A server with tools, and whoever asks it, without a transport.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use palisade_protocol::{DecodeLimits, Inbound};
use palisade_security::{
    AllowAuthenticated, AllowedOrigins, Limits, ManualClock, MemoryAudit, Policy, Principal,
    SecurityConfig, ServerSecurity, UnixMillis,
};
use palisade_server::{Server, ToolRoute};
use palisade_transport::{Call, Dispatcher, Outbox};
use serde_json::{Value, json};

/// What a client declares that can do everything.
pub(crate) fn declared() -> Value {
    json!({ "elicitation": { "form": {} }, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) server: Server,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) audit: Arc<MemoryAudit>,
    security: ServerSecurity,
}

impl Peer {
    pub(crate) fn new(tool: ToolRoute) -> Self {
        Self::with([tool])
    }

    pub(crate) fn with(tools: impl IntoIterator<Item = ToolRoute>) -> Self {
        let server =
            tools.into_iter().fold(Server::new("test", "1"), |server, tool| server.with_tool(tool));
        let clock = Arc::new(ManualClock::new(UnixMillis::from_secs(1_800_000_000)));
        let audit = Arc::new(MemoryAudit::default());
        let security = security(&clock, &audit, AllowAuthenticated::new(), Limits::new());
        Self { server: server.build().unwrap(), clock, audit, security }
    }

    /// The same server under other limits.
    pub(crate) fn within(mut self, limits: Limits) -> Self {
        self.security = security(&self.clock, &self.audit, AllowAuthenticated::new(), limits);
        self
    }

    /// The same server under another policy.
    pub(crate) fn under(&self, policy: impl Policy + 'static) -> Self {
        let security = security(&self.clock, &self.audit, policy, Limits::new());
        Self { security, ..self.clone() }
    }

    /// Alice's request, and the response.
    pub(crate) async fn send(&self, method: &str, params: Value) -> Value {
        self.send_with(method, params, declared()).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        params: Value,
        capabilities: Value,
    ) -> Value {
        self.send_as("alice", method, params, capabilities).await
    }

    pub(crate) async fn send_as(
        &self,
        who: &str,
        method: &str,
        params: Value,
        declared: Value,
    ) -> Value {
        self.dispatch(who, method, params, declared, Arc::new(Outbox::new(8))).await
    }

    async fn dispatch(
        &self,
        who: &str,
        method: &str,
        mut params: Value,
        declared: Value,
        outbox: Arc<Outbox>,
    ) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": declared,
        });
        let message = json!({ "jsonrpc": "2.0", "id": 9, "method": method, "params": params });
        let body = Bytes::from(message.to_string());
        let Ok(Inbound::Request(request, Ok(params))) =
            Inbound::decode(&body, &DecodeLimits::default())
        else {
            panic!("not a request: {message}");
        };
        let principal = Principal::new(who, "test");
        let call = Call::new(&body, &request, &params, &principal, &self.security, &outbox);
        let reply = self.server.dispatch(call).await;
        outbox.finish();
        serde_json::from_slice(&reply.message).unwrap()
    }

    pub(crate) async fn call(&self, tool: &str) -> Value {
        self.send("tools/call", json!({ "name": tool })).await
    }

    /// Begins a task, and gives its id.
    pub(crate) async fn begin(&self, tool: &str) -> String {
        let created = self.call(tool).await;
        created["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned()
    }

    pub(crate) async fn get(&self, id: &str) -> Value {
        let mut task = self.send("tasks/get", json!({ "taskId": id })).await;
        assert!(task.get("result").is_some(), "{task}");
        task["result"].take()
    }

    /// Answers, and gives the type of the result.
    pub(crate) async fn update(&self, id: &str, responses: &Value) -> Value {
        let params = json!({ "taskId": id, "inputResponses": responses });
        self.send("tasks/update", params).await["result"]["resultType"].take()
    }

    /// Lets everything run that can run now.
    pub(crate) async fn settle(&self) {
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }

    /// The task once it has this status.
    pub(crate) async fn until(&self, id: &str, status: &str) -> Value {
        self.settle().await;
        let task = self.get(id).await;
        assert_eq!(task["status"], status, "{task}");
        task
    }

    /// The task once it is over.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        self.settle().await;
        let task = self.get(id).await;
        let over = ["completed", "failed", "cancelled"].map(Value::from);
        assert!(over.contains(&task["status"]), "{task}");
        task
    }

    /// Subscribes in the background.
    pub(crate) fn listen(&self, filter: Value) -> Listening {
        let (peer, outbox) = (self.clone(), Arc::new(Outbox::new(8)));
        let to = Arc::clone(&outbox);
        let end = tokio::spawn(async move {
            let params = json!({ "notifications": filter });
            peer.dispatch("alice", "subscriptions/listen", params, declared(), to).await
        });
        Listening { outbox, end }
    }
}

pub(crate) struct Listening {
    outbox: Arc<Outbox>,
    end: tokio::task::JoinHandle<Value>,
}

impl Listening {
    /// The next notification.
    pub(crate) async fn next(&self) -> Value {
        let next = std::future::poll_fn(|cx| self.outbox.poll_next(cx));
        let next = tokio::time::timeout(Duration::from_secs(5), next).await.unwrap();
        serde_json::from_slice(&next).unwrap()
    }

    /// The response.
    pub(crate) async fn end(self) -> Value {
        self.end.await.unwrap()
    }
}

fn security(
    clock: &Arc<ManualClock>,
    audit: &Arc<MemoryAudit>,
    policy: impl Policy + 'static,
    limits: Limits,
) -> ServerSecurity {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .with_policy(policy)
        .with_limits(limits)
        .with_clock(Arc::clone(clock))
        .with_audit(Arc::clone(audit))
        .build()
        .unwrap()
}

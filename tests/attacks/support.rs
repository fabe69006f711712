//! A server under attack: what it serves, how it is asked, and what must be true of every refusal.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use palisade::{
    Context, SecurityConfig, Server, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    http::HttpServer,
    protocol::Eras,
    security::{
        AllowedOrigins, AuditEntry, AuditError, AuditRecord, AuditSink, FanOut, Limits,
        MemoryAudit, Outcome, SecurityConfigError, ServerSecurity, ServerTls, TracingAudit,
        config::{Ready, ServerConfigBuilder, WantsTls},
    },
    server::ServerBuilder,
};
use palisade_testkit::{
    RawConnection, RawPeer, RawRequest, RawResponse, TestCa, guard::PATIENCE, within,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

pub(crate) const ALICE: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
pub(crate) const BOB: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";
/// The only page that may talk to the server.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// A running server with bearer tokens for Alice and Bob; it ends with the test's runtime.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) peer: RawPeer,
    pub(crate) audit: Arc<Audit>,
    pub(crate) runs: Runs,
}

/// How often a handler was started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<AtomicUsize>);

impl Runs {
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

/// The tool `add`, which notes each run.
pub(crate) fn add(runs: &Runs) -> ToolRoute {
    let runs = runs.clone();
    ToolRoute::typed("add", move |args: Add, _: Context| {
        runs.note();
        std::future::ready(args.a + args.b)
    })
}

pub(crate) fn call_add() -> RawRequest {
    RawRequest::tools_call("add", json!({"a": 1, "b": 2})).with_token(ALICE)
}

/// A server of the newest revision alone, which has no sessions.
pub(crate) fn modern(server: ServerBuilder, _: &Runs) -> ServerBuilder {
    server.with_eras(Eras::ModernOnly)
}

/// Rules with bearer tokens for Alice and Bob.
pub(crate) fn rules() -> ServerConfigBuilder<WantsTls> {
    let tokens = [TokenEntry::new("alice", ALICE), TokenEntry::new("bob", BOB)];
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::only([ORIGIN]).unwrap())
        .with_authenticator(Bearer::entries(tokens))
}

impl Target {
    /// The tool `add` under the usual rules.
    pub(crate) async fn start() -> Self {
        Self::start_with(|rules| rules, |server, _| server).await
    }

    /// The tool `add` under these limits.
    pub(crate) async fn start_within(limits: Limits) -> Self {
        Self::start_with(|rules| rules.with_limits(limits), |server, _| server).await
    }

    /// The tool `add`, and more, under changed rules.
    pub(crate) async fn start_with(
        change: impl FnOnce(ServerConfigBuilder<Ready>) -> ServerConfigBuilder<Ready>,
        more: impl FnOnce(ServerBuilder, &Runs) -> ServerBuilder,
    ) -> Self {
        Self::start_under(change(rules().without_tls()), more).await
    }

    /// The tool `add`, and more, over TLS.
    pub(crate) async fn start_tls(
        ca: &TestCa,
        limits: Limits,
        more: impl FnOnce(ServerBuilder, &Runs) -> ServerBuilder,
    ) -> Self {
        Self::start_tls_with(ca, |rules| rules.with_limits(limits), more).await
    }

    /// The tool `add`, and more, over TLS under changed rules.
    pub(crate) async fn start_tls_with(
        ca: &TestCa,
        change: impl FnOnce(ServerConfigBuilder<Ready>) -> ServerConfigBuilder<Ready>,
        more: impl FnOnce(ServerBuilder, &Runs) -> ServerBuilder,
    ) -> Self {
        let server = ca.server();
        let tls = ServerTls::from_pem(server.pem().as_bytes(), server.key_pem().as_bytes());
        let rules = change(rules().with_tls(tls.unwrap()));
        let mut target = Self::start_under(rules, more).await;
        target.peer = target.peer.with_tls(ca.client_config());
        target
    }

    /// The tool `add`, and more, under other rules than the usual ones.
    pub(crate) async fn start_under(
        rules: ServerConfigBuilder<Ready>,
        more: impl FnOnce(ServerBuilder, &Runs) -> ServerBuilder,
    ) -> Self {
        Self::start_audited(rules, more, FanOut::new()).await
    }

    /// The tool `add`, and more, recorded by another sink too.
    pub(crate) async fn start_audited(
        rules: ServerConfigBuilder<Ready>,
        more: impl FnOnce(ServerBuilder, &Runs) -> ServerBuilder,
        sink: impl AuditSink + 'static,
    ) -> Self {
        let runs = Runs::default();
        let audit = Arc::new(Audit { more: Some(Box::new(sink)), ..Audit::default() });
        let security = rules.with_audit(Arc::clone(&audit)).build();
        let server = more(Server::new("target", "1.0.0").with_tool(add(&runs)), &runs);
        let address = serve(server.build().unwrap(), security).await;
        Self { address, peer: RawPeer::new(address), audit, runs }
    }

    /// The tool `add`, and more, under these limits; over HTTP+SSE too, the transport of 2024-11-05.
    pub(crate) async fn start_legacy_sse(
        limits: Limits,
        more: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        Self::start_http(limits, more, HttpServer::with_legacy_sse).await
    }

    /// The tool `add`, and more, under these limits; served in another way than the usual one.
    pub(crate) async fn start_http(
        limits: Limits,
        more: impl FnOnce(ServerBuilder) -> ServerBuilder,
        how: impl FnOnce(HttpServer) -> HttpServer,
    ) -> Self {
        let (runs, audit) = (Runs::default(), Arc::new(Audit::default()));
        let rules = rules().without_tls().with_limits(limits).with_audit(Arc::clone(&audit));
        let server = more(Server::new("target", "1.0.0").with_tool(add(&runs))).build().unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let http = HttpServer::bind(loopback, server, rules.build().unwrap()).await.unwrap();
        let address = http.local_addr().unwrap();
        tokio::spawn(how(http).serve());
        Self { address, peer: RawPeer::new(address), audit, runs }
    }

    pub(crate) async fn connect(&self) -> RawConnection {
        self.peer.connect().await.unwrap()
    }

    /// Sends a request on a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, request: &RawRequest) -> impl Future<Output = RawResponse> {
        let response = within(PATIENCE, self.peer.send(request));
        async move { response.await.unwrap() }
    }

    /// Sends a request that must be refused, and checks all that is true of a refusal. The server must serve the next
    /// request.
    pub(crate) async fn refuses(&self, request: &RawRequest, refusal: &Refusal) -> RawResponse {
        let response = self.send(request).await;
        self.check_refused(&response, refusal).await;
        response
    }

    /// Checks a response to the only request since the last check.
    pub(crate) async fn check_refused(&self, response: &RawResponse, refusal: &Refusal) {
        let text = response.text();
        let found = (response.status(), response.error_code());
        assert_eq!(found, (refusal.status, Some(refusal.rpc_code)), "{text}");
        let data_code = response.json().pointer("/error/data/code").cloned();
        assert_eq!(data_code, refusal.data_code.map(Value::from), "{text}");
        self.check_trace(refusal.outcome, refusal.audit_code, Some(refusal.status)).await;
    }

    /// One record with this outcome, no handler run, and a server that serves on.
    pub(crate) async fn check_trace(&self, outcome: Outcome, code: &str, status: Option<u16>) {
        let entries = self.audit.wait_for(1).await;
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry.outcome, entry.code.as_str(), entry.http_status))
            .collect();
        assert_eq!(found, [(outcome, code, status)], "the audit log");
        assert_eq!(self.runs.count(), 0, "a handler ran");
        self.check_healthy().await;
    }

    /// The next request is served, by a handler, and nothing else happened meanwhile.
    pub(crate) async fn check_healthy(&self) {
        self.audit.forget();
        let before = self.runs.count();
        let response = self.send(&call_add()).await;
        assert_eq!(response.status(), 200, "{}", response.text());
        assert_eq!(response.json()["result"]["content"][0]["text"], "3");
        assert_eq!(self.runs.count(), before + 1);
        assert_eq!(self.audit.take().len(), 1, "records of one call");
        self.runs.0.store(before, Ordering::SeqCst);
    }
}

/// Serves in the background, and gives the address.
pub(crate) async fn serve(
    server: Server,
    security: Result<ServerSecurity, SecurityConfigError>,
) -> SocketAddr {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let http = HttpServer::bind(loopback, server, security.unwrap()).await.unwrap();
    let address = http.local_addr().unwrap();
    tokio::spawn(http.serve());
    address
}

/// What a refusal looks like from outside.
pub(crate) struct Refusal {
    status: u16,
    rpc_code: i64,
    data_code: Option<&'static str>,
    outcome: Outcome,
    audit_code: &'static str,
}

impl Refusal {
    /// By the transport or the policy, which name their reason in the error's data.
    pub(crate) fn with_reason(status: u16, rpc_code: i64, code: &'static str) -> Self {
        Self { data_code: Some(code), ..Self::of_envelope(status, rpc_code, code) }
    }

    /// Of an envelope that is not one.
    pub(crate) fn of_envelope(status: u16, rpc_code: i64, audit_code: &'static str) -> Self {
        Self { status, rpc_code, data_code: None, outcome: Outcome::Denied, audit_code }
    }

    /// By the engine, after the policy let the request through.
    pub(crate) fn of_request(status: u16, rpc_code: i64, audit_code: &'static str) -> Self {
        Self { outcome: Outcome::Failed, ..Self::of_envelope(status, rpc_code, audit_code) }
    }
}

/// An audit log that can be waited for; what is recorded is logged too, as it is by default.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    entries: MemoryAudit,
    changed: Notify,
    more: Option<Box<dyn AuditSink>>,
}

impl AuditSink for Audit {
    fn record(&self, record: &AuditRecord<'_>) {
        self.entries.record(record);
        TracingAudit::new().record(record);
        if let Some(more) = &self.more {
            more.record(record);
        }
        self.changed.notify_waiters();
    }

    fn reserve(&self) -> Result<(), AuditError> {
        self.more.as_ref().map_or(Ok(()), |more| more.reserve())
    }

    fn release(&self) {
        if let Some(more) = &self.more {
            more.release();
        }
    }
}

impl Audit {
    /// Waits until there are at least so many records, and gives all there are.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<AuditEntry> {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let entries = self.entries.entries();
                if entries.len() >= count {
                    return entries;
                }
                changed.await;
            }
        };
        within(PATIENCE, waiting).await
    }

    pub(crate) fn entries(&self) -> Vec<AuditEntry> {
        self.entries.entries()
    }

    pub(crate) fn take(&self) -> Vec<AuditEntry> {
        self.entries.take()
    }

    pub(crate) fn forget(&self) {
        drop(self.take());
    }
}

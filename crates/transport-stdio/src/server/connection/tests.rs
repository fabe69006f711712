//! Streams in memory, a clock that stands still, and an engine that does what its requests say.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use palisade_protocol::{Eras, ProtocolVersion, encode, header::ParamHeaders};
use palisade_security::{Limits, MemoryAudit, Outcome, Rate, RateLimits, SecurityConfig};
use palisade_transport::{BoxFuture, Call, Dispatcher, Reply, ReplyOutcome};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

use super::*;
use crate::{StdioServer, stream::HIGH_WATER};

/// Obeys the method: `echo` answers at once, `notify` sends two notifications first, `flood` very many, `wait`
/// never ends, and nor does what is asked for an `initialize`.
#[derive(Clone, Debug, Default)]
struct Obedient {
    started: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

/// How many notifications are very many.
const FLOOD: usize = 20_000;

impl Dispatcher for Obedient {
    fn dispatch<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Reply> {
        self.started.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match &*call.request.method {
                "notify" => {
                    for n in 0..2 {
                        let message = encode::notification("n", &json!({ "n": n })).unwrap();
                        call.outbox.send(message.into()).await;
                        tokio::task::yield_now().await;
                    }
                }
                "flood" => {
                    for n in 0..FLOOD {
                        let message = encode::notification("n", &json!({ "n": n })).unwrap();
                        call.outbox.send(message.into()).await;
                        self.sent.fetch_add(1, Ordering::SeqCst);
                    }
                }
                "wait" | "subscriptions/listen" | "server/discover" => pending().await,
                "soon" => sleep(Duration::from_secs(1)).await,
                _ => {}
            }
            let result = encode::result(&call.request.id, &json!({})).unwrap();
            Reply::result(result.into(), ReplyOutcome::Completed)
        })
    }

    fn supported_versions(&self) -> &[ProtocolVersion] {
        Eras::Both.versions()
    }

    fn param_headers(&self, _: &str) -> Option<Arc<ParamHeaders>> {
        None
    }

    fn shutdown(&self) {}
}

/// A client of a server that runs.
struct Client {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    /// `None` once the client has closed its end.
    writer: Option<WriteHalf<DuplexStream>>,
    served: tokio::task::JoinHandle<Result<(), ServeError>>,
    audit: Arc<MemoryAudit>,
    engine: Obedient,
}

impl Client {
    fn start(limits: Limits) -> Self {
        Self::start_with(limits, RateLimits::new(), 64 << 10)
    }

    fn start_with(limits: Limits, rates: RateLimits, pipe: usize) -> Self {
        let audit = Arc::new(MemoryAudit::new());
        let security = SecurityConfig::stdio()
            .with_limits(limits)
            .with_rate_limits(rates)
            .with_audit(Arc::clone(&audit))
            .build()
            .unwrap();
        let engine = Obedient::default();
        let server = StdioServer::new(engine.clone(), security);
        let (ours, theirs) = tokio::io::duplex(pipe);
        let (reader, writer) = tokio::io::split(theirs);
        let served = tokio::spawn(server.serve(reader, writer, Principal::new("uid:1", "process")));
        let (reader, writer) = tokio::io::split(ours);
        Self { lines: BufReader::new(reader).lines(), writer: Some(writer), served, audit, engine }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.writer.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    async fn request(&mut self, id: impl Into<Value>, method: &str) {
        self.send(&request(id, method)).await;
    }

    async fn next(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().expect("the server has left");
        serde_json::from_str(&line).unwrap()
    }

    /// Closes this end, and waits for the server to do the same. Gives what it still sent.
    async fn leave(mut self) -> (Vec<Value>, Vec<(Outcome, String)>) {
        self.writer.take().unwrap().shutdown().await.unwrap();
        let mut rest = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        self.served.await.unwrap().unwrap();
        let records = self.audit.take().into_iter();
        (rest, records.map(|entry| (entry.outcome, entry.code)).collect())
    }
}

fn request(id: impl Into<Value>, method: &str) -> Vec<u8> {
    let request = json!({
        "jsonrpc": "2.0",
        "id": id.into(),
        "method": method,
        "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }},
    });
    format!("{request}\n").into_bytes()
}

fn cancel(id: impl Into<Value>) -> Vec<u8> {
    let id = id.into();
    let params = json!({ "requestId": id });
    let mut line = encode::notification("notifications/cancelled", &params).unwrap();
    line.push(b'\n');
    line
}

fn records(expected: &[(Outcome, &str)]) -> Vec<(Outcome, String)> {
    expected.iter().map(|(outcome, code)| (*outcome, (*code).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_run_beside_each_other_and_are_cancelled_by_id() {
    let mut client = Client::start(Limits::new());
    client.request("slow", "wait").await;
    client.request(1, "echo").await;
    assert_eq!(client.next().await["id"], 1, "a slow handler holds up nobody");
    client.request("slow", "echo").await;
    let refused = client.next().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&Value::Null, &json!(-32600)));
    client.send(&cancel("slow")).await;
    client.send(&cancel("unknown")).await;
    client.request("slow", "notify").await;
    for n in 0..2 {
        assert_eq!(client.next().await["params"]["n"], n, "in order");
    }
    assert_eq!(client.next().await["id"], "slow", "the id is free again");
    let (rest, seen) = client.leave().await;
    assert_eq!(rest, [Value::Null; 0]);
    let expected = [
        (Outcome::Allowed, "completed"),
        (Outcome::Denied, "duplicate_request_id"),
        (Outcome::Cancelled, "cancelled"),
        (Outcome::Allowed, "completed"),
    ];
    assert_eq!(seen, records(&expected));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_is_answered_after_the_client_has_closed_its_end() {
    let mut client = Client::start(Limits::new());
    client.request(1, "soon").await;
    client.request(2, "wait").await;
    client.request(3, "subscriptions/listen").await;
    let start = tokio::time::Instant::now();
    let (rest, mut seen) = client.leave().await;
    assert_eq!(start.elapsed(), Duration::from_secs(2), "the time to drain");
    assert_eq!(rest, [json!({ "jsonrpc": "2.0", "id": 1, "result": {} })]);
    seen.sort_by(|a, b| a.1.cmp(&b.1));
    let gone = (Outcome::Cancelled, "disconnected");
    assert_eq!(seen, records(&[(Outcome::Allowed, "completed"), gone, gone]));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_does_not_outlive_its_client() {
    let mut client = Client::start(Limits::new());
    client.request(1, "subscriptions/listen").await;
    let start = tokio::time::Instant::now();
    client.leave().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn requests_have_a_time_and_a_number() {
    let limits = Limits::new()
        .with_max_in_flight_per_principal(1)
        .with_request_timeout(Duration::from_secs(3));
    let mut client = Client::start(limits);
    client.request(1, "wait").await;
    client.request(2, "echo").await;
    let refused = client.next().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-31429)));
    assert_eq!(refused["error"]["data"]["code"], "too_many_in_flight");
    let late = client.next().await;
    assert_eq!((&late["id"], &late["error"]["code"]), (&json!(1), &json!(-32603)));
    client.request(2, "echo").await;
    assert_eq!(client.next().await["id"], 2);
    let (_, seen) = client.leave().await;
    let expected = [
        (Outcome::Denied, "too_many_in_flight"),
        (Outcome::Failed, "request_timeout"),
        (Outcome::Allowed, "completed"),
    ];
    assert_eq!(seen, records(&expected));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_opened_in_time_is_no_fault_of_the_client() {
    let mut client = Client::start(Limits::new().with_request_timeout(Duration::from_secs(3)));
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "old", "version": "1" },
    } });
    client.send(format!("{initialize}\n").as_bytes()).await;
    let late = client.next().await;
    assert_eq!((&late["id"], &late["error"]["code"]), (&json!(1), &json!(-32603)));
    let (_, seen) = client.leave().await;
    assert_eq!(seen, records(&[(Outcome::Failed, "request_timeout")]));
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_is_counted_but_cancellations() {
    let rates = RateLimits::new().with_per_principal(Rate::per_minute(1));
    let mut client = Client::start_with(Limits::new(), rates, 64 << 10);
    client.request(1, "wait").await;
    client.send(b"nonsense\n").await;
    assert_eq!(client.next().await["error"]["data"]["code"], "rate_limited");
    client.request(2, "echo").await;
    let refused = client.next().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-31429)));
    client.send(br#"{"jsonrpc":"2.0","method":"n"}"#).await;
    client.send(b"\n").await;
    client.send(&cancel(1)).await;
    let (rest, seen) = client.leave().await;
    assert_eq!(
        rest,
        [Value::Null; 0],
        "neither a notification nor a cancelled request is answered"
    );
    let limited = (Outcome::Denied, "rate_limited");
    let cancelled = (Outcome::Cancelled, "cancelled");
    assert_eq!(seen, records(&[limited, limited, limited, cancelled]));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_holds_no_memory_and_loses_nothing() {
    const REQUESTS: usize = 20_000;
    let mut client = Client::start_with(Limits::new(), RateLimits::new(), 4 << 10);
    let mut writer = client.writer.take().unwrap();
    let sending = tokio::spawn(async move {
        for id in 0..REQUESTS {
            writer.write_all(&request(id, "echo")).await.unwrap();
        }
        writer.shutdown().await.unwrap();
    });
    // Time passes only when nothing else can happen: the server waits for its reader.
    sleep(Duration::from_secs(1)).await;
    let started = client.engine.started.load(Ordering::SeqCst);
    assert!(started * 36 < 2 * HIGH_WATER, "{started} answers wait");
    for id in 0..REQUESTS {
        assert_eq!(client.next().await["id"], id);
    }
    sending.await.unwrap();
    client.served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_sends_without_end_waits_for_its_reader() {
    let mut client = Client::start_with(Limits::new(), RateLimits::new(), 4 << 10);
    client.request(1, "flood").await;
    sleep(Duration::from_secs(1)).await;
    let sent = client.engine.sent.load(Ordering::SeqCst);
    assert!(sent * 36 < 2 * HIGH_WATER, "{sent} notifications wait");
    for n in 0..FLOOD {
        assert_eq!(client.next().await["params"]["n"], n);
    }
    assert_eq!(client.next().await["id"], 1);
}

/// Counts writes, and takes nothing while it is full.
#[derive(Clone, Debug, Default)]
struct Counter {
    writes: Arc<AtomicUsize>,
    full: bool,
}

impl AsyncWrite for Counter {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.full {
            return Poll::Pending;
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn connection<R: AsyncRead + Unpin>(reader: R, writer: Counter) -> Connection<R, Counter> {
    let security = SecurityConfig::stdio().build().unwrap();
    let server = StdioServer::new(Obedient::default(), security);
    Connection::new(server.shared, Principal::new("uid:1", "process"), reader, writer)
}

#[tokio::test]
async fn what_is_ready_together_is_written_together() {
    for (requests, method) in [(1, "echo"), (20, "echo"), (1, "notify")] {
        let input: Vec<u8> = (0..requests).flat_map(|id| request(id, method)).collect();
        let counter = Counter::default();
        let served = connection(&input[..], counter.clone()).serve(Duration::ZERO).await;
        served.unwrap();
        let messages = requests + if method == "notify" { 2 } else { 0 };
        let writes = counter.writes.load(Ordering::SeqCst);
        assert!(writes <= messages, "{writes} writes of {messages} messages");
        assert!(method != "echo" || writes == 1, "{writes} writes of what was ready at once");
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends_where_it_has_an_end() {
    let full = Counter { full: true, ..Counter::default() };
    let patience = Duration::from_secs(60);
    let (mut ours, theirs) = tokio::io::duplex(1 << 10);
    ours.write_all(&request(1, "echo")).await.unwrap();
    let served = connection(theirs, full).with_patience(patience).serve(Duration::ZERO);
    let start = tokio::time::Instant::now();
    assert_eq!(served.await.unwrap_err().code(), "stdio_write_failed");
    assert_eq!(start.elapsed(), patience);
}

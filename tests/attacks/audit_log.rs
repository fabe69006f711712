//! The audit log under attack: full, blocked, edited.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
};

use palisade::{
    Context, RawArguments, ToolRoute,
    security::{
        FailMode, JsonLinesAudit, Outcome,
        audit::{AuditError, ChainReason, Flush, JsonLinesOptions, verify},
    },
};
use palisade_testkit::{RawRequest, guard::PATIENCE};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{ALICE, Refusal, Target, call_add, rules};

/// An audit log in memory, whose disk blocks or is full when it is told to.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    written: Vec<u8>,
    blocked: bool,
    /// Then it is `/dev/full` that is written to.
    full: Option<File>,
}

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().written.clone()).unwrap()
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn block(&self, blocked: bool) {
        self.set(|state| state.blocked = blocked);
    }

    fn fill(&self, full: bool) {
        let device = || OpenOptions::new().write(true).open("/dev/full").unwrap();
        self.set(|state| state.full = full.then(device));
    }

    /// The `code` of each record, in order, and the number of records that the log says were lost.
    fn codes(&self) -> (Vec<String>, u64) {
        let text = self.text();
        let codes = text.lines().filter_map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["code"].as_str().map(str::to_owned)
        });
        (codes.collect(), verify(text.as_bytes(), None).unwrap().lost)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = changed.wait_while(state.lock().unwrap(), |state| state.blocked).unwrap();
        match &mut state.full {
            Some(device) => device.write(bytes),
            None => state.written.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn options(fail_mode: FailMode) -> JsonLinesOptions {
    JsonLinesAudit::options(fail_mode).with_flush(Flush::EachRecord).with_queue(2)
}

async fn start(fail_mode: FailMode, log: &Log) -> (Target, Arc<JsonLinesAudit>) {
    let sink = Arc::new(options(fail_mode).write_to(log.clone()).unwrap());
    sink.flush(PATIENCE).unwrap();
    let plain = rules().without_tls();
    (Target::start_audited(plain, |server, _| server, Arc::clone(&sink)).await, sink)
}

/// Refused before anything runs, whoever asks and whatever for.
async fn refuses_all(target: &Target) {
    target.audit.forget();
    let runs = target.runs.count();
    let requests = [
        call_add(),
        RawRequest::tools_list().with_token(ALICE),
        RawRequest::tools_list(),
        RawRequest::tools_list().with_header("Host", "evil.example"),
        RawRequest::new("DELETE", "/mcp"),
    ];
    for request in &requests {
        let response = target.send(request).await;
        let error = response.json()["error"].clone();
        assert_eq!((response.status(), &error["code"]), (503, &json!(-31503)), "{error}");
        assert_eq!(error["data"]["code"], "audit_unavailable");
        assert!(response.header("x-request-id").is_some());
    }
    assert_eq!(target.runs.count(), runs, "a handler ran");
    // Other sinks learn of it.
    for entry in target.audit.take() {
        let found = (entry.outcome, entry.code.as_str(), entry.http_status, entry.jsonrpc_code);
        assert_eq!(found, (Outcome::Denied, "audit_unavailable", Some(503), Some(-31503)));
    }
}

#[tokio::test]
async fn l3_closed_queue_full() {
    let log = Log::default();
    let (target, sink) = start(FailMode::Closed, &log).await;
    log.block(true);
    for _ in 0..2 {
        assert_eq!(target.send(&call_add()).await.status(), 200, "there is room for two");
    }
    refuses_all(&target).await;
    log.block(false);
    sink.flush(PATIENCE).unwrap();
    target.check_healthy().await;
    sink.flush(PATIENCE).unwrap();
    let completed = || "completed".to_owned();
    assert_eq!(log.codes(), (vec![completed(), completed(), completed()], 5));
}

#[tokio::test]
async fn l3_open_queue_full() {
    let log = Log::default();
    let (target, sink) = start(FailMode::Open, &log).await;
    log.block(true);
    for _ in 0..6 {
        target.check_healthy().await;
    }
    log.block(false);
    sink.flush(PATIENCE).unwrap();
    assert_eq!((log.codes().0.len(), log.codes().1), (2, 4));
}

#[tokio::test]
async fn l3_disk_full() {
    for fail_mode in [FailMode::Closed, FailMode::Open] {
        let log = Log::default();
        let (target, sink) = start(fail_mode, &log).await;
        log.fill(true);
        target.check_healthy().await;
        let kind = io::ErrorKind::StorageFull;
        assert_eq!(sink.flush(PATIENCE), Err(AuditError::WriteFailed { kind }));
        match fail_mode {
            FailMode::Closed => refuses_all(&target).await,
            FailMode::Open => target.check_healthy().await,
        }
        log.fill(false);
        sink.flush(PATIENCE).unwrap();
        target.check_healthy().await;
        sink.flush(PATIENCE).unwrap();
        // What found room is written, also a refusal; what did not is counted.
        let (codes, lost) = log.codes();
        let codes: Vec<_> = codes.iter().map(String::as_str).collect();
        match fail_mode {
            FailMode::Closed => {
                assert_eq!(codes, ["completed", "audit_unavailable", "completed"]);
                assert_eq!(lost, 4);
            }
            FailMode::Open => assert_eq!((codes, lost), (vec!["completed"; 3], 0)),
        }
    }
    // A server that could record nothing does not start.
    let device = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = options(FailMode::Closed).write_to(device).unwrap_err();
    assert_eq!(error.code(), "audit_write_failed");
}

/// A request that has started keeps its room, however long it takes and however full the log gets.
#[tokio::test]
async fn l3_a_request_that_runs_is_recorded() {
    let log = Log::default();
    let sink = Arc::new(options(FailMode::Closed).write_to(log.clone()).unwrap());
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, out) = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = move |_: RawArguments, _: Context| {
        let (inside, out) = (Arc::clone(&inside), Arc::clone(&out));
        async move {
            inside.notify_one();
            out.notified().await;
            "done"
        }
    };
    let slow = ToolRoute::dynamic("slow", json!({"type": "object"}), slow);
    let target = Target::start_audited(
        rules().without_tls(),
        |server, _| server.with_tool(slow),
        Arc::clone(&sink),
    )
    .await;
    let call = RawRequest::tools_call("slow", json!({})).with_token(ALICE);
    let (mut answered, mut left) = (target.connect().await, target.connect().await);
    answered.write_request(&call).await.unwrap();
    entered.notified().await;
    left.write_request(&call).await.unwrap();
    entered.notified().await;
    log.block(true);
    refuses_all(&target).await;

    target.audit.forget();
    left.abort();
    assert_eq!(target.audit.wait_for(1).await[0].code, "disconnected");
    leave.notify_one();
    assert_eq!(answered.read_response().await.unwrap().status(), 200);
    refuses_all(&target).await;
    log.block(false);
    sink.flush(PATIENCE).unwrap();
    assert_eq!(log.codes(), (vec!["disconnected".to_owned(), "completed".to_owned()], 10));
}

#[tokio::test]
async fn l3_edited_file() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("l3_edited_file");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("audit.jsonl");
    let sink = JsonLinesAudit::options(FailMode::Closed).open(&path).unwrap();
    let sink = Arc::new(sink);
    let plain = rules().without_tls();
    let target = Target::start_audited(plain, |server, _| server, Arc::clone(&sink)).await;
    let refusal = Refusal::with_reason(401, -31401, "missing_credentials");
    for _ in 0..3 {
        target.refuses(&RawRequest::tools_list(), &refusal).await;
    }
    sink.flush(PATIENCE).unwrap();

    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(verify(text.as_bytes(), None).unwrap().records, 6);
    let edited = text.replacen("missing_credentials", "completed", 1);
    let error = verify(edited.as_bytes(), None).unwrap_err();
    assert_eq!((error.line, error.reason), (2, ChainReason::Edited));
    let without: String =
        text.split_inclusive('\n').filter(|line| !line.contains("\"seq\":3,")).collect();
    let error = verify(without.as_bytes(), None).unwrap_err();
    assert_eq!((error.line, error.reason), (4, ChainReason::OutOfOrder));
}

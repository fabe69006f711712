//! Peers that leave without a goodbye.

use std::sync::Arc;

use palisade::{
    Context, RawArguments, ToolRoute,
    security::{Limits, Outcome},
};
use palisade_testkit::{RawRequest, TestCa, guard::PATIENCE, within};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{ALICE, Target};

/// What a handler does, in the order it does it.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Started,
    Dropped,
}

struct Guard(mpsc::Sender<Step>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.try_send(Step::Dropped).unwrap();
    }
}

/// A tool that never ends; it streams if it is told to.
fn endless(steps: mpsc::Sender<Step>) -> ToolRoute {
    let steps = Arc::new(steps);
    let schema = json!({"type": "object"});
    ToolRoute::dynamic("endless", schema, move |arguments: RawArguments, ctx: Context| {
        let guard = Guard(mpsc::Sender::clone(&steps));
        async move {
            guard.0.try_send(Step::Started).unwrap();
            if arguments.get().contains("stream") {
                ctx.progress(1.0, None, None).await;
            }
            std::future::pending::<&str>().await
        }
    })
}

#[tokio::test]
async fn h11_abrupt_disconnect() {
    let ca = TestCa::new();
    // One request at a time: a place that is not given back is noticed.
    let limits = Limits::new().with_max_in_flight_per_principal(1);
    for tls in [false, true] {
        let (sender, mut steps) = mpsc::channel(8);
        let limits = limits.clone();
        let more =
            |server: palisade::server::ServerBuilder, _: &_| server.with_tool(endless(sender));
        let target = match tls {
            false => Target::start_with(|rules| rules.with_limits(limits), more).await,
            true => Target::start_tls(&ca, limits, more).await,
        };
        for stream in [false, true] {
            for goodbye in [false, true] {
                let arguments = if stream { json!({"stream": 1}) } else { json!({}) };
                let call = RawRequest::tools_call("endless", arguments)
                    .with_token(ALICE)
                    .with_meta("progressToken", json!(1));
                let mut connection = target.connect().await;
                connection.write_request(&call).await.unwrap();
                assert_eq!(within(PATIENCE, steps.recv()).await, Some(Step::Started));
                if stream {
                    let head = connection.read_head().await.unwrap();
                    assert_eq!(head.header("content-type"), Some("text/event-stream"));
                    assert!(connection.next_piece().await.unwrap().is_some());
                }
                let full = target.send(&crate::support::call_add()).await;
                assert_eq!(full.status(), 429, "the handler holds the only place");
                assert_eq!(full.header("retry-after"), Some("1"));
                assert!(steps.try_recv().is_err(), "still waiting");
                target.audit.forget();

                match goodbye {
                    true => drop(connection),
                    false => connection.abort(),
                }
                let dropped = within(PATIENCE, steps.recv()).await;
                assert_eq!(dropped, Some(Step::Dropped), "stream {stream}, tls {tls}");
                target.check_trace(Outcome::Cancelled, "disconnected", None).await;
            }
        }
    }
}

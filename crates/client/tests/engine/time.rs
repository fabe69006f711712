//! Time-outs and cancellation, on a paused clock.

use std::time::Duration;

use palisade_client::{CallOptions, Client};
use serde_json::json;
use tokio::time::Instant;

use crate::fake::{Seen, Step, client, connect, notification};

const SECOND: Duration = Duration::from_secs(1);

fn progress(seen: &Seen, count: u32, every: Duration) -> Vec<Step> {
    let id = seen.id();
    let step = |n: u32| {
        [
            Step::After(every),
            notification("notifications/progress", json!({ "progressToken": id, "progress": n })),
        ]
    };
    (1..=count).flat_map(step).chain([seen.result(json!({ "content": [] }))]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_request_without_response_times_out_and_is_cancelled() {
    let builder = Client::builder().with_request_timeout(5 * SECOND);
    let (client, control) = connect(builder, |_| vec![Step::Hang]).await;
    let start = Instant::now();
    let error = client.call_tool("t", &json!({})).await.unwrap_err();
    assert_eq!((error.code(), start.elapsed().as_secs()), ("timeout", 5));
    assert_eq!(control.open(), 0, "the stream was dropped");
    let options = CallOptions::new().with_timeout(2 * SECOND);
    let start = Instant::now();
    client.call_tool_with("t", &json!({}), options).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn progress_resets_the_time_out_but_not_the_maximum() {
    let (client, _) = client(|seen| progress(seen, 10, 4 * SECOND)).await;
    let options = || CallOptions::new().with_timeout(5 * SECOND);
    client.call_tool_with("t", &json!({}), options().with_progress(|_| {})).await.unwrap();
    let error = client.call_tool_with("t", &json!({}), options()).await.unwrap_err();
    assert_eq!(error.code(), "timeout", "progress that was not asked for resets nothing");
    let start = Instant::now();
    let options = options().with_progress(|_| {}).with_max_time(15 * SECOND);
    let error = client.call_tool_with("t", &json!({}), options).await.unwrap_err();
    assert_eq!((error.code(), start.elapsed().as_secs()), ("timeout", 15));
}

#[tokio::test(start_paused = true)]
async fn progress_that_stands_still_resets_nothing() {
    let (client, _) = client(|seen| {
        let same = || {
            notification(
                "notifications/progress",
                json!({ "progressToken": seen.id(), "progress": 1 }),
            )
        };
        (0..9).flat_map(|_| [same(), Step::After(2 * SECOND)]).collect()
    })
    .await;
    let options = CallOptions::new().with_timeout(5 * SECOND).with_progress(|_| {});
    let start = Instant::now();
    client.call_tool_with("t", &json!({}), options).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_cancels_it() {
    let (client, control) = client(|_| vec![Step::Hang]).await;
    {
        let arguments = json!({});
        let mut call = Box::pin(client.call_tool("t", &arguments));
        let polled = tokio::time::timeout(SECOND, &mut call).await;
        assert!(polled.is_err());
        assert_eq!(control.open(), 1);
    }
    assert_eq!(control.open(), 0);
}

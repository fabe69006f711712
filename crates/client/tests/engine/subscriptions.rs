//! Subscriptions: the acknowledgment, the events, the two ends.

use palisade_client::{Client, SubscriptionEnd, SubscriptionEvent};
use palisade_protocol::SubscriptionFilter;
use palisade_transport::TransportError;
use serde_json::{Value, json};

use crate::fake::{Control, Seen, Step, client, notification};

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
const TOOLS: &str = "notifications/tools/list_changed";

fn acknowledge(seen: &Seen) -> Step {
    seen.event(ACKNOWLEDGED, json!({ "notifications": seen.params()["notifications"] }))
}

fn filter() -> SubscriptionFilter {
    SubscriptionFilter::new().with_tools_list_changed().with_resource("a:1")
}

async fn with_events(
    events: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> (Client, Control) {
    client(move |seen| {
        let mut steps = vec![acknowledge(seen)];
        steps.extend(events(seen));
        steps
    })
    .await
}

#[tokio::test]
async fn events_come_after_the_acknowledgment_until_a_graceful_end() {
    let (client, control) = with_events(|seen| {
        vec![
            seen.event(TOOLS, json!({})),
            seen.event("notifications/prompts/list_changed", json!({})),
            seen.event("notifications/resources/updated", json!({ "uri": "a:1" })),
            seen.event("notifications/unheard_of", json!({})),
            seen.result(json!({ "resultType": "complete" })),
        ]
    })
    .await;
    let mut subscription = client.listen(filter()).await.unwrap();
    assert_eq!(*subscription.acknowledged(), filter());
    assert_eq!(subscription.next().await.unwrap().unwrap(), SubscriptionEvent::ToolsListChanged);
    let updated = subscription.next().await.unwrap().unwrap();
    let SubscriptionEvent::ResourceUpdated(updated) = updated else { panic!("{updated:?}") };
    assert_eq!(updated.uri, "a:1", "prompts were not asked for");
    assert_eq!(subscription.end(), None);
    assert!(subscription.next().await.is_none());
    assert_eq!(subscription.end(), Some(SubscriptionEnd::Graceful));
    assert!(subscription.next().await.is_none());
    let seen = &control.seen()[0];
    let expected = json!({ "toolsListChanged": true, "resourceSubscriptions": ["a:1"] });
    assert_eq!(seen.params()["notifications"], expected);
}

#[tokio::test]
async fn a_lost_connection_is_an_interruption() {
    for lost in [None, Some(TransportError::Interrupted)] {
        let failure = lost.clone();
        let (client, _) =
            with_events(move |_| failure.clone().map(Step::Fail).into_iter().collect()).await;
        let mut subscription = client.listen(filter()).await.unwrap();
        assert_eq!(subscription.next().await.unwrap().unwrap_err().code(), "interrupted");
        assert_eq!(subscription.end(), Some(SubscriptionEnd::Interrupted));
        assert!(subscription.next().await.is_none());
    }
}

#[tokio::test]
async fn what_does_not_name_the_subscription_ends_it() {
    let foreign = json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": 99 } });
    for params in [json!({}), json!({ "_meta": {} }), foreign] {
        let (client, _) = with_events(move |_| vec![notification(TOOLS, params.clone())]).await;
        let mut subscription = client.listen(filter()).await.unwrap();
        assert_eq!(subscription.next().await.unwrap().unwrap_err().code(), "invalid_response");
        assert_eq!(subscription.end(), Some(SubscriptionEnd::Interrupted));
    }
    let (client, _) =
        with_events(|_| vec![Step::Text(r#"{"jsonrpc":"2.0","id":99,"result":{}}"#)]).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    assert_eq!(subscription.next().await.unwrap().unwrap_err().code(), "invalid_response");
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_before_the_acknowledgment() {
    type First = fn(&Seen) -> Vec<Step>;
    let cases: [(First, &str); 6] = [
        (|_| vec![], "interrupted"),
        (|_| vec![Step::Hang], "timeout"),
        (|seen| vec![seen.event(TOOLS, json!({})), acknowledge(seen)], "invalid_response"),
        (|seen| vec![seen.result(json!({}))], "invalid_response"),
        (|_| vec![notification(ACKNOWLEDGED, json!({ "notifications": {} }))], "invalid_response"),
        (|seen| vec![seen.error(-32601, Value::Null)], "rpc_error"),
    ];
    for (script, code) in cases {
        let (client, control) = client(script).await;
        assert_eq!(client.listen(filter()).await.unwrap_err().code(), code);
        assert_eq!(control.open(), 0);
    }
}

#[tokio::test]
async fn a_subscription_keeps_the_cache_right_and_ends_when_dropped() {
    let (client, control) = client(|seen| match seen.method() {
        "tools/list" => vec![seen.result(json!({ "tools": [], "ttlMs": 60_000 }))],
        _ => vec![acknowledge(seen), seen.event(TOOLS, json!({})), Step::Hang],
    })
    .await;
    client.list_tools().collect_all().await.unwrap();
    let mut subscription = client.listen(filter()).await.unwrap();
    client.list_tools().collect_all().await.unwrap();
    assert_eq!(control.methods(), ["tools/list", "subscriptions/listen"]);
    subscription.next().await.unwrap().unwrap();
    client.list_tools().collect_all().await.unwrap();
    assert_eq!(control.methods().len(), 3);
    assert_eq!(control.open(), 1);
    drop(subscription);
    assert_eq!(control.open(), 0);
}

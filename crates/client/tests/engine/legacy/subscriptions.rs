//! Subscriptions over a session: the same stream as with a newer server.

use palisade_client::{Client, SubscriptionEnd, SubscriptionEvent};
use palisade_protocol::SubscriptionFilter;
use serde_json::{Value, json};

use super::{connected, done, in_session};
use crate::fake::{Control, Seen, Step, try_connect};

fn filter() -> SubscriptionFilter {
    SubscriptionFilter::new()
        .with_tools_list_changed()
        .with_prompts_list_changed()
        .with_resource("test://a")
        .with_resource("test://b")
}

fn script(seen: &Seen) -> Vec<Step> {
    match seen.method() {
        "resources/subscribe" if seen.params()["uri"] == "test://b" => {
            vec![seen.error(-32002, Value::Null)]
        }
        "resources/subscribe" | "resources/unsubscribe" => vec![seen.result(json!({}))],
        _ => done(seen),
    }
}

async fn changed(control: &Control, what: &str, params: Value) {
    let method = format!("notifications/{what}");
    control.say(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
}

async fn until(control: &Control, method: &str, count: usize) {
    while control.methods().iter().filter(|it| *it == method).count() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn changes_are_those_that_the_server_agreed_to() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    let agreed = SubscriptionFilter::new().with_tools_list_changed().with_resource("test://a");
    assert_eq!(subscription.acknowledged(), &agreed, "no prompts, and one of the resources");
    changed(&control, "prompts/list_changed", json!({})).await;
    changed(&control, "resources/updated", json!({ "uri": "test://c" })).await;
    changed(&control, "tools/list_changed", json!({})).await;
    changed(&control, "resources/updated", json!({ "uri": "test://a/part" })).await;
    let event = subscription.next().await.unwrap().unwrap();
    assert_eq!(event, SubscriptionEvent::ToolsListChanged);
    let event = subscription.next().await.unwrap().unwrap();
    assert!(matches!(event, SubscriptionEvent::ResourceUpdated(it) if it.uri == "test://a/part"));
}

#[tokio::test]
async fn a_resource_is_watched_until_nobody_does() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let one = client.listen(SubscriptionFilter::new().with_resource("test://a")).await.unwrap();
    let two = client.listen(SubscriptionFilter::new().with_resource("test://a")).await.unwrap();
    drop(one);
    client.call_tool("t", &json!({})).await.unwrap();
    assert!(!control.methods().contains(&"resources/unsubscribe".to_owned()));
    drop(two);
    until(&control, "resources/unsubscribe", 1).await;
    assert_eq!(control.seen().pop().unwrap().params(), &json!({ "uri": "test://a" }));
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_watched_again_at_once_stays_watched() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let filter = || SubscriptionFilter::new().with_resource("test://a");
    drop(client.listen(filter()).await.unwrap());
    let _again = client.listen(filter()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(control.methods()[2..], ["resources/subscribe", "resources/subscribe"]);
}

#[tokio::test]
async fn a_server_that_cannot_be_heard_agrees_to_nothing() {
    let control = Control::default();
    let server = in_session("2025-11-25", script);
    let client = try_connect(Client::builder(), &control, server).await.unwrap();
    let subscription = client.listen(filter()).await.unwrap();
    assert!(subscription.acknowledged().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_interrupts_and_is_opened_again() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    control.hang_up();
    assert!(subscription.next().await.unwrap().is_err());
    assert_eq!(subscription.end(), Some(SubscriptionEnd::Interrupted));
    assert!(subscription.next().await.is_none());
    let mut again = client.listen(filter()).await.unwrap();
    assert_eq!(control.listened(), 2);
    changed(&control, "tools/list_changed", json!({})).await;
    assert_eq!(again.next().await.unwrap().unwrap(), SubscriptionEvent::ToolsListChanged);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_that_it_missed_some() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    for _ in 0..200 {
        changed(&control, "tools/list_changed", json!({})).await;
    }
    let mut events = 0;
    while let Some(Ok(_)) = subscription.next().await {
        events += 1;
    }
    assert_eq!(events, 64, "what waited, and then the interruption");
    assert_eq!(subscription.end(), Some(SubscriptionEnd::Interrupted));
}

#[tokio::test]
async fn n8_changes_that_nobody_reads_are_bounded_in_bytes() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    for _ in 0..10 {
        changed(&control, "tools/list_changed", json!({ "x": "x".repeat(300 * 1024) })).await;
    }
    tokio::task::yield_now().await;
    for _ in 0..3 {
        subscription.next().await.unwrap().unwrap();
    }
    assert_eq!(subscription.next().await.unwrap().unwrap_err().code(), "unread_messages");
}

#[tokio::test]
async fn a_new_session_interrupts() {
    let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    control.expire(1);
    client.call_tool("t", &json!({})).await.unwrap();
    assert!(subscription.next().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_gone_is_begun_anew() {
    let wanted = || SubscriptionFilter::new().with_tools_list_changed();
    let resources = || SubscriptionFilter::new().with_resource("test://a");
    for (heard, filter) in [(false, wanted()), (false, resources()), (true, resources())] {
        let (client, control) = connected(Client::builder(), "2025-11-25", script).await;
        control.expire(1);
        if !heard {
            // Nothing but the listener finds out.
            control.hang_up();
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        }
        let mut subscription = client.listen(filter.clone()).await.unwrap();
        assert_eq!(*subscription.acknowledged(), filter);
        changed(&control, "tools/list_changed", json!({})).await;
        changed(&control, "resources/updated", json!({ "uri": "test://a" })).await;
        assert!(subscription.next().await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn changes_on_the_stream_of_a_request_count_too() {
    let telling = |seen: &Seen| match seen.method() {
        "tools/call" => vec![
            Step::Message(
                json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }),
            ),
            seen.result(json!({ "content": [] })),
        ],
        _ => script(seen),
    };
    let (client, _control) = connected(Client::builder(), "2025-11-25", telling).await;
    let mut subscription = client.listen(filter()).await.unwrap();
    client.call_tool("t", &json!({})).await.unwrap();
    assert_eq!(subscription.next().await.unwrap().unwrap(), SubscriptionEvent::ToolsListChanged);
}

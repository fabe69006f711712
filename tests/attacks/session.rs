//! Clients that use the same ids: there is no table of ids in which they could meet.

use std::sync::Arc;

use palisade::{Context, RawArguments, ToolRoute};
use palisade_testkit::{RawRequest, guard::PATIENCE, within};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::{ALICE, BOB, Target};

const ROUNDS: usize = 200;

/// Answers with its arguments and its caller, after it has met the other's call halfway.
fn echo(barrier: Arc<Barrier>) -> ToolRoute {
    ToolRoute::dynamic(
        "echo",
        json!({"type": "object"}),
        move |arguments: RawArguments, ctx: Context| {
            let barrier = Arc::clone(&barrier);
            async move {
                let Value::Object(arguments) = serde_json::from_str(arguments.get()).unwrap()
                else {
                    return String::new();
                };
                barrier.wait().await;
                if arguments.contains_key("stream") {
                    ctx.progress(1.0, None, arguments["text"].as_str()).await;
                    barrier.wait().await;
                }
                format!("{} {}", ctx.principal().subject(), arguments["text"])
            }
        },
    )
}

/// Two clients call at once, both under this id, and each gets its own answer, every time.
async fn race(id: Value, tokens: [&str; 2], stream: bool) {
    let barrier = Arc::new(Barrier::new(2));
    let target =
        Target::start_with(|rules| rules, |server, _| server.with_tool(echo(barrier))).await;
    let client = async |who: usize, token: &str| {
        let mut connection = target.connect().await;
        for round in 0..ROUNDS {
            let text = format!("{who}-{round}");
            let mut arguments = json!({"text": text});
            if stream {
                arguments["stream"] = json!(true);
            }
            let call = RawRequest::tools_call("echo", arguments)
                .with_id(id.clone())
                .with_meta("progressToken", id.clone())
                .with_token(token);
            let response = connection.send(&call).await.unwrap();
            let messages = response.messages();
            assert_eq!(messages.len(), 1 + usize::from(stream));
            if stream {
                assert_eq!(messages[0]["params"]["message"], text);
                assert_eq!(messages[0]["params"]["progressToken"], id);
            }
            let last = messages.last().unwrap();
            assert_eq!(last["id"], id);
            let subject = if token == ALICE { "alice" } else { "bob" };
            let expected = format!("{subject} \"{text}\"");
            assert_eq!(last["result"]["content"][0]["text"], expected, "{}", response.text());
        }
    };
    within(PATIENCE * 3, async {
        tokio::join!(client(0, tokens[0]), client(1, tokens[1]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_two_clients_with_the_same_id() {
    for id in [json!(0), json!("0"), json!("")] {
        race(id, [ALICE, BOB], false).await;
    }
    race(json!(0), [ALICE, BOB], true).await;
    // The same principal twice is two clients as well.
    race(json!(0), [ALICE, ALICE], false).await;
    race(json!(0), [ALICE, ALICE], true).await;
}

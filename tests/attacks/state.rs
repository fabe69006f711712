//! `requestState`: changed, borrowed from another request, too old, or made elsewhere.

use std::{sync::Arc, time::Duration};

use palisade::{
    Context, HandlerError, PromptArguments, PromptRoute, RawArguments, ToolRoute,
    protocol::{ElicitRequestFormParams, ElicitSchema, Prompt, StringSchema},
    security::{Limits, ManualClock, Sealer, UnixMillis},
};
use palisade_testkit::RawRequest;
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, Refusal, Runs, Target};

const TTL: Duration = Duration::from_secs(60);

async fn confirm(ctx: &Context) -> Result<String, HandlerError> {
    let schema = ElicitSchema::new().with_string("answer", StringSchema::new());
    let form = ElicitRequestFormParams::new("Are you sure?", schema);
    let answer = ctx.elicit("confirm", form).await?;
    Ok(answer.field("answer").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// A tool that asks before it acts, and notes only that it acted.
fn careful(name: &str, runs: &Runs) -> ToolRoute {
    let runs = runs.clone();
    ToolRoute::dynamic(name, json!({"type": "object"}), move |_: RawArguments, ctx: Context| {
        let runs = runs.clone();
        async move {
            let answer = confirm(&ctx).await?;
            runs.note();
            Ok::<_, HandlerError>(answer)
        }
    })
}

async fn start(clock: &Arc<ManualClock>, sealer: Sealer) -> Target {
    let limits = Limits::new().with_request_state_ttl(TTL);
    let clock = Arc::clone(clock);
    Target::start_with(
        |rules| rules.with_clock(clock).with_sealer(sealer).with_limits(limits),
        |server, runs| {
            let prompt =
                PromptRoute::new(Prompt::new("pay"), async |_: PromptArguments, ctx: Context| {
                    confirm(&ctx).await
                });
            server
                .with_tool(careful("pay", runs))
                .with_tool(careful("burn", runs))
                .with_prompt(prompt)
        },
    )
    .await
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(UnixMillis::from_secs(1_800_000_000)))
}

fn pay(arguments: Value) -> RawRequest {
    RawRequest::tools_call("pay", arguments)
        .with_token(ALICE)
        .with_capabilities(json!({"elicitation": {"form": {}}}))
}

/// The retry of a request, with its answer.
fn answered(request: RawRequest, state: &str) -> RawRequest {
    request.with_edited_body(|body| {
        let params = &mut body["params"];
        params["requestState"] = json!(state);
        params["inputResponses"] =
            json!({"confirm": {"action": "accept", "content": {"answer": "yes"}}});
    })
}

/// Asks, and gives the state that came with the question.
async fn state_of(target: &Target, request: &RawRequest) -> String {
    let response = target.send(request).await;
    let result = &response.json()["result"];
    assert_eq!(result["resultType"], "input_required", "{}", response.text());
    target.audit.forget();
    result["requestState"].as_str().unwrap().to_owned()
}

fn refusal() -> Refusal {
    Refusal::of_envelope(200, -32602, "input_refused")
}

const MESSAGE: &str = "invalid request state";

/// The control: the state is good, and the request it was made for redeems it.
async fn redeems(target: &Target, request: RawRequest, state: &str) {
    let response = target.send(&answered(request, state)).await;
    assert_eq!(response.json()["result"]["content"][0]["text"], "yes", "{}", response.text());
    target.runs.forget();
    target.audit.forget();
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[tokio::test]
async fn r1_flipped_bit() {
    let target = start(&clock(), Sealer::random().unwrap()).await;
    let request = pay(json!({"to": "bob"}));
    let state = state_of(&target, &request).await;
    let mut connection = target.connect().await;
    let mut tried = 0;
    for at in 0..state.len() {
        let place = ALPHABET.iter().position(|byte| *byte == state.as_bytes()[at]).unwrap();
        for bit in 0..6 {
            let mut flipped = state.clone().into_bytes();
            flipped[at] = ALPHABET[place ^ (1 << bit)];
            let flipped = String::from_utf8(flipped).unwrap();
            let response = connection.send(&answered(request.clone(), &flipped)).await.unwrap();
            let error = &response.json()["error"];
            // One answer for all, so that nobody learns how far a forgery got.
            assert_eq!(*error, json!({"code": -32602, "message": MESSAGE}), "bit {bit} of {at}");
            tried += 1;
        }
    }
    assert_eq!((target.runs.count(), target.audit.take().len()), (0, tried));

    let half = &state[..state.len() / 2];
    let doubled = format!("{state}{state}");
    let (padded, blank, other) =
        (format!("{state}="), format!(" {state}"), state.replace(['-', '_'], "+"));
    for forged in
        ["", "x", "AA", half, &doubled, &padded, &blank, &state[1..], &"A".repeat(state.len())]
    {
        let response = target.refuses(&answered(request.clone(), forged), &refusal()).await;
        assert_eq!(response.json()["error"]["message"], MESSAGE);
    }
    if other != state {
        target.refuses(&answered(request.clone(), &other), &refusal()).await;
    }
    let huge = "A".repeat(Limits::new().max_request_state_bytes() + 1);
    target.refuses(&answered(request.clone(), &huge), &refusal()).await;
    redeems(&target, request, &state).await;
}

#[tokio::test]
async fn r2_replayed_elsewhere() {
    let clock = clock();
    let target = start(&clock, Sealer::random().unwrap()).await;
    let request = pay(json!({"to": "bob", "amount": "5"}));
    let state = state_of(&target, &request).await;
    let refused = async |target: &Target, request: RawRequest| {
        let response = target.refuses(&answered(request, &state), &refusal()).await;
        assert_eq!(response.json()["error"]["message"], MESSAGE);
    };

    // Another user.
    refused(&target, request.clone().with_token(BOB)).await;
    // Other arguments.
    for arguments in [
        json!({"to": "mallory", "amount": "5"}),
        json!({"to": "bob", "amount": 5}),
        json!({"to": "bob", "amount": "5", "fee": "1"}),
        json!({"to": "bob"}),
        json!({}),
    ] {
        refused(&target, pay(arguments)).await;
    }
    let none = request.clone().with_edited_body(|body| {
        body["params"].as_object_mut().unwrap().remove("arguments");
    });
    refused(&target, none).await;
    // Another tool, and another method with a target of the same name.
    let burn = request.clone().with_header("Mcp-Name", "burn");
    refused(&target, burn.with_edited_body(|body| body["params"]["name"] = json!("burn"))).await;
    let prompt = request.clone().with_header("Mcp-Method", "prompts/get");
    let prompt = prompt.with_edited_body(|body| body["method"] = json!("prompts/get"));
    let plain = RawRequest::mcp("prompts/get", json!({"name": "pay"}))
        .with_token(ALICE)
        .with_capabilities(json!({"elicitation": {"form": {}}}));
    let of_prompt = state_of(&target, &plain).await;
    refused(&target, prompt).await;
    let crossed = answered(pay(json!({})), &of_prompt);
    target.refuses(&crossed, &refusal()).await;
    // Another service, whose keys are its own.
    let elsewhere = start(&clock, Sealer::random().unwrap()).await;
    refused(&elsewhere, request.clone()).await;
    // A cursor is sealed by the same keys, for another purpose.
    let page = RawRequest::mcp("tools/list", json!({"cursor": state})).with_token(ALICE);
    target.refuses(&page, &Refusal::of_request(200, -32602, "invalid_params")).await;

    // The same request written differently is the same request; until the time is up.
    redeems(&target, pay(json!({"amount": "5", "to": "bob"})), &state).await;
    clock.advance(TTL - Duration::from_millis(1));
    redeems(&target, request.clone(), &state).await;
    clock.advance(Duration::from_millis(1));
    refused(&target, request.clone()).await;
    clock.advance(TTL * 1000);
    refused(&target, request).await;
}

/// A tool that asks, and pays once for each exchange.
fn pay_once(runs: &Runs) -> ToolRoute {
    let runs = runs.clone();
    let schema = json!({"type": "object"});
    ToolRoute::dynamic("pay_once", schema, move |_: RawArguments, ctx: Context| {
        let runs = runs.clone();
        async move {
            let answer = confirm(&ctx).await?;
            // All of those who come with the same state are here at the same time.
            tokio::task::yield_now().await;
            ctx.redeem_once()?;
            runs.note();
            Ok::<_, HandlerError>(answer)
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_double_redemption() {
    const AT_ONCE: usize = 16;
    let clock = clock();
    let limits = Limits::new().with_request_state_ttl(TTL);
    let rules_clock = Arc::clone(&clock);
    let target = Target::start_with(
        |rules| rules.with_clock(rules_clock).with_limits(limits),
        |server, runs| server.with_tool(pay_once(runs)),
    )
    .await;
    let request = RawRequest::tools_call("pay_once", json!({"to": "bob"}))
        .with_token(ALICE)
        .with_capabilities(json!({"elicitation": {"form": {}}}));
    let state = state_of(&target, &request).await;
    target.audit.forget();

    let all: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (peer, request) = (target.peer.clone(), answered(request.clone(), &state));
            tokio::spawn(async move { peer.send(&request).await.unwrap() })
        })
        .collect();
    let mut paid = 0;
    for response in all {
        let response = response.await.unwrap();
        match response.error_code() {
            None => {
                assert_eq!(response.json()["result"]["content"][0]["text"], "yes");
                paid += 1;
            }
            Some(code) => {
                assert_eq!(code, -32602);
                assert_eq!(response.json()["error"]["message"], MESSAGE);
            }
        }
    }
    assert_eq!((paid, target.runs.count()), (1, 1), "exactly one success");
    let entries = target.audit.wait_for(AT_ONCE).await;
    let refused = entries.iter().filter(|entry| entry.code == "input_refused").count();
    assert_eq!(refused, AT_ONCE - 1);
    target.audit.forget();
    target.runs.forget();

    // Later it is refused as well.
    target.refuses(&answered(request.clone(), &state), &refusal()).await;
    clock.advance(TTL);
    target.refuses(&answered(request.clone(), &state), &refusal()).await;

    // Who answers ahead gets a state to come back with, and that one is good once.
    let ahead = request.clone().with_edited_body(|body| {
        body["params"]["inputResponses"] =
            json!({"confirm": {"action": "accept", "content": {"answer": "ahead"}}});
    });
    let state = state_of(&target, &ahead).await;
    assert_eq!(target.runs.count(), 0);
    let back = request.clone().with_edited_body(|body| {
        body["params"]["requestState"] = json!(state);
    });
    let response = target.send(&back).await;
    assert_eq!(response.json()["result"]["content"][0]["text"], "ahead", "{}", response.text());
    target.audit.wait_for(1).await;
    target.audit.forget();
    target.runs.forget();
    target.refuses(&back, &refusal()).await;

    // Another exchange about the same thing is another payment: the client was asked again.
    let state = state_of(&target, &request).await;
    redeems(&target, request, &state).await;
}

#[tokio::test]
async fn r3_two_states_of_one_exchange() {
    let target = Target::start_with(
        |rules| rules,
        |server, runs| {
            let runs = runs.clone();
            let schema = json!({"type": "object"});
            server.with_tool(ToolRoute::dynamic(
                "pay_twice",
                schema,
                move |_: RawArguments, ctx: Context| {
                    let runs = runs.clone();
                    async move {
                        confirm(&ctx).await?;
                        ctx.roots("where").await?;
                        ctx.redeem_once()?;
                        runs.note();
                        Ok::<_, HandlerError>("paid")
                    }
                },
            ))
        },
    )
    .await;
    let request = RawRequest::tools_call("pay_twice", json!({}))
        .with_token(ALICE)
        .with_capabilities(json!({"elicitation": {"form": {}}, "roots": {}}));
    let first = state_of(&target, &request).await;
    // One answer given twice leads to two states that differ, and to one payment.
    let mut states = Vec::new();
    for _ in 0..2 {
        states.push(state_of(&target, &answered(request.clone(), &first)).await);
    }
    assert_ne!(states[0], states[1]);
    let last = |state: &str| {
        request.clone().with_edited_body(|body| {
            body["params"]["requestState"] = json!(state);
            body["params"]["inputResponses"] = json!({"where": {"roots": []}});
        })
    };
    let response = target.send(&last(&states[1])).await;
    assert_eq!(response.json()["result"]["content"][0]["text"], "paid", "{}", response.text());
    target.audit.wait_for(1).await;
    target.audit.forget();
    target.runs.forget();
    target.refuses(&last(&states[0]), &refusal()).await;
    target.refuses(&answered(request.clone(), &first), &refusal()).await;
}

//! What the server does for a client that may ask.

use std::sync::{Arc, Mutex, PoisonError};

use palisade::{
    Client, Context, HandlerError, Server, ToolRoute,
    auth::BearerToken,
    client::{CallOptions, InputError, Subscription, SubscriptionEnd, SubscriptionEvent},
    http::HttpTransport,
    protocol::{
        ElicitRequestFormParams, ElicitResult, ElicitSchema, Eras, ProgressNotificationParams,
        StringSchema, SubscriptionFilter,
    },
    security::ClientTls,
    tool,
};
use serde_json::json;

use crate::{Error, Stage, transcript::Transcript};

/// Adds two numbers.
#[tool]
pub(crate) async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Counts to a number and reports each step.
#[tool]
pub(crate) async fn count(to: u32, ctx: Context) -> String {
    for step in 1..=to {
        ctx.progress(f64::from(step), Some(f64::from(to)), Some("counting")).await;
    }
    format!("counted to {to}")
}

/// Greets whoever the user says they are.
#[tool]
pub(crate) async fn greet(ctx: Context) -> Result<String, HandlerError> {
    let schema =
        ElicitSchema::new().with_string("name", StringSchema::new()).with_required(["name"]);
    let form = ElicitRequestFormParams::new("What is your name?", schema);
    let answer = ctx.elicit("name", form).await?;
    let name = answer.field("name").and_then(serde_json::Value::as_str).unwrap_or("stranger");
    Ok(format!("hello, {name}"))
}

/// Walks through discovery, calls, progress, elicitation, a client of an older revision and a subscription.
pub(crate) async fn run(
    transcript: &mut Transcript,
    stage: &Stage,
    server: &Server,
) -> Result<Subscription, Error> {
    transcript.title("served");
    let client = connect(stage, Eras::ModernOnly).await?;
    let discovered = client.discover().await?;
    transcript.step(
        "discovery",
        &discovered.supported_versions.join(", "),
        "2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05",
    );

    let tools = client.list_tools().collect_all().await?;
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    transcript.step("tool list", &names.join(", "), "add, count, greet");

    let sum: i64 = client.call("add", &json!({ "a": 2, "b": 3 })).await?;
    transcript.step("call add(2, 3)", &sum, "5");

    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let options = CallOptions::new().with_progress(move |progress: ProgressNotificationParams| {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(progress.progress.to_string());
    });
    let text: String = client.call_with("count", &json!({ "to": 3 }), options).await?;
    transcript.step("call count(3)", &text, "counted to 3");
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).join(", ");
    transcript.step("its progress stream", &seen, "1, 2, 3");

    let text: String = client.call("greet", &json!({})).await?;
    transcript.step("call greet, the elicitation answered", &text, "hello, Ada");

    let older = connect(stage, Eras::LegacyOnly).await?;
    transcript.step("an older client in a session", &older.protocol_version(), "2025-11-25");
    let text: String = older.call("greet", &json!({})).await?;
    transcript.step("it calls greet, and is asked in the session", &text, "hello, Ada");
    older.close().await;

    let mut subscription =
        client.listen(SubscriptionFilter::new().with_tools_list_changed()).await?;
    server.insert_tool(ToolRoute::typed("ping", async |_: (), _: Context| "pong"))?;
    let change = match subscription.next().await {
        Some(Ok(SubscriptionEvent::ToolsListChanged)) => "tools/list_changed".to_owned(),
        other => format!("{other:?}"),
    };
    transcript.step("subscription, after a tool was added", &change, "tools/list_changed");
    Ok(subscription)
}

async fn connect(stage: &Stage, eras: Eras) -> Result<Client, Error> {
    let origin = format!("https://localhost:{}", stage.address.port());
    let transport = HttpTransport::builder(&format!("{origin}/mcp"))?
        .with_tls(ClientTls::from_ca_pem(stage.ca.pem().as_bytes())?)
        .with_credentials(BearerToken::new(origin.parse()?, stage.token.clone())?)
        .build()?;
    let answer = async |form: ElicitRequestFormParams| {
        let known = form.requested_schema.properties.contains_key("name");
        if known {
            Ok(ElicitResult::accept([("name", "Ada")]))
        } else {
            Err(InputError::new("unknown form"))
        }
    };
    let client = Client::builder()
        .with_info("demo-client", env!("CARGO_PKG_VERSION"))
        .with_eras(eras)
        .with_elicitation_handler(answer)
        .connect(transport)
        .await?;
    Ok(client)
}

/// The subscription's last word at shutdown.
pub(crate) async fn ends_gracefully(transcript: &mut Transcript, mut subscription: Subscription) {
    while let Some(event) = subscription.next().await {
        transcript.note(&format!("late event: {event:?}"));
    }
    let end = match subscription.end() {
        Some(SubscriptionEnd::Graceful) => "a result",
        _ => "no result",
    };
    transcript.step("the subscription ends with", &end, "a result");
}

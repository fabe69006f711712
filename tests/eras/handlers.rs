//! One set of handlers, asked in both eras: what a client gets is the same.

use std::sync::{Arc, Mutex};

use palisade::{
    Client, Context, HandlerError, Server,
    client::{CallOptions, ClientBuilder, InputError, SubscriptionEvent},
    protocol::{
        CreateMessageRequestParams, CreateMessageResult, ElicitRequestFormParams, ElicitResult,
        ElicitSchema, EnumSchema, Eras, ListRootsResult, LoggingLevel, Root, SamplingMessage,
        StringSchema, SubscriptionFilter,
    },
    tool,
};
use palisade_testkit::{guard::PATIENCE, within};
use serde_json::{Value, json};

use crate::party::{Over, TRANSPORTS, connect};

/// Asks the user, the model and for the roots, one after the other.
#[tool]
async fn ask(ctx: Context) -> Result<String, HandlerError> {
    let schema = ElicitSchema::new()
        .with_string("name", StringSchema::new())
        .with_enum("size", EnumSchema::one_of(["small", "large"]))
        .with_required(["name"]);
    let who = ctx.elicit("who", ElicitRequestFormParams::new("Who?", schema)).await?;
    let messages = vec![SamplingMessage::user("Say something.")];
    let said = ctx.sample("said", CreateMessageRequestParams::new(messages, 10)).await?;
    let roots = ctx.roots("roots").await?;
    let all =
        json!({ "who": who.content, "said": said.content, "model": said.model, "roots": roots });
    Ok(all.to_string())
}

/// Reports on what it does.
#[tool]
async fn report(ctx: Context) -> &'static str {
    for step in 1..=3_u8 {
        ctx.progress(f64::from(step), Some(3.0), Some("going on")).await;
        ctx.log(LoggingLevel::Info, Some("steps"), &step).await;
        ctx.log(LoggingLevel::Debug, None, "not wanted").await;
    }
    "reported"
}

/// Announces a change.
#[tool]
async fn change(ctx: Context) -> &'static str {
    ctx.notifier().tools_changed();
    "changed"
}

fn server() -> Server {
    let server = Server::new("handlers", "1.0.0");
    server.with_tool(ask).with_tool(report).with_tool(change).build().unwrap()
}

async fn say(_: CreateMessageRequestParams) -> Result<CreateMessageResult, InputError> {
    Ok(CreateMessageResult::new("model", "something"))
}

fn client(eras: Eras) -> ClientBuilder {
    Client::builder()
        .with_eras(eras)
        .with_elicitation_handler(|_| async {
            Ok(ElicitResult::accept([("name", "Ada"), ("size", "small")]))
        })
        .with_sampling_handler(say)
        .with_roots_handler(|| async { Ok(ListRootsResult::new(vec![Root::new("file:///work")])) })
}

/// All that a client sees of the handlers.
async fn seen(over: Over, eras: Eras) -> Value {
    let client = connect(over, server(), client(eras)).await.unwrap();
    assert_eq!(client.protocol_version().is_modern(), eras.is_modern());
    let asked: Value = client.call("ask", &json!({})).await.unwrap();

    let heard = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let (progress, logs) = (Arc::clone(&heard), Arc::clone(&heard));
    let options = CallOptions::new()
        .with_progress(move |it| {
            progress.lock().unwrap().0.push(json!([it.progress, it.total, it.message]));
        })
        .with_log(LoggingLevel::Info, move |it| {
            logs.lock().unwrap().1.push(json!([it.level, it.logger, it.data]));
        });
    let reported: String = client.call_with("report", &json!({}), options).await.unwrap();
    let (progress, logs) = heard.lock().unwrap().clone();

    let filter = SubscriptionFilter::new().with_tools_list_changed();
    let mut changes = client.listen(filter.clone()).await.unwrap();
    assert_eq!(changes.acknowledged(), &filter);
    let changed: String = client.call("change", &json!({})).await.unwrap();
    let event = changes.next().await.unwrap().unwrap();
    assert_eq!(event, SubscriptionEvent::ToolsListChanged);
    let tools = client.list_tools().collect_all().await.unwrap();
    let missing = client.read_resource("test://nowhere").await.unwrap_err();
    client.close().await;
    json!({
        "asked": asked, "reported": reported, "progress": progress, "logs": logs, "changed": changed,
        "tools": tools, "missing": missing.rpc().map(|error| error.code),
    })
}

#[tokio::test]
async fn handlers_are_the_same_in_both_eras() {
    for over in TRANSPORTS {
        let modern = within(PATIENCE, seen(over, Eras::ModernOnly)).await;
        let legacy = within(PATIENCE, seen(over, Eras::LegacyOnly)).await;
        assert_eq!(modern["asked"]["who"], json!({ "name": "Ada", "size": "small" }), "{over:?}");
        assert_eq!(modern["progress"].as_array().unwrap().len(), 3, "{over:?}");
        assert_eq!(modern["logs"].as_array().unwrap().len(), 3, "{over:?}");
        assert_eq!(modern, legacy, "{over:?}");
    }
}

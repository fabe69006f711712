//! The walk through a peer's fixture by the palisade client.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use palisade::{
    Client,
    auth::BearerToken,
    client::{
        CallOptions, ClientError, InputError, Subscription, SubscriptionEnd, SubscriptionEvent,
    },
    http::HttpTransport,
    protocol::{
        CallToolResult, ElicitRequestFormParams, ElicitResult, ProgressNotificationParams,
        ProtocolVersion, SubscriptionFilter,
    },
    stdio::{ServerCommand, StdioTransport},
    transport::{ClientTransport, TransportError},
};
use palisade_testkit::within;
use serde_json::{Value, json};

/// One step of the walk, on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// A client in the middle of its walk: it has a subscription open.
pub(crate) struct Visit {
    client: Client,
    subscription: Subscription,
}

/// Walks through the whole fixture and checks every answer. Returns with the second of two subscriptions.
pub(crate) async fn visit(url: &str, token: Option<&str>) -> Visit {
    visit_in(ProtocolVersion::LATEST, url, token).await
}

/// The same, where both sides agree on this revision.
pub(crate) async fn visit_in(version: ProtocolVersion, url: &str, token: Option<&str>) -> Visit {
    visit_over(version, over_http(url, token)).await
}

/// The same with a child of this process.
pub(crate) async fn visit_child(version: ProtocolVersion, command: ServerCommand) -> Visit {
    visit_over(version, StdioTransport::launch(command).unwrap()).await
}

async fn visit_over(version: ProtocolVersion, transport: impl ClientTransport + 'static) -> Visit {
    let asked = Arc::new(AtomicUsize::new(0));
    let client = within(LIMIT, connect(transport, Arc::clone(&asked))).await.unwrap();
    assert_eq!(client.protocol_version(), version);
    within(LIMIT, discovers(&client)).await;
    within(LIMIT, lists(&client)).await;
    within(LIMIT, calls(&client)).await;
    within(LIMIT, sees_progress(&client)).await;

    assert_eq!(asked.load(Ordering::SeqCst), 0);
    for (greeting, times) in [("hello, Ada", 1), ("no greeting", 2)] {
        let result = within(LIMIT, client.call_tool("greet", &json!({}))).await.unwrap();
        assert_eq!(only(&result), greeting);
        assert_eq!(asked.load(Ordering::SeqCst), times, "one question a call");
    }

    drop(within(LIMIT, hears_of_a_change(&client)).await);
    // The server goes on without the first subscriber.
    let subscription = within(LIMIT, hears_of_a_change(&client)).await;
    Visit { client, subscription }
}

/// The server refuses this token, or that there is none, and the client says so.
pub(crate) async fn assert_unauthorized(url: &str, token: Option<&str>) {
    let refused = within(LIMIT, connect(over_http(url, token), Arc::default())).await;
    match refused.unwrap_err() {
        ClientError::Transport(TransportError::Unauthorized { challenge: Some(challenge) }) => {
            assert!(challenge.starts_with("Bearer"), "{challenge}");
        }
        other => panic!("{other:?}"),
    }
}

impl Visit {
    /// The client leaves, and takes its subscription and its server with it.
    pub(crate) async fn leave(mut self) {
        within(LIMIT, self.client.close()).await;
        let last = within(LIMIT, self.subscription.next()).await;
        assert!(matches!(last, Some(Err(ClientError::Transport(_)))), "{last:?}");
        let late = within(LIMIT, self.client.call_tool("add", &json!({ "a": 1, "b": 1 }))).await;
        assert!(late.is_err(), "{late:?}");
    }

    /// The server has gone since: the client is told how the subscription ended, once.
    pub(crate) async fn assert_end(mut self, expected: SubscriptionEnd) {
        let last = within(LIMIT, self.subscription.next()).await;
        assert_eq!(self.subscription.end(), Some(expected), "{last:?}");
        match expected {
            SubscriptionEnd::Graceful => assert!(last.is_none(), "{last:?}"),
            _ => assert!(matches!(last, Some(Err(ClientError::Transport(_)))), "{last:?}"),
        }
        assert!(within(LIMIT, self.subscription.next()).await.is_none());
        self.client.close().await;
        let late = within(LIMIT, self.client.call_tool("add", &json!({ "a": 1, "b": 1 }))).await;
        assert!(late.is_err(), "{late:?}");
    }
}

fn over_http(url: &str, token: Option<&str>) -> HttpTransport {
    let mut transport = HttpTransport::builder(url).unwrap();
    if let Some(token) = token {
        let origin = url.strip_suffix("/mcp").unwrap().parse().unwrap();
        transport = transport.with_credentials(BearerToken::new(origin, token).unwrap());
    }
    transport.build().unwrap()
}

async fn connect(
    transport: impl ClientTransport + 'static,
    asked: Arc<AtomicUsize>,
) -> Result<Client, ClientError> {
    // The user says who they are the first time, and declines from then on.
    let answer = move |form: ElicitRequestFormParams| {
        let earlier = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            let fields: Vec<_> = form.requested_schema.properties.keys().collect();
            if form.message != "What is your name?" || fields != ["name"] {
                return Err(InputError::new(format!("{form:?}")));
            }
            Ok(match earlier {
                0 => ElicitResult::accept([("name", "Ada")]),
                _ => ElicitResult::decline(),
            })
        }
    };
    Client::builder()
        .with_info("interop-palisade", "1.0.0")
        .with_elicitation_handler(answer)
        .with_request_timeout(LIMIT)
        .connect(transport)
        .await
}

async fn discovers(client: &Client) {
    let found = client.discover().await.unwrap();
    let spoken = client.protocol_version();
    assert!(found.supported_versions.iter().any(|it| it == spoken.as_str()), "{found:?}");
    assert_eq!(found.meta.server_info.as_ref().unwrap().name, "interop-fixture");
    assert!(found.capabilities.tools.as_ref().unwrap().list_changed, "{found:?}");
}

async fn lists(client: &Client) {
    let tools = client.list_tools().collect_all().await.unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["add", "count", "greet", "trigger_change"]);
    let add = tools.iter().find(|tool| tool.name == "add").unwrap();
    assert!(add.description.as_ref().is_some_and(|text| !text.is_empty()), "{add:?}");
    let schema: Value = serde_json::to_value(&add.input_schema).unwrap();
    let mut arguments: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    arguments.sort_unstable();
    assert_eq!(arguments, ["a", "b"]);
}

async fn calls(client: &Client) {
    let arguments = json!({ "a": 40, "b": 2 });
    assert_eq!(only(&client.call_tool("add", &arguments).await.unwrap()), "42");
    assert_eq!(client.call::<String>("trigger_change", &json!({})).await.unwrap(), "changed");
}

async fn sees_progress(client: &Client) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let options = CallOptions::new().with_progress(move |progress: ProgressNotificationParams| {
        noted.lock().unwrap().push((progress.progress, progress.total, progress.message));
    });
    let result = client.call_tool_with("count", &json!({ "to": 3 }), options).await.unwrap();
    assert_eq!(only(&result), "counted to 3");
    let expected = [1.0, 2.0, 3.0].map(|step| (step, Some(3.0), Some(format!("step {step}"))));
    assert_eq!(*seen.lock().unwrap(), expected);
}

async fn hears_of_a_change(client: &Client) -> Subscription {
    let filter = SubscriptionFilter::new().with_tools_list_changed();
    let mut subscription = client.listen(filter).await.unwrap();
    assert!(subscription.acknowledged().tools_list_changed, "{subscription:?}");
    let changed = client.call_tool("trigger_change", &json!({})).await.unwrap();
    assert_eq!(only(&changed), "changed");
    let event = subscription.next().await.unwrap().unwrap();
    assert_eq!(event, SubscriptionEvent::ToolsListChanged);
    subscription
}

/// The text of a result that is one text block, and no error.
#[track_caller]
fn only(result: &CallToolResult) -> &str {
    assert!(!result.is_error() && result.content.len() == 1, "{result:?}");
    result.content[0].as_text().unwrap()
}

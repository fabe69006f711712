//! The fixture, served by palisade on a free loopback port.

use std::time::Duration;

use palisade::{
    Context, HandlerError, SecurityConfig, Server,
    auth::Bearer,
    http::{HttpServer, ServerHandle},
    protocol::{ElicitRequestFormParams, ElicitSchema, StringSchema},
    security::AllowedOrigins,
    tool,
};
use palisade_testkit::within;
use tokio::task::JoinHandle;

/// Longer than a server may take to let requests finish.
const LIMIT: Duration = Duration::from_secs(20);

/// Adds two integers.
#[tool]
async fn add(a: i64, b: i64) -> String {
    (a + b).to_string()
}

/// Counts up and reports each step.
#[tool]
async fn count(to: u32, ctx: Context) -> String {
    for step in 1..=to {
        let message = format!("step {step}");
        ctx.progress(f64::from(step), Some(f64::from(to)), Some(&message)).await;
    }
    format!("counted to {to}")
}

/// Asks for a name and greets.
#[tool]
async fn greet(ctx: Context) -> Result<String, HandlerError> {
    let schema =
        ElicitSchema::new().with_string("name", StringSchema::new()).with_required(["name"]);
    let answer =
        ctx.elicit("name", ElicitRequestFormParams::new("What is your name?", schema)).await?;
    Ok(match answer.field("name").and_then(serde_json::Value::as_str) {
        Some(name) if answer.is_accepted() => format!("hello, {name}"),
        _ => "no greeting".to_owned(),
    })
}

/// Announces a changed tool list.
#[tool]
async fn trigger_change(ctx: Context) -> &'static str {
    ctx.notifier().tools_changed();
    "changed"
}

/// The running fixture.
pub(crate) struct Fixture {
    url: String,
    handle: ServerHandle,
    serving: JoinHandle<()>,
}

impl Fixture {
    /// Starts it, open or behind a token.
    pub(crate) async fn start(token: Option<&str>) -> Self {
        let server = Server::new("interop-fixture", "1.0.0")
            .with_tool(add)
            .with_tool(count)
            .with_tool(greet)
            .with_tool(trigger_change)
            .build()
            .unwrap();
        let security = SecurityConfig::server().with_allowed_origins(AllowedOrigins::none());
        let security = match token {
            Some(token) => security.with_authenticator(Bearer::tokens([token])),
            None => security.dangerous().without_authentication(),
        };
        let security = security.without_tls().build().unwrap();
        let http =
            HttpServer::bind("127.0.0.1:0".parse().unwrap(), server, security).await.unwrap();
        let url = format!("http://{}/mcp", http.local_addr().unwrap());
        let handle = http.handle();
        Self { url, handle, serving: tokio::spawn(http.with_legacy_sse().serve()) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends the subscriptions with a result, and then all else.
    pub(crate) fn shut_down(&self) {
        self.handle.shutdown();
    }

    /// Everything ended within the time that a shutdown may take.
    pub(crate) async fn assert_ended(self) {
        within(LIMIT, self.serving).await.unwrap();
    }
}

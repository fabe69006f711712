//! The server that is visited: over HTTP in this process, over standard input and output in children.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use palisade::{
    Context, HandlerError, SecurityConfig, Server, ToolRoute,
    auth::{Bearer, bearer::TokenEntry},
    http::{HttpServer, ServerHandle},
    protocol::{ElicitRequestFormParams, ElicitSchema},
    security::{AllowedOrigins, Limits, SessionLimits},
    server::Notifier,
    stdio::StdioServer,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The argument that makes this program a server on its standard input and output.
pub(crate) const AS_CHILD: &str = "--as-child";
/// What the tool `panic` panics with.
pub(crate) const EXPECTED_PANIC: &str = "as it was asked to";

pub(crate) const ALICE: &str = "q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT";
pub(crate) const BOB: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

/// How long a session may rest here: shorter than it takes the site to settle.
const SESSION_IDLE: Duration = Duration::from_secs(5);

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// Counts a handler as running for as long as it lives, however it ends.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The server that everybody visits.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) notifier: Notifier,
    handle: ServerHandle,
    running: Arc<AtomicUsize>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let running = Arc::new(AtomicUsize::new(0));
        let server = server(&running);
        let notifier = server.notifier();
        let limits = Limits::new()
            .with_sessions(
                SessionLimits::new()
                    .with_idle_timeout(SESSION_IDLE)
                    .with_max_sessions(10_000)
                    .with_max_per_principal(10_000),
            )
            .with_max_subscriptions_per_principal(10_000)
            .with_max_connections_per_address(1_024)
            .with_request_timeout(Duration::from_secs(5));
        let tokens = [TokenEntry::new("alice", ALICE), TokenEntry::new("bob", BOB)];
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .with_authenticator(Bearer::entries(tokens))
            .without_tls()
            .with_limits(limits)
            .build()
            .unwrap();
        let listener =
            HttpServer::bind((Ipv4Addr::LOCALHOST, 0).into(), server, security).await.unwrap();
        let (address, handle) = (listener.local_addr().unwrap(), listener.handle());
        tokio::spawn(listener.serve());
        Self { address, notifier, handle, running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// How many handlers run.
    pub(crate) fn handlers(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.handle.sessions()
    }

    /// Waits until what visitors have left behind is gone, or the time is up.
    pub(crate) async fn settle(&self, time: Duration) {
        let end = Instant::now() + time;
        let least = SESSION_IDLE + Duration::from_secs(3);
        tokio::time::sleep(least).await;
        while Instant::now() < end && (self.handlers() > 0 || self.sessions() > 0) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// This program as a server that its client has launched.
pub(crate) fn run_as_child() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = StdioServer::new(
        server(&Arc::new(AtomicUsize::new(0))),
        SecurityConfig::stdio().build().unwrap(),
    );
    match runtime.block_on(server.serve_stdio()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Tools of every temper.
fn server(running: &Arc<AtomicUsize>) -> Server {
    let count = |running: &Arc<AtomicUsize>| Arc::clone(running);
    let (adding, telling, asking, hanging, panicking, dying) = (
        count(running),
        count(running),
        count(running),
        count(running),
        count(running),
        count(running),
    );
    Server::new("soak", "1")
        .with_tool(ToolRoute::typed("add", move |args: Add, _: Context| {
            let running = Running::new(&adding);
            async move {
                let _running = running;
                args.a + args.b
            }
        }))
        .with_tool(ToolRoute::typed("tell", move |_: Nothing, context: Context| {
            let running = Running::new(&telling);
            async move {
                let _running = running;
                for step in 1..=20 {
                    context.progress(f64::from(step), Some(20.0), Some("on the way")).await;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                "told"
            }
        }))
        .with_tool(ToolRoute::typed("ask", move |_: Nothing, context: Context| {
            let running = Running::new(&asking);
            async move {
                let _running = running;
                let form = ElicitRequestFormParams::new("sure?", ElicitSchema::new());
                let answer = context.elicit("sure", form).await?;
                Ok::<_, HandlerError>(format!("{:?}", answer.action))
            }
        }))
        .with_tool(ToolRoute::typed("hang", move |_: Nothing, _: Context| {
            let running = Running::new(&hanging);
            async move {
                let _running = running;
                std::future::pending::<()>().await;
            }
        }))
        .with_tool(ToolRoute::typed("panic", move |args: Add, _: Context| {
            let running = Running::new(&panicking);
            async move {
                let _running = running;
                assert!(args.a == args.b, "{EXPECTED_PANIC}");
            }
        }))
        .with_tool(ToolRoute::typed("die", move |_: Nothing, _: Context| {
            let running = Running::new(&dying);
            async move {
                let _running = running;
                std::process::exit(3);
                #[allow(unreachable_code, reason = "the type of what is never said")]
                ()
            }
        }))
        .build()
        .unwrap()
}

//! Builds a [`Client`].

use std::{
    sync::{Arc, OnceLock, atomic::AtomicI64},
    time::Duration,
};

use palisade_protocol::{ClientCapabilities, Eras, Implementation, TASKS_EXTENSION, TraceContext};
use palisade_transport::ClientTransport;
use serde_json::{Map, Value};

use crate::{
    CacheLimits, Client, ClientError, ElicitationHandler, RootsHandler, SamplingBudget,
    SamplingHandler, UrlElicitationHandler,
    cache::ResponseCache,
    engine::{CommonMeta, Engine, Settings, VERSION},
    input::Handlers,
    legacy::{Handshake, Session, is_legacy},
    options::TraceProvider,
    tools::ToolHeaders,
};

/// The settings of a [`Client`]. Every one has a safe default; what the client declares to the server
/// follows from the handlers that are set.
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    info: Option<Implementation>,
    handlers: Handlers,
    trace: TraceProvider,
    extensions: Map<String, Value>,
    settings: Settings,
    cache: CacheLimits,
    discover: bool,
    eras: Eras,
    probe_timeout: Duration,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            info: Some(Implementation::new("palisade", env!("CARGO_PKG_VERSION"))),
            handlers: Handlers::default(),
            trace: TraceProvider::default(),
            extensions: Map::new(),
            settings: Settings {
                request_timeout: Duration::from_secs(60),
                max_request_time: Duration::from_secs(600),
                max_rounds: 10,
                max_pages: 64,
                max_list_bytes: 64 << 20,
                max_task_time: Duration::from_secs(60 * 60),
                tasks: false,
            },
            cache: CacheLimits::default(),
            discover: true,
            eras: Eras::Both,
            probe_timeout: Duration::from_secs(10),
        }
    }
}

impl ClientBuilder {
    /// The name and version that the server sees. Default: those of this crate.
    pub fn with_info(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.info = Some(Implementation::new(name, version));
        self
    }

    /// Everything that the server sees about this program.
    pub fn with_implementation(mut self, info: Implementation) -> Self {
        self.info = Some(info);
        self
    }

    /// Tells the server nothing about this program.
    pub fn without_info(mut self) -> Self {
        self.info = None;
        self
    }

    /// Answers forms of the server. Without it a server that sends one is refused.
    pub fn with_elicitation_handler(mut self, handler: impl ElicitationHandler + 'static) -> Self {
        self.handlers.form = Some(Arc::new(handler));
        self
    }

    /// Asks the user about URLs that the server wants visited. Without it they are refused.
    pub fn with_url_elicitation_handler(
        mut self,
        handler: impl UrlElicitationHandler + 'static,
    ) -> Self {
        self.handlers.url = Some(Arc::new(handler));
        self
    }

    /// Lets the server use this client's model. Requests with tools, or with context of other servers,
    /// are refused unless [`Self::with_sampling_tools`] or [`Self::with_sampling_context`] offer that.
    pub fn with_sampling_handler(mut self, handler: impl SamplingHandler + 'static) -> Self {
        self.handlers.sampling = Some(Arc::new(handler));
        self
    }

    /// How much of this client's model servers may use: see [`SamplingBudget`].
    pub fn with_sampling_budget(mut self, budget: SamplingBudget) -> Self {
        self.handlers.set_sampling_budget(budget);
        self
    }

    /// Declares that the sampling handler lets the model use the tools of a request.
    pub fn with_sampling_tools(mut self) -> Self {
        self.handlers.sampling_tools = true;
        self
    }

    /// Declares that the sampling handler adds context of this or other servers if asked. That context
    /// then reaches the server through the model's words.
    pub fn with_sampling_context(mut self) -> Self {
        self.handlers.sampling_context = true;
        self
    }

    /// Tells the server which places it may work on.
    pub fn with_roots_handler(mut self, handler: impl RootsHandler + 'static) -> Self {
        self.handlers.roots = Some(Arc::new(handler));
        self
    }

    /// Lets the server make a task of a call, and follows it: every way to call a tool returns when the task
    /// is over, or [`Client::start_tool`] as soon as there is one. Not declared by default.
    ///
    /// # Specification
    ///
    /// SEP-2663, Tasks Extension.
    pub fn with_tasks(mut self) -> Self {
        self.settings.tasks = true;
        self.with_extension(TASKS_EXTENSION, Map::new())
    }

    /// How long a task is followed: 1 hour by default. A server could otherwise be at work for ever.
    pub fn with_max_task_time(mut self, max_time: Duration) -> Self {
        self.settings.max_task_time = max_time;
        self
    }

    /// Asks before each request where it stands in a trace: for whatever keeps the current span. It is called in
    /// the task that makes the request, and must not block. See
    /// [`CallOptions::with_trace_context`](crate::CallOptions::with_trace_context).
    pub fn with_trace_context_provider(
        mut self,
        current: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.trace = TraceProvider::new(current);
        self
    }

    /// Declares an extension with its settings.
    pub fn with_extension(mut self, name: impl Into<String>, settings: Map<String, Value>) -> Self {
        self.extensions.insert(name.into(), settings.into());
        self
    }

    /// How long a request waits for its response, or for the next progress if it asked for progress: 60
    /// seconds by default. [`CallOptions::with_timeout`](crate::CallOptions::with_timeout) sets it for one
    /// request. The time that handlers take does not count.
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How long a request waits for its response whatever progress comes: 10 minutes by default. A server
    /// could otherwise hold a request for ever by reporting progress.
    pub fn with_max_request_time(mut self, max_time: Duration) -> Self {
        self.settings.max_request_time = max_time;
        self
    }

    /// How often a server may answer one request by asking for input: 10 times by default. A server could
    /// otherwise ask a user, or a model that costs money, for ever.
    pub fn with_max_rounds(mut self, max_rounds: u32) -> Self {
        self.settings.max_rounds = max_rounds;
        self
    }

    /// How many pages a list may have: 64 by default. A server could otherwise send cursors for ever.
    pub fn with_max_pages(mut self, max_pages: u32) -> Self {
        self.settings.max_pages = max_pages;
        self
    }

    /// The bounds of the response cache.
    pub fn with_cache(mut self, limits: CacheLimits) -> Self {
        self.cache = limits;
        self
    }

    /// Connects without asking the server what it is: the first request is then the first to fail if the
    /// server cannot be reached or speaks no common version.
    pub fn without_discovery(mut self) -> Self {
        self.discover = false;
        self
    }

    /// Which revisions to speak: all of them by default, [`Eras::Both`].
    ///
    /// A client of both eras asks the server what it is. A server that does not know the question is older,
    /// and gets a session: see [`Self::connect`].
    pub fn with_eras(mut self, eras: Eras) -> Self {
        self.eras = eras;
        self
    }

    /// How long the server has to say what it is before it is taken for an older one that is silent: 10
    /// seconds by default, and never more than the time-out of requests.
    pub fn with_probe_timeout(mut self, timeout: Duration) -> Self {
        self.probe_timeout = timeout;
        self
    }

    /// Makes the client: asks the server what it is, and begins a session if it is an older one. Nothing is
    /// asked after [`Self::without_discovery`], and the server is taken for one of the newest revision, unless
    /// only older ones are to be spoken.
    ///
    /// With a server of the newest revision there is no session: nothing on the server remembers this.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if the server cannot be reached or speaks no revision that this client does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the transport.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Versioning, "Backward Compatibility with Initialization-Based Versions".
    pub async fn connect(
        self,
        transport: impl ClientTransport + 'static,
    ) -> Result<Client, ClientError> {
        let mut capabilities: ClientCapabilities = self.handlers.capabilities();
        if !self.extensions.is_empty() {
            capabilities = capabilities.with_extensions(self.extensions);
        }
        let engine = Engine {
            transport: Arc::new(transport),
            common: CommonMeta::new(VERSION, self.info.as_ref(), &capabilities)?,
            handlers: self.handlers,
            trace: self.trace,
            cache: Arc::new(ResponseCache::new(self.cache)),
            tools: ToolHeaders::default(),
            settings: self.settings,
            server: OnceLock::new(),
            next_id: Arc::new(AtomicI64::new(1)),
            session: OnceLock::new(),
        };
        let client = Client { engine: Arc::new(engine) };
        if self.eras.is_modern() {
            if !self.discover {
                return Ok(client);
            }
            let timeout = self.probe_timeout.min(self.settings.request_timeout);
            match client.discover_within(timeout).await {
                Err(failure)
                    if self.eras.is_legacy() && is_legacy(&failure, self.eras.versions()) =>
                {
                    tracing::debug!(code = failure.code(), "the server is of an older revision");
                }
                probed => return probed.map(|_| client),
            }
        }
        let handshake = Handshake::new(self.eras, self.info, capabilities);
        let (session, server) = Session::begin(&client.engine, handshake).await?;
        // Both are empty: nobody else has the engine.
        let _ = client.engine.server.set(Arc::new(server));
        let _ = client.engine.session.set(session);
        Ok(client)
    }
}

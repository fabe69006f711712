//! What a handler knows of its request, and what it can tell the client while it runs.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use palisade_protocol::{
    ClientCapabilities, CreateMessageRequestParams, CreateMessageResult, DecodeLimits,
    ElicitAction, ElicitRequestParams, ElicitResult, ErrorCode, ErrorObject, Implementation,
    Inbound, InputRequest, ListRootsResult, LoggingLevel, LoggingMessageNotificationParams,
    ProgressNotificationParams, RawJson, RequestId, RequestMeta, TraceContext, encode, method,
};
use palisade_security::Principal;
use palisade_transport::{AskError, Asker, Call, Outbox};
use serde::Serialize;

use crate::{
    HandlerError, Notifier, State,
    input::{Inputs, Redemption, Refused},
    server::Shared,
    task::TaskAsker,
};

/// The request that a handler serves. Cheap to clone.
///
/// It holds no credentials: what the client presented ended at the transport, and only the
/// [`Principal`] came further.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    server: Arc<Shared>,
    principal: Principal,
    request_id: RequestId,
    outbox: Arc<Outbox>,
    progress_token: Option<RequestId>,
    /// The last progress sent: the next must be greater.
    progress: Mutex<f64>,
    log_level: Option<LoggingLevel>,
    /// The message, in which what handlers seldom ask for is looked up.
    message: Bytes,
    /// What the client of a session said about itself when it began.
    session: Option<Box<AboutClient>>,
    inputs: Inputs,
    asker: Option<Arc<dyn Asker>>,
    /// The task that the handler runs as, from when it does.
    task: OnceLock<Arc<TaskAsker>>,
    /// Whether the handler may become a task, and whether it wants to.
    may_start_task: bool,
    wants_task: AtomicBool,
}

/// Name and version of a client, and what it can do, as JSON.
struct AboutClient {
    info: Option<Bytes>,
    capabilities: Option<Bytes>,
}

impl Context {
    pub(crate) fn new(server: &Arc<Shared>, call: &Call<'_>, inputs: Inputs) -> Self {
        let meta = call.params.meta.as_ref();
        Self(Arc::new(Inner {
            server: Arc::clone(server),
            principal: call.principal.clone(),
            request_id: call.request.id.clone(),
            outbox: Arc::clone(call.outbox),
            progress_token: meta.and_then(|meta| meta.progress_token.clone()),
            progress: Mutex::new(f64::NEG_INFINITY),
            log_level: call.log_level(),
            message: call.body.clone(),
            session: call.session.map(|_| {
                let (info, capabilities) = (call.client_info(), call.client_capabilities());
                Box::new(AboutClient { info, capabilities })
            }),
            inputs,
            asker: call.asker.cloned(),
            task: OnceLock::new(),
            may_start_task: false,
            wants_task: AtomicBool::new(false),
        }))
    }

    /// The same, for a handler that says itself when it becomes a task.
    pub(crate) fn with_late_task(mut self) -> Self {
        // A context that was just made has no clones.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.may_start_task = true;
        }
        self
    }

    /// From here on the handler runs as a task.
    pub(crate) fn enter_task(&self, asker: &Arc<TaskAsker>) {
        // There is one task for one call.
        let _ = self.0.task.set(Arc::clone(asker));
    }

    /// Whether the handler waits to become a task.
    pub(crate) fn wants_task(&self) -> bool {
        self.0.wants_task.load(Ordering::SeqCst) && self.0.task.get().is_none()
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The id of the request, unique only among this client's open requests.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// The value given to the server with `with_state`.
    ///
    /// # Errors
    ///
    /// An internal error if the server has no such state.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>, HandlerError> {
        self.0.server.states.get().ok_or_else(|| {
            tracing::error!(
                state = std::any::type_name::<T>(),
                "handler needs a state the server lacks"
            );
            HandlerError::protocol(ErrorObject::internal())
        })
    }

    /// Name and version of the client, as it says itself. For display, never for decisions.
    #[must_use]
    pub fn client_info(&self) -> Option<Implementation> {
        match &self.0.session {
            Some(about) => serde_json::from_slice(about.info.as_deref()?).ok(),
            None => self.meta(|meta| serde_json::from_str(meta.client_info?).ok()),
        }
    }

    /// Where the request stands in a trace, as far as the client says so in a well-formed way: what a handler
    /// passes on in its own requests, and what ties its spans to those of the client. For finding what belongs
    /// together, never for decisions.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Base Protocol, "OpenTelemetry trace context".
    #[must_use]
    pub fn trace_context(&self) -> Option<TraceContext> {
        self.meta(|meta| meta.trace.check())
    }

    /// What the client can do in this request.
    #[must_use]
    pub fn client_capabilities(&self) -> ClientCapabilities {
        let capabilities = match &self.0.session {
            Some(about) => about.capabilities.as_deref().map(serde_json::from_slice),
            None => self.meta(|meta| meta.client_capabilities.map(serde_json::from_str)),
        };
        capabilities.and_then(Result::ok).unwrap_or_default()
    }

    /// Something of the `_meta` that the request brings.
    fn meta<T>(&self, read: impl FnOnce(RequestMeta<'_>) -> Option<T>) -> Option<T> {
        // It was decoded under the limits of its transport before.
        match Inbound::decode(&self.0.message, &DecodeLimits::with_depth(usize::MAX)) {
            Ok(Inbound::Request(_, Ok(params))) => read(params.meta?),
            _ => None,
        }
    }

    /// Tells subscribed clients about changes.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        Notifier(Arc::clone(&self.0.server))
    }

    /// Goes on as a task, if the tool was registered with
    /// [`ToolRoute::with_late_task`](crate::ToolRoute::with_late_task) and the client knows tasks: the client
    /// gets a task in answer to its call, and asks later how it stands. Otherwise the handler goes on within
    /// its request. Await it in the handler itself, not in what the handler has spawned.
    ///
    /// What must be asked before it is decided whether there is work to do is asked before this call.
    ///
    /// # Errors
    ///
    /// None now; pass it on with `?`. If no task may begin, the call is refused and the handler dropped here.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, whether the handler runs as a task is open.
    ///
    /// # Specification
    ///
    /// SEP-2663, "Task Creation".
    pub async fn start_task(&self) -> Result<(), HandlerError> {
        if self.0.may_start_task {
            self.0.wants_task.store(true, Ordering::SeqCst);
            poll_fn(|_| match self.0.task.get() {
                Some(_) => Poll::Ready(()),
                // Whoever polls the handler looks at what it wants, and makes it a task before the next poll.
                None => Poll::Pending,
            })
            .await;
        }
        Ok(())
    }

    /// Reports progress, if the client asked for it. Progress that does not grow is not sent. Waits while
    /// the client reads slowly. In a task it becomes the task's status message, whether the client asked or not.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the client was not told.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Progress.
    pub async fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let task = self.0.task.get();
        if self.0.progress_token.is_none() && task.is_none() {
            return;
        }
        {
            let mut last = self.0.progress.lock().unwrap_or_else(PoisonError::into_inner);
            if !(progress.is_finite() && progress > *last) {
                return;
            }
            *last = progress;
        }
        let total = total.filter(|total| total.is_finite());
        if let Some(task) = task {
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            return match message {
                Some(message) => task.note(message).await,
                None => task.note(&format!("{progress}{of}")).await,
            };
        }
        let Some(token) = &self.0.progress_token else { return };
        let mut params = ProgressNotificationParams::new(token.clone(), progress);
        params.total = total;
        params.message = message.map(str::to_owned);
        self.notify(method::NOTIFICATIONS_PROGRESS, &params).await;
    }

    /// Sends a log message, if the client asked for this level. Put no secrets in it: it leaves the
    /// server. A task sends none.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the client was not told.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Logging (deprecated there in favour of standard error and OpenTelemetry).
    pub async fn log<T: Serialize + ?Sized>(
        &self,
        level: LoggingLevel,
        logger: Option<&str>,
        data: &T,
    ) {
        if self.0.log_level.is_none_or(|wanted| level < wanted) || self.0.task.get().is_some() {
            return;
        }
        let Ok(data) = serde_json::to_value(data) else { return };
        let mut params = LoggingMessageNotificationParams::new(level, data);
        params.logger = logger.map(str::to_owned);
        self.notify(method::NOTIFICATIONS_MESSAGE, &params).await;
    }

    /// Lets the connection of this request go: a client of revision 2025-11-25 is told to come back for the
    /// rest, so that a long wait holds no connection. Call it before the wait; what is sent after it, and the
    /// result, is kept for the client. No effect where clients cannot come back: in other revisions, and other
    /// transports than HTTP.
    ///
    /// # Specification
    ///
    /// MCP 2025-11-25, Transports, "Sending Messages to the Server", 6.
    pub fn close_stream(&self) {
        self.0.outbox.let_go();
    }

    /// Asks the user. `key` names the question within this request.
    ///
    /// In the newest revision the first run of the handler ends here, and the client is asked; with the
    /// answer the handler runs again from its beginning. So do nothing before this call that must not happen
    /// twice. In sessions of older revisions, and in tasks, the handler waits here instead. An accepted form
    /// fits the requested schema.
    ///
    /// # Errors
    ///
    /// Pass errors on with `?`: the wait for an answer is one. `-32021` if the client cannot be asked;
    /// an internal error if a form asks for a secret; a tool error if a client that was asked directly
    /// refuses, leaves, or answers something else than it was asked.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Elicitation; Multi Round-Trip Requests.
    pub async fn elicit(
        &self,
        key: &str,
        request: impl Into<ElicitRequestParams>,
    ) -> Result<ElicitResult, HandlerError> {
        let request = request.into();
        if let ElicitRequestParams::Form(form) = &request
            && form.requests_secret().is_some()
        {
            tracing::error!(key, "a form must not ask for a secret: use a url elicitation");
            return Err(HandlerError::protocol(ErrorObject::internal()));
        }
        self.ask(key, InputRequest::Elicit(request), |request, answer| {
            let answer: ElicitResult = answer.decode().ok()?;
            match request {
                InputRequest::Elicit(ElicitRequestParams::Form(form))
                    if answer.action == ElicitAction::Accept =>
                {
                    let content = answer.content.as_ref()?;
                    form.requested_schema.validate(content).ok()?;
                    Some(answer)
                }
                _ => Some(answer),
            }
        })
        .await
    }

    /// Asks the client's model. See [`Context::elicit`] for how the answer comes.
    ///
    /// # Errors
    ///
    /// Pass errors on with `?`: the wait for an answer is one. `-32021` if the client has no model to
    /// offer.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Sampling (deprecated there).
    pub async fn sample(
        &self,
        key: &str,
        request: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, HandlerError> {
        self.ask(key, InputRequest::CreateMessage(Box::new(request)), |_, answer| {
            answer.decode().ok()
        })
        .await
    }

    /// Asks for the client's root directories. See [`Context::elicit`] for how the answer comes.
    ///
    /// # Errors
    ///
    /// Pass errors on with `?`: the wait for an answer is one. `-32021` if the client offers no roots.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Roots (deprecated there).
    pub async fn roots(&self, key: &str) -> Result<ListRootsResult, HandlerError> {
        self.ask(key, InputRequest::ListRoots, |_, answer| answer.decode().ok()).await
    }

    /// Goes on at most once for each exchange with the client, however often, and however many at a time, its
    /// requests come: for what must not happen twice for one answer, such as a payment. Call it right before
    /// the act; if the act fails, the client has to be asked anew.
    ///
    /// An exchange begins with the first question, and its state is sealed: see [`Context::elicit`]. A request
    /// that brings no state is answered with one, and the client sends it again. In sessions of older revisions,
    /// and in tasks, the handler runs once and there is nothing to redeem.
    ///
    /// Exchanges are remembered in this process. Several processes that share the keys of a
    /// [`Sealer`](palisade_security::Sealer) do not know what others have redeemed: lead requests with one
    /// `Mcp-Name` to one of them, or keep what must be unique in a store of your own.
    ///
    /// # Errors
    ///
    /// Pass errors on with `?`: the wait for a state is one. `-32602` if the state has been redeemed; an
    /// internal error if too many are remembered.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Multi Round-Trip Requests, "Server Requirements".
    pub fn redeem_once(&self) -> Result<(), HandlerError> {
        match self.0.inputs.redeem(&self.0.server.redeemed) {
            Redemption::Done => Ok(()),
            Redemption::NoState if self.0.task.get().is_some() || self.0.asker.is_some() => Ok(()),
            Redemption::NoState => Err(HandlerError::input_required()),
            Redemption::Refused(Refused::Used) => {
                tracing::warn!(principal = self.0.principal.subject(), "request state used twice");
                Err(HandlerError::state_used())
            }
            Redemption::Refused(Refused::Full) => {
                tracing::error!("too many redeemed states are remembered");
                Err(HandlerError::protocol(ErrorObject::internal()))
            }
        }
    }

    /// The answer, if it is there and `read` accepts it; else the question is put to the client.
    async fn ask<T>(
        &self,
        key: &str,
        request: InputRequest,
        read: impl Fn(&InputRequest, &RawJson) -> Option<T>,
    ) -> Result<T, HandlerError> {
        let required = request.required_capabilities();
        if !self.client_capabilities().covers(&required) {
            return Err(HandlerError::protocol(missing_capability(&required)));
        }
        let answer = self.0.inputs.answer(key, &request);
        if let Some(value) = answer.and_then(|answer| read(&request, &answer)) {
            return Ok(value);
        }
        let task: Option<&dyn Asker> = self.0.task.get().map(|task| &**task as &dyn Asker);
        if let Some(asker) = task.or(self.0.asker.as_deref()) {
            return match asker.ask(key, &request, &self.0.outbox).await {
                Ok(answer) => read(&request, &answer)
                    .ok_or_else(|| HandlerError::tool("the client answered something else")),
                Err(AskError::Unsupported) => {
                    Err(HandlerError::protocol(missing_capability(&required)))
                }
                Err(error) => Err(HandlerError::tool(error)),
            };
        }
        self.0.inputs.ask(key, request);
        Err(HandlerError::input_required())
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        &self.0.inputs
    }

    async fn notify<T: Serialize>(&self, method: &str, params: &T) {
        match encode::notification(method, params) {
            Ok(message) => self.0.outbox.send(message.into()).await,
            Err(error) => tracing::error!(%error, method, "notification does not encode"),
        }
    }
}

pub(crate) fn missing_capability(required: &ClientCapabilities) -> ErrorObject {
    let error = ErrorObject::new(
        ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY,
        "the request needs a capability that the client did not declare",
    );
    match RawJson::from_serialize(&serde_json::json!({ "requiredCapabilities": required })) {
        Ok(data) => error.with_data(data),
        Err(_) => error,
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("principal", &self.0.principal.subject())
            .field("request_id", &self.0.request_id)
            .finish_non_exhaustive()
    }
}

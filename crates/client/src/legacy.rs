//! Servers of revisions up to 2025-11-25: the handshake, and the session behind it.
//!
//! The engine speaks the newest revision. Where a server is older, it hands what it wants to say to a
//! [`Session`], which says it in the words of that revision and reads the answers back into those of the
//! newest: the server's own requests go to the same handlers as the questions in results do, and its
//! notifications to the same subscriptions. Nothing outside of this module knows more than that there may be a
//! session.

mod answer;
mod handshake;
mod listener;
mod probe;
mod strays;
mod subscriptions;
mod under_way;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use palisade_protocol::{
    ErrorCode, LoggingLevel, Notification, ProtocolVersion, Request, ServerCapabilities,
    SubscriptionFilter, encode,
    legacy::{self, SetLevelRequestParams},
    method,
};
use palisade_transport::{ClientTransport, TransportError};
use serde_json::value::RawValue;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use self::{
    answer::{Answered, Answering},
    listener::{Command, Listener, Listening},
    strays::Strays,
    subscriptions::Subscriptions,
};
pub(crate) use self::{handshake::Handshake, probe::is_legacy};
use crate::{
    CallOptions, ClientError, InvalidRequest,
    engine::{Answer, CommonMeta, Deadline, EncodedParams, Engine, Exchange, Outgoing, Retry},
};

/// A session with a server of an older revision. Ends its listener when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    shared: Arc<Shared>,
    handshake: Handshake,
    /// Held while a session is being replaced: of many requests that find it gone, one begins a new one.
    renewal: tokio::sync::Mutex<()>,
    commands: mpsc::Sender<Command>,
    listener: JoinHandle<()>,
}

/// What the requests of a session and its listener share.
#[derive(Debug)]
struct Shared {
    transport: Arc<dyn ClientTransport>,
    next_id: Arc<AtomicI64>,
    current: Mutex<Current>,
    /// The number of the current session, for whoever waits for another.
    renewed: watch::Sender<u64>,
    listening: watch::Sender<Listening>,
    answering: Answering,
    subscriptions: Subscriptions,
    strays: Strays,
}

/// What a new session starts anew.
#[derive(Clone, Debug)]
struct Current {
    version: ProtocolVersion,
    capabilities: ServerCapabilities,
    /// Which session it is, counted from 0.
    number: u64,
    /// The least severe log message that the server was asked for.
    level: Option<LoggingLevel>,
}

impl Shared {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn version(&self) -> ProtocolVersion {
        self.current().version
    }

    fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

impl Session {
    /// The revision that both sides agreed on.
    pub(crate) fn version(&self) -> ProtocolVersion {
        self.shared.version()
    }

    /// The parameters as the server knows them.
    pub(crate) fn params(&self, request: &Outgoing<'_>) -> Result<EncodedParams, ClientError> {
        let params = request.params.bytes();
        let raw: &RawValue = serde_json::from_slice(&params).map_err(|_| InvalidRequest::Json)?;
        let written = legacy::params_for(self.version(), request.method, raw);
        Ok(EncodedParams::from_text(written)?)
    }

    /// One round trip of the engine.
    pub(crate) async fn round_trip(
        &self,
        engine: &Engine,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
        retry: &Retry,
    ) -> Result<Answer, ClientError> {
        let number = self.shared.current().number;
        match self.attempt(engine, request, options, retry).await {
            Err(ClientError::Transport(TransportError::SessionExpired)) => {
                self.renew(engine, number).await?;
                self.attempt(engine, request, options, retry).await
            }
            other => other,
        }
        .map_err(|error| newest(error, request.method))
    }

    async fn attempt(
        &self,
        engine: &Engine,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
        retry: &Retry,
    ) -> Result<Answer, ClientError> {
        if let Some(level) = options.log.as_ref().map(|(level, _)| *level) {
            self.set_level(engine, level).await?;
        }
        let wanted = options.log.is_some() || options.progress.is_some();
        let mut exchange = engine.start(engine.prepare(request, options, retry)?).await?;
        if wanted {
            exchange.stream = self.shared.strays.merge(exchange.stream);
        }
        engine.converse(exchange, options).await.map_err(|error| match error {
            // The server had taken the request, and whether it did it is unknown: it is not sent again.
            ClientError::Transport(TransportError::SessionExpired) => {
                TransportError::Interrupted.into()
            }
            other => other,
        })
    }

    /// Sees to it that the server sends log messages of this level. It is one level for the whole session:
    /// it is only ever made more talkative, and each request drops what it did not ask for.
    async fn set_level(&self, engine: &Engine, level: LoggingLevel) -> Result<(), ClientError> {
        {
            let current = self.shared.current();
            let enough = current.level.is_some_and(|set| set <= level);
            if enough || current.capabilities.logging.is_none() {
                return Ok(());
            }
        }
        let params = EncodedParams::new(&SetLevelRequestParams::new(level))?;
        match self.request(engine, legacy::method::LOGGING_SET_LEVEL, &params).await {
            // A server that cannot set a level sends what it likes.
            Ok(_) | Err(ClientError::Rpc(_)) => {
                self.shared.current().level = Some(level);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// One request that only older revisions have.
    async fn request(
        &self,
        engine: &Engine,
        method: &'static str,
        params: &EncodedParams,
    ) -> Result<Answer, ClientError> {
        let request = Outgoing::new(method, params);
        let mut options = CallOptions::new();
        let prepared = engine.prepare_in(
            self.version(),
            &CommonMeta::NONE,
            &request,
            &options,
            &Retry::default(),
        )?;
        engine.converse(engine.start(prepared).await?, &mut options).await
    }

    /// Answers a request of the server that came on the stream of a request.
    ///
    /// # Errors
    ///
    /// What the handlers, or the checks before them, refused: it ends the request, as it does in the newest
    /// revision. The server was told no more than that there is no answer.
    pub(crate) async fn answer(
        &self,
        engine: &Engine,
        request: Request<'_>,
        exchange: &mut Exchange,
    ) -> Result<(), ClientError> {
        if answer::asks_for_input(&request.method) {
            let limit = engine.settings.max_rounds;
            if exchange.asked >= limit {
                return Err(ClientError::TooManyRounds { limit });
            }
            exchange.asked = exchange.asked.saturating_add(1);
        }
        let Answered { response: (response, version), took, outcome } =
            answer::answer(&self.shared, &engine.handlers, request).await;
        exchange.deadline.extend(took);
        let sent = exchange.deadline.run(self.shared.transport.send(response, version)).await;
        outcome?;
        Ok(sent??)
    }

    /// Whether a request may wait on, because the server may be waiting for input from this client that it
    /// asked for elsewhere. The time-out then counts from the last answer.
    pub(crate) fn excuses(&self, deadline: &mut Deadline) -> bool {
        self.shared.answering.last_active().is_some_and(|since| deadline.restart(since))
    }

    /// A notification came on the stream of a request.
    pub(crate) fn notified(&self, notification: &Notification<'_>) {
        self.shared.subscriptions.deliver(notification);
    }

    /// Tells the server that the list of roots has changed.
    pub(crate) async fn roots_changed(&self, engine: &Engine) -> Result<(), ClientError> {
        let method = legacy::method::NOTIFICATIONS_ROOTS_LIST_CHANGED;
        let message = encode::notification(method, &serde_json::Map::new())
            .map_err(|_| InvalidRequest::Json)?;
        engine.tell(message, self.version()).await
    }

    /// Subscribes to changes. Returns what the server agreed to, and the stream of it as the newest
    /// revision has it.
    pub(crate) async fn subscribe(
        &self,
        engine: &Engine,
        filter: SubscriptionFilter,
    ) -> Result<(Exchange, SubscriptionFilter), ClientError> {
        let number = self.shared.current().number;
        match subscriptions::subscribe(self, engine, filter.clone()).await {
            Err(ClientError::Transport(TransportError::SessionExpired)) => {
                self.renew(engine, number).await?;
                subscriptions::subscribe(self, engine, filter).await
            }
            other => other,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// An error in the words of the newest revision.
fn newest(error: ClientError, method: &str) -> ClientError {
    match error {
        ClientError::Rpc(mut error)
            if error.code == ErrorCode::LEGACY_RESOURCE_NOT_FOUND
                && method == method::RESOURCES_READ =>
        {
            error.code = ErrorCode::INVALID_PARAMS;
            ClientError::Rpc(error)
        }
        other => other,
    }
}

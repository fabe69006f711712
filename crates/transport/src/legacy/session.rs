//! One client of an older revision, from `initialize` on.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use palisade_protocol::{
    ClientCapabilities, DecodeLimits, DiscoverResult, ErrorCode, ErrorObject, Implementation,
    Inbound, LoggingLevel, Notification, ProtocolVersion, RequestId, Response, encode,
    legacy::{self, InitializeRequestParams, InitializeResult, SetLevelRequestParams},
    method,
};
use palisade_security::{AccessRequest, Principal, RejectError, ServerSecurity, Target, authorize};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{json, value::RawValue};

use super::{
    questions::Questions,
    running::{IdInUse, Running},
    watch::Watched,
};
use crate::{Asker, Call, Dispatcher, Outbox, Reply, ReplyOutcome};

/// What a client gets that never asked for a level: as much as is useful without being told.
const DEFAULT_LOG_LEVEL: LoggingLevel = LoggingLevel::Info;

/// The most that a session keeps of what its client says about itself, in bytes: name and capabilities, an
/// icon among them. A request of the newest revision takes its own with it when it ends; sessions stay, and
/// there may be thousands.
const MAX_ABOUT_CLIENT: usize = 64 * 1024;

/// One client of an older revision. It belongs to the [`Principal`] that opened it; the transport sees to
/// it that nobody else uses it.
///
/// It needs no task of its own: its requests run in the futures of their callers.
pub struct Session {
    version: ProtocolVersion,
    /// Name and version, as JSON.
    client_info: Bytes,
    /// Capabilities in the words of the newest revision, as JSON.
    client_capabilities: Bytes,
    log_level: Mutex<LoggingLevel>,
    questions: Arc<Questions>,
    asker: Arc<dyn Asker>,
    running: Running,
    watched: Watched,
}

/// A session, and the response to the `initialize` that opened it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// What the client is told.
    pub reply: Reply,
}

impl Session {
    /// Answers `initialize`. The policy is asked whether the principal may discover the server, which is what
    /// the newest revision calls it.
    ///
    /// # Errors
    ///
    /// The reply that refuses: `-32602` if the parameters are wrong, say too much about the client, or no older
    /// revision is served, and whatever the engine refuses.
    ///
    /// # Specification
    ///
    /// MCP 2025-11-25, Lifecycle, "Initialization".
    pub async fn open(dispatcher: &dyn Dispatcher, call: Call<'_>) -> Result<Opened, Reply> {
        let session = Self::asked_for(dispatcher, &call)?;
        let discovered = discover(dispatcher, &call).await?;
        let nameless = || Implementation::new("", "");
        let info = discovered.meta.server_info.as_deref().cloned().unwrap_or_else(nameless);
        let mut result = InitializeResult::new(session.version, &discovered.capabilities, &info);
        result.instructions = discovered.instructions;
        let reply = answer(&call, &result);
        Ok(Opened { session, reply })
    }

    /// The session that an `initialize` asks for, before the engine is asked.
    fn asked_for(dispatcher: &dyn Dispatcher, call: &Call<'_>) -> Result<Self, Reply> {
        let params: InitializeRequestParams = params_of(call)?;
        let supported = dispatcher.supported_versions();
        let version = legacy::negotiate(&params.protocol_version, supported).ok_or_else(|| {
            let error =
                ErrorObject::unsupported_protocol_version(&params.protocol_version, supported);
            refused(call, &error, "unsupported_protocol_version")
        })?;
        let capabilities = legacy::client_capabilities_from(version, params.capabilities);
        let session = Self::new(version, &params.client_info, &capabilities);
        if session.client_info.len() + session.client_capabilities.len() > MAX_ABOUT_CLIENT {
            let error = ErrorObject::invalid_params("too much about the client");
            return Err(refused(call, &error, "client_info_too_large"));
        }
        Ok(session)
    }

    fn new(
        version: ProtocolVersion,
        client_info: &Implementation,
        capabilities: &ClientCapabilities,
    ) -> Self {
        // Both were just decoded from JSON. Without what a buffer has to spare: sessions stay.
        let json = |encoded: Result<Vec<u8>, _>| {
            encoded.map_or_else(|_| "{}".into(), |json| Bytes::from(json.into_boxed_slice()))
        };
        let questions = Arc::new(Questions::new(version));
        Self {
            version,
            client_info: json(serde_json::to_vec(client_info)),
            client_capabilities: json(serde_json::to_vec(capabilities)),
            log_level: Mutex::new(DEFAULT_LOG_LEVEL),
            asker: Arc::clone(&questions) as Arc<dyn Asker>,
            questions,
            running: Running::default(),
            watched: Watched::default(),
        }
    }

    /// The revision that the client speaks.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// Answers one request, in the words of the client's revision. A reply without a message is none at all:
    /// the client has cancelled the request.
    ///
    /// `ping` and `logging/setLevel` concern nobody but the session and ask no policy; to watch a resource
    /// takes the right to read it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request and drops its handler.
    pub async fn request(&self, dispatcher: &dyn Dispatcher, mut call: Call<'_>) -> Reply {
        call.version = self.version;
        call.session = Some(self);
        call.asker = Some(&self.asker);
        let answered = match &*call.request.method {
            legacy::method::PING => Ok(answer(&call, &json!({}))),
            legacy::method::LOGGING_SET_LEVEL => self.set_level(&call),
            legacy::method::RESOURCES_SUBSCRIBE => self.watch(&call),
            legacy::method::RESOURCES_UNSUBSCRIBE => self.unwatch(&call),
            legacy::method::INITIALIZE => {
                let error =
                    ErrorObject::new(ErrorCode::INVALID_REQUEST, "the session is initialized");
                Err(refused(&call, &error, "already_initialized"))
            }
            method::SERVER_DISCOVER | method::SUBSCRIPTIONS_LISTEN => {
                Err(refused(&call, &ErrorObject::method_not_found(), "method_not_found"))
            }
            _ => match self.running.run(&call.request.id, dispatcher.dispatch(call)).await {
                Ok(Some(reply)) => Ok(self.translate(&call, reply)),
                Ok(None) => Ok(Reply::cancelled()),
                Err(IdInUse) => {
                    let error = ErrorObject::new(ErrorCode::INVALID_REQUEST, "the id is in use");
                    Err(refused(&call, &error, "id_in_use"))
                }
            },
        };
        // An error answers the request, not the HTTP exchange that carries it.
        answered.unwrap_or_else(|refusal| refusal).with_http_status(200)
    }

    /// Takes note of a notification: a cancellation, or something that needs no answer and changes nothing.
    pub fn notification(&self, notification: &Notification<'_>) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Cancelled {
            request_id: RequestId,
        }
        if notification.method != method::NOTIFICATIONS_CANCELLED {
            return;
        }
        let params = notification.params.map_or("{}", RawValue::get);
        if let Ok(Cancelled { request_id }) = serde_json::from_str(params) {
            self.running.cancel(&request_id);
        }
    }

    /// Passes an answer of the client on to the handler that asked; whether one did.
    pub fn response(&self, response: &Response<'_>) -> bool {
        self.questions.answer(response)
    }

    /// Sends what changes on the server, until the engine ends it: the stream that belongs to no request. The
    /// first message says that it has begun, and is not for the client.
    pub async fn listen(
        &self,
        dispatcher: &dyn Dispatcher,
        principal: &Principal,
        security: &ServerSecurity,
        outbox: &Arc<Outbox>,
    ) -> Option<Reply> {
        self.watched.listen(dispatcher, principal, security, outbox).await
    }

    /// A message from an outbox in the words of the client's revision; `None` if it has none for it.
    #[must_use]
    pub fn outgoing(&self, message: &Bytes) -> Option<Bytes> {
        match legacy::notification_for(self.version, message)? {
            Cow::Borrowed(_) => Some(message.clone()),
            Cow::Owned(translated) => Some(translated.into()),
        }
    }

    /// The newest question whose answer the request with this outbox waits for; later ones have higher numbers.
    /// That time is not the handler's.
    #[must_use]
    pub fn question(&self, outbox: &Outbox) -> Option<i64> {
        self.questions.newest_of(outbox)
    }

    /// Ends the session: requests are cancelled, and nobody waits for an answer any more.
    pub fn close(&self) {
        self.questions.close();
        self.running.cancel_all();
    }

    pub(crate) fn client_info(&self) -> Bytes {
        self.client_info.clone()
    }

    pub(crate) fn client_capabilities(&self) -> Bytes {
        self.client_capabilities.clone()
    }

    pub(crate) fn log_level(&self) -> LoggingLevel {
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_level(&self, call: &Call<'_>) -> Result<Reply, Reply> {
        let params: SetLevelRequestParams = params_of(call)?;
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = params.level;
        Ok(answer(call, &json!({})))
    }

    fn watch(&self, call: &Call<'_>) -> Result<Reply, Reply> {
        let uri = uri_of(call)?;
        let request = AccessRequest::new(call.principal, method::RESOURCES_READ)
            .with_target(Target::Resource(uri));
        let authorized = authorize(call.security.policy(), request).map_err(|reason| {
            Reply::rejected(Some(&call.request.id), &RejectError::from(reason))
        })?;
        if !self.watched.add(uri.to_owned()) {
            let error = ErrorObject::invalid_params("too many resource subscriptions");
            return Err(refused(call, &error, "too_many_subscriptions"));
        }
        Ok(answer(call, &json!({})).with_would_deny(authorized.would_deny()))
    }

    fn unwatch(&self, call: &Call<'_>) -> Result<Reply, Reply> {
        self.watched.remove(uri_of(call)?);
        Ok(answer(call, &json!({})))
    }

    /// The engine's reply as the client's revision has it.
    fn translate(&self, call: &Call<'_>, mut reply: Reply) -> Reply {
        #[derive(Deserialize)]
        struct Outcome<'a> {
            #[serde(borrow)]
            result: Option<&'a RawValue>,
            error: Option<ErrorObject>,
        }
        let (id, method) = (&call.request.id, &*call.request.method);
        let message = match serde_json::from_slice(&reply.message) {
            Ok(Outcome { result: Some(result), .. }) => {
                encode::encoded_result(id, &legacy::result_for(self.version, method, result))
            }
            Ok(Outcome { error: Some(error), .. }) => {
                let error = legacy::error_for(self.version, method, &error);
                reply.error_code = Some(error.code.get());
                encode::error(Some(id), &error)
            }
            _ => {
                tracing::error!(method, "reply does not decode");
                encode::error(Some(id), &ErrorObject::internal())
            }
        };
        reply.message = message.into();
        reply
    }
}

/// What the engine says about itself, to this principal.
async fn discover(dispatcher: &dyn Dispatcher, call: &Call<'_>) -> Result<DiscoverResult, Reply> {
    #[derive(Deserialize)]
    struct Discovered {
        result: DiscoverResult,
    }
    let id = &call.request.id;
    let internal = || refused(call, &ErrorObject::internal(), "internal_error");
    let body: Bytes =
        encode::request(id, method::SERVER_DISCOVER, &json!({})).map_err(|_| internal())?.into();
    let Ok(Inbound::Request(request, Ok(params))) =
        Inbound::decode(&body, &DecodeLimits::default())
    else {
        return Err(internal());
    };
    let discovery = Call::new(&body, &request, &params, call.principal, call.security, call.outbox);
    let reply = dispatcher.dispatch(discovery).await;
    match reply.outcome {
        ReplyOutcome::Completed => serde_json::from_slice(&reply.message)
            .map(|Discovered { result }| result)
            .map_err(|_| internal()),
        _ => Err(reply),
    }
}

/// The parameters of a request, read once more.
fn params_of<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, Reply> {
    call.decode_params().map_err(|error| refused(call, &error, "invalid_params"))
}

fn uri_of<'a>(call: &Call<'a>) -> Result<&'a str, Reply> {
    call.params.uri.as_deref().ok_or_else(|| {
        refused(call, &ErrorObject::invalid_params("params name no resource"), "invalid_params")
    })
}

fn answer<T: Serialize>(call: &Call<'_>, result: &T) -> Reply {
    match encode::result(&call.request.id, result) {
        Ok(message) => Reply::result(message.into(), ReplyOutcome::Completed),
        Err(_) => refused(call, &ErrorObject::internal(), "internal_error"),
    }
}

fn refused(call: &Call<'_>, error: &ErrorObject, code: &'static str) -> Reply {
    Reply::error(Some(&call.request.id), error, code)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("version", &self.version).finish_non_exhaustive()
    }
}

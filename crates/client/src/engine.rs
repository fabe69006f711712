//! The engine: one request and its response stream at a time, in the task of whoever asks.

mod answer;
mod deadline;
mod encode;
mod incoming;
mod rounds;

use std::{
    future::poll_fn,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use palisade_protocol::{
    DecodeLimits, DiscoverResult, ErrorCode, ErrorObject, Message, ProtocolVersion, method,
};
use palisade_transport::{ClientTransport, MessageStream, OutboundRequest, TransportError};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use self::{
    answer::{Answer, ResultKind, decode},
    deadline::Deadline,
    encode::{CommonMeta, EncodedParams, Retry, member},
    incoming::{changed, params as notification_params},
};
use crate::{
    CallOptions, ClientError, InvalidResponse,
    cache::{CacheKey, ResponseCache},
    input::Handlers,
    legacy::Session,
    options::TraceProvider,
    tools::ToolHeaders,
};

/// The one modern revision that this client speaks. Older ones need a session: see [`legacy`](crate::legacy).
pub(crate) const VERSION: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// What `UnsupportedVersion` repeats of the server's list, at most.
const MAX_SUPPORTED: usize = 16;

/// What every clone of a client shares.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) transport: Arc<dyn ClientTransport>,
    pub(crate) common: CommonMeta,
    pub(crate) handlers: Handlers,
    pub(crate) trace: TraceProvider,
    pub(crate) cache: Arc<ResponseCache>,
    pub(crate) tools: ToolHeaders,
    pub(crate) settings: Settings,
    pub(crate) server: OnceLock<Arc<DiscoverResult>>,
    pub(crate) next_id: Arc<AtomicI64>,
    /// The session, with a server of an older revision.
    pub(crate) session: OnceLock<Session>,
}

/// The bounds of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) request_timeout: Duration,
    pub(crate) max_request_time: Duration,
    pub(crate) max_rounds: u32,
    pub(crate) max_pages: u32,
    pub(crate) max_list_bytes: usize,
    pub(crate) max_task_time: Duration,
    /// Whether calls may become tasks.
    pub(crate) tasks: bool,
}

/// One request, as the caller means it: what all attempts at it have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'static str,
    pub(crate) params: &'a EncodedParams,
    /// What `Mcp-Name` mirrors.
    pub(crate) name: Option<&'a str>,
    /// The arguments of a tool, some of which may be mirrored.
    pub(crate) arguments: Option<&'a RawValue>,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(method: &'static str, params: &'a EncodedParams) -> Self {
        Self { method, params, name: None, arguments: None }
    }
}

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    id: i64,
    outbound: OutboundRequest,
    timeout: Duration,
    max_time: Duration,
}

/// A request under way.
pub(crate) struct Exchange {
    pub(crate) id: i64,
    /// How much input the server has asked for on its stream.
    pub(crate) asked: u32,
    pub(crate) stream: std::pin::Pin<Box<dyn MessageStream>>,
    pub(crate) deadline: Deadline,
}

impl Engine {
    /// Encodes one request under a new id. Not a part of [`Self::start`], because the callbacks among the
    /// options can be sent to another thread but not shared with one.
    pub(crate) fn prepare(
        &self,
        request: &Outgoing<'_>,
        options: &CallOptions,
        retry: &Retry,
    ) -> Result<Prepared, ClientError> {
        match self.session.get() {
            Some(session) => {
                let params = session.params(request)?;
                let request = Outgoing { params: &params, ..*request };
                self.prepare_in(session.version(), &CommonMeta::NONE, &request, options, retry)
            }
            None => self.prepare_in(VERSION, &self.common, request, options, retry),
        }
    }

    /// Encodes one request in a revision.
    pub(crate) fn prepare_in(
        &self,
        version: ProtocolVersion,
        common: &CommonMeta,
        request: &Outgoing<'_>,
        options: &CallOptions,
        retry: &Retry,
    ) -> Result<Prepared, ClientError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let provided = match options.trace {
            None => self.trace.current(),
            Some(_) => None,
        };
        let trace = options.trace.as_ref().or(provided.as_ref());
        let (method, params) = (request.method, request.params);
        let body = encode::request(id, method, params, common, options, trace, retry)?;
        let mut outbound = OutboundRequest::new(body, version, request.method);
        outbound.name = request.name.map(Into::into);
        if request.method == method::TOOLS_CALL
            && let Some(name) = request.name
        {
            outbound.param_headers = self.tools.values(name, request.arguments.map(RawValue::get));
        }
        let timeout = options.timeout.unwrap_or(self.settings.request_timeout);
        let max_time = options.max_time.unwrap_or(self.settings.max_request_time);
        Ok(Prepared { id, outbound, timeout, max_time })
    }

    /// Sends a request. What it was asked for comes from the stream.
    pub(crate) async fn start(&self, prepared: Prepared) -> Result<Exchange, ClientError> {
        let deadline = Deadline::start(prepared.timeout, prepared.max_time);
        let stream = deadline.run(self.transport.request(prepared.outbound)).await??;
        Ok(Exchange { id: prepared.id, asked: 0, stream: Box::into_pin(stream), deadline })
    }

    /// Sends a message that is no request, within the time that a request has.
    pub(crate) async fn tell(
        &self,
        message: Vec<u8>,
        version: ProtocolVersion,
    ) -> Result<(), ClientError> {
        let settings = &self.settings;
        let deadline = Deadline::start(settings.request_timeout, settings.max_request_time);
        Ok(deadline.run(self.transport.send(message.into(), version)).await??)
    }

    /// One round trip: sends the request, passes on what is notified, and returns the result.
    pub(crate) async fn round_trip(
        &self,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
        retry: &Retry,
    ) -> Result<Answer, ClientError> {
        if let Some(session) = self.session.get() {
            return session.round_trip(self, request, options, retry).await;
        }
        match self.attempt(request, options, retry).await {
            Err(error) if negotiated(&error)? => self.attempt(request, options, retry).await,
            other => other,
        }
    }

    /// One request and its response.
    pub(crate) async fn attempt(
        &self,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
        retry: &Retry,
    ) -> Result<Answer, ClientError> {
        let exchange = self.start(self.prepare(request, options, retry)?).await?;
        self.converse(exchange, options).await
    }

    /// Reads the messages of an exchange up to its response.
    pub(crate) async fn converse(
        &self,
        mut exchange: Exchange,
        options: &mut CallOptions,
    ) -> Result<Answer, ClientError> {
        let mut progress = incoming::Progress::new(exchange.id);
        loop {
            let bytes = match (exchange.next().await, self.session.get()) {
                (Err(ClientError::Timeout(_)), Some(session))
                    if session.excuses(&mut exchange.deadline) =>
                {
                    continue;
                }
                (next, _) => next?.ok_or(TransportError::Interrupted)?,
            };
            let message = Message::decode(&bytes, &DecodeLimits::default())
                .map_err(|error| InvalidResponse::Message(error.kind))?;
            match message {
                Message::Notification(notification) => {
                    if let Some(session) = self.session.get() {
                        session.notified(&notification);
                    }
                    if incoming::notified(&notification, options, &mut progress, &self.cache) {
                        exchange.deadline.reset();
                    }
                }
                Message::Response(response) => {
                    let result = exchange.outcome(response)?;
                    let context = exchange.stream.authn_context();
                    let result = bytes.slice_ref(result.get().as_bytes());
                    exchange.finish().await;
                    return Ok(Answer { result, context });
                }
                Message::Request(request) => match self.session.get() {
                    Some(session) => session.answer(self, request, &mut exchange).await?,
                    None => return Err(InvalidResponse::Request.into()),
                },
                _ => return Err(InvalidResponse::Request.into()),
            }
        }
    }

    /// A result that may come from the cache, or go there: its text. Only for methods that the
    /// specification calls cacheable.
    pub(crate) async fn cached(
        &self,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
    ) -> Result<Answer, ClientError> {
        let usable = options.meta.is_empty();
        let key = CacheKey::new(request.method, request.params.bytes());
        let context = self.transport.authn_context();
        if usable
            && !options.bypass_cache
            && let Some(result) = self.cache.get(&key, context)
        {
            return Ok(Answer { result, context });
        }
        let generation = self.cache.generation();
        let (answer, outline, rounds) = self.complete(request, options).await?;
        // An answer to input is not an answer to the parameters alone.
        if usable
            && rounds == 0
            && let Some(scope) = outline.scope(answer.context)
        {
            self.cache.put(key, scope, &answer.result, outline.ttl, request.name, generation);
        }
        Ok(answer)
    }
}

impl Exchange {
    /// The next message within the deadline.
    pub(crate) async fn next(&mut self) -> Result<Option<bytes::Bytes>, ClientError> {
        let stream = &mut self.stream;
        let next = self.deadline.run(poll_fn(|cx| stream.as_mut().poll_next(cx))).await?;
        Ok(next.transpose()?)
    }

    /// The result in a response to this request.
    pub(crate) fn outcome<'m>(
        &self,
        response: palisade_protocol::Response<'m>,
    ) -> Result<&'m RawValue, ClientError> {
        let ours = palisade_protocol::RequestId::Integer(self.id);
        match (response.id, response.outcome) {
            (Some(id), _) if id != ours => Err(InvalidResponse::ForeignId.into()),
            // Without an id the server could not even read the request: only an error says so.
            (None, Ok(_)) => Err(InvalidResponse::ForeignId.into()),
            (_, Ok(result)) => Ok(result),
            (_, Err(error)) => Err(ClientError::Rpc(error)),
        }
    }

    /// Gives the stream the chance to see its end, so that the connection can be used again. What comes
    /// after the response is not read.
    async fn finish(mut self) {
        let stream = &mut self.stream;
        poll_fn(|cx| {
            let _ = stream.as_mut().poll_next(cx);
            std::task::Poll::Ready(())
        })
        .await;
    }
}

/// Whether a request that failed so is worth another attempt in a version that both sides speak.
///
/// There is one modern version. A server that lists the version it has just refused gets one more chance:
/// it may stand behind others that were updated before it.
pub(crate) fn negotiated(error: &ClientError) -> Result<bool, ClientError> {
    match error.rpc() {
        Some(error) if error.code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION => {
            let supported = supported_versions(error);
            if supported.iter().any(|version| version == VERSION.as_str()) {
                Ok(true)
            } else {
                Err(ClientError::UnsupportedVersion { supported })
            }
        }
        _ => Ok(false),
    }
}

/// The versions that the error of a server lists.
pub(crate) fn supported_versions(error: &ErrorObject) -> Vec<String> {
    #[derive(Deserialize)]
    struct Data {
        supported: Vec<String>,
    }
    let listed = error.data.as_ref().and_then(|data| data.decode::<Data>().ok());
    printable_versions(listed.map(|data| data.supported).unwrap_or_default())
}

/// What a server lists as versions, cut to what may be shown.
pub(crate) fn printable_versions(listed: impl IntoIterator<Item = String>) -> Vec<String> {
    let printable =
        |name: &String| name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_graphic());
    listed.into_iter().filter(printable).take(MAX_SUPPORTED).collect()
}

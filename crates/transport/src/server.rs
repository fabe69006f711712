//! What a server engine offers to a transport.

use std::{borrow::Cow, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use palisade_protocol::{
    ErrorCode, ErrorObject, LoggingLevel, ProtocolVersion, Request, RequestId, RequestMeta,
    RequestParams, encode, header::ParamHeaders,
};
use palisade_security::{
    CorrelationId, DenyReason, Moment, Principal, RejectError, ServerSecurity,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Asker, Outbox, legacy::Session};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers requests. Object-safe; one engine serves any number of transports at once.
pub trait Dispatcher: Send + Sync + fmt::Debug + 'static {
    /// Answers one request: authorizes it, runs its handler, encodes the reply.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request and drops its handler.
    fn dispatch<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Reply>;

    /// The protocol versions that are served, newest first.
    fn supported_versions(&self) -> &[ProtocolVersion];

    /// The arguments that a tool mirrors into headers; `None` if there are none, or no such tool.
    fn param_headers(&self, tool: &str) -> Option<Arc<ParamHeaders>>;

    /// Ends open subscriptions with a result and takes no new ones.
    fn shutdown(&self);
}

/// One authenticated, decoded request on its way to the engine. It carries no credentials.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The bytes that `request` and `params` borrow from, to keep parts of without a copy.
    pub body: &'a Bytes,
    /// The envelope.
    pub request: &'a Request<'a>,
    /// The parameters.
    pub params: &'a RequestParams<'a>,
    /// The version of the protocol this request uses.
    pub version: ProtocolVersion,
    /// Who asks.
    pub principal: &'a Principal,
    /// The rules of the transport it came by.
    pub security: &'a ServerSecurity,
    /// Where notifications of this request go.
    pub outbox: &'a Arc<Outbox>,
    /// Awaits the answers to questions of the handler. Without one, the reply asks.
    pub asker: Option<&'a Arc<dyn Asker>>,
    /// The session that it belongs to, in older revisions.
    pub session: Option<&'a Session>,
    /// The id of the request in audit records, for those that are written after it.
    pub correlation_id: Option<CorrelationId>,
    /// When it came, if its transport knows.
    pub came: Option<&'a Moment>,
}

impl<'a> Call<'a> {
    /// A call of the newest revision.
    #[must_use]
    pub fn new(
        body: &'a Bytes,
        request: &'a Request<'a>,
        params: &'a RequestParams<'a>,
        principal: &'a Principal,
        security: &'a ServerSecurity,
        outbox: &'a Arc<Outbox>,
    ) -> Self {
        Self {
            body,
            request,
            params,
            version: ProtocolVersion::LATEST,
            principal,
            security,
            outbox,
            asker: None,
            session: None,
            correlation_id: None,
            came: None,
        }
    }

    /// Name and version of the client, as it says itself: an object, as JSON.
    #[must_use]
    pub fn client_info(&self) -> Option<Bytes> {
        match self.session {
            Some(session) => Some(session.client_info()),
            None => self.meta()?.client_info.map(|info| self.part(info)),
        }
    }

    /// What the client can do: an object, as JSON.
    #[must_use]
    pub fn client_capabilities(&self) -> Option<Bytes> {
        match self.session {
            Some(session) => Some(session.client_capabilities()),
            None => self.meta()?.client_capabilities.map(|capabilities| self.part(capabilities)),
        }
    }

    /// The least severe log message that the client wants; none if it wants none.
    #[must_use]
    pub fn log_level(&self) -> Option<LoggingLevel> {
        match self.session {
            Some(session) => Some(session.log_level()),
            None => self.meta()?.log_level,
        }
    }

    /// The parameters that only one method has, read from the message once more.
    ///
    /// # Errors
    ///
    /// `-32602` if they are not what the method takes.
    pub fn decode_params<T: DeserializeOwned>(&self) -> Result<T, ErrorObject> {
        #[derive(Deserialize)]
        struct Envelope<T> {
            params: T,
        }

        serde_json::from_slice(self.body)
            .map(|Envelope { params }| params)
            .map_err(|_| ErrorObject::invalid_params("invalid params"))
    }

    fn meta(&self) -> Option<&'a RequestMeta<'a>> {
        self.params.meta.as_ref()
    }

    fn part(&self, text: &str) -> Bytes {
        self.body.slice_ref(text.as_bytes())
    }
}

/// The response to one request, encoded, with what a transport needs to send and to record it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The JSON-RPC response.
    pub message: Bytes,
    /// The HTTP status, if nothing was streamed before it.
    pub http_status: u16,
    /// How it ended, for the audit record.
    pub outcome: ReplyOutcome,
    /// When to try again, on a refusal that time heals.
    pub retry_after: Option<Duration>,
    /// The code of the JSON-RPC error that it is, for the audit record.
    pub error_code: Option<i32>,
    /// Why a policy on trial would have denied the request, for the audit record.
    pub would_deny: Option<&'static str>,
}

/// Text as a part of the body. Text with escapes was copied while decoding and lies elsewhere: it is
/// copied again.
#[must_use]
#[expect(clippy::ptr_arg, reason = "whether the text is borrowed is the point")]
pub fn shared(body: &Bytes, text: &Cow<'_, str>) -> Bytes {
    match text {
        Cow::Borrowed(text) => body.slice_ref(text.as_bytes()),
        Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// A refusal as a JSON-RPC error: its own code, and the stable name in `data.code`.
#[must_use]
pub fn error_of(reject: &RejectError) -> ErrorObject {
    ErrorObject::new(ErrorCode::new(reject.jsonrpc_code()), reject.to_string())
        .with_data(serde_json::json!({ "code": reject.code() }))
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyOutcome {
    /// With a result.
    Completed,
    /// With a result that asks the client for input.
    InputRequired,
    /// With a task: it goes on, and the client asks how it stands.
    TaskCreated,
    /// The tool ran and reported an error.
    ToolFailed,
    /// With a JSON-RPC error; the stable code says which.
    Failed(&'static str),
    /// The policy refused; the stable code says why.
    Denied(&'static str),
    /// The client cancelled the request: it gets no response.
    Cancelled,
}

impl Reply {
    /// A response with a result, already encoded.
    #[must_use]
    pub fn result(message: Bytes, outcome: ReplyOutcome) -> Self {
        Self {
            message,
            http_status: 200,
            outcome,
            retry_after: None,
            error_code: None,
            would_deny: None,
        }
    }

    /// A response with an error. The status follows from the error's code.
    #[must_use]
    pub fn error(id: Option<&RequestId>, error: &ErrorObject, code: &'static str) -> Self {
        Self {
            message: Bytes::from(encode::error(id, error)),
            http_status: error.code.http_status(),
            outcome: ReplyOutcome::Failed(code),
            retry_after: None,
            error_code: Some(error.code.get()),
            would_deny: None,
        }
    }

    /// A refusal: its own status, its own code, and the stable name in `data.code`.
    #[must_use]
    pub fn rejected(id: Option<&RequestId>, reject: &RejectError) -> Self {
        Self {
            message: Bytes::from(encode::error(id, &error_of(reject))),
            http_status: reject.http_status(),
            outcome: ReplyOutcome::Denied(reject.code()),
            retry_after: reject.retry_after(),
            error_code: Some(reject.jsonrpc_code()),
            would_deny: None,
        }
    }

    /// No response: the client has cancelled the request.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::result(Bytes::new(), ReplyOutcome::Cancelled)
    }

    /// The same with another status.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.http_status = status;
        self
    }

    /// The same, of a request that a policy on trial would have denied for this reason.
    #[must_use]
    pub fn with_would_deny(mut self, reason: Option<DenyReason>) -> Self {
        self.would_deny = reason.map(|reason| reason.code());
        self
    }

    /// The same with another outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: ReplyOutcome) -> Self {
        self.outcome = outcome;
        self
    }
}

//! Requests of the server: answered by the handlers of this client, whatever stream they came on.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use palisade_protocol::{
    ErrorCode, ErrorObject, IncludeContext, InputRequest, ProtocolVersion, RawJson, Request,
    RequestId, encode, legacy, method,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Shared;
use crate::{ClientError, InputRefusal, input::Handlers};

/// Whether a request of this method is put to the handlers.
pub(super) fn asks_for_input(method: &str) -> bool {
    matches!(
        method,
        method::ELICITATION_CREATE | method::SAMPLING_CREATE_MESSAGE | method::ROOTS_LIST
    )
}

/// What came of one request of the server.
pub(super) struct Answered {
    /// The response, and the revision in whose words it is.
    pub(super) response: (Bytes, ProtocolVersion),
    /// How long the handlers took: what the server takes to be told is its own time.
    pub(super) took: Duration,
    /// What the handlers, or the checks before them, refused.
    pub(super) outcome: Result<(), ClientError>,
}

/// Answers one request of the server. Whoever sends the response bounds how long that may take.
pub(super) async fn answer(shared: &Shared, handlers: &Handlers, request: Request<'_>) -> Answered {
    let mut took = Duration::ZERO;
    let version = shared.version();
    let (response, outcome) = match request.method.as_ref() {
        legacy::method::PING => (result(&request.id, &Value::Object(Map::new())), Ok(())),
        method if asks_for_input(method) => {
            let begin = Instant::now();
            let busy = shared.answering.begin();
            let answered = input(handlers, &request).await;
            drop(busy);
            took = begin.elapsed();
            match answered {
                Ok(answer) => (written(version, &request, &answer), Ok(())),
                Err(refused) => {
                    (encode::error(Some(&request.id), &refused.to_error()), refused.into_outcome())
                }
            }
        }
        _ => (encode::error(Some(&request.id), &ErrorObject::method_not_found()), Ok(())),
    };
    Answered { response: (response.into(), version), took, outcome }
}

/// Why there is no answer.
enum Unanswered {
    /// The server's request cannot be read.
    Params,
    /// The handlers, or the checks before them, gave none.
    Refused(ClientError),
}

impl Unanswered {
    /// What the server is told: not more than it must know.
    fn to_error(&self) -> ErrorObject {
        match self {
            Self::Params => ErrorObject::invalid_params("invalid params"),
            Self::Refused(ClientError::InputRefused(InputRefusal::Undeclared(_))) => {
                ErrorObject::invalid_params("this was not declared as a capability")
            }
            Self::Refused(ClientError::InputRefused(_)) => ErrorObject::invalid_params("refused"),
            // The code that the specification shows for a user who refuses.
            Self::Refused(_) => ErrorObject::new(ErrorCode::new(-1), "no answer"),
        }
    }

    fn into_outcome(self) -> Result<(), ClientError> {
        match self {
            // The server's own fault, with which it can do as it likes.
            Self::Params => Ok(()),
            Self::Refused(error) => Err(error),
        }
    }
}

async fn input(handlers: &Handlers, request: &Request<'_>) -> Result<RawJson, Unanswered> {
    let params = request.params.map_or("{}", |params| params.get());
    let params: RawJson = serde_json::from_str(params).map_err(|_| Unanswered::Params)?;
    let asked = RawJson::from_serialize(&json!({ "method": request.method, "params": params }))
        .and_then(|asked| asked.decode::<InputRequest>());
    let mut asked = asked.map_err(|_| Unanswered::Params)?;
    // Before the newest revision a server could always ask for context, and a client leave it out.
    if let InputRequest::CreateMessage(params) = &mut asked
        && !handlers.sampling_context
        && params.include_context.is_some()
    {
        params.include_context = Some(IncludeContext::None);
    }
    handlers.answer_single(asked).await.map_err(Unanswered::Refused)
}

/// A response with an answer, in the words of the revision.
fn written(version: ProtocolVersion, request: &Request<'_>, answer: &RawJson) -> Vec<u8> {
    let text = legacy::answer_for(version, &request.method, answer.as_raw());
    match serde_json::from_slice::<RawJson>(&text) {
        Ok(answer) => result(&request.id, &answer),
        Err(_) => encode::error(Some(&request.id), &ErrorObject::internal()),
    }
}

fn result<T: serde::Serialize>(id: &RequestId, result: &T) -> Vec<u8> {
    encode::result(id, result).unwrap_or_else(|_| encode::error(Some(id), &ErrorObject::internal()))
}

/// How many handlers are at work, and when the last one was.
#[derive(Debug, Default)]
pub(super) struct Answering(Mutex<(usize, Option<Instant>)>);

impl Answering {
    fn begin(&self) -> Busy<'_> {
        self.with(|(count, _)| *count = count.saturating_add(1));
        Busy(self)
    }

    /// Now, if a handler is at work; else when the last one was done.
    pub(super) fn last_active(&self) -> Option<Instant> {
        self.with(|(count, last)| if *count > 0 { Some(Instant::now()) } else { *last })
    }

    fn with<T>(&self, change: impl FnOnce(&mut (usize, Option<Instant>)) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A handler at work, also if it is dropped half-way.
struct Busy<'a>(&'a Answering);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.with(|(count, last)| {
            *count = count.saturating_sub(1);
            *last = Some(Instant::now());
        });
    }
}

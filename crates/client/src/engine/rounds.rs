//! Multi round-trip requests: the server asks, the handlers answer, the request is sent again.

use palisade_protocol::{InputRequiredResult, method};

use super::{
    Answer, Engine, Outgoing, Retry,
    answer::{Outline, ResultKind},
};
use crate::{CallOptions, ClientError, InvalidResponse};

impl Engine {
    /// Sends a request until its result is complete. Returns the result and the number of rounds of
    /// input it took.
    ///
    /// Every round is a request of its own with a new id. What the server asked for and its state go
    /// into the next attempt at this request and nowhere else.
    pub(super) async fn complete(
        &self,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
    ) -> Result<(Answer, Outline, u32), ClientError> {
        let mut retry = Retry::default();
        let mut rounds = 0;
        loop {
            let answer = self.round_trip(request, options, &retry).await?;
            let outline = answer.outline(request.method)?;
            match outline.kind {
                ResultKind::Complete => return Ok((answer, outline, rounds)),
                ResultKind::Task if self.settings.tasks => return Ok((answer, outline, rounds)),
                // What was not declared is not understood.
                ResultKind::Task => return Err(InvalidResponse::ResultType.into()),
                ResultKind::InputRequired => {}
            }
            if !may_ask(request.method) {
                return Err(InvalidResponse::InputRequired.into());
            }
            if rounds >= self.settings.max_rounds {
                return Err(ClientError::TooManyRounds { limit: self.settings.max_rounds });
            }
            rounds = rounds.saturating_add(1);
            let asked: InputRequiredResult = answer.decode(request.method)?;
            let input_responses = match asked.input_requests {
                Some(requests) => Some(self.handlers.answer(requests).await?),
                None if outline.request_state.is_some() => None,
                None => return Err(InvalidResponse::InputRequired.into()),
            };
            retry = Retry { input_responses, request_state: outline.request_state };
        }
    }

    /// Sends a request that is never cached until its result is complete.
    pub(crate) async fn uncached(
        &self,
        request: &Outgoing<'_>,
        options: &mut CallOptions,
    ) -> Result<Answer, ClientError> {
        self.complete(request, options).await.map(|(answer, ..)| answer)
    }
}

/// Whether the specification lets a server ask for input on this method.
fn may_ask(method: &str) -> bool {
    matches!(method, method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ)
}

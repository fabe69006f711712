//! Requests of the server to its client, and the answers on their way back.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    task::Poll,
};

use palisade_protocol::{
    InputRequest, ProtocolVersion, RawJson, RequestId, Response, encode, legacy,
};
use palisade_security::CorrelationIds;

use super::slot::Slot;
use crate::{AskError, Asker, BoxFuture, Outbox};

/// How many questions to one client may be open. Each holds a request of that client open, and is bounded
/// by those anyway; this one bounds a handler that asks many at once.
const MAX_OPEN: usize = 64;

type Answer = Result<RawJson, AskError>;

/// The open questions to one client.
#[derive(Debug)]
pub(super) struct Questions {
    version: ProtocolVersion,
    /// Names for what users are sent to by url.
    elicitations: CorrelationIds,
    next: AtomicI64,
    open: Mutex<HashMap<i64, Open>>,
}

#[derive(Debug)]
struct Open {
    answer: Arc<Slot<Answer>>,
    /// Where the question went out: which request it belongs to.
    outbox: usize,
}

impl Questions {
    pub(super) fn new(version: ProtocolVersion) -> Self {
        Self {
            version,
            elicitations: CorrelationIds::random().unwrap_or_default(),
            next: AtomicI64::new(1),
            open: Mutex::default(),
        }
    }

    /// Passes an answer on to whoever waits for it; whether anybody does.
    pub(super) fn answer(&self, response: &Response<'_>) -> bool {
        let Some(RequestId::Integer(id)) = response.id else { return false };
        let Some(open) = self.lock().remove(&id) else { return false };
        open.answer.put(match &response.outcome {
            Ok(result) => Ok(RawJson::from(*result)),
            Err(error) => Err(AskError::Refused(error.clone())),
        });
        true
    }

    /// The newest open question of the request with this outbox.
    pub(super) fn newest_of(&self, outbox: &Outbox) -> Option<i64> {
        let outbox = address(outbox);
        let open = self.lock();
        open.iter().filter(|(_, open)| open.outbox == outbox).map(|(id, _)| *id).max()
    }

    /// Nobody is there any more to answer.
    pub(super) fn close(&self) {
        for (_, open) in self.lock().drain() {
            open.answer.put(Err(AskError::Gone));
        }
    }

    fn open(&self, outbox: &Outbox) -> Result<Question<'_>, AskError> {
        let mut open = self.lock();
        if open.len() >= MAX_OPEN {
            return Err(AskError::TooMany);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let answer = Arc::new(Slot::default());
        open.insert(id, Open { answer: Arc::clone(&answer), outbox: address(outbox) });
        Ok(Question { questions: self, id, answer })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells outboxes apart while they live, which is as long as their questions.
fn address(outbox: &Outbox) -> usize {
    std::ptr::from_ref(outbox).addr()
}

/// One open question. Dropped, it is taken back.
struct Question<'q> {
    questions: &'q Questions,
    id: i64,
    answer: Arc<Slot<Answer>>,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.questions.lock().remove(&self.id);
    }
}

impl Asker for Questions {
    fn ask<'a>(
        &'a self,
        _: &'a str,
        request: &'a InputRequest,
        outbox: &'a Outbox,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let elicitation = self.elicitations.next_id().to_string();
            let (method, params) = legacy::request_for(self.version, request, &elicitation)
                .ok_or(AskError::Unsupported)?;
            let question = self.open(outbox)?;
            let message = encode::request(&RequestId::Integer(question.id), method, &params)
                .map_err(|_| AskError::Unsupported)?;
            outbox.send(message.into()).await;
            // Whom the handler left behind with a way to ask would wait for ever, and so would the question.
            poll_fn(|cx| match question.answer.poll_take(cx) {
                Poll::Ready(answer) => Poll::Ready(answer),
                Poll::Pending => outbox.poll_closed(cx).map(|()| Err(AskError::Gone)),
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests {
    use palisade_protocol::{InputRequest, ProtocolVersion};

    use super::{Arc, Asker as _, Outbox, Questions};

    #[tokio::test]
    async fn a_question_is_taken_back_with_its_request_whoever_asks() {
        let questions = Arc::new(Questions::new(ProtocolVersion::V2025_11_25));
        let outbox = Arc::new(Outbox::new(4));
        let ask = || {
            let (questions, outbox) = (Arc::clone(&questions), Arc::clone(&outbox));
            tokio::spawn(async move {
                questions.ask("roots", &InputRequest::ListRoots, &outbox).await.unwrap_err()
            })
        };
        let asked = ask();
        while questions.newest_of(&outbox).is_none() {
            tokio::task::yield_now().await;
        }
        outbox.finish();
        assert_eq!(asked.await.unwrap(), super::AskError::Gone);
        assert_eq!(ask().await.unwrap(), super::AskError::Gone, "too late");
        assert_eq!(questions.lock().len(), 0);
    }
}

//! Tasks: calls that outlive their request, followed by asking how they stand.

use std::{collections::BTreeSet, fmt, time::Duration};

use palisade_protocol::{
    CallToolResult, CancelTaskRequestParams, CreateTaskResult, DetailedTask, ErrorObject,
    GetTaskRequestParams, InputRequests, InputResponses, RawJson, Task, TaskStatus, method,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    CallOptions, Client, ClientError, InvalidRequest, InvalidResponse,
    engine::{EncodedParams, Outgoing, ResultKind, Retry},
    options::PlainOptions,
};

/// Between two questions there is at least this: a server cannot be made to be flooded.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// And at most this: a server cannot make its client forget to ask.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// If the server says nothing.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

/// What a call has come to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StartedCall {
    /// The tool has answered.
    Done(CallToolResult),
    /// The tool is at work.
    Task(TaskHandle),
}

/// A task of a server, to be followed now or later: it can be stored, and used by another client of the same
/// server with the same credentials.
///
/// Who has it may reach the task on a server that does not tell its callers apart: store it like the data it
/// stands for, and keep it out of logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskHandle {
    task: Task,
    /// The questions that were answered, so that nobody is asked twice.
    answered: BTreeSet<String>,
}

impl TaskHandle {
    /// The name of the task.
    #[must_use]
    pub fn task_id(&self) -> &str {
        &self.task.task_id
    }

    /// The task as it was last seen.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// How long to wait before the next question.
    fn interval(&self) -> Duration {
        let told = self.task.poll_interval_ms.map(Duration::from_millis);
        told.unwrap_or(USUAL_INTERVAL).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the id: who has it may reach the task.
        f.debug_struct("TaskHandle").field("status", &self.task.status).finish_non_exhaustive()
    }
}

impl Client {
    /// Calls a tool, and returns as soon as it has answered or has become a task. Needs
    /// [`ClientBuilder::with_tasks`](crate::ClientBuilder::with_tasks) for the latter.
    ///
    /// # Errors
    ///
    /// As [`Self::call_tool`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call; a task that the server has begun meanwhile goes on there until its
    /// time is up, and nobody knows it.
    ///
    /// # Specification
    ///
    /// SEP-2663, "Task Creation".
    pub async fn start_tool(
        &self,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
        mut options: CallOptions,
    ) -> Result<StartedCall, ClientError> {
        self.start_call(name, arguments, &mut options).await
    }

    /// Waits for the end of a task: asks how it stands as often as the server wants, and has the handlers
    /// answer what it asks. The handle keeps what has been answered: store it again when this fails.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`] with the error that the task ended with, or with -32602 if the server does not know
    /// it (any more); [`ClientError::TaskCancelled`]; [`ClientError::Timeout`] after the
    /// [time for tasks](crate::ClientBuilder::with_max_task_time), [`ClientError::TooManyRounds`] if it asks
    /// again and again: the task goes on then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the asking, not the task: use the handle again, or [`Self::cancel_task`].
    /// A question that a handler was answering may be asked again.
    ///
    /// # Specification
    ///
    /// SEP-2663, "Task Polling".
    pub async fn wait_for_task(
        &self,
        handle: &mut TaskHandle,
    ) -> Result<CallToolResult, ClientError> {
        self.follow(handle, &PlainOptions::default()).await
    }

    /// Asks how a task stands.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`] with -32602 if the server does not know the task (any more).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    pub async fn get_task(&self, task_id: &str) -> Result<DetailedTask, ClientError> {
        self.ask_for_task(task_id, &PlainOptions::default()).await
    }

    /// Answers what a task asks. [`Self::wait_for_task`] has the handlers of this client do so.
    ///
    /// # Errors
    ///
    /// As [`Self::get_task`]. Answers to what the task does not ask are ignored by the server.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request; whether the answers arrived is unknown.
    pub async fn update_task(
        &self,
        task_id: &str,
        responses: &InputResponses,
    ) -> Result<(), ClientError> {
        let responses = serde_json::to_vec(responses).map_err(|_| InvalidRequest::Json)?;
        self.answer_task(task_id, responses, &PlainOptions::default()).await
    }

    /// Asks the server to end a task. It may end otherwise all the same.
    ///
    /// # Errors
    ///
    /// As [`Self::get_task`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request; whether it arrived is unknown.
    pub async fn cancel_task(&self, task_id: &str) -> Result<(), ClientError> {
        let params = EncodedParams::new(&CancelTaskRequestParams::new(task_id))?;
        let request = named(method::TASKS_CANCEL, &params, task_id);
        self.engine.uncached(&request, &mut CallOptions::new()).await.map(drop)
    }

    /// The result of a call that may have become a task.
    pub(crate) async fn finish_call(
        &self,
        started: StartedCall,
        options: &PlainOptions,
    ) -> Result<CallToolResult, ClientError> {
        match started {
            StartedCall::Done(result) => Ok(result),
            StartedCall::Task(mut handle) => self.follow(&mut handle, options).await,
        }
    }

    async fn follow(
        &self,
        handle: &mut TaskHandle,
        options: &PlainOptions,
    ) -> Result<CallToolResult, ClientError> {
        let limit = self.engine.settings.max_task_time;
        let end = Instant::now().checked_add(limit);
        let mut rounds = 0;
        loop {
            // Never beyond the limit, which is looked at after the question.
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let interval = handle.interval();
            tokio::time::sleep(left.map_or(interval, |left| interval.min(left))).await;
            let seen = self.ask_for_task(handle.task_id(), options).await?;
            handle.task = seen.task.clone();
            if let Some(outcome) = outcome_of(&seen) {
                return outcome;
            }
            if let Some(requests) = unanswered(seen.input_requests, &handle.answered) {
                if rounds >= self.engine.settings.max_rounds {
                    return Err(ClientError::TooManyRounds { limit: rounds });
                }
                rounds = rounds.saturating_add(1);
                let keys: Vec<String> = requests.iter().map(|(key, _)| key.to_owned()).collect();
                let responses = self.engine.handlers.answer(requests).await?;
                self.answer_task(handle.task_id(), responses, options).await?;
                handle.answered.extend(keys);
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Err(ClientError::Timeout(limit));
            }
        }
    }

    async fn ask_for_task(
        &self,
        task_id: &str,
        options: &PlainOptions,
    ) -> Result<DetailedTask, ClientError> {
        let params = EncodedParams::new(&GetTaskRequestParams::new(task_id))?;
        let request = named(method::TASKS_GET, &params, task_id);
        let answer = self.engine.uncached(&request, &mut options.one()).await?;
        let seen: DetailedTask = answer.decode(request.method)?;
        if seen.task.task_id == task_id {
            Ok(seen)
        } else {
            Err(InvalidResponse::Result { method: method::TASKS_GET.into() }.into())
        }
    }

    /// `responses` is the text of the object.
    async fn answer_task(
        &self,
        task_id: &str,
        responses: Vec<u8>,
        options: &PlainOptions,
    ) -> Result<(), ClientError> {
        let params = EncodedParams::new(&GetTaskRequestParams::new(task_id))?;
        let request = named(method::TASKS_UPDATE, &params, task_id);
        let retry = Retry { input_responses: Some(responses), request_state: None };
        let answer = self.engine.round_trip(&request, &mut options.one(), &retry).await?;
        match answer.outline(request.method)?.kind {
            ResultKind::Complete => Ok(()),
            _ => Err(InvalidResponse::ResultType.into()),
        }
    }
}

/// A request about a task, whose id the header mirrors.
fn named<'a>(method: &'static str, params: &'a EncodedParams, task_id: &'a str) -> Outgoing<'a> {
    Outgoing { name: Some(task_id), ..Outgoing::new(method, params) }
}

/// What a task that was just created is followed by.
pub(crate) fn handle_of(created: CreateTaskResult) -> TaskHandle {
    TaskHandle { task: created.task, answered: BTreeSet::new() }
}

/// How the call has ended, if the task is over.
fn outcome_of(seen: &DetailedTask) -> Option<Result<CallToolResult, ClientError>> {
    let broken = || InvalidResponse::Result { method: method::TASKS_GET.into() }.into();
    match seen.task.status {
        TaskStatus::Completed => {
            let result = seen.result.as_ref().map(RawJson::decode);
            Some(result.and_then(Result::ok).ok_or_else(broken))
        }
        TaskStatus::Failed => {
            let error: Option<ErrorObject> = seen.error.clone();
            Some(Err(error.map_or_else(broken, ClientError::Rpc)))
        }
        TaskStatus::Cancelled => Some(Err(ClientError::TaskCancelled)),
        _ => None,
    }
}

/// What is asked that was not answered yet; the answers may not have come to effect.
fn unanswered(
    requests: Option<InputRequests>,
    answered: &BTreeSet<String>,
) -> Option<InputRequests> {
    let mut left = InputRequests::new();
    for (key, request) in requests? {
        if !answered.contains(&key) {
            left.insert(key, request);
        }
    }
    (!left.is_empty()).then_some(left)
}

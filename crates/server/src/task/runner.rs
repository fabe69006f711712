//! Running a tool as a task: the one place where the engine spawns.

use std::sync::Arc;

use palisade_protocol::{CallToolResult, ErrorObject, RawJson, ResultType, Task, method};
use palisade_security::{
    AuditRecord, CorrelationId, Outcome, Principal, RejectError, ServerSecurity, Target,
};
use palisade_transport::{Call, error_of};
use serde::Serialize;
use tracing::Instrument as _;

use super::{StoredTask, TaskAsker, TaskBounds, TaskStoreError, Tasks, new_id};
use crate::{HandlerError, error::Failure, input::invalid_state, server::Shared};

/// How often the end of a task is written before it is given up. Each attempt waits for as long as clients
/// wait between two questions.
const MAX_SETTLE_ATTEMPTS: u32 = 5;

/// A task that is in the store and whose handler does not run yet.
pub(crate) struct Start {
    server: Arc<Shared>,
    security: ServerSecurity,
    asker: Arc<TaskAsker>,
    principal: Principal,
    correlation_id: Option<CorrelationId>,
    stored: StoredTask,
}

impl Start {
    /// Puts a task into the store: whoever learns its id finds it there.
    pub(crate) async fn new(
        server: &Arc<Shared>,
        call: &Call<'_>,
        tool: &str,
    ) -> Result<Self, RejectError> {
        if server.tasks.is_closing() {
            return Err(RejectError::ShuttingDown);
        }
        let limits = call.security.limits().tasks();
        let now = call.security.clock().now();
        let id = new_id().map_err(refused)?;
        let owner = call.principal.context_key();
        let stored =
            StoredTask::new(id.clone(), owner, tool, now, limits.ttl(), limits.poll_interval());
        let bounds = TaskBounds {
            max_tasks: limits.max_tasks(),
            max_per_owner: limits.max_per_principal(),
            now,
        };
        server.tasks.store().insert(stored.clone(), &bounds).await.map_err(refused)?;
        Ok(Self {
            server: Arc::clone(server),
            security: call.security.clone(),
            asker: Arc::new(TaskAsker::new(server, call.security, id)),
            principal: call.principal.clone(),
            correlation_id: call.correlation_id,
            stored,
        })
    }

    /// What the handler asks with.
    pub(crate) fn asker(&self) -> &Arc<TaskAsker> {
        &self.asker
    }

    /// Runs the handler. Returns what the client learns of the task.
    pub(crate) fn spawn(
        self,
        handler: impl Future<Output = Result<CallToolResult, HandlerError>> + Send + 'static,
    ) -> Task {
        let task = self.stored.task();
        tokio::spawn(self.run(handler).in_current_span());
        task
    }

    async fn run(self, handler: impl Future<Output = Result<CallToolResult, HandlerError>>) {
        let tasks = &self.server.tasks;
        let end = tokio::select! {
            biased;
            () = ended_elsewhere(tasks, &self.stored) => None,
            () = tasks.closed() => Some(End::Cancelled("the server shuts down")),
            () = tokio::time::sleep(self.security.limits().tasks().ttl()) => {
                Some(End::Cancelled("the time of the task is up"))
            }
            () = self.asker.withdraw_dropped() => None,
            outcome = handler => Some(self.end_of(outcome)),
        };
        // By now the handler is dropped: nothing of it runs when others see that the task is over.
        let end = match end {
            Some(end) => self.settle(&end).await.unwrap_or(Ended::CANCELLED),
            None => Ended::CANCELLED,
        };
        self.record(&end);
    }

    /// What the task's record says in the end.
    fn end_of(&self, outcome: Result<CallToolResult, HandlerError>) -> End {
        let mut result = match outcome.map_err(|error| *error.0) {
            Ok(result) | Err(Failure::Tool(result)) => result,
            Err(Failure::Protocol(error)) => {
                let kept = self.encode(&error).map(|_| error);
                return End::Failed(kept.unwrap_or_else(ErrorObject::internal));
            }
            Err(Failure::Denied(reason)) => {
                return End::Denied(error_of(&RejectError::from(reason)), reason.code());
            }
            Err(Failure::StateUsed) => return End::Failed(invalid_state()),
            Err(Failure::InputRequired) => {
                tracing::error!("a task asked before it was one, and did not wait for the answer");
                return End::Failed(ErrorObject::internal());
            }
        };
        result.result_type.get_or_insert(ResultType::Complete);
        match self.encode(&result) {
            Some(text) => End::Completed(text, result.is_error()),
            None => End::Failed(ErrorObject::internal()),
        }
    }

    /// What the handler has returned, unless it is more than a task may keep.
    fn encode(&self, outcome: &impl Serialize) -> Option<RawJson> {
        let text = match RawJson::from_serialize(outcome) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "the result of a task does not encode");
                return None;
            }
        };
        let limit = self.security.limits().tasks().max_bytes();
        if text.get().len() > limit {
            tracing::error!(limit, "the result of a task exceeds `limits.tasks.max_bytes`");
            return None;
        }
        Some(text)
    }

    /// Writes the end into the record. `None` if the task was ended elsewhere meanwhile.
    async fn settle(&self, end: &End) -> Option<Ended> {
        let tasks = &self.server.tasks;
        for attempt in 1..=MAX_SETTLE_ATTEMPTS {
            let now = self.security.clock().now();
            let settled = tasks
                .change(self.stored.id(), |task| match end.clone() {
                    End::Completed(result, _) => task.complete(result, now),
                    End::Failed(error) | End::Denied(error, _) => task.fail(error, now),
                    End::Cancelled(why) => task.cancel(why, now),
                })
                .await;
            match settled {
                Ok(settled) => return settled.map(|()| end.ended()),
                Err(error) => tracing::error!(%error, attempt, "the end of a task is not stored"),
            }
            tokio::time::sleep(self.security.limits().tasks().poll_interval()).await;
        }
        Some(end.ended())
    }

    /// One record for the end of a task; that of its beginning is the request's.
    fn record(&self, ended: &Ended) {
        let id = self.correlation_id.or_else(|| CorrelationId::random().ok());
        let Some(id) = id else { return };
        let record =
            AuditRecord::new(self.security.clock().now(), id, "task", ended.outcome, ended.code)
                .with_principal(Some(&self.principal))
                .with_request(Some(method::TOOLS_CALL), Target::Tool(self.stored.tool()))
                .with_jsonrpc_code(ended.jsonrpc_code);
        self.security.audit().record(&record);
    }
}

/// How a task is going to end.
#[derive(Clone)]
enum End {
    /// With a result, and whether it says that the tool failed.
    Completed(RawJson, bool),
    Failed(ErrorObject),
    Denied(ErrorObject, &'static str),
    Cancelled(&'static str),
}

/// How a task has ended, for the audit record.
struct Ended {
    outcome: Outcome,
    code: &'static str,
    jsonrpc_code: Option<i32>,
}

impl Ended {
    const CANCELLED: Self =
        Self { outcome: Outcome::Cancelled, code: "task_cancelled", jsonrpc_code: None };
}

impl End {
    fn ended(&self) -> Ended {
        let (outcome, code, error) = match self {
            Self::Completed(_, false) => (Outcome::Allowed, "task_completed", None),
            Self::Completed(_, true) => (Outcome::Allowed, "task_tool_failed", None),
            Self::Failed(error) => (Outcome::Failed, "task_failed", Some(error)),
            Self::Denied(error, code) => (Outcome::Denied, *code, Some(error)),
            Self::Cancelled(_) => return Ended::CANCELLED,
        };
        Ended { outcome, code, jsonrpc_code: error.map(|error| error.code.get()) }
    }
}

/// Ready when the record says that the task is over, or is gone.
async fn ended_elsewhere(tasks: &Tasks, stored: &StoredTask) {
    let mut version = stored.version();
    loop {
        let seen = async {
            tasks.store().changed(stored.id(), version).await?;
            tasks.store().load(stored.id()).await
        };
        match seen.await {
            Ok(Some(task)) if !task.status().is_terminal() => version = task.version(),
            Ok(_) => return,
            // The handler goes on: its end may find the store back.
            Err(error) => {
                tracing::warn!(%error, "whether a task is cancelled is unknown");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

fn refused(error: TaskStoreError) -> RejectError {
    match error {
        TaskStoreError::TooMany { retry_after } => RejectError::TooManyTasks { retry_after },
        TaskStoreError::Full | TaskStoreError::Unavailable => {
            tracing::error!(%error, "a task cannot begin");
            RejectError::Overloaded { retry_after: std::time::Duration::from_secs(1) }
        }
    }
}

//! `tools/call` of tools that run as tasks, and `tasks/get`, `tasks/update`, `tasks/cancel`.

use std::{
    collections::BTreeMap,
    future::{Future as _, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use palisade_protocol::{
    ClientCapabilities, CreateTaskResult, EmptyResult, ErrorObject, ProtocolVersion, RawJson,
    method,
};
use palisade_security::{
    AccessRequest, Authorized, DenyReason, RejectError, Target, digest::constant_time_eq, is_listed,
};
use palisade_transport::{Call, Reply, ReplyOutcome};

use super::{reply, run};
use crate::{
    Context, RawArguments, StoredTask, TaskStoreError, context::missing_capability,
    registry::ToolEntry, server::Shared, task::Start,
};

/// More than the longest id that is made.
const MAX_ID: usize = 64;

/// Whether a method is one about tasks.
pub(super) fn is_one_of(method: &str) -> bool {
    matches!(method, method::TASKS_GET | method::TASKS_UPDATE | method::TASKS_CANCEL)
}

/// Whether the client has said, in this very request, that it knows tasks. Older revisions have no
/// extensions.
pub(super) fn are_declared(call: &Call<'_>) -> bool {
    call.version >= ProtocolVersion::V2026_07_28
        && call
            .client_capabilities()
            .and_then(|text| serde_json::from_slice::<ClientCapabilities>(&text).ok())
            .is_some_and(|declared| declared.covers(&ClientCapabilities::tasks()))
}

/// `-32021`.
pub(super) fn undeclared(call: &Call<'_>) -> Reply {
    reply::error(call, &missing_capability(&ClientCapabilities::tasks()))
}

/// Runs a tool as a task: from its beginning, or from where its handler says so.
pub(super) async fn call(
    server: &Arc<Shared>,
    call: &Call<'_>,
    authorized: Authorized<'_>,
    tool: &ToolEntry,
    context: Context,
    arguments: RawArguments,
) -> Reply {
    let name = &tool.route.tool.name;
    if !tool.route.task.late {
        let start = match Start::new(server, call, name).await {
            Ok(start) => start,
            Err(reject) => return reply::rejected(call, &reject),
        };
        context.enter_task(start.asker());
        let handler = run::begin(authorized, || tool.route.handler.run(arguments, context));
        let task = match handler {
            Ok(handler) => start.spawn(handler),
            Err(error) => start.spawn(std::future::ready(Err(error))),
        };
        return created(server, call, task);
    }
    let context = context.with_late_task();
    let run = || tool.route.handler.run(arguments, context.clone());
    let mut handler = match run::begin(authorized, run) {
        Ok(handler) => handler,
        Err(error) => return reply::tool(server, call, &context, Err(error)),
    };
    let ended = poll_fn(|cx| match pin!(&mut handler).poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending if context.wants_task() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    if let Some(outcome) = ended.await {
        return reply::tool(server, call, &context, outcome);
    }
    match Start::new(server, call, name).await {
        Ok(start) => {
            context.enter_task(start.asker());
            created(server, call, start.spawn(handler))
        }
        Err(reject) => reply::rejected(call, &reject),
    }
}

fn created(server: &Shared, call: &Call<'_>, task: palisade_protocol::Task) -> Reply {
    reply::complete(server, call, CreateTaskResult::new(task), ReplyOutcome::TaskCreated)
}

/// Answers a request about a task.
pub(super) async fn serve(server: &Arc<Shared>, call: &Call<'_>) -> Reply {
    if !are_declared(call) {
        return undeclared(call);
    }
    let Some(id) = call.params.mirrored_name(&call.request.method) else {
        return reply::error(call, &ErrorObject::invalid_params("params name no task"));
    };
    let task = match find(server, call, id).await {
        Ok(task) => task,
        Err(failure) => return failure.reply(call),
    };
    let acknowledged = match &*call.request.method {
        method::TASKS_GET => {
            return reply::complete(server, call, task.detailed(), ReplyOutcome::Completed);
        }
        method::TASKS_UPDATE => update(server, call, id).await,
        _ => {
            let now = call.security.clock().now();
            let cancelled =
                server.tasks.change(id, |task| task.cancel("the client cancelled", now));
            // One that is over already is acknowledged all the same.
            cancelled.await.map(|_| ()).map_err(Failure::from)
        }
    };
    match acknowledged {
        Ok(()) => reply::complete(server, call, EmptyResult::new(), ReplyOutcome::Completed),
        Err(failure) => failure.reply(call),
    }
}

async fn update(server: &Shared, call: &Call<'_>, id: &str) -> Result<(), Failure> {
    let invalid = || Failure::Invalid("invalid input responses");
    let responses = call.params.input_responses.ok_or_else(invalid)?;
    let responses: BTreeMap<String, RawJson> =
        serde_json::from_str(responses).map_err(|_| invalid())?;
    let max_bytes = call.security.limits().tasks().max_bytes();
    let now = call.security.clock().now();
    let mut fits = true;
    server
        .tasks
        .change(id, |task| {
            fits = task.answer(&responses, max_bytes, now)?;
            fits.then_some(())
        })
        .await?;
    if fits { Ok(()) } else { Err(Failure::Invalid("the input responses are too large")) }
}

/// Why there is no task to be served.
pub(super) enum Failure {
    /// There is none, or its time is up.
    Unknown,
    /// It belongs to another principal. Whoever asks learns no more than if there were none.
    Foreign,
    /// Its owner may no longer use the tool.
    Denied,
    Invalid(&'static str),
    Store(TaskStoreError),
}

impl From<TaskStoreError> for Failure {
    fn from(error: TaskStoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    fn reply(&self, call: &Call<'_>) -> Reply {
        let unknown = || reply::error(call, &ErrorObject::invalid_params("unknown task"));
        match self {
            Self::Unknown => unknown(),
            Self::Foreign => unknown().with_outcome(ReplyOutcome::Denied("foreign_task")),
            Self::Denied => {
                reply::rejected(call, &RejectError::from(DenyReason::ToolNotAuthorized))
            }
            Self::Invalid(message) => reply::error(call, &ErrorObject::invalid_params(*message)),
            Self::Store(error) => {
                tracing::error!(%error, "a task could not be served");
                reply::error(call, &ErrorObject::internal())
            }
        }
    }
}

/// The task with this id, if it is there and [may be followed](check) by who asks.
pub(super) async fn find(
    server: &Shared,
    call: &Call<'_>,
    id: &str,
) -> Result<StoredTask, Failure> {
    if id.len() > MAX_ID {
        return Err(Failure::Unknown);
    }
    let task = server.tasks.store().load(id).await?.ok_or(Failure::Unknown)?;
    check(call, &task).map(|()| task)
}

/// Whether a task belongs to who asks, and runs a tool that it may use.
///
/// The policy is asked about the tool, not about the method: whoever may call a tool may follow what it
/// began, and whoever may no longer call it learns nothing more of it.
pub(super) fn check(call: &Call<'_>, task: &StoredTask) -> Result<(), Failure> {
    if !constant_time_eq(task.owner(), &call.principal.context_key()) {
        return Err(Failure::Foreign);
    }
    if call.security.clock().now() >= task.expires_at() {
        return Err(Failure::Unknown);
    }
    let request = AccessRequest::new(call.principal, method::TOOLS_CALL)
        .with_target(Target::Tool(task.tool()));
    if is_listed(call.security.policy(), request) { Ok(()) } else { Err(Failure::Denied) }
}

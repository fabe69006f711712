//! Tasks: the extension `io.modelcontextprotocol/tasks`, with which a tool call may outlive its request.
//!
//! # Specification
//!
//! SEP-2663, Tasks Extension.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ClientCapabilities, ErrorObject, InputRequests, InputResponses, RawJson, ResultMeta, ResultType,
};

/// The identifier of the extension, under `extensions` in the capabilities of both sides.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

impl ClientCapabilities {
    /// What a client must have declared before a server may answer with a task, or about one.
    #[must_use]
    pub fn tasks() -> Self {
        Self::new().with_extensions(Map::from_iter([(
            TASKS_EXTENSION.to_owned(),
            Value::Object(Map::new()),
        )]))
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskStatus {
    /// It is being worked on.
    Working,
    /// It waits for answers of the client.
    InputRequired,
    /// The request has a result, which may say that the tool failed.
    Completed,
    /// The request has ended with a JSON-RPC error.
    Failed,
    /// It was ended before it was done.
    Cancelled,
}

impl TaskStatus {
    /// Whether the task is over: nothing of it changes any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What every message about a task says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Task {
    /// The name of the task. Who has it may reach the task if the server asks nothing else: it belongs in no
    /// log.
    pub task_id: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// What is happening, for people. Text of the server: escape it before it reaches a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// When it was created, in ISO 8601.
    pub created_at: String,
    /// When it last changed, in ISO 8601.
    pub last_updated_at: String,
    /// How long it is kept, in milliseconds from its creation; `None` is for ever.
    pub ttl_ms: Option<u64>,
    /// How long a client should wait before it asks again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval_ms: Option<u64>,
}

impl Task {
    /// A task at this time, kept for this long.
    #[must_use]
    pub fn new(
        task_id: impl Into<String>,
        status: TaskStatus,
        created_at: impl Into<String>,
        ttl_ms: Option<u64>,
    ) -> Self {
        let created_at = created_at.into();
        Self {
            task_id: task_id.into(),
            status,
            status_message: None,
            last_updated_at: created_at.clone(),
            created_at,
            ttl_ms,
            poll_interval_ms: None,
        }
    }
}

setters!(Task {
    /// Sets what is happening.
    with_status_message(into status_message: String);
    /// Sets when it last changed, in ISO 8601.
    with_last_updated_at(set last_updated_at: String);
    /// Sets how long a client should wait before it asks again, in milliseconds.
    with_poll_interval_ms(some poll_interval_ms: u64);
});

/// The result of a request that has become a task: what is known at its creation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreateTaskResult {
    /// [`ResultType::Task`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
}

impl CreateTaskResult {
    /// The result with which this task begins.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self { result_type: Some(ResultType::Task), task, meta: ResultMeta::default() }
    }
}

/// A task with what its status brings along: the result of `tasks/get`, and the params of
/// `notifications/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DetailedTask {
    /// Whether the result is final; of the answer to `tasks/get`, not of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// What the server asks, while it waits for answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<InputRequests>,
    /// What the request would have returned, once it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RawJson>,
    /// The error with which the request ended, once it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
}

impl DetailedTask {
    /// A task without details.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self {
            result_type: None,
            task,
            input_requests: None,
            result: None,
            error: None,
            meta: ResultMeta::default(),
        }
    }
}

/// The result of `tasks/get`.
pub type GetTaskResult = DetailedTask;
/// The params of `notifications/tasks`.
pub type TaskStatusNotificationParams = DetailedTask;
/// The result of `tasks/update`: received. What comes of it shows in `tasks/get`.
pub type UpdateTaskResult = crate::EmptyResult;
/// The result of `tasks/cancel`: received. What comes of it shows in `tasks/get`.
pub type CancelTaskResult = crate::EmptyResult;

result_body!(CreateTaskResult, DetailedTask);
setters!(DetailedTask {
    /// Sets what the server asks.
    with_input_requests(some input_requests: InputRequests);
    /// Sets the result.
    with_result(some result: RawJson);
    /// Sets the error.
    with_error(some error: ErrorObject);
});

/// The params of `tasks/get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GetTaskRequestParams {
    /// The task.
    pub task_id: String,
}

impl GetTaskRequestParams {
    /// Asks for this task.
    #[must_use]
    pub fn new(task_id: impl Into<String>) -> Self {
        Self { task_id: task_id.into() }
    }
}

/// The params of `tasks/cancel`.
pub type CancelTaskRequestParams = GetTaskRequestParams;

/// The params of `tasks/update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UpdateTaskRequestParams {
    /// The task.
    pub task_id: String,
    /// Answers to what it asks; those to nothing that it asks now are ignored.
    pub input_responses: InputResponses,
}

impl UpdateTaskRequestParams {
    /// Answers what this task asks.
    #[must_use]
    pub fn new(task_id: impl Into<String>, input_responses: InputResponses) -> Self {
        Self { task_id: task_id.into(), input_responses }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// Decodes, and encodes to the same.
    #[track_caller]
    fn check<T: Serialize + DeserializeOwned>(json: &str) -> T {
        let decoded: T = serde_json::from_str(json).unwrap();
        let (again, wanted): (Value, Value) =
            (serde_json::to_value(&decoded).unwrap(), serde_json::from_str(json).unwrap());
        assert_eq!(again, wanted);
        decoded
    }

    const TASK: &str = r#""taskId":"786512e2","createdAt":"2025-11-25T10:30:00Z",
        "lastUpdatedAt":"2025-11-25T10:50:00Z","ttlMs":60000,"pollIntervalMs":5000"#;

    #[test]
    fn the_examples_of_the_specification_are_read_and_written() {
        let created: CreateTaskResult = check(&format!(
            r#"{{"resultType":"task",{TASK},"status":"working","statusMessage":"in progress"}}"#
        ));
        assert_eq!(created.result_type, Some(ResultType::Task));
        assert_eq!(
            (created.task.ttl_ms, created.task.poll_interval_ms),
            (Some(60_000), Some(5000))
        );

        let asking: DetailedTask = check(&format!(
            r#"{{"resultType":"complete",{TASK},"status":"input_required","inputRequests":{{"name":{{
            "method":"elicitation/create","params":{{"mode":"form","message":"Your name?",
            "requestedSchema":{{"type":"object","properties":{{"name":{{"type":"string"}}}},
            "required":["name"]}}}}}}}}}}"#
        ));
        assert_eq!(asking.task.status, TaskStatus::InputRequired);
        assert!(asking.input_requests.unwrap().contains_key("name"));

        let done: DetailedTask = check(&format!(
            r#"{{{TASK},"status":"completed","result":{{"content":[],"isError":true}}}}"#
        ));
        assert_eq!(done.result.unwrap().get(), r#"{"content":[],"isError":true}"#);
        let failed: DetailedTask = check(&format!(
            r#"{{{TASK},"status":"failed","error":{{"code":-32603,"message":"internal error"}}}}"#
        ));
        assert_eq!(failed.error, Some(ErrorObject::internal()));
    }

    #[test]
    fn a_task_that_is_kept_for_ever_says_so() {
        let json = r#"{"taskId":"t","status":"cancelled","createdAt":"c","lastUpdatedAt":"c","ttlMs":null}"#;
        let task: Task = check(json);
        assert!(task.ttl_ms.is_none() && task.status.is_terminal());
        for status in ["Working", "done", ""] {
            let json = json.replace("cancelled", status);
            assert!(serde_json::from_str::<Task>(&json).is_err(), "{status}");
        }
    }
}

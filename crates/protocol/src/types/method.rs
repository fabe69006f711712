//! The names of all requests and notifications of revision 2026-07-28.

/// Asks for versions, capabilities and instructions. Client to server.
pub const SERVER_DISCOVER: &str = "server/discover";
/// Lists tools. Client to server.
pub const TOOLS_LIST: &str = "tools/list";
/// Calls a tool. Client to server.
pub const TOOLS_CALL: &str = "tools/call";
/// Lists prompts. Client to server.
pub const PROMPTS_LIST: &str = "prompts/list";
/// Renders a prompt. Client to server.
pub const PROMPTS_GET: &str = "prompts/get";
/// Lists resources. Client to server.
pub const RESOURCES_LIST: &str = "resources/list";
/// Lists resource templates. Client to server.
pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
/// Reads a resource. Client to server.
pub const RESOURCES_READ: &str = "resources/read";
/// Completes an argument of a prompt or a resource template. Client to server.
pub const COMPLETION_COMPLETE: &str = "completion/complete";
/// Opens a stream of notifications. Client to server.
pub const SUBSCRIPTIONS_LISTEN: &str = "subscriptions/listen";

/// Asks how a task stands. Client to server, in the tasks extension.
pub const TASKS_GET: &str = "tasks/get";
/// Answers what a task asks. Client to server, in the tasks extension.
pub const TASKS_UPDATE: &str = "tasks/update";
/// Asks for the end of a task. Client to server, in the tasks extension.
pub const TASKS_CANCEL: &str = "tasks/cancel";

/// Asks the user for input. Server to client, inside an input-required result.
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// Asks the client's model. Server to client, inside an input-required result.
pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
/// Asks for the client's roots. Server to client, inside an input-required result.
pub const ROOTS_LIST: &str = "roots/list";

/// A request is no longer wanted. Client to server; on stdio also server to client, to end a
/// subscription stream.
pub const NOTIFICATIONS_CANCELLED: &str = "notifications/cancelled";
/// How far a request has come. Server to client.
pub const NOTIFICATIONS_PROGRESS: &str = "notifications/progress";
/// A log message. Server to client.
pub const NOTIFICATIONS_MESSAGE: &str = "notifications/message";
/// A resource has changed. Server to client, on a subscription stream.
pub const NOTIFICATIONS_RESOURCES_UPDATED: &str = "notifications/resources/updated";
/// The list of resources has changed. Server to client, on a subscription stream.
pub const NOTIFICATIONS_RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
/// The list of tools has changed. Server to client, on a subscription stream.
pub const NOTIFICATIONS_TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
/// The list of prompts has changed. Server to client, on a subscription stream.
pub const NOTIFICATIONS_PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";
/// What a subscription will deliver: its first message. Server to client.
pub const NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED: &str =
    "notifications/subscriptions/acknowledged";
/// A task has changed. Server to client, on a subscription stream, in the tasks extension.
pub const NOTIFICATIONS_TASKS: &str = "notifications/tasks";

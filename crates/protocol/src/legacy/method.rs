//! The names of requests and notifications that only older revisions have. Those that all of them have are
//! in [`method`](crate::method).

/// Begins a session. Client to server.
pub const INITIALIZE: &str = "initialize";
/// Asks whether the other side is there. Both ways.
pub const PING: &str = "ping";
/// Sets the least severe log message that the session gets. Client to server.
pub const LOGGING_SET_LEVEL: &str = "logging/setLevel";
/// Asks to be told when a resource changes. Client to server.
pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
/// Ends what `resources/subscribe` began. Client to server.
pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";

/// The session may begin. Client to server.
pub const NOTIFICATIONS_INITIALIZED: &str = "notifications/initialized";
/// The list of roots has changed. Client to server.
pub const NOTIFICATIONS_ROOTS_LIST_CHANGED: &str = "notifications/roots/list_changed";
/// The user is done at a URL. Server to client, 2025-11-25 alone.
pub const NOTIFICATIONS_ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
/// A task has changed. Both ways, 2025-11-25 alone.
pub const NOTIFICATIONS_TASKS_STATUS: &str = "notifications/tasks/status";

//! Audit records as events of the Open Cybersecurity Schema Framework, for whoever collects them.

use serde_json::{Map, Value, json};

use super::{AuditEntry, Outcome};

/// The version of the schema.
const VERSION: &str = "1.3.0";

/// Codes of refusals that are about credentials: those of [`AuthnError`](crate::AuthnError).
const AUTHENTICATION: [&str; 8] = [
    "missing_credentials",
    "invalid_credentials",
    "expired_credentials",
    "multiple_credentials",
    "credentials_in_query",
    "authentication_unavailable",
    "authentication_busy",
    "too_many_failed_attempts",
];

/// An audit record as an OCSF 1.3 event: Authentication (class 3002) if it was refused for its
/// credentials, API Activity (class 6003) otherwise. Both with the profile `security_control`.
///
/// | record | event |
/// |-|-|
/// | `time` | `time` and `end_time`; `start_time` is `duration` earlier |
/// | `duration` | `duration`, in milliseconds |
/// | `correlation_id` | `metadata.uid`, `metadata.correlation_uid`; 6003: `api.request.uid` |
/// | `outcome` | `status_id` (1 success, 2 failure, 99 cancelled), `action_id` and `disposition_id` (1 allowed, 2 denied and blocked), `severity_id` (1 informational, 2 low: refused, 3 medium: failed) |
/// | `code` | `status_code` |
/// | `subject` | 6003: `actor.user.name`; 3002: `user.name`; `unknown` if there is none |
/// | `peer` | `src_endpoint.ip`, `src_endpoint.port`; `src_endpoint.name` is `unknown` if there is none |
/// | `method` | 6003: `api.operation`; `activity_id` 2 (read) for lists, reads and discovery, else 99 |
/// | `target`, `target_kind` | 6003: `resources[0].name`, `resources[0].type` |
/// | `http_status` | 6003: `http_response.code`; 3002: `unmapped` |
/// | `jsonrpc_code` | 6003: `api.response.code`, with `error` from `code`; 3002: `unmapped` |
/// | `transport`, `scheme`, `would_deny` | `unmapped` |
///
/// # Specification
///
/// OCSF 1.3.0, API Activity and Authentication.
#[must_use]
pub fn to_ocsf(entry: &AuditEntry) -> Value {
    let mut event = Map::new();
    let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
    let is_authentication = AUTHENTICATION.contains(&entry.code.as_str());
    let (class, category, activity, activity_name) = match entry.method.as_deref() {
        _ if is_authentication => (3002, 3, 1, "Logon"),
        Some(method) if is_read(method) => (6003, 6, 2, "Read"),
        Some(_) => (6003, 6, 99, "Other"),
        None => (6003, 6, 0, "Unknown"),
    };
    set("class_uid", json!(class));
    set("category_uid", json!(category));
    set("activity_id", json!(activity));
    set("activity_name", json!(activity_name));
    set("type_uid", json!(class * 100 + activity));

    let (status, action, severity) = match entry.outcome {
        Outcome::Allowed => (1, 1, 1),
        Outcome::Denied => (2, 2, 2),
        Outcome::Failed => (2, 1, 3),
        Outcome::Cancelled => (99, 1, 1),
    };
    set("status_id", json!(status));
    set("status", json!(entry.outcome.as_str()));
    set("status_code", json!(entry.code));
    set("action_id", json!(action));
    set("disposition_id", json!(action));
    set("severity_id", json!(severity));

    let time = entry.time.as_millis();
    let duration = u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX);
    set("time", json!(time));
    set("start_time", json!(time.saturating_sub(duration)));
    set("end_time", json!(time));
    set("duration", json!(duration));

    let id = entry.correlation_id.to_string();
    let product = json!({
        "name": "palisade", "vendor_name": "palisade", "version": env!("CARGO_PKG_VERSION"),
    });
    let metadata = json!({
        "version": VERSION, "product": product, "profiles": ["security_control"], "uid": id,
        "correlation_uid": id,
    });
    set("metadata", metadata);
    let source = match entry.peer {
        Some(peer) => json!({"ip": peer.ip().to_canonical().to_string(), "port": peer.port()}),
        None => json!({"name": "unknown"}),
    };
    set("src_endpoint", source);
    let user = match &entry.subject {
        Some(subject) => json!({"name": subject, "type_id": 99, "type": entry.scheme}),
        None => json!({"name": "unknown", "type_id": 0}),
    };
    let mut unmapped = json!({"transport": entry.transport, "scheme": entry.scheme});
    if let (Some(reason), Some(fields)) = (entry.would_deny, unmapped.as_object_mut()) {
        fields.insert("would_deny".to_owned(), json!(reason));
    }
    if is_authentication {
        set("user", user);
        set("service", json!({"name": "mcp"}));
        if let Some(fields) = unmapped.as_object_mut() {
            fields.insert("http_status".to_owned(), json!(entry.http_status));
            fields.insert("jsonrpc_code".to_owned(), json!(entry.jsonrpc_code));
        }
    } else {
        set("actor", json!({"user": user}));
        let mut api = json!({
            "operation": entry.method.as_deref().unwrap_or("unknown"), "service": {"name": "mcp"},
            "request": {"uid": id},
        });
        if let (Some(code), Some(api)) = (entry.jsonrpc_code, api.as_object_mut()) {
            api.insert("response".to_owned(), json!({"code": code, "error": entry.code}));
        }
        set("api", api);
        if let Some(name) = &entry.target {
            set("resources", json!([{"name": name, "type": entry.target_kind}]));
        }
        if let Some(status) = entry.http_status {
            set("http_response", json!({"code": status}));
        }
    }
    set("unmapped", unmapped);
    Value::Object(event)
}

fn is_read(method: &str) -> bool {
    method.ends_with("/list")
        || matches!(method, "resources/read" | "prompts/get" | "server/discover")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        audit::{AuditRecord, CorrelationId},
        authn::AuthnError,
        clock::UnixMillis,
        policy::Target,
        principal::Principal,
    };

    /// What both classes require, and what holds between their fields.
    #[track_caller]
    fn check(entry: &AuditEntry, class: u64, activity: u64) -> Value {
        let event = to_ocsf(entry);
        let number = |name: &str| event[name].as_u64().unwrap();
        assert_eq!((number("class_uid"), number("activity_id")), (class, activity), "{event}");
        assert_eq!(number("category_uid"), class / 1000);
        assert_eq!(number("type_uid"), class * 100 + activity);
        assert!((1..=6).contains(&number("severity_id")));
        assert_eq!(number("time"), entry.time.as_millis());
        assert_eq!(event["metadata"]["version"], VERSION);
        assert!(event["metadata"]["product"]["vendor_name"].is_string());
        let source = &event["src_endpoint"];
        assert!(source["ip"].is_string() || source["name"].is_string());
        if class == 6003 {
            assert!(event["actor"]["user"]["name"].is_string());
            assert!(
                event["api"]["operation"].is_string() && event["api"]["request"]["uid"].is_string()
            );
        } else {
            assert!(event["user"]["name"].is_string() && event["service"]["name"].is_string());
        }
        event
    }

    fn record(outcome: Outcome, code: &str) -> AuditRecord<'_> {
        let id = CorrelationId::from_u128(0xab);
        AuditRecord::new(UnixMillis::new(5000), id, "http", outcome, code)
            .with_duration(Duration::from_millis(70))
    }

    #[test]
    fn a_call_is_api_activity() {
        let principal = Principal::new("alice", "bearer");
        let record = record(Outcome::Failed, "internal_error")
            .with_principal(Some(&principal))
            .with_peer(Some("[::ffff:10.0.0.1]:4711".parse().unwrap()))
            .with_request(Some("tools/call"), Target::Tool("add"))
            .with_http_status(Some(200))
            .with_jsonrpc_code(Some(-32603));
        let event = check(&AuditEntry::from(&record), 6003, 99);
        for (pointer, expected) in [
            ("/actor/user/name", json!("alice")),
            ("/src_endpoint", json!({"ip": "10.0.0.1", "port": 4711})),
            ("/api/operation", json!("tools/call")),
            ("/api/response", json!({"code": -32603, "error": "internal_error"})),
            ("/resources/0", json!({"name": "add", "type": "tool"})),
            ("/http_response/code", json!(200)),
            ("/status_id", json!(2)),
            ("/status_code", json!("internal_error")),
            ("/action_id", json!(1)),
            ("/start_time", json!(4930)),
            ("/duration", json!(70)),
            ("/metadata/uid", json!("000000000000000000000000000000ab")),
            ("/unmapped", json!({"transport": "http", "scheme": "bearer"})),
        ] {
            assert_eq!(event.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn every_outcome_has_its_status() {
        for (outcome, status, action) in [
            (Outcome::Allowed, 1, 1),
            (Outcome::Denied, 2, 2),
            (Outcome::Failed, 2, 1),
            (Outcome::Cancelled, 99, 1),
        ] {
            let record = record(outcome, "x").with_request(Some("tools/list"), Target::None);
            let event = check(&AuditEntry::from(&record), 6003, 2);
            assert_eq!(
                (&event["status_id"], &event["action_id"]),
                (&json!(status), &json!(action))
            );
        }
        check(&AuditEntry::from(&record(Outcome::Denied, "host_not_allowed")), 6003, 0);
    }

    #[test]
    fn a_refusal_for_credentials_is_authentication() {
        let retry_after = Duration::from_secs(1);
        let mut error = AuthnError::MissingCredentials;
        loop {
            let record = record(Outcome::Denied, error.code()).with_http_status(Some(401));
            let event = check(&AuditEntry::from(&record), 3002, 1);
            assert_eq!(event["unmapped"]["http_status"], 401);
            // Exhaustive: a new error has to be given its class.
            error = match error {
                AuthnError::MissingCredentials => AuthnError::InvalidCredentials,
                AuthnError::InvalidCredentials => AuthnError::Expired,
                AuthnError::Expired => AuthnError::MultipleCredentials,
                AuthnError::MultipleCredentials => AuthnError::CredentialsInQuery,
                AuthnError::CredentialsInQuery => AuthnError::Unavailable,
                AuthnError::Unavailable => AuthnError::Busy,
                AuthnError::Busy => AuthnError::Throttled { retry_after },
                AuthnError::Throttled { .. } => break,
            };
        }
    }
}

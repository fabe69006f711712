//! Notifications in the words of an older revision.

use std::borrow::Cow;

use memchr::memmem;

use super::{method as older, shape::notification_of};
use crate::{DecodeLimits, Message, ProtocolVersion, jsonrpc::encode, meta, method};

/// A notification of the newest revision as the other side of a session in this one may see it: the same
/// bytes if nothing in it is newer, and `None` if all of it is.
///
/// Only for messages of this side, which are encoded without needless escapes.
#[must_use]
pub fn notification_for(version: ProtocolVersion, message: &[u8]) -> Option<Cow<'_, [u8]>> {
    if version.is_modern() || !may_differ(version, message) {
        return Some(Cow::Borrowed(message));
    }
    let Ok(Message::Notification(found)) = Message::decode(message, &DecodeLimits::with_depth(127))
    else {
        return Some(Cow::Borrowed(message));
    };
    if !is_known(version, &found.method) {
        return None;
    }
    let Some(params) = found.params else { return Some(Cow::Borrowed(message)) };
    let mut written = Vec::with_capacity(message.len());
    notification_of(&found.method).write(version, params, &mut written);
    let params: &serde_json::value::RawValue = serde_json::from_slice(&written).ok()?;
    encode::notification(&found.method, params).ok().map(Cow::Owned)
}

/// Whether the revision has such a notification. Those that no revision has are somebody's own.
fn is_known(version: ProtocolVersion, method: &str) -> bool {
    match method {
        method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED => version.is_modern(),
        older::NOTIFICATIONS_ELICITATION_COMPLETE | older::NOTIFICATIONS_TASKS_STATUS => {
            version == ProtocolVersion::V2025_11_25
        }
        _ => true,
    }
}

/// Whether the message has anything that some revision does not know, told by a search alone: most have
/// nothing, and are then neither read nor copied.
fn may_differ(version: ProtocolVersion, message: &[u8]) -> bool {
    let has = |text: &str| memmem::find(message, text.as_bytes()).is_some();
    has(meta::SUBSCRIPTION_ID)
        || has(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED)
        || (version < ProtocolVersion::V2025_11_25
            && (has(older::NOTIFICATIONS_ELICITATION_COMPLETE)
                || has(older::NOTIFICATIONS_TASKS_STATUS)))
        || (version < ProtocolVersion::V2025_03_26 && has(method::NOTIFICATIONS_PROGRESS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: ProtocolVersion, message: &str, expected: Option<&str>) {
        let sent = notification_for(version, message.as_bytes());
        let text = sent.as_ref().map(|sent| std::str::from_utf8(sent).unwrap());
        assert_eq!(text, expected, "{version}: {message}");
        let same = text == Some(message);
        assert_eq!(same, matches!(sent, Some(Cow::Borrowed(_))), "copied: {message}");
    }

    fn older() -> impl Iterator<Item = ProtocolVersion> {
        ProtocolVersion::ALL.into_iter().filter(|version| !version.is_modern())
    }

    #[test]
    fn progress_had_no_message_at_first() {
        let message = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2,"total":3,"message":"m"}}"#;
        let bare = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2,"total":3}}"#;
        check(ProtocolVersion::V2024_11_05, message, Some(bare));
        for version in ProtocolVersion::ALL.into_iter().skip(1) {
            check(version, message, Some(message));
        }
    }

    #[test]
    fn subscriptions_are_of_the_newest_revision() {
        let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u:v","_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#;
        let bare = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u:v"}}"#;
        let acknowledged = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{}}}"#;
        for version in older() {
            check(version, updated, Some(bare));
            check(version, acknowledged, None);
        }
        for message in [updated, acknowledged] {
            check(ProtocolVersion::LATEST, message, Some(message));
        }
    }

    #[test]
    fn some_are_of_one_revision() {
        for method in ["notifications/elicitation/complete", "notifications/tasks/status"] {
            let message = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"a":1}}}}"#);
            for version in older() {
                let known = version == ProtocolVersion::V2025_11_25;
                check(version, &message, known.then_some(message.as_str()));
            }
        }
    }

    #[test]
    fn others_are_not_even_read() {
        for message in [
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#,
            r#"{"jsonrpc":"2.0","method":"vendor/thing"}"#,
        ] {
            for version in older() {
                check(version, message, Some(message));
            }
        }
    }
}

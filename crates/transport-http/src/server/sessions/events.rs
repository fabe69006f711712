//! What is kept of event streams, so that clients that lost their connection can go on where they were.

mod memory;

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use bytes::Bytes;

pub use self::memory::MemoryEventStore;

/// Which event of which stream of a session. Unique within its session.
///
/// # Specification
///
/// MCP 2025-11-25, Transports, "Resumability and Redelivery".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "both parts are what an id is")]
pub struct EventId {
    /// The stream.
    pub stream: u64,
    /// The place of the event in its stream.
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.number)
    }
}

/// The text is not the id of an event of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed event id")]
#[non_exhaustive]
pub struct EventIdError;

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (stream, number) = text.split_once('-').ok_or(EventIdError)?;
        let parse = |text: &str| text.parse().map_err(|_| EventIdError);
        let id = Self { stream: parse(stream)?, number: parse(number)? };
        // Numbers have other forms too, such as `+1`.
        if id.to_string() == text { Ok(id) } else { Err(EventIdError) }
    }
}

/// Keeps events for replay. The default is [`MemoryEventStore`]; a store that several servers share lets
/// clients go on at another one.
///
/// Sessions are named by a digest, so a store learns no session id. What a store loses cannot be
/// resumed; nothing else depends on it.
#[async_trait]
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps one event. The events of a stream come in order.
    ///
    /// If the event cannot be kept, no earlier event of its stream may stay: a client must not be
    /// sent what follows a gap.
    ///
    /// # Cancel safety
    ///
    /// The event may be kept or not.
    async fn append(&self, session: &[u8; 32], id: EventId, data: Bytes);

    /// The events that follow `id` in its stream, in order; `None` if `id` is not kept, in which case
    /// something may be missing.
    ///
    /// # Cancel safety
    ///
    /// Nothing changes.
    async fn after(&self, session: &[u8; 32], id: EventId) -> Option<Vec<(EventId, Bytes)>>;

    /// Forgets a session.
    ///
    /// # Cancel safety
    ///
    /// The session may be forgotten or not.
    async fn remove(&self, session: &[u8; 32]);
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn ids_have_one_form() {
        for id in [
            EventId { stream: 0, number: 0 },
            EventId { stream: 7, number: 12 },
            EventId { stream: u64::MAX, number: u64::MAX },
        ] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for bad in ["", "-", "1", "1-", "-1", "1-2-3", "01-2", "1-+2", " 1-2", "1- 2", "a-b"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
        assert!(format!("{}0-1", u64::MAX).parse::<EventId>().is_err());
    }
}

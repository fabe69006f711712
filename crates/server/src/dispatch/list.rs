//! The lists: pages of what this principal may use.

use palisade_protocol::{CacheHints, ErrorObject, RawJson, ResultMeta, encode, method};
use palisade_security::{AccessRequest, SealPurpose, Target, is_listed};
use palisade_transport::{Call, Reply, ReplyOutcome};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::reply;
use crate::{
    registry::{Entry, Listing},
    server::Shared,
};

/// What is listed, and which request its visibility follows.
pub(super) struct Kind {
    /// The member that holds the entries.
    member: &'static str,
    /// The method that uses an entry.
    used_by: &'static str,
    target: for<'a> fn(&'a str) -> Target<'a>,
}

pub(super) const TOOLS: Kind =
    Kind { member: "tools", used_by: method::TOOLS_CALL, target: |name| Target::Tool(name) };
pub(super) const PROMPTS: Kind =
    Kind { member: "prompts", used_by: method::PROMPTS_GET, target: |name| Target::Prompt(name) };
pub(super) const RESOURCES: Kind = Kind {
    member: "resources",
    used_by: method::RESOURCES_READ,
    target: |uri| Target::Resource(uri),
};
pub(super) const TEMPLATES: Kind = Kind {
    member: "resourceTemplates",
    used_by: method::RESOURCES_READ,
    target: |uri| Target::ResourceTemplate(uri),
};

/// One page. An entry is listed exactly if the policy would let this principal use it: lists and calls
/// ask the same question, so nothing hidden can be called and nothing listed is refused for its name.
pub(super) fn list<T: Entry>(
    server: &Shared,
    call: &Call<'_>,
    kind: &Kind,
    listing: &Listing<T>,
) -> Reply {
    let Some(entries) = after_cursor(server, call, kind, listing) else {
        return reply::error(call, &ErrorObject::invalid_params("invalid cursor"));
    };
    let visible = |entry: &&std::sync::Arc<T>| {
        let request = AccessRequest::new(call.principal, kind.used_by)
            .with_target((kind.target)(entry.key()));
        is_listed(call.security.policy(), request)
    };
    let mut visible = entries.iter().filter(visible).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < server.page_size
        && let Some(entry) = visible.next()
    {
        page.push(entry.definition());
        last = Some(entry.key());
    }
    let next_cursor = match (visible.peek(), last) {
        (Some(_), Some(last)) => match seal_cursor(server, call, kind, last) {
            Some(cursor) => Some(cursor),
            None => return reply::error(call, &ErrorObject::internal()),
        },
        _ => None,
    };
    let page = Page {
        member: kind.member,
        entries: page,
        next_cursor,
        cache: server.cache,
        meta: server.result_meta(),
    };
    match encode::result(&call.request.id, &page) {
        Ok(message) => Reply::result(message.into(), ReplyOutcome::Completed),
        Err(_) => reply::error(call, &ErrorObject::internal()),
    }
}

/// The entries after the cursor. `None` if the cursor is not one of this server's for this list.
fn after_cursor<'l, T: Entry>(
    server: &Shared,
    call: &Call<'_>,
    kind: &Kind,
    listing: &'l Listing<T>,
) -> Option<&'l [std::sync::Arc<T>]> {
    let Some(cursor) = &call.params.cursor else { return listing.after(None) };
    if cursor.len() > MAX_CURSOR {
        return None;
    }
    let key = call
        .security
        .sealer()
        .open(SealPurpose::Cursor, &[&cursor_binding(server, call, kind)], cursor)
        .ok()?;
    listing.after(Some(std::str::from_utf8(&key).ok()?))
}

fn seal_cursor(server: &Shared, call: &Call<'_>, kind: &Kind, last: &str) -> Option<String> {
    let binding = cursor_binding(server, call, kind);
    call.security.sealer().seal(SealPurpose::Cursor, &[&binding], last.as_bytes()).ok()
}

/// The longest cursor that is looked at, in bytes: more than the longest that is made.
const MAX_CURSOR: usize = 16 * 1024;

/// A cursor is good for one list of one server, and one principal.
fn cursor_binding(server: &Shared, call: &Call<'_>, kind: &Kind) -> [u8; 32] {
    palisade_security::digest::digest_parts(&[
        server.info.name.as_bytes(),
        kind.member.as_bytes(),
        &call.principal.context_key(),
    ])
}

/// A page, put together from definitions that were encoded once.
struct Page<'a> {
    member: &'static str,
    entries: Vec<&'a RawJson>,
    next_cursor: Option<String>,
    cache: CacheHints,
    meta: ResultMeta,
}

impl Serialize for Page<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resultType", "complete")?;
        map.serialize_entry(self.member, &self.entries)?;
        if let Some(cursor) = &self.next_cursor {
            map.serialize_entry("nextCursor", cursor)?;
        }
        map.serialize_entry("ttlMs", &self.cache.ttl_ms)?;
        map.serialize_entry("cacheScope", &self.cache.cache_scope)?;
        map.serialize_entry("_meta", &self.meta)?;
        map.end()
    }
}

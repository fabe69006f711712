//! The response cache: what the server allows to keep, for as long as it allows, for whom it allows.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use palisade_protocol::method;
use tokio::time::Instant;

/// No response is kept longer than this, whatever the server says.
const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Bounds of the response cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// How many responses are kept: 256 by default, 0 turns the cache off.
    pub entries: usize,
    /// How many bytes of responses are kept: 8 MiB by default. A response of more than a quarter is not
    /// kept, so that one hostile response cannot empty the cache.
    pub bytes: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { entries: 256, bytes: 8 << 20 }
    }
}

impl CacheLimits {
    /// Keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { entries: 0, bytes: 0 }
    }

    /// Sets the number of responses.
    #[must_use]
    pub fn with_entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Sets the number of bytes.
    #[must_use]
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

/// What identifies a response: the method and the parameters, as they are sent, without `_meta`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    method: &'static str,
    params: Bytes,
}

impl CacheKey {
    pub(crate) fn new(method: &'static str, params: Bytes) -> Self {
        Self { method, params }
    }
}

/// For whom a response is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Public,
    Private([u8; 32]),
}

/// What a change notification makes stale.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Tools,
    Prompts,
    Resources,
    Resource(&'a str),
}

/// The cache of one client.
#[derive(Debug)]
pub(crate) struct ResponseCache {
    limits: CacheLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<(Scope, CacheKey), Entry>,
    bytes: usize,
    /// Rises with every invalidation.
    generation: u64,
}

#[derive(Debug)]
struct Entry {
    result: Bytes,
    size: usize,
    expires: Instant,
    /// The resource of a `resources/read`.
    uri: Option<Box<str>>,
}

impl ResponseCache {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// The generation of now. A response is stored only if no change was announced since its request
    /// was sent: it may have been written before the change.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// A fresh response for these credentials.
    pub(crate) fn get(&self, key: &CacheKey, context: Option<[u8; 32]>) -> Option<Bytes> {
        if self.limits.entries == 0 {
            return None;
        }
        let now = Instant::now();
        let state = self.lock();
        let fresh = |scope: Scope| {
            let entry = state.entries.get(&(scope, key.clone()))?;
            (now < entry.expires).then(|| entry.result.clone())
        };
        context.and_then(|context| fresh(Scope::Private(context))).or_else(|| fresh(Scope::Public))
    }

    /// Keeps a response.
    pub(crate) fn put(
        &self,
        key: CacheKey,
        scope: Scope,
        result: &Bytes,
        ttl: Duration,
        uri: Option<&str>,
        generation: u64,
    ) {
        let size = result.len().saturating_add(key.params.len());
        let Some(expires) = Instant::now().checked_add(ttl.min(MAX_TTL)) else { return };
        if ttl.is_zero() || size > self.limits.bytes / 4 || self.limits.entries == 0 {
            return;
        }
        // A slice would keep the whole message alive, with whatever else the server put there.
        let entry = Entry {
            result: Bytes::copy_from_slice(result),
            size,
            expires,
            uri: uri.map(Into::into),
        };
        let mut state = self.lock();
        if state.generation != generation {
            return;
        }
        // The server may have changed its mind about who may see it.
        state.remove(|(_, kept), _| *kept == key && scope == Scope::Public);
        state.remove(|(kept_scope, kept), _| (*kept_scope, kept) == (scope, &key));
        state.bytes = state.bytes.saturating_add(size);
        state.entries.insert((scope, key), entry);
        state.shrink(self.limits);
    }

    /// Drops what a change made stale.
    pub(crate) fn invalidate(&self, change: Change<'_>) {
        let mut state = self.lock();
        state.generation = state.generation.wrapping_add(1);
        state.remove(|(_, key), entry| match change {
            Change::Tools => key.method == method::TOOLS_LIST,
            Change::Prompts => key.method == method::PROMPTS_LIST,
            Change::Resources => {
                key.method == method::RESOURCES_LIST
                    || key.method == method::RESOURCES_TEMPLATES_LIST
            }
            Change::Resource(uri) => entry.uri.as_deref() == Some(uri),
        });
    }

    /// Drops every response of a method.
    pub(crate) fn forget(&self, method: &str) {
        let mut state = self.lock();
        state.generation = state.generation.wrapping_add(1);
        state.remove(|(_, key), _| key.method == method);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.generation = state.generation.wrapping_add(1);
        state.remove(|_, _| true);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, mut stale: impl FnMut(&(Scope, CacheKey), &Entry) -> bool) {
        let bytes = &mut self.bytes;
        self.entries.retain(|key, entry| {
            let remove = stale(key, entry);
            if remove {
                *bytes = bytes.saturating_sub(entry.size);
            }
            !remove
        });
    }

    /// Back within the limits: first what has expired goes, then what expires first.
    fn shrink(&mut self, limits: CacheLimits) {
        let over =
            |state: &Self| state.entries.len() > limits.entries || state.bytes > limits.bytes;
        if over(self) {
            let now = Instant::now();
            self.remove(|_, entry| entry.expires <= now);
        }
        while over(self) {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.expires);
            let Some(key) = first.map(|(key, _)| key.clone()) else { return };
            self.remove(|kept, _| *kept == key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: [u8; 32] = [1; 32];
    const BOB: [u8; 32] = [2; 32];
    const MINUTE: Duration = Duration::from_secs(60);

    fn key(method: &'static str, params: &'static str) -> CacheKey {
        CacheKey::new(method, Bytes::from_static(params.as_bytes()))
    }

    fn put(cache: &ResponseCache, key: &CacheKey, scope: Scope, ttl: Duration) {
        cache.put(key.clone(), scope, &Bytes::from_static(b"{}"), ttl, None, cache.generation());
    }

    fn hit(cache: &ResponseCache, key: &CacheKey, context: Option<[u8; 32]>) -> bool {
        cache.get(key, context).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn n9_private_entries_belong_to_one_set_of_credentials() {
        let cache = ResponseCache::new(CacheLimits::default());
        let key = key(method::TOOLS_LIST, "{}");
        put(&cache, &key, Scope::Private(ALICE), MINUTE);
        assert!(hit(&cache, &key, Some(ALICE)));
        assert!(!hit(&cache, &key, Some(BOB)));
        assert!(!hit(&cache, &key, None));
        put(&cache, &key, Scope::Public, MINUTE);
        assert!(hit(&cache, &key, Some(BOB)));
        assert!(hit(&cache, &key, None));
    }

    #[tokio::test(start_paused = true)]
    async fn entries_live_as_long_as_the_server_says_and_a_day_at_most() {
        let cache = ResponseCache::new(CacheLimits::default());
        let (short, long, none) =
            (key("a", "{}"), key("b", "{}"), key(method::RESOURCES_READ, r#"{"uri":"x"}"#));
        put(&cache, &short, Scope::Public, Duration::from_millis(10));
        put(&cache, &long, Scope::Public, Duration::MAX);
        put(&cache, &none, Scope::Public, Duration::ZERO);
        assert!(hit(&cache, &short, None) && hit(&cache, &long, None) && !hit(&cache, &none, None));
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(!hit(&cache, &short, None) && hit(&cache, &long, None));
        tokio::time::advance(MAX_TTL).await;
        assert!(!hit(&cache, &long, None));
    }

    #[tokio::test(start_paused = true)]
    async fn method_and_parameters_are_the_key() {
        let cache = ResponseCache::new(CacheLimits::default());
        put(&cache, &key(method::TOOLS_LIST, r#"{"cursor":"a"}"#), Scope::Public, MINUTE);
        assert!(!hit(&cache, &key(method::TOOLS_LIST, r#"{"cursor":"b"}"#), None));
        assert!(!hit(&cache, &key(method::PROMPTS_LIST, r#"{"cursor":"a"}"#), None));
    }

    #[tokio::test(start_paused = true)]
    async fn changes_drop_what_they_touch_and_what_is_under_way() {
        let cache = ResponseCache::new(CacheLimits::default());
        let (tools, prompts) = (key(method::TOOLS_LIST, "{}"), key(method::PROMPTS_LIST, "{}"));
        let read = key(method::RESOURCES_READ, r#"{"uri":"a:b"}"#);
        let before = cache.generation();
        put(&cache, &tools, Scope::Public, MINUTE);
        put(&cache, &prompts, Scope::Public, MINUTE);
        cache.put(read.clone(), Scope::Public, &Bytes::new(), MINUTE, Some("a:b"), before);
        cache.invalidate(Change::Tools);
        assert!(
            !hit(&cache, &tools, None) && hit(&cache, &prompts, None) && hit(&cache, &read, None)
        );
        cache.put(tools.clone(), Scope::Public, &Bytes::new(), MINUTE, None, before);
        assert!(!hit(&cache, &tools, None), "sent before the change, arrived after it");
        cache.invalidate(Change::Resource("a:c"));
        assert!(hit(&cache, &read, None));
        cache.invalidate(Change::Resource("a:b"));
        assert!(!hit(&cache, &read, None));
        cache.clear();
        assert!(!hit(&cache, &prompts, None));
        assert_eq!(cache.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn entries_and_bytes_are_bounded() {
        let cache = ResponseCache::new(CacheLimits::default().with_entries(2).with_bytes(100));
        let names: [&'static str; 3] = ["a", "b", "c"];
        for (age, name) in (1..).zip(names) {
            put(&cache, &key(name, "{}"), Scope::Public, MINUTE * age);
        }
        assert!(!hit(&cache, &key("a", "{}"), None), "expires first");
        assert!(hit(&cache, &key("b", "{}"), None) && hit(&cache, &key("c", "{}"), None));
        let big = Bytes::from(vec![b' '; 26]);
        cache.put(key("d", ""), Scope::Public, &big, MINUTE * 9, None, cache.generation());
        assert!(!hit(&cache, &key("d", ""), None), "more than a quarter");
        let cache = ResponseCache::new(CacheLimits::default().with_bytes(100));
        for name in ["a", "b", "c", "d", "e", "f"] {
            let twenty = Bytes::from(vec![b' '; 20]);
            cache.put(key(name, ""), Scope::Public, &twenty, MINUTE, None, cache.generation());
        }
        let state = cache.lock();
        assert_eq!((state.entries.len(), state.bytes), (5, 100));
        let off = ResponseCache::new(CacheLimits::off());
        put(&off, &key("a", "{}"), Scope::Public, MINUTE);
        assert!(!hit(&off, &key("a", "{}"), None));
    }
}

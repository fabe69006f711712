//! What one request wants beyond its parameters.

use std::{fmt, sync::Arc, time::Duration};

use palisade_protocol::{
    LoggingLevel, LoggingMessageNotificationParams, Meta, ProgressNotificationParams, TraceContext,
};
use serde_json::Value;

pub(crate) type ProgressCallback = Box<dyn FnMut(ProgressNotificationParams) + Send>;
pub(crate) type LogCallback = Box<dyn FnMut(LoggingMessageNotificationParams) + Send>;

/// Options of one request: time-outs, callbacks, additional metadata.
///
/// Callbacks run in the task that awaits the request, between two messages: a callback that takes long
/// delays its own request only.
#[derive(Default)]
#[must_use]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) progress: Option<ProgressCallback>,
    pub(crate) log: Option<(LoggingLevel, LogCallback)>,
    pub(crate) meta: Meta,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) bypass_cache: bool,
}

impl CallOptions {
    /// The defaults of the client.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait for the response, or for the next progress notification. Default: the client's
    /// request time-out.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long to wait for the response whatever progress is reported, so that a server cannot hold a
    /// request for ever by reporting some. Default: the client's maximum.
    pub fn with_max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Asks for progress notifications and calls back with each. Progress that does not increase is
    /// dropped, as the specification forbids it.
    pub fn with_progress(
        mut self,
        callback: impl FnMut(ProgressNotificationParams) + Send + 'static,
    ) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Asks for log messages of this level and above and calls back with each. The text comes from the
    /// server: escape it before it reaches a terminal.
    pub fn with_log(
        mut self,
        level: LoggingLevel,
        callback: impl FnMut(LoggingMessageNotificationParams) + Send + 'static,
    ) -> Self {
        self.log = Some((level, Box::new(callback)));
        self
    }

    /// Says where the request stands in a trace. Default: what the client's
    /// [provider](crate::ClientBuilder::with_trace_context_provider) says. It leaves this program: baggage above
    /// all may hold what is not for every server.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Base Protocol, "OpenTelemetry trace context".
    pub fn with_trace_context(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Adds a key to the request's `_meta`. Keys that MCP reserves for the protocol
    /// make the request fail with `invalid_request`. A request with additional metadata bypasses the cache.
    pub fn with_meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }

    /// Asks the server even if a fresh response is cached.
    pub fn without_cache(mut self) -> Self {
        self.bypass_cache = true;
        self
    }
}

impl CallOptions {
    /// Those of the requests with which a call that has become a task is followed.
    pub(crate) fn without_callbacks(&self) -> PlainOptions {
        let Self { timeout, max_time, .. } = *self;
        PlainOptions { timeout, max_time, meta: self.meta.clone(), trace: self.trace.clone() }
    }
}

/// Options without callbacks, which can be shared between threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainOptions {
    timeout: Option<Duration>,
    max_time: Option<Duration>,
    meta: Meta,
    trace: Option<TraceContext>,
}

impl PlainOptions {
    /// The options of one request.
    pub(crate) fn one(&self) -> CallOptions {
        let Self { timeout, max_time, .. } = *self;
        let (meta, trace) = (self.meta.clone(), self.trace.clone());
        CallOptions { timeout, max_time, meta, trace, ..CallOptions::new() }
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("max_time", &self.max_time)
            .field("progress", &self.progress.is_some())
            .field("log", &self.log.as_ref().map(|(level, _)| level))
            .field("meta", &self.meta.keys())
            .field("trace", &self.trace.as_ref().and_then(TraceContext::trace_id))
            .field("bypass_cache", &self.bypass_cache)
            .finish()
    }
}

/// Says where the next request stands in a trace, if anybody knows.
#[derive(Clone, Default)]
pub(crate) struct TraceProvider(Option<Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>>);

impl TraceProvider {
    pub(crate) fn new(current: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(current)))
    }

    pub(crate) fn current(&self) -> Option<TraceContext> {
        self.0.as_ref().and_then(|current| current())
    }
}

impl fmt::Debug for TraceProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceProvider").field(&self.0.is_some()).finish()
    }
}

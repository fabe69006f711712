//! One trace through client and server with OpenTelemetry: `cargo run` in this folder.
//!
//! palisade itself knows nothing of OpenTelemetry. It has a `tracing` span for each request, a hook in the client
//! that says where a request stands, and what the client said in the handler; the rest is in this file, and
//! printing the spans stands in for sending them to a collector.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

use std::collections::HashMap;

use opentelemetry::{
    Context as Telemetry,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
    trace::TracerProvider as _,
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use palisade::{
    Client, Context, SecurityConfig, Server,
    http::{HttpServer, HttpTransport},
    protocol::TraceContext,
    security::AllowedOrigins,
    tool,
};
use serde_json::json;
use tracing::{Instrument as _, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// The three keys of `_meta`, as OpenTelemetry writes and reads them.
fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

/// Where the current span stands, for the next request of the client.
fn current() -> Option<TraceContext> {
    let mut parts = HashMap::new();
    propagator().inject_context(&Span::current().context(), &mut parts);
    let part = |key: &str| parts.get(key).map(String::as_str);
    TraceContext::new(part("traceparent"), part("tracestate"), part("baggage"))
}

/// What the client said, as the parent of a span.
fn parent(context: &Context) -> Telemetry {
    let Some(trace) = context.trace_context() else { return Telemetry::new() };
    let parts = [
        ("traceparent", trace.traceparent()),
        ("tracestate", trace.tracestate()),
        ("baggage", trace.baggage()),
    ];
    let parts: HashMap<String, String> = parts
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect();
    propagator().extract_with_context(&Telemetry::new(), &parts)
}

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64, context: Context) -> i64 {
    // A span that belongs to the client's trace. The one of the request is this server's own: it is there before
    // anybody has read what the client says, and for requests that are refused, too.
    let span = info_span!(parent: None, "add");
    if span.set_parent(parent(&context)).is_err() {
        tracing::warn!("the span is not tied to the client's");
    }
    async { a + b }.instrument(span).await
}

/// Prints what would go to a collector.
#[derive(Debug)]
struct Print;

impl SpanExporter for Print {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let (trace, parent) = (span.span_context.trace_id(), span.parent_span_id);
            println!(
                "{}: trace {trace}, span {}, parent {parent}",
                span.name,
                span.span_context.span_id()
            );
            let wanted = ["method", "tool", "principal", "outcome", "trace_id"];
            for attribute in span.attributes.iter().filter(|it| wanted.contains(&it.key.as_str())) {
                println!("    {} = {}", attribute.key, attribute.value);
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = SdkTracerProvider::builder().with_simple_exporter(Print).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("example"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;

    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
        .without_tls()
        .build()?;
    let server = Server::new("calculator", "1.0.0").with_tool(add).build()?;
    let http = HttpServer::bind("127.0.0.1:0".parse()?, server, security).await?;
    let transport = HttpTransport::new(&format!("http://{}/mcp", http.local_addr()?))?;
    let handle = http.handle();
    let serving = tokio::spawn(http.serve());

    let client = Client::builder().with_trace_context_provider(current).without_discovery();
    let client = client.connect(transport).await?;
    let arguments = json!({ "a": 40, "b": 2 });
    let call = client.call::<i64>("add", &arguments);
    println!("{}", call.instrument(info_span!("the caller's work")).await?);

    handle.shutdown();
    serving.await?;
    provider.shutdown()?;
    Ok(())
}

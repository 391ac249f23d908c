//! Traces over OTLP, the protocol of OpenTelemetry: by HTTP and protobuf, to a collector.
//!
//! What the standard's environment variables say besides is heard: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`,
//! `OTEL_SERVICE_NAME`, `OTEL_BSP_*`.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use reqwest::redirect::Policy;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Traces;

/// How long the collector may take; what it does not take is lost.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is left to send when the process ends.
pub(crate) struct Sending(SdkTracerProvider);

impl Sending {
    /// Sends what has not been sent, within the bound.
    pub(crate) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// What takes the spans of a subscriber to the collector. It has threads of its own, and must not be made on a runtime.
///
/// # Errors
/// There can be no client.
pub(crate) fn layer<S>(settings: &Traces) -> anyhow::Result<Option<(impl Layer<S> + use<S>, Sending)>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(endpoint) = &settings.endpoint else { return Ok(None) };
    let provider = provider(endpoint.reveal(), settings.sampled).context("`traces.endpoint` cannot be used")?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("trialgate"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_filter(filter_fn(is_ours));
    Ok(Some((layer, Sending(provider))))
}

fn provider(endpoint: &str, sampled: f64) -> anyhow::Result<SdkTracerProvider> {
    let client = reqwest::blocking::Client::builder()
        .tls_backend_preconfigured(trial_tls::client_config(endpoint.starts_with("https:"))?)
        .redirect(Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(TIMEOUT)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(service_name()).with_attribute(version).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sampled))))
        .with_resource(resource)
        .build())
}

fn service_name() -> String {
    std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "trialgate".to_owned())
}

/// Spans of ours, and what is logged within them; what others say may be personal.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("trial") && (metadata.is_span() || *metadata.level() <= Level::INFO)
}

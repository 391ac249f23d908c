//! Traces over OTLP (HTTP, protobuf) to a collector.
//!
//! The standard's variables `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME` and
//! `OTEL_BSP_*` are honoured.

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

/// Time-out of the collector; spans that it does not take in time are lost.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Spans still to be sent when the process ends.
pub(crate) struct Sending(SdkTracerProvider);

impl Sending {
    /// Sends the remaining spans within the time-out.
    pub(crate) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// The layer that exports spans to the collector. It has threads of its own and must not be created on a runtime.
///
/// # Errors
/// The HTTP client cannot be created.
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

/// Selects our spans and the events in them; those of third-party crates may hold personal data.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("trial") && (metadata.is_span() || *metadata.level() <= Level::INFO)
}

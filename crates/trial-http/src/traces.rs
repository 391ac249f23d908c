//! The span of a request, by OpenTelemetry's conventions for HTTP servers, 1.40. It holds the route, never the path,
//! which may contain a phone.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use tracing::{Span, field};
use trial_core::values::RequestId;

use crate::routes::Route;

/// The span of a request whose head has arrived; continues the client's trace, if any (W3C Trace Context).
pub(crate) fn span_of(request: &ServiceRequest, id: &RequestId) -> Span {
    let span = tracing::debug_span!(
        "request",
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = request.method().as_str(),
        http.route = field::Empty,
        http.response.status_code = field::Empty,
        request_id = id.as_str(),
    );
    #[cfg(feature = "otlp")]
    exported::continue_trace(&span, request.headers());
    span
}

/// Records the answer in the current span.
pub(crate) fn conclude<B>(response: &ServiceResponse<B>, route: Route) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    let status = response.status();
    span.record("http.route", route.pattern());
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    #[cfg(feature = "otlp")]
    exported::rename(&span, format!("{} {}", response.request().method(), route.pattern()));
}

/// The export of traces, which `tracing` has no support for.
#[cfg(feature = "otlp")]
mod exported {
    use actix_web::http::header::{HeaderMap, HeaderName};
    use opentelemetry::trace::TraceContextExt as _;
    use opentelemetry::{global, propagation};
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    struct Headers<'a>(&'a HeaderMap);

    impl propagation::Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).and_then(|value| value.to_str().ok())
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(HeaderName::as_str).collect()
        }
    }

    pub(super) fn continue_trace(span: &Span, headers: &HeaderMap) {
        if !span.is_disabled() {
            let caller = global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
            // A span that is not exported has no parent to set.
            let _ = span.set_parent(caller);
        }
    }

    /// Renames a span: the route is known only after it has begun, and `tracing` fixes names then.
    pub(super) fn rename(span: &Span, name: String) {
        span.context().span().update_name(name);
    }
}

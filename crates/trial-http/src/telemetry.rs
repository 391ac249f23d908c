//! Wraps every exchange: request id, common headers, a log line, metrics.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{StatusCode, Version};
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::future::{Either, ready};
use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Instrument as _;
use trial_core::values::RequestId;

use crate::problem::{Kind, Problem};
use crate::rate_limit::RuntimeClock;
use crate::reply_body::until_sent;
use crate::request_id::{self, X_REQUEST_ID};
use crate::routes::Route;
use crate::site::State;
use crate::traces;
use crate::unread::Unread;

const REQUESTS: &str = "trialgate_http_requests_total";
const DURATION: &str = "trialgate_http_request_duration_seconds";
const IN_FLIGHT: &str = "trialgate_http_requests_in_flight";

/// Histogram buckets of durations, from a cached answer to a hung dependency.
const SECONDS: [f64; 15] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Histogram buckets of batch and queue sizes.
const SIZES: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Statuses with a counter looked up in advance.
const STATUSES: [StatusCode; 17] = [
    StatusCode::OK,
    StatusCode::NO_CONTENT,
    StatusCode::PERMANENT_REDIRECT,
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::CONFLICT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// Metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Installs the Prometheus recorder of this process; further calls return the same.
pub fn install_metrics() -> Metrics {
    static INSTALLED: OnceLock<Metrics> = OnceLock::new();
    INSTALLED.get_or_init(install).clone()
}

fn install() -> Metrics {
    let recorder = with_buckets().unwrap_or_default().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("metrics are already collected elsewhere; /metrics shows none");
    }
    Metrics(handle)
}

fn with_buckets() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)
}

impl Metrics {
    /// All metrics in Prometheus text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recent measurements, so that memory stays bounded while nobody scrapes.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.metrics.text())
}

/// Rendered metrics, at most one second old, shared by concurrent requests.
pub(crate) struct RenderedMetrics {
    metrics: Metrics,
    clock: RuntimeClock,
    last: Mutex<Option<(u64, Bytes)>>,
}

impl RenderedMetrics {
    /// In nanoseconds.
    const AGE: u64 = 1_000_000_000;

    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, clock: RuntimeClock::start(), last: Mutex::default() }
    }

    fn text(&self) -> Bytes {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        match &*last {
            Some((at, text)) if now < at + Self::AGE => text.clone(),
            _ => {
                let text = Bytes::from(self.metrics.render());
                *last = Some((now, text.clone()));
                text
            }
        }
    }
}

/// Metrics of requests, looked up once.
pub(crate) struct RequestMetrics {
    in_flight: Gauge,
    by_route: Vec<RouteMetrics>,
}

struct RouteMetrics {
    duration: Histogram,
    by_status: [OnceLock<Counter>; STATUSES.len()],
}

impl RequestMetrics {
    pub(crate) fn register() -> Self {
        metrics::describe_counter!(REQUESTS, "Requests answered, by route and status");
        metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "Time from a request's head to its answer");
        metrics::describe_gauge!(IN_FLIGHT, "Requests in progress");
        let by_route = Route::ALL.map(|route| RouteMetrics {
            duration: metrics::histogram!(DURATION, "route" => route.pattern()),
            by_status: [const { OnceLock::new() }; STATUSES.len()],
        });
        Self { in_flight: metrics::gauge!(IN_FLIGHT), by_route: by_route.into() }
    }

    fn record(&self, route: Route, status: StatusCode, seconds: f64) {
        let measured = &self.by_route[route as usize];
        measured.duration.record(seconds);
        match STATUSES.iter().position(|known| *known == status) {
            Some(place) => measured.by_status[place].get_or_init(|| counter(route, status)).increment(1),
            None => counter(route, status).increment(1),
        }
    }
}

fn counter(route: Route, status: StatusCode) -> Counter {
    metrics::counter!(REQUESTS, "route" => route.pattern(), "status" => status.as_str().to_owned())
}

/// Counts a request as in flight until it is answered or abandoned.
struct InFlight(Data<State>);

impl InFlight {
    fn enter(state: Data<State>) -> Self {
        state.request_metrics.in_flight.increment(1);
        Self(state)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_metrics.in_flight.decrement(1);
    }
}

/// Bytes of an exchange besides head and body of its request: the map of headers (7 KiB), tasks, stream state, and the
/// reply in transit.
pub(crate) const EXCHANGE: usize = 12 * 1_024;

/// Serves one request. The bytes of its head and exchange are counted for its client until the reply is sent.
pub(crate) fn observe<S>(
    state: Data<State>,
    mut request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let started = Instant::now();
    let id = request_id::of(request.headers(), &*state.clock, &*state.entropy);
    request.extensions_mut().insert(id.clone());
    let in_flight = InFlight::enter(state);
    let span = traces::span_of(&request, &id);
    let unread = Unread::hold(&mut request);
    let (size, most) = (head_bytes(&request), in_flight.0.settings.limits.head_bytes);
    let mut held = in_flight.0.exchanges.open(in_flight.0.client_of(request.request()));
    let refused = match held.grow(size.min(most) + EXCHANGE) {
        Err(full) => Some(full.problem()),
        Ok(()) => oversized(size, most).or_else(|| contradictory(&request)),
    };
    let answer = match refused {
        Some(problem) => {
            let mut response = problem.response(request.request());
            if held.is_empty() && request.version() == Version::HTTP_2 {
                // A body would wait for a client that does not read.
                response = response.drop_body().map_into_boxed_body();
            }
            Either::Left(ready(Ok(request.into_response(response))))
        }
        None => Either::Right(service.call(request)),
    };
    async move {
        let mut response = answer.await?;
        finish_headers(response.headers_mut(), &id, in_flight.0.hsts.as_ref());
        let route = response.request().app_data::<Route>().copied().unwrap_or(Route::Unknown);
        let took = started.elapsed();
        traces::conclude(&response, route);
        in_flight.0.request_metrics.record(route, response.status(), took.as_secs_f64());
        tracing::info!(
            target: "trialgate::access",
            method = response.request().method().as_str(),
            route = route.pattern(),
            status = response.status().as_u16(),
            request_id = id.as_str(),
            duration_ms = took.as_secs_f64() * 1_000.0,
            "answered"
        );
        Ok(until_sent(response, (held, unread)))
    }
    .instrument(span)
}

/// Counts and logs the reply to a head that cannot be parsed.
pub(crate) fn count_unparsed(status: StatusCode, id: &RequestId) {
    counter(Route::Unknown, status).increment(1);
    tracing::info!(
        target: "trialgate::access",
        route = Route::Unknown.pattern(),
        status = status.as_u16(),
        request_id = id.as_str(),
        "answered"
    );
}

/// Size of a head: target, and headers as HTTP/1.1 writes them. HTTP/2 may have sent them compressed.
fn head_bytes(request: &ServiceRequest) -> usize {
    let target = request.path().len() + request.query_string().len();
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    target + lines.sum::<usize>()
}

/// The problem of an oversized head. The protocols bound what is read before: 128 KiB and 96 headers.
fn oversized(head: usize, most: usize) -> Option<Problem> {
    (head > most).then(|| {
        Problem::new(Kind::HeadTooLarge).detail(format!("target and headers may have at most {most} bytes together"))
    })
}

/// The problem of a head with two hosts, which programs and proxies may interpret differently (RFC 9112 section 3.2,
/// RFC 9113 section 8.3.1).
fn contradictory(request: &ServiceRequest) -> Option<Problem> {
    let mut hosts = request.headers().get_all(HOST);
    let (host, another) = (hosts.next()?, hosts.next());
    let detail = if another.is_some() {
        "`Host` is given more than once"
    } else {
        let authority = request.uri().authority()?.as_str();
        if authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()) {
            return None;
        }
        "`Host` is not the host that the target of the request names"
    };
    Some(Problem::new(Kind::MalformedRequest).detail(detail))
}

/// The HSTS header for this duration.
pub(crate) fn hsts(lasting: Duration) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("max-age={}", lasting.as_secs())).ok()
}

/// Writes the headers of every reply.
pub(crate) fn finish_headers(headers: &mut HeaderMap, id: &RequestId, hsts: Option<&HeaderValue>) {
    // Ids hold only letters, digits and `-_.:`, so this cannot fail.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // Pages set their own policy; nothing else is a page.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    }
    if !headers.contains_key(REFERRER_POLICY) {
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if let Some(hsts) = hsts {
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
}

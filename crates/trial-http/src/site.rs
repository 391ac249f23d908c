//! Routes, listeners and the state of all handlers.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse};
use trial_core::ports::{Clock, Entropy, Health, Receipts, TrialService};
use trial_sandbox::Inbox;

use crate::apply::{self, Consent};
use crate::body_ledger::{BodyLedger, Bounds};
use crate::client_address::TrustedProxies;
use crate::imports::Imports;
use crate::messages::Replies;
use crate::ops::{self, Ops};
use crate::portal::{self, Reception};
use crate::problem::{Kind, Problem};
use crate::rate_limit::AddressLimiter;
use crate::routes::{Route, get, not_found};
use crate::signed::Signing;
use crate::telemetry::{self, RenderedMetrics, RequestMetrics};
use crate::{
    HttpParts, HttpSettings, PageGuard, SmsCallback, callbacks, console, docs, health, openapi, public, query_tenant,
    sandbox, unparsed,
};

/// Routes and state of the handlers; one for all workers.
#[derive(Clone)]
pub struct Site {
    state: Data<State>,
    face: Face,
}

/// The paths of a listener. Metrics and interface descriptions are for administrators and can have a listener of their
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// All of them.
    Whole,
    /// Paths for visitors, API clients, owners and operators.
    Public,
    /// `/metrics`, `/docs`, both descriptions, and health.
    Admin,
}

/// State of the handlers.
pub(crate) struct State {
    pub(crate) settings: HttpSettings,
    pub(crate) service: Arc<dyn TrialService>,
    pub(crate) health: Arc<dyn Health>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) receipts: Arc<dyn Receipts>,
    pub(crate) callbacks: Vec<SmsCallback>,
    /// Authentication of API clients, if requests have to be signed.
    pub(crate) signing: Option<Signing>,
    pub(crate) portal: Option<Reception>,
    pub(crate) guard: Option<PageGuard>,
    pub(crate) ops: Ops,
    pub(crate) inbox: Option<Arc<Inbox>>,
    pub(crate) metrics: RenderedMetrics,
    pub(crate) request_metrics: RequestMetrics,
    pub(crate) replies: Replies,
    /// The description of the public interface, once it was asked for.
    pub(crate) document: OnceLock<Bytes>,
    pub(crate) trusted_proxies: TrustedProxies,
    /// Bytes held by bodies of unknown senders.
    pub(crate) bodies: Arc<BodyLedger>,
    /// Bytes held by large incomplete heads.
    heads: Arc<BodyLedger>,
    /// Bytes held by exchanges, without bodies, from the head to the end of the reply.
    pub(crate) exchanges: Arc<BodyLedger>,
    pub(crate) imports: Imports,
    codes: AddressLimiter,
    applications: AddressLimiter,
    failures: AddressLimiter,
    pub(crate) consent: Consent,
    /// The HSTS header of replies.
    pub(crate) hsts: Option<HeaderValue>,
}

impl State {
    /// Counter of code requests per client address, with the limit in force.
    pub(crate) fn code_limit(&self) -> &AddressLimiter {
        self.codes.under(self.ops.parts.policy.now().limits.address.codes_per_hour)
    }

    /// Counter of applications per client address, with the limit in force.
    pub(crate) fn application_limit(&self) -> &AddressLimiter {
        self.applications.under(self.ops.parts.policy.now().limits.address.applications_per_hour)
    }

    /// Counter of rejected requests per client address, with the limit in force: those without a valid signature if
    /// required, else those with a malformed body.
    pub(crate) fn failure_limit(&self) -> &AddressLimiter {
        self.failures.under(self.ops.parts.policy.now().limits.address.failures_per_hour)
    }

    /// The client address of a request.
    pub(crate) fn client_of(&self, request: &HttpRequest) -> IpAddr {
        self.trusted_proxies.client_of(request.peer_addr(), request.headers())
    }

    /// The answer to a rejected request, counted by client address: `refused`, or 429 after too many. Authenticated
    /// requests are neither counted nor affected by others of the address.
    pub(crate) fn turn_away(
        &self,
        request: &HttpRequest,
        limit: &AddressLimiter,
        refused: Problem,
        lacking: &str,
    ) -> Problem {
        limit.take(self.client_of(request)).map_or_else(|wait| too_many_without(lacking, wait), |()| refused)
    }
}

/// The answer after too many rejected requests of a client address.
pub(crate) fn too_many_without(lacking: &str, wait: Duration) -> Problem {
    Problem::new(Kind::RateLimited)
        .detail(format!("too many requests from this client address without a {lacking}"))
        .retry_after(wait)
}

impl Site {
    /// Builds what all workers share.
    pub fn new(parts: HttpParts, settings: HttpSettings) -> Self {
        let HttpParts {
            service,
            health,
            clock,
            entropy,
            receipts,
            callbacks,
            callers,
            guard,
            portal,
            ops,
            inbox,
            metrics,
        } = parts;
        let limits = ops.policy.now().limits.address;
        let limiter = |per_hour| AddressLimiter::per_hour(per_hour).with_exempt(&settings.exempt_addresses);
        let signing = callers.map(|parts| Signing::new(parts, Arc::clone(&clock), &*entropy));
        let ops = Ops::new(ops, Arc::clone(&clock), Arc::clone(&entropy));
        let state = Data::new(State {
            signing,
            portal: portal.map(Reception::new),
            guard,
            ops,
            service,
            health,
            clock,
            entropy,
            receipts,
            callbacks,
            inbox,
            metrics: RenderedMetrics::new(metrics),
            request_metrics: RequestMetrics::register(),
            replies: Replies::new(),
            document: OnceLock::new(),
            trusted_proxies: TrustedProxies::new(settings.trusted_proxies.clone(), settings.client_address_header),
            bodies: BodyLedger::new(Bounds::SMALL),
            heads: BodyLedger::new(Bounds::HEADS),
            exchanges: BodyLedger::new(Bounds::EXCHANGES),
            imports: Imports::default(),
            codes: limiter(limits.codes_per_hour),
            applications: limiter(limits.applications_per_hour),
            failures: limiter(limits.failures_per_hour),
            consent: Consent::default(),
            hsts: settings.hsts.and_then(telemetry::hsts),
            settings,
        });
        Self { state, face: Face::Whole }
    }

    /// Splits into the public listener and that of administrators.
    #[must_use]
    pub fn split(self) -> (Self, Self) {
        (Self { face: Face::Public, ..self.clone() }, Self { face: Face::Admin, ..self })
    }

    /// Bytes held by large incomplete heads.
    pub(crate) fn heads(&self) -> &Arc<BodyLedger> {
        &self.state.heads
    }

    /// The reply in place of a bare status of actix-http.
    pub(crate) fn unparsed(&self, bare: &[u8]) -> Option<Vec<u8>> {
        unparsed::reply(&self.state, bare)
    }

    /// The application of one worker.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        let state = self.state.clone();
        App::new()
            .app_data(self.state.clone())
            .app_data(self.face)
            .configure(|config| self.configure(config))
            .default_service(web::to(not_found))
            .wrap_fn(move |request, service| telemetry::observe(state.clone(), request, service))
    }

    /// The router tries resources in this order: the most frequent ones come first.
    fn configure(&self, config: &mut web::ServiceConfig) {
        if self.face != Face::Admin {
            self.configure_public(config);
        }
        config
            .service(Route::Health.resource().route(get().to(health::healthz)))
            .service(Route::Readiness.resource().route(get().to(health::readyz)));
        if self.face != Face::Public {
            config
                .service(Route::Metrics.resource().route(get().to(telemetry::metrics)))
                .service(Route::OpenApi.resource().route(get().to(openapi::document)))
                .service(Route::OpsOpenApi.resource().route(get().to(ops::openapi_document)))
                .service(Route::Docs.resource().route(get().to(redirect_to_docs)))
                .service(Route::DocsFile.resource().route(get().to(docs::file)));
        }
    }

    fn configure_public(&self, config: &mut web::ServiceConfig) {
        config
            .service(Route::SendCode.resource().route(web::post().to(public::send_code)))
            .service(Route::Apply.resource().route(web::post().to(public::apply)))
            .service(Route::QueryTenant.resource().route(get().to(query_tenant::show)))
            .service(Route::SmsCallback.resource().route(web::post().to(callbacks::sms)))
            .service(Route::Home.resource().route(get().to(home)))
            .configure(ops::configure)
            .configure(console::configure);
        if self.state.settings.site.is_some() {
            config.configure(apply::configure);
        }
        if self.state.portal.is_some() {
            config.configure(portal::configure);
        }
        if self.state.inbox.is_some() {
            config
                .service(Route::SandboxPage.resource().route(get().to(sandbox::page)))
                .service(Route::SandboxMessages.resource().route(get().to(sandbox::messages)))
                .service(
                    Route::SandboxFaults
                        .resource()
                        .route(get().to(sandbox::faults))
                        .route(web::put().to(sandbox::set_faults)),
                );
        }
    }
}

async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, HeaderValue::from_static("/docs/"))).finish()
}

async fn home(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let apply = if state.settings.site.is_some() { "/apply         application page, for visitors\n" } else { "" };
    let portal = if state.portal.is_some() { "/portal/       portal, for owners of tenants\n" } else { "" };
    let sandbox = if state.inbox.is_some() { "/sandbox       captured messages\n" } else { "" };
    let is_whole = request.app_data() == Some(&Face::Whole);
    let docs = "/docs/         interface documentation\n/openapi.json  the same as OpenAPI\n";
    let (docs, metrics) = if is_whole { (docs, "/metrics       metrics for Prometheus\n") } else { ("", "") };
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!(
        "Trialgate\n\n{apply}{portal}{docs}/ops/v1/…      operations interface, for operators\n\
         /healthz       liveness of the process\n/readyz        readiness of its dependencies\n\
         {metrics}{sandbox}"
    ))
}

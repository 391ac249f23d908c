//! The portal, `/portal/`, for owners of tenants. Pages are rendered on the server, work without script and load
//! nothing from elsewhere. No rule is decided here: the core authenticates owners.

mod conversion;
mod hashing;
mod lost;
mod pages;
mod password;
mod sign_in;
mod tenant;
mod visit;

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER,
};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use tokio::sync::Semaphore;
use trial_core::audit::{AuditRecord, ChangedBy};
use trial_core::error::LedgerError;
use trial_core::portal::PORTAL_ATTEMPTS_PER_ADDRESS;
use trial_core::ports::Portal;
use trial_core::tenants::{Tenant, TenantAction, TenantCommand, TenantOutcome, TenantRefusal};
use trial_core::values::{Keyring, TenantId};

use crate::SiteSettings;
use crate::apply::{KEPT, LOGO_POLICY, STYLE};
use crate::body::Payload;
use crate::cross_site::{REFERRERS, own_form};
use crate::fields::{Fields, UnreadForm};
use crate::problem::{Problem, seconds_up};
use crate::rate_limit::AddressLimiter;
use crate::routes::{Route, get, nothing_here};
use crate::site::State;
use crate::unauthenticated;
use hashing::Hashing;
use pages::{Page, RefusedPage};
use visit::Visit;

/// Allows our own style sheet and logo only; no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Attempts of a client address per hour that are counted in the database by this instance: further ones are refused
/// anyway, and a flood must not cost a write each.
const COUNTED_TRIES: u32 = 2 * PORTAL_ATTEMPTS_PER_ADDRESS;
/// Most path segments that are read; pages have fewer.
const DEPTH: usize = 3;
/// Cookie of the chosen language.
const LANGUAGE: &str = "trialgate_language";

/// Parts of the portal.
#[derive(Clone)]
pub struct PortalParts {
    /// Passwords and sessions.
    pub accounts: Arc<dyn Portal>,
    /// Derives initial passwords.
    pub keyring: Arc<Keyring>,
    /// Branding of the portal.
    pub site: SiteSettings,
}

/// The portal, for all workers.
pub(crate) struct Reception {
    parts: PortalParts,
    hashing: Hashing,
    /// Attempts that may still be counted.
    flood: AddressLimiter,
    /// Password links that may be mailed at the same time.
    letters: Arc<Semaphore>,
}

impl Reception {
    pub(crate) fn new(parts: PortalParts) -> Self {
        let flood = AddressLimiter::per_hour(COUNTED_TRIES);
        Self { parts, hashing: Hashing::default(), flood, letters: Arc::new(Semaphore::new(lost::LETTERS)) }
    }

    /// An audit entry for an action of a tenant's owner.
    fn entry(state: &State, tenant: TenantId, action: &'static str, detail: &str) -> AuditRecord {
        let owner = ChangedBy::now(Tenant::account_name(tenant), &*state.clock, &*state.entropy);
        owner.entry(action, tenant.to_string(), detail.to_owned())
    }

    /// Runs a command of an owner. Returns `false` if tenant, owner or password changed since the page was shown.
    async fn act(state: &State, tenant: TenantId, order: TenantAction) -> Result<bool, Refused> {
        let order = TenantCommand { tenant, order, actor: Tenant::account_name(tenant) };
        match state.ops.parts.orders.order(order).await.map_err(failed)? {
            TenantOutcome::Done(_) => Ok(true),
            TenantOutcome::Refused(TenantRefusal::TooManyActs { until }) => {
                let wait = (until - state.clock.now()).to_std().unwrap_or_default();
                Err(Refused::TooMany(seconds_up(wait)))
            }
            TenantOutcome::Refused(_) => Ok(false),
        }
    }
}

/// Outcome of a portal request other than a page.
enum Refused {
    /// Nobody is signed in.
    SignIn,
    /// A password has to be chosen first.
    ChooseFirst,
    NotFound,
    /// The form is not ours.
    Forbidden,
    /// The form could not be read.
    Unread(UnreadForm),
    /// An hourly limit was exceeded; the wait in seconds.
    TooMany(u64),
    /// Too many passwords are being checked; the wait in seconds.
    Busy(u64),
    /// The database cannot be used, or a page cannot be rendered.
    Failed,
}

type Answer = Result<HttpResponse, Refused>;

/// The owner of the request's session, if it has one.
///
/// # Errors
/// The session expired or a password has to be chosen first, or the database cannot be used.
pub(crate) async fn owner(request: &HttpRequest, state: &State) -> Option<Result<Tenant, NotIn>> {
    let reception = state.portal.as_ref()?;
    visit::SESSION.shown(request, state)?;
    let visit = Visit::of(request, state, reception).await.and_then(Visit::whole);
    Some(visit.map(|visit| visit.account.tenant).map_err(|refused| match refused {
        Refused::Failed => NotIn::Failed,
        _ => NotIn::SignIn,
    }))
}

/// The reason why a session is not accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NotIn {
    /// It expired, or a password has to be chosen first.
    SignIn,
    /// It cannot be looked up now.
    Failed,
}

pub(crate) fn configure(config: &mut ServiceConfig) {
    let own = own_form(|_| &[]).to(change);
    config.service(Route::Portal.resource().route(get().to(show)).route(own).route(web::post().to(foreign)));
}

fn place(request: &HttpRequest) -> Vec<&str> {
    request.match_info().query("page").split('/').filter(|part| !part.is_empty()).take(DEPTH).collect()
}

async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(reception) = &state.portal else { return nothing_here().response(&request) };
    let site = &reception.parts.site;
    let shown = match place(&request)[..] {
        ["style.css"] => Ok(file("text/css; charset=utf-8", site.colour.style() + STYLE)),
        ["logo"] => logo(site),
        ["icon"] => Ok(file("image/svg+xml", site.colour.icon())),
        ["sign-in"] => sign_in::page(&Page::of(&request, site)),
        ["lost"] => lost::page(&Page::of(&request, site), false),
        ["new-password"] => lost::choice(&request, &state, reception).await,
        ["password"] => match Visit::of(&request, &state, reception).await {
            Ok(visit) => password::page(&visit, StatusCode::OK, None),
            Err(refused) => Err(refused),
        },
        [] => match Visit::of(&request, &state, reception).await.and_then(Visit::whole) {
            Ok(visit) => tenant::page(&visit).await,
            Err(refused) => Err(refused),
        },
        _ => Err(Refused::NotFound),
    };
    finish(&request, &state, site, shown)
}

async fn change(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let Some(reception) = &state.portal else { return nothing_here().response(&request) };
    let changed = match place(&request)[..] {
        ["sign-in" | "lost" | "new-password"] => enter(&request, payload, &state, reception).await,
        _ => order(&request, payload, &state, reception).await,
    };
    finish(&request, &state, &reception.parts.site, changed)
}

/// A form of another website, refused unread.
async fn foreign(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(reception) = &state.portal else { return nothing_here().response(&request) };
    finish(&request, &state, &reception.parts.site, Err(Refused::Forbidden))
}

/// Handles forms of visitors who are not signed in.
async fn enter(request: &HttpRequest, payload: Payload, state: &Data<State>, reception: &Reception) -> Answer {
    let form = unauthenticated::form(request, payload, state).await?;
    match place(request)[..] {
        ["sign-in"] => sign_in::enter(request, state, reception, &form).await,
        ["lost"] => lost::ask(request, state, reception, &form).await,
        _ => lost::choose(request, state, reception, &form).await,
    }
}

/// Runs an owner's command; its form is read once the session is known.
async fn order(request: &HttpRequest, payload: Payload, state: &State, reception: &Reception) -> Answer {
    let visit = Visit::of(request, state, reception).await?;
    let form = Fields::read(request, payload).await?;
    visit.check(&form)?;
    match place(request)[..] {
        ["password"] => password::choose(&visit, &form).await,
        ["conversion"] => conversion::order(&visit.whole()?, &form).await,
        ["sign-out"] => sign_in::leave(&visit, form.given("everywhere").is_some()).await,
        _ => Err(Refused::NotFound),
    }
}

fn file(media: &'static str, body: impl actix_web::body::MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, media)).insert_header((CACHE_CONTROL, KEPT)).body(body)
}

fn logo(site: &SiteSettings) -> Answer {
    let logo = site.logo.as_ref().ok_or(Refused::NotFound)?;
    let mut response = file(logo.media(), logo.bytes());
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(LOGO_POLICY));
    Ok(response)
}

fn html(status: StatusCode, template: &impl Template) -> Answer {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page of the portal cannot be rendered");
        Refused::Failed
    })?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
}

/// Redirects to another page.
fn see(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, HeaderValue::from_static(path))).finish()
}

fn finish(request: &HttpRequest, state: &State, site: &SiteSettings, answer: Answer) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|refused| refusal(&Page::of(request, site), &refused));
    let language = Fields::of_query(request).given("lang");
    if let Some(language) = language.filter(|language| ["en", "zh"].contains(&&**language)) {
        let chosen = Cookie::build(LANGUAGE, language)
            .path("/portal")
            .same_site(SameSite::Lax)
            .secure(state.settings.secure_cookies)
            .finish();
        // A name and a short value, valid in a header.
        let _ = response.add_cookie(&chosen);
    }
    let headers = response.headers_mut();
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    headers.insert(REFERRER_POLICY, REFERRERS);
    response
}

fn refusal(page: &Page<'_>, refused: &Refused) -> HttpResponse {
    let words;
    let (status, words) = match refused {
        Refused::SignIn => return see("/portal/sign-in"),
        Refused::ChooseFirst => return see("/portal/password"),
        Refused::NotFound => (StatusCode::NOT_FOUND, page.t("Page not found.", "页面不存在。")),
        Refused::Forbidden => (
            StatusCode::FORBIDDEN,
            page.t(
                "This form has expired or came from another site. Go back, reload the page and try again.",
                "表单已过期或来自其他网站，请返回并刷新页面后重试。",
            ),
        ),
        Refused::Unread(form) => (form.status, page.t(form.english, form.chinese)),
        Refused::TooMany(wait) => {
            words = too_often(page, wait.div_ceil(60).max(1));
            (StatusCode::TOO_MANY_REQUESTS, words.as_str())
        }
        Refused::Busy(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            page.t("Many people are signing in now. Try again in a moment.", "当前登录人数较多，请稍后再试。"),
        ),
        Refused::Failed => (
            StatusCode::SERVICE_UNAVAILABLE,
            page.t(
                "The service is unavailable. Nothing was changed. Try again later.",
                "服务暂时不可用，未做任何更改，请稍后再试。",
            ),
        ),
    };
    let shown = html(status, &RefusedPage { page, words });
    let mut response = shown.unwrap_or_else(|_| HttpResponse::InternalServerError().finish());
    let wait = match refused {
        Refused::TooMany(wait) | Refused::Busy(wait) => Some(*wait),
        Refused::Unread(form) => form.wait,
        _ => None,
    };
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// Message for an exceeded hourly limit, with the wait in minutes.
fn too_often(page: &Page<'_>, minutes: u64) -> String {
    let (words, unit) = (
        page.t(
            "Too many attempts within the hour. Nothing was changed. Try again in",
            "一小时内操作次数过多，未做任何更改。请在",
        ),
        page.t(if minutes == 1 { "minute." } else { "minutes." }, "分钟后重试。"),
    );
    format!("{words} {minutes} {unit}")
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Unread(problem.into())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: LedgerError) -> Refused {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, source, "a page of the portal failed");
    Refused::Failed
}

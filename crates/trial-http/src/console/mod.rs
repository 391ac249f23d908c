//! The console, `/console/`: the operations interface in a browser. Pages are rendered on the server, work without
//! script and load nothing from elsewhere. No rule is decided here: permissions are looked up in the core's table, and
//! every change uses the same ports as the operations interface.

mod access_codes;
mod applications;
mod audit;
mod callers;
mod chart;
mod dashboard;
mod mails;
mod phones;
mod prefixes;
mod settings;
mod sign_in;
mod tenants;
mod visit;
mod words;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER,
};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use trial_core::error::LedgerError;

use crate::body::Payload;
use crate::cross_site::{REFERRERS, own_form};
use crate::fields::{Fields, UnreadForm};
use crate::ops::NotRecorded;
use crate::problem::{Problem, seconds_up};
use crate::routes::{Route, get};
use crate::site::State;
use visit::{Page, Visit};

/// Allows our own style sheet only; no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Most path segments that are read; pages have fewer.
const DEPTH: usize = 4;
/// Answer to a form that is not one of ours.
const FOREIGN: &str = "This form has expired or came from another site. Go back, reload the page and try again.";
const TOO_MANY_SEARCHES: &str = "Too many searches by personal data within an hour. Try again later.";
const TOO_MANY_REVEALS: &str = "Too many pages shown in full within an hour. Use the masked page, or try again later.";
const TOO_MANY_SIGN_INS: &str = "Too many sign-ins within an hour. Use an existing session, or try again later.";
const STYLE: &str = include_str!("../../templates/console/style.css");

/// Outcome of a console request other than a page.
enum Refused {
    /// Nobody is signed in.
    SignIn,
    /// There is no such page.
    NotFound,
    /// The role is not sufficient, or the form is not ours.
    Forbidden(&'static str),
    /// The form could not be read.
    Unread(UnreadForm),
    /// The input is invalid.
    Wrong(String),
    /// An hourly limit was exceeded: the message, and the wait.
    TooMany(&'static str, Duration),
    /// The database cannot be used, or a page cannot be rendered.
    Failed,
}

type Answer = Result<HttpResponse, Refused>;

impl From<NotRecorded> for Refused {
    fn from(reason: NotRecorded) -> Self {
        match reason {
            NotRecorded::OverLimit { retry_after, .. } => Self::TooMany(TOO_MANY_SEARCHES, retry_after),
            NotRecorded::TooManyReveals { retry_after, .. } => Self::TooMany(TOO_MANY_REVEALS, retry_after),
            NotRecorded::Failed(error) => failed(error),
        }
    }
}

pub(crate) fn configure(config: &mut ServiceConfig) {
    let foreign = || web::post().to(foreign);
    let import = own_form(|_| &[]).to(access_codes::import);
    config.service(Route::ConsoleImport.resource().route(get().to(before_import)).route(import).route(foreign()));
    let own = own_form(|_| &[]).to(change);
    config.service(Route::Console.resource().route(get().to(show)).route(own).route(foreign()));
}

/// The path segments of a console page.
fn place(request: &HttpRequest) -> Vec<&str> {
    request.match_info().query("page").split('/').filter(|part| !part.is_empty()).take(DEPTH).collect()
}

/// `GET /console/access-codes/import`, requested when the result of an import is reloaded.
async fn before_import(request: HttpRequest) -> HttpResponse {
    finish(&request, see("/console/access-codes"))
}

async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let parts = place(&request);
    let shown = match parts[..] {
        ["style.css"] => Ok(style()),
        ["sign-in"] => sign_in::page(&request, None),
        _ => within(&request, &state, &parts).await,
    };
    finish(&request, shown)
}

async fn within(request: &HttpRequest, state: &State, parts: &[&str]) -> Answer {
    let visit = Visit::of(request, state).await?;
    match parts {
        [] => dashboard::page(&visit).await,
        ["applications"] => applications::list(&visit).await,
        ["applications", id] => applications::show(&visit, id, false).await,
        ["tenants"] => tenants::list(&visit).await,
        ["tenants", id] => tenants::show(&visit, id, false, None).await,
        ["access-codes"] => access_codes::page(&visit, None).await,
        ["mails"] => mails::page(&visit, None).await,
        ["phones"] => phones::page(&visit).await,
        ["prefixes"] => prefixes::page(&visit, None).await,
        ["callers"] => callers::page(&visit, None).await,
        ["settings"] => settings::page(&visit, None).await,
        ["audit"] => audit::page(&visit).await,
        _ => Err(Refused::NotFound),
    }
}

async fn change(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let changed = match place(&request)[..] {
        ["sign-in"] => sign_in::enter(&request, payload, &state).await,
        _ => order(&request, payload, &state).await,
    };
    finish(&request, changed)
}

/// A form of another website, refused unread.
async fn foreign(request: HttpRequest) -> HttpResponse {
    finish(&request, Err(Refused::Forbidden(FOREIGN)))
}

/// Runs an operator's command; its form is read once the session is known.
async fn order(request: &HttpRequest, payload: Payload, state: &State) -> Answer {
    let visit = Visit::of(request, state).await?;
    let form = &Fields::read(request, payload).await?;
    visit.check(&form.untrimmed("csrf"))?;
    match place(request)[..] {
        ["sign-out"] => sign_in::leave(&visit).await,
        ["applications", id, "reveal"] => applications::show(&visit, id, true).await,
        ["tenants", id, "reveal"] => tenants::show(&visit, id, true, None).await,
        ["tenants", id, action] => tenants::order(&visit, id, action, form).await,
        ["access-codes", code, action] => access_codes::order(&visit, code, action).await,
        ["mails", "retry"] => mails::retry_all(&visit, form).await,
        ["mails", id, "retry"] => mails::retry(&visit, id).await,
        ["phones", "unlock"] => phones::unlock(&visit, form).await,
        ["prefixes", "add"] => prefixes::add_safe(&visit, form).await,
        ["prefixes", prefix, "release"] => prefixes::release(&visit, prefix).await,
        ["prefixes", prefix, "remove"] => prefixes::remove_safe(&visit, prefix).await,
        ["callers", name, "suspend"] => callers::suspend(&visit, name).await,
        ["callers", name, "resume"] => callers::resume(&visit, name).await,
        ["callers", name, "limits"] => callers::set_limits(&visit, name, form).await,
        ["callers", name, "remove"] => callers::remove(&visit, name, form).await,
        ["settings", "quota"] => settings::set_quota(&visit, form).await,
        ["settings", action] => settings::set(&visit, action, form).await,
        _ => Err(Refused::NotFound),
    }
}

fn style() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/css; charset=utf-8")).body(STYLE)
}

fn html(status: StatusCode, template: &impl Template) -> Answer {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page of the console cannot be rendered");
        Refused::Failed
    })?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
}

fn page(template: &impl Template) -> Answer {
    html(StatusCode::OK, template)
}

/// Redirects to another page, so that a reload changes nothing.
fn see(path: &str) -> Answer {
    let location = HeaderValue::from_str(path).map_err(|_| Refused::Failed)?;
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, location)).finish())
}

#[derive(Template)]
#[template(path = "console/refused.html")]
struct RefusedPage {
    page: Page,
    words: String,
}

fn finish(request: &HttpRequest, answer: Answer) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|refused| refusal(request, refused));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, REFERRERS);
    response
}

fn refusal(request: &HttpRequest, refused: Refused) -> HttpResponse {
    let nobody = Page::of_nobody(request);
    let wait = match &refused {
        Refused::TooMany(_, wait) => Some(seconds_up(*wait)),
        Refused::Unread(form) => form.wait,
        _ => None,
    };
    let (status, words) = match refused {
        Refused::SignIn => {
            return see("/console/sign-in").unwrap_or_else(|_| HttpResponse::InternalServerError().finish());
        }
        Refused::NotFound => (StatusCode::NOT_FOUND, nobody.t("Page not found.").to_owned()),
        Refused::Forbidden(words) => (StatusCode::FORBIDDEN, nobody.t(words).to_owned()),
        Refused::Unread(form) => {
            let words = if nobody.lang() == "en" { form.english } else { form.chinese };
            (form.status, words.to_owned())
        }
        Refused::Wrong(words) => (StatusCode::BAD_REQUEST, words),
        Refused::TooMany(words, _) => (StatusCode::TOO_MANY_REQUESTS, nobody.t(words).to_owned()),
        Refused::Failed => (
            StatusCode::SERVICE_UNAVAILABLE,
            nobody.t("The database is unavailable. Nothing was changed. Try again later.").to_owned(),
        ),
    };
    let page = html(status, &RefusedPage { page: nobody, words });
    let mut response = page.unwrap_or_else(|_| HttpResponse::InternalServerError().finish());
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Unread(problem.into())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: LedgerError) -> Refused {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, source, "a page of the console failed");
    Refused::Failed
}

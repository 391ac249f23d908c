//! The application page, `/apply`: the two published interfaces in a browser. It works without script; with script,
//! answers replace the middle of the page. No rule is decided here: the page calls the same port as the interfaces and
//! explains each return code.
//!
//! A form is accepted only from our pages and from origins that may embed them. Nobody is signed in, so a foreign form
//! could do no more than a call of the interface; but it would spend the limit of its visitor's address.

mod brand;
mod consent;
mod entered;
mod page;
mod policy;
mod words;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, ORIGIN,
    RETRY_AFTER, VARY,
};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use trial_core::applications::Terms;
use trial_core::bot_challenge::BotChallengeVerdict;
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, SendCode};
use trial_core::verification::CodeRequest;

use crate::body::Payload;
use crate::cross_site::own_form;
use crate::problem::{Kind, Problem, seconds_up};
use crate::public::{id_of, unless_it_panics};
use crate::routes::{Route, get, nothing_here};
use crate::settings::PageGuard;
use crate::site::State;
use crate::unauthenticated;
pub use brand::{BrandColour, BrandError, EmbedOrigin, Logo, SiteLink, SiteSettings};
pub(crate) use consent::Consent;
use entered::{Entered, Parsed};
use page::{Applied, ApplyForm, Page, TermsPage, rendered};
use words::Notice;

/// An SVG logo is a document of its own.
pub(crate) const LOGO_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
pub(crate) const STYLE: &str = include_str!("../../templates/site/style.css");
const EMBED: &str = include_str!("../../templates/site/embed.js");
const SCRIPT: &str = include_str!("../../templates/site/apply.js");
/// The solver of the protocol (npm `altcha` 3.2.2, `dist/workers/pbkdf2.js`), behind its licence.
const SOLVER: &str = include_str!("../../templates/site/altcha.js");
/// The form field into which our script puts the proof.
const PROOF: &str = "altcha";
/// Five minutes, so that pages of a new release or colour are not shown with older files for longer.
pub(crate) const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            Route::ApplyPage
                .resource()
                .route(get().to(show))
                .route(own_form(embed_origins).to(take))
                .route(web::post().to(foreign)),
        )
        .service(Route::ApplyFile.resource().route(get().to(file)))
        .service(Route::Embed.resource().route(get().to(embed)));
}

/// `GET /apply`.
async fn show(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(site) = &state.settings.site else { return nothing_here().response(&request) };
    let page = Page::of(&request, site, None);
    rendered(StatusCode::OK, &ApplyForm::new(page, &state, Entered::default()))
}

/// `POST /apply`: sends a code, or applies.
async fn take(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let Some(site) = &state.settings.site else { return nothing_here().response(&request) };
    if let Err(wait) = state.failure_limit().peek(state.client_of(&request)) {
        let exchange = Exchange { request: &request, state: &state, page: Page::of(&request, site, None) };
        return exchange.slow_down(Entered::default(), wait);
    }
    let fields = match unauthenticated::form(&request, payload, &state).await {
        Ok(fields) => fields,
        Err(problem) => return problem.response(&request),
    };
    let page = Page::of(&request, site, Some(&fields));
    let exchange = Exchange { request: &request, state: &state, page };
    if fields.text("step") == "code" {
        let field = state.guard.as_ref().and_then(|guard| guard.widget.as_ref()).map_or(PROOF, |widget| &widget.field);
        exchange.send_code(Entered::of(&fields), &fields.text(field)).await
    } else {
        exchange.apply(Entered::of(&fields)).await
    }
}

fn embed_origins(state: &State) -> &[EmbedOrigin] {
    state.settings.site.as_ref().map_or(&[], |site| site.embed_origins.as_slice())
}

/// A form of another website, refused unread.
async fn foreign(request: HttpRequest) -> HttpResponse {
    let detail = "this form was sent by another website; put its origin into `site.embed_origins` if it may, or `http.public_url` if \
        it is this one";
    Problem::new(Kind::Forbidden).detail(detail).response(&request)
}

/// `GET /apply/{file}`.
async fn file(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(site) = &state.settings.site else { return nothing_here().response(&request) };
    let of = |media: &'static str, body: Bytes| HttpResponse::Ok().insert_header((CONTENT_TYPE, media)).body(body);
    let mut response = match (request.match_info().query("file"), &site.terms, &site.logo) {
        ("style.css", ..) => of("text/css; charset=utf-8", (site.colour.style() + STYLE).into()),
        ("icon", ..) => of("image/svg+xml", site.colour.icon().into()),
        ("apply.js", ..) => of("text/javascript; charset=utf-8", Bytes::from_static(SCRIPT.as_bytes())),
        ("altcha.js", ..) if state.guard.as_ref().is_some_and(|guard| guard.widget.is_none()) => {
            of("text/javascript; charset=utf-8", Bytes::from_static(SOLVER.as_bytes()))
        }
        ("challenge", ..) => return challenge(&request, &state),
        ("terms", Some(terms), _) => {
            return rendered(StatusCode::OK, &TermsPage { page: Page::of(&request, site, None), terms });
        }
        ("logo", _, Some(logo)) => {
            let policy = (CONTENT_SECURITY_POLICY, LOGO_POLICY);
            HttpResponse::Ok().insert_header((CONTENT_TYPE, logo.media())).insert_header(policy).body(logo.bytes())
        }
        _ => return nothing_here().response(&request),
    };
    response.headers_mut().insert(CACHE_CONTROL, KEPT);
    response
}

/// `GET /apply/challenge`: one per code request.
fn challenge(request: &HttpRequest, state: &State) -> HttpResponse {
    match state.guard.as_ref().and_then(|PageGuard { guard, .. }| guard.challenge()) {
        Some(challenge) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(challenge),
        None => nothing_here().response(request),
    }
}

/// `GET /embed.js`: embeds the form into a page of a configured origin. Browsers show no form on any other origin.
async fn embed(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let origins = state.settings.site.iter().flat_map(|site| &site.embed_origins);
    if origins.clone().next().is_none() {
        return nothing_here().response(&request);
    }
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/javascript; charset=utf-8"))
        .insert_header((CACHE_CONTROL, KEPT))
        .insert_header((VARY, "Origin"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"));
    let asking = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if let Some(origin) = origins.map(EmbedOrigin::as_str).find(|origin| Some(*origin) == asking) {
        response.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin));
    }
    response.body(EMBED)
}

/// One submitted form.
struct Exchange<'a> {
    request: &'a HttpRequest,
    state: &'a State,
    page: Page<'a>,
}

impl Exchange<'_> {
    async fn send_code(self, entered: Entered, proof: &str) -> HttpResponse {
        let (limit, client) = (self.state.code_limit(), self.state.client_of(self.request));
        if let Err(wait) = limit.peek(client) {
            return self.slow_down(entered, wait);
        }
        let phone = match entered.phone(&self.state.settings.phone, self.page.locale) {
            Ok(phone) => phone,
            Err(problem) => return self.amend(entered, vec![problem]),
        };
        if let Err(wait) = limit.take(client) {
            return self.slow_down(entered, wait);
        }
        if let Err((status, notice)) = self.admit(proof).await {
            return self.answer(status, entered, notice, None);
        }
        let asked = CodeRequest { request_id: id_of(self.request), phone, locale: self.page.locale };
        let Ok(CodeReply { code, retry_after: wait }) = unless_it_panics(self.state.service.send_code(asked)).await
        else {
            return self.failed(entered);
        };
        let notice = words::of_code(code, self.page.locale, wait, self.page.site);
        self.answer(StatusCode::OK, entered, notice, wait)
    }

    /// Verifies the bot challenge, if there is one; the error is the answer to a visitor who fails it.
    async fn admit(&self, proof: &str) -> Result<(), (StatusCode, Notice)> {
        let Some(PageGuard { guard, .. }) = &self.state.guard else { return Ok(()) };
        let judged = guard.judge(proof).await;
        let verdict = judged.as_ref().map_or("unusable", |verdict| verdict.as_str());
        metrics::counter!("trialgate_bot_challenges_total", "verdict" => verdict).increment(1);
        match judged {
            Ok(BotChallengeVerdict::Passed) => Ok(()),
            Ok(BotChallengeVerdict::Refused(refusal)) => {
                Err((StatusCode::FORBIDDEN, words::of_guard(refusal, self.page.locale, self.page.site)))
            }
            // Answered like an unreachable database.
            Err(error) => {
                tracing::error!(%error, "the bot challenge cannot be verified; no code is sent");
                let notice = words::of_code(SendCode::Exception, self.page.locale, None, self.page.site);
                Err((StatusCode::OK, notice))
            }
        }
    }

    async fn apply(self, entered: Entered) -> HttpResponse {
        let (limit, client) = (self.state.application_limit(), self.state.client_of(self.request));
        if let Err(wait) = limit.peek(client) {
            return self.slow_down(entered, wait);
        }
        let parsed = match entered.parse(&self.state.settings, self.page.site, self.page.locale) {
            Ok(parsed) => parsed,
            Err(problems) => return self.amend(entered, problems),
        };
        if let Err(wait) = limit.take(client) {
            return self.slow_down(entered, wait);
        }
        let Parsed { company, phone, code, email } = parsed;
        let (request_id, locale) = (id_of(self.request), self.page.locale);
        let terms = self.page.site.terms.as_ref();
        let published = match terms {
            Some(terms) => self.state.consent.publish(self.state, terms).await,
            None => Ok(()),
        };
        let agreed = terms.map(Terms::agreement);
        let application =
            trial_core::applications::Application { request_id, company, phone, code, email, locale, agreed };
        let reply = match published {
            Ok(()) => unless_it_panics(self.state.service.apply(application)).await,
            // Answered like an undecided application: nothing was stored.
            Err(error) => {
                tracing::error!(%error, "the text of the terms cannot be stored; the application is not accepted");
                Ok(ApplyReply::CONFLICT)
            }
        };
        let Ok(ApplyReply { code, retry_after }) = reply else { return self.failed(entered) };
        if code == ApplyCode::Success {
            return rendered(StatusCode::OK, &Applied { email: entered.email, page: self.page });
        }
        let notice = words::of_application(code, locale, retry_after, self.page.site);
        let is_spent = matches!(code, ApplyCode::NoCode | ApplyCode::WrongCode);
        let code = if is_spent { String::new() } else { entered.code };
        self.answer(StatusCode::OK, Entered { code, ..entered }, notice, retry_after)
    }

    fn slow_down(self, entered: Entered, wait: Duration) -> HttpResponse {
        let notice = words::of_many_requests(self.page.locale, wait);
        self.answer(StatusCode::TOO_MANY_REQUESTS, entered, notice, Some(wait))
    }

    fn failed(self, entered: Entered) -> HttpResponse {
        let notice = words::of_failure(self.page.locale, self.page.site);
        self.answer(StatusCode::INTERNAL_SERVER_ERROR, entered, notice, None)
    }

    /// Asks for other values, and counts the form as malformed.
    fn amend(self, entered: Entered, problems: Vec<entered::FieldProblem>) -> HttpResponse {
        if let Err(wait) = self.state.failure_limit().take(self.state.client_of(self.request)) {
            return self.slow_down(entered, wait);
        }
        let form = ApplyForm::new(self.page, self.state, entered);
        rendered(StatusCode::BAD_REQUEST, &ApplyForm { problems, ..form })
    }

    fn answer(self, status: StatusCode, entered: Entered, notice: Notice, wait: Option<Duration>) -> HttpResponse {
        let request = (!notice.is_good).then(|| id_of(self.request));
        let form = ApplyForm::new(self.page, self.state, entered);
        let wait = wait.map(seconds_up);
        let mut response = rendered(status, &ApplyForm { notice: Some(notice), request, wait, ..form });
        if let Some(seconds) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

//! The two published interfaces: parse, ask the port, write the return code.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use trial_core::ports::Unexpected;
use trial_core::{
    Application, ApplyCode, CodeRequest, CompanyName, Email, Locale, Phone, RequestId, Scope, SendCode, SubmittedCode,
};

use crate::body;
use crate::form::Form;
use crate::messages::preferred_locale;
use crate::problem::{Kind, Problem, whole_seconds};
use crate::rate_limit::AddressLimiter;
use crate::signed::{Barred, stranger};
use crate::site::State;

/// `POST generateverifycode`.
pub(crate) async fn send_code(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    match answer_send_code(&request, payload, &state).await {
        Ok(response) => response,
        Err(problem) => problem.response(&request),
    }
}

/// `POST applyTenant`.
pub(crate) async fn apply(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    match answer_apply(&request, payload, &state).await {
        Ok(response) => response,
        Err(problem) => problem.response(&request),
    }
}

async fn answer_send_code(request: &HttpRequest, payload: Payload, state: &State) -> Result<HttpResponse, Problem> {
    let body = match let_in(request, payload, state, state.code_limit(), Scope::VerifyCodes).await {
        Ok(body) => body,
        Err(Barred::With(problem)) => return Err(problem),
        // As where the code's own facts cannot be looked up.
        Err(Barred::Unknown) => return Ok(response(state.replies.send(SendCode::Exception, language(request)), None)),
    };
    let mut form = Form::parse(&body, &["phone"], state.settings.envelope)?;
    let Some(phone) = form.take(0, |text| Phone::parse(text, &state.settings.phone)) else {
        return Err(form.into_problem());
    };
    let preferred = preferred_locale(request.headers());
    let locale = preferred.unwrap_or_else(|| Locale::of_phone(&phone));
    let asked = CodeRequest { request_id: id_of(request), phone, locale };
    let reply = unless_it_panics(state.service.send_code(asked)).await?;
    Ok(response(state.replies.send(reply.code, preferred.unwrap_or(Locale::En)), reply.retry_after))
}

async fn answer_apply(request: &HttpRequest, payload: Payload, state: &State) -> Result<HttpResponse, Problem> {
    let body = match let_in(request, payload, state, state.application_limit(), Scope::Apply).await {
        Ok(body) => body,
        Err(Barred::With(problem)) => return Err(problem),
        // As where the code cannot be looked up.
        Err(Barred::Unknown) => {
            return Ok(response(state.replies.apply(ApplyCode::Exception, language(request)), None));
        }
    };
    let preferred = preferred_locale(request.headers());
    let application = parse_application(request, &body, state, preferred)?;
    let reply = unless_it_panics(state.service.apply(application)).await?;
    Ok(response(state.replies.apply(reply.code, preferred.unwrap_or(Locale::En)), reply.retry_after))
}

fn parse_application(
    request: &HttpRequest,
    body: &[u8],
    state: &State,
    preferred: Option<Locale>,
) -> Result<Application, Problem> {
    let names = &["companyName", "phone", "phoneVerifyCode", "email"];
    let mut form = Form::parse(body, names, state.settings.envelope)?;
    let company = form.take(0, CompanyName::parse);
    let phone = form.take(1, |text| Phone::parse(text, &state.settings.phone));
    let code = form.take(2, SubmittedCode::parse);
    let email = form.take(3, Email::parse);
    let (Some(company), Some(phone), Some(code), Some(email)) = (company, phone, code, email) else {
        return Err(form.into_problem());
    };
    let locale = preferred.unwrap_or_else(|| Locale::of_phone(&phone));
    Ok(Application { request_id: id_of(request), company, phone, code, email, locale })
}

/// Reads the body of a request that may come in: one that a caller signed, or one of an address that is within its limit.
async fn let_in(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    limit: &AddressLimiter,
    scope: Scope,
) -> Result<Bytes, Barred> {
    let Some(signing) = &state.signing else {
        check_rate(request, state, limit)?;
        return Ok(body::read(request, payload, state.settings.body_timeout).await?);
    };
    let body = body::read(request, payload, state.settings.body_timeout).await?;
    let caller = signing.let_in(request, &body, scope, || stranger(request, state)).await?;
    tracing::debug!(%caller, "a signed request is let in");
    Ok(body)
}

fn language(request: &HttpRequest) -> Locale {
    preferred_locale(request.headers()).unwrap_or(Locale::En)
}

fn check_rate(request: &HttpRequest, state: &State, limit: &AddressLimiter) -> Result<(), Problem> {
    address_wait(request, state, limit).map_err(|wait| {
        Problem::new(Kind::RateLimited).detail("this client address has made too many requests").retry_after(wait)
    })
}

/// Counts a request of its client address.
///
/// # Errors
/// How long to wait, if it is one too many.
pub(crate) fn address_wait(request: &HttpRequest, state: &State, limit: &AddressLimiter) -> Result<(), Duration> {
    if limit.is_off() {
        return Ok(());
    }
    limit.check(state.trusted_proxies.client_of(request.peer_addr(), request.headers()))
}

/// The exchange's id, which [`crate::telemetry`] has put there.
pub(crate) fn id_of(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::from_stored("unknown"))
}

/// A panic behind the port is answered like any other fault of the program, instead of by a dropped connection.
pub(crate) async fn unless_it_panics<T>(call: impl Future<Output = Result<T, Unexpected>>) -> Result<T, Problem> {
    let called = AssertUnwindSafe(call).catch_unwind().await.unwrap_or(Err(Unexpected));
    called.map_err(|Unexpected| Problem::new(Kind::Unexpected))
}

fn response(body: Bytes, retry_after: Option<Duration>) -> HttpResponse {
    let mut builder = HttpResponse::Ok();
    builder.content_type(HeaderValue::from_static("application/json"));
    if let Some(wait) = retry_after {
        builder.insert_header((RETRY_AFTER, whole_seconds(wait)));
    }
    builder.body(body)
}

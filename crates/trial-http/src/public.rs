//! The two published interfaces: parse the request, call the port, write the return code.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use trial_core::applications::Application;
use trial_core::clients::Scope;
use trial_core::ports::Unexpected;
use trial_core::return_codes::{ApplyCode, SendCode};
use trial_core::values::{CompanyName, Email, Locale, Phone, RequestId, SubmittedCode};
use trial_core::verification::CodeRequest;

use crate::body::{Body, Media, Payload};
use crate::form::{Form, Nesting};
use crate::messages::preferred_locale;
use crate::problem::{Kind, Problem, whole_seconds};
use crate::rate_limit::AddressLimiter;
use crate::signed::{Barred, stranger};
use crate::site::State;
use crate::unauthenticated::{self, malformed};

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
    let nested = |body: &[u8]| Form::parse(body, PHONE, state.settings.envelope).map(|form| form.nesting());
    let admitted = match let_in(request, payload, state, state.code_limit(), Scope::VerifyCodes).await {
        Ok(admitted) => admitted,
        Err(Refused::With(problem)) => return Err(problem),
        // Answered as if the code could not be looked up.
        Err(Refused::Unknown(body)) => {
            let nesting = place_of(state, body.as_deref().map(nested));
            return Ok(response(state.replies.send(SendCode::Exception, language(request), nesting), None));
        }
    };
    let (phone, nesting) = admitted.count(request, state, |body| parse_phone(body, state))?;
    let preferred = preferred_locale(request.headers());
    let locale = preferred.unwrap_or_else(|| Locale::of_phone(&phone));
    let asked = CodeRequest { request_id: id_of(request), phone, locale };
    let reply = unless_it_panics(state.service.send_code(asked)).await?;
    // A 200 needs no retry.
    let retry_after = reply.retry_after.filter(|_| reply.code != SendCode::Sent);
    Ok(response(state.replies.send(reply.code, preferred.unwrap_or(Locale::En), nesting), retry_after))
}

async fn answer_apply(request: &HttpRequest, payload: Payload, state: &State) -> Result<HttpResponse, Problem> {
    let nested = |body: &[u8]| Form::parse(body, APPLICATION, state.settings.envelope).map(|form| form.nesting());
    let admitted = match let_in(request, payload, state, state.application_limit(), Scope::Apply).await {
        Ok(admitted) => admitted,
        Err(Refused::With(problem)) => return Err(problem),
        // Answered as if the code could not be looked up.
        Err(Refused::Unknown(body)) => {
            let nesting = place_of(state, body.as_deref().map(nested));
            return Ok(response(state.replies.apply(ApplyCode::Exception, language(request), nesting), None));
        }
    };
    let preferred = preferred_locale(request.headers());
    let (application, nesting) =
        admitted.count(request, state, |body| parse_application(request, body, state, preferred))?;
    let reply = unless_it_panics(state.service.apply(application)).await?;
    Ok(response(state.replies.apply(reply.code, preferred.unwrap_or(Locale::En), nesting), reply.retry_after))
}

const PHONE: &[&str; 1] = &["phone"];
const APPLICATION: &[&str; 4] = &["companyName", "phone", "phoneVerifyCode", "email"];

fn parse_phone(body: &[u8], state: &State) -> Result<(Phone, Nesting), Problem> {
    let mut form = Form::parse(body, PHONE, state.settings.envelope)?;
    let phone = form.take(0, |text| Phone::parse(text, &state.settings.phone));
    phone.map(|phone| (phone, form.nesting())).ok_or_else(|| form.into_problem())
}

/// The place of the reply to an undecided request: that of its fields, if they can be read.
fn place_of(state: &State, asked: Option<Result<Nesting, Problem>>) -> Nesting {
    asked.and_then(Result::ok).unwrap_or_else(|| state.settings.envelope.into())
}

fn parse_application(
    request: &HttpRequest,
    body: &[u8],
    state: &State,
    preferred: Option<Locale>,
) -> Result<(Application, Nesting), Problem> {
    let mut form = Form::parse(body, APPLICATION, state.settings.envelope)?;
    let company = form.take(0, CompanyName::parse);
    let phone = form.take(1, |text| Phone::parse(text, &state.settings.phone));
    let code = form.take(2, SubmittedCode::parse);
    let email = form.take(3, |text| Email::parse_at(state.settings.mail_hosts, text));
    let (Some(company), Some(phone), Some(code), Some(email)) = (company, phone, code, email) else {
        return Err(form.into_problem());
    };
    let locale = preferred.unwrap_or_else(|| Locale::of_phone(&phone));
    let application = Application { request_id: id_of(request), company, phone, code, email, locale, agreed: None };
    Ok((application, form.nesting()))
}

/// A request that is not decided.
enum Refused {
    /// The problem to answer.
    With(Problem),
    /// The storage cannot say whether it is accepted; the body, if it was read.
    Unknown(Option<Body>),
}

impl Refused {
    fn of(barred: Barred, body: Option<Body>) -> Self {
        match barred {
            Barred::With(problem) => Self::With(problem),
            Barred::Unknown => Self::Unknown(body),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::With(problem)
    }
}

/// A request that may be parsed.
struct Admitted<'a> {
    body: Body,
    /// The limit of its client address; `None` for a signed request, which has a rate of its own.
    limit: Option<&'a AddressLimiter>,
}

impl Admitted<'_> {
    /// Parses and drops the body. Counts the request against the limit of its interface, or of malformed requests.
    fn count<T>(
        self,
        request: &HttpRequest,
        state: &State,
        parse: impl FnOnce(&[u8]) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let parsed = parse(&self.body);
        let Some(limit) = self.limit else { return parsed };
        let parsed = parsed.map_err(|problem| malformed(request, state, problem))?;
        limit.take(state.client_of(request)).map_err(too_many)?;
        Ok(parsed)
    }
}

/// Reads the body of a signed request, or of one whose client address is within its limits. The signature covers the
/// body, so it is checked after reading; a request that cannot be signed is not read.
async fn let_in<'a>(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    limit: &'a AddressLimiter,
    scope: Scope,
) -> Result<Admitted<'a>, Refused> {
    let Some(signing) = &state.signing else {
        let client = state.client_of(request);
        limit.peek(client).map_err(too_many)?;
        let body = unauthenticated::read(request, payload, state, Media::Json).await?;
        return Ok(Admitted { body, limit: Some(limit) });
    };
    signing.may_be_signed(request, state).await.map_err(|barred| Refused::of(barred, None))?;
    let body = payload.json(request).await.map_err(|problem| malformed(request, state, problem))?;
    match signing.let_in(request, &body, scope, || stranger(request, state)).await {
        Ok(signed) => {
            tracing::debug!(caller = %signed.caller, "a signed request is accepted");
            Ok(Admitted { body, limit: None })
        }
        Err(barred) => Err(Refused::of(barred, Some(body))),
    }
}

fn language(request: &HttpRequest) -> Locale {
    preferred_locale(request.headers()).unwrap_or(Locale::En)
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(Kind::RateLimited).detail("too many requests from this client address").retry_after(wait)
}

/// The request id, set by [`crate::telemetry`].
pub(crate) fn id_of(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::from_stored("unknown"))
}

/// Answers a panic behind the port like any other fault, instead of dropping the connection.
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

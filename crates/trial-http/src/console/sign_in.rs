//! Sign-in and sign-out of operators.

use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::visit::{Page, SESSION, Visit};
use super::{Answer, Refused, TOO_MANY_SIGN_INS, failed, html};
use crate::body::Payload;
use crate::site::State;
use crate::unauthenticated;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignIn {
    page: Page,
    wrong: Option<&'static str>,
}

pub(super) fn page(request: &HttpRequest, wrong: Option<&'static str>) -> Answer {
    let page = Page::of_nobody(request);
    let status = if wrong.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    html(status, &SignIn { wrong: wrong.map(|words| page.t(words)), page })
}

/// Signs in the holder of a valid token. Failures are counted by client address; a valid token is never rejected
/// because of them.
pub(super) async fn enter(request: &HttpRequest, payload: Payload, state: &State) -> Answer {
    let form = unauthenticated::form(request, payload, state).await?;
    let (ops, token) = (&state.ops, form.text("token"));
    if let Some(operator) = ops.access.by_token(&token).await.map_err(failed)? {
        ops.sign_ins.take(operator.id).map_err(|wait| Refused::TooMany(TOO_MANY_SIGN_INS, wait))?;
    }
    let Some(signed_in) = ops.access.sign_in(&token).await.map_err(failed)? else {
        return match state.ops.strangers.take(state.client_of(request)) {
            Ok(()) => page(request, Some("Invalid token: unknown, expired or revoked.")),
            Err(_) => Err(Refused::Forbidden("Too many invalid tokens from your address. Try again in an hour.")),
        };
    };
    let cookie = SESSION.given(state, signed_in.secret.as_str());
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/console/")).cookie(cookie).finish())
}

pub(super) async fn leave(visit: &Visit<'_>) -> Answer {
    visit.ops.access.sign_out(&visit.secret).await.map_err(failed)?;
    let mut gone = SESSION.given(visit.state, "");
    gone.set_max_age(Duration::ZERO);
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/console/sign-in?said=signed-out")).cookie(gone).finish())
}

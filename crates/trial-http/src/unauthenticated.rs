//! Bodies of unauthenticated senders. A malformed one is counted against its client address, and after too many no body
//! of it is read.

use actix_web::HttpRequest;

use crate::body::{Body, Media, Payload};
use crate::fields::Fields;
use crate::problem::{Kind, Problem};
use crate::site::{State, too_many_without};

/// Missing from requests that are malformed.
const VALID_BODY: &str = "valid body";

/// Reads a body of this kind, if its client address is within the limit of malformed requests.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    media: Media,
) -> Result<Body, Problem> {
    let budget = state.failure_limit().peek(state.client_of(request));
    budget.map_err(|wait| too_many_without(VALID_BODY, wait))?;
    payload.read(media, request).await.map_err(|problem| malformed(request, state, problem))
}

/// Reads a form.
pub(crate) async fn form(request: &HttpRequest, payload: Payload, state: &State) -> Result<Fields, Problem> {
    let body = read(request, payload, state, Media::Form).await?;
    Fields::of(body).map_err(|problem| malformed(request, state, problem))
}

/// Counts a malformed request; returns its problem, or 429 after too many. A body without room is not malformed.
pub(crate) fn malformed(request: &HttpRequest, state: &State, problem: Problem) -> Problem {
    if matches!(problem.kind(), Kind::RateLimited | Kind::Unavailable) {
        return problem;
    }
    state.turn_away(request, state.failure_limit(), problem, VALID_BODY)
}

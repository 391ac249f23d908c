//! Operations interface: single access codes.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use trial_core::access_codes::{AccessCodePage, AccessCodeState, PoolCommand, PoolOutcome};
use trial_core::values::{AccessCode, AccessCodeKind};
use trial_engine::operations::Operation;
use trial_engine::operations::access_codes;
use trial_engine::operations::page::PAGE;
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{MAX_PAGE, Query, segment};
use crate::problem::{Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// Result of a command on an access code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Moved {
    code: String,
    /// State before.
    before: &'static str,
    /// State after.
    state: &'static str,
}

/// `GET /ops/v1/access-codes`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListAccessCodes).await?;
    let mut query = Query::of(&request);
    let limit = query.number("limit", 1..=MAX_PAGE).unwrap_or(PAGE);
    let cursor = query.take("cursor", AccessCode::parse);
    let kind = query.take("kind", |text| text.parse::<AccessCodeKind>().map_err(|_| "must be voice or multimedia"));
    let wanted = query.take("state", |text| {
        text.parse::<AccessCodeState>().map_err(|_| "must be free, leased, quarantined or retired")
    });
    query.end()?;
    let (kind, state) = (kind.unwrap_or(AccessCodeKind::Voice), wanted.unwrap_or(AccessCodeState::Free));
    let page = AccessCodePage { kind, state, after: cursor, limit };
    json(&access_codes::list(&*caller.ops.parts.operations, page).await.map_err(failed)?)
}

/// `POST /ops/v1/access-codes/{code}/retire`.
pub(super) async fn retire(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, Operation::RetireAccessCode, PoolCommand::Retire).await
}

/// `POST /ops/v1/access-codes/{code}/release`.
pub(super) async fn release(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, Operation::ReleaseAccessCode, PoolCommand::Release).await
}

async fn order(
    request: &HttpRequest,
    state: &State,
    operation: Operation,
    order: PoolCommand,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(request, state, operation).await?;
    Query::of(request).end()?;
    let code = AccessCode::parse(&segment(request).await?).map_err(|_| nothing_here())?;
    let operations = &caller.ops.parts.operations;
    match operations.order_access_code(code.clone(), order, caller.changes()).await.map_err(failed)? {
        PoolOutcome::Done { before, after } => {
            json(&Moved { code: code.to_string(), before: before.as_str(), state: after.as_str() })
        }
        PoolOutcome::Refused(state) => Err(Problem::new(Kind::Conflict)
            .detail(format!("this access code is {state}; this state does not allow the change"))),
        PoolOutcome::Unknown => Err(Problem::new(Kind::NotFound).detail("no access code has this name")),
    }
}

//! Operations interface: single access codes.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::access_codes::{AccessCodePage, AccessCodeState, AccessCodeView, PoolCommand, PoolOutcome};
use trial_core::operators::Permission;
use trial_core::values::{AccessCode, AccessCodeKind};
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::{Listing, json, one_more};
use crate::body::Payload;
use crate::parameters::{MAX_PAGE, PAGE, Page, Query, segment};
use crate::problem::{Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// An access code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PoolCode {
    code: String,
    /// voice or multimedia.
    kind: &'static str,
    /// free, leased, quarantined or retired.
    state: &'static str,
    /// Time of the last change of state.
    since: DateTime<Utc>,
    /// The tenant that holds the code, or held it before the quarantine.
    #[schema(required)]
    tenant: Option<String>,
}

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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let limit = query.number("limit", 1..=MAX_PAGE).unwrap_or(PAGE);
    let cursor = query.take("cursor", AccessCode::parse);
    let kind = query.take("kind", |text| text.parse::<AccessCodeKind>().map_err(|_| "must be voice or multimedia"));
    let wanted = query.take("state", |text| {
        text.parse::<AccessCodeState>().map_err(|_| "must be free, leased, quarantined or retired")
    });
    query.end()?;
    let page = Page { limit, cursor };
    let asked = AccessCodePage {
        kind: kind.unwrap_or(AccessCodeKind::Voice),
        state: wanted.unwrap_or(AccessCodeState::Free),
        after: page.cursor.clone(),
        limit: one_more(&page),
    };
    let found = caller.ops.parts.operations.access_codes(asked).await.map_err(failed)?;
    json(&Listing::of(&page, found, |view| view.code.to_string(), PoolCode::new))
}

/// `POST /ops/v1/access-codes/{code}/retire`.
pub(super) async fn retire(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, PoolCommand::Retire).await
}

/// `POST /ops/v1/access-codes/{code}/release`.
pub(super) async fn release(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, PoolCommand::Release).await
}

async fn order(request: &HttpRequest, state: &State, order: PoolCommand) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(request, state, Permission::ChangePool).await?;
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

impl PoolCode {
    fn new(view: &AccessCodeView) -> Self {
        Self {
            code: view.code.to_string(),
            kind: view.kind.as_str(),
            state: view.state.as_str(),
            since: view.since,
            tenant: view.tenant.map(|tenant| tenant.to_string()),
        }
    }
}

//! Operations interface: API clients.

use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use trial_core::clients::{ApiClientChange, ApiClientChanged, ApiClientLimits, ApiClientName, ApiClientRefusal, Scope};
use trial_engine::operations::Operation;
use trial_engine::operations::clients::{self, ApiClientReport};
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Scopes and rate of an API client; an omitted field keeps its value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallerLimits)]
pub(super) struct NewLimits {
    /// Allowed requests: verify-codes, apply, query.
    #[schema(min_items = 1, example = json!(["verify-codes", "apply"]))]
    scopes: Option<Vec<String>>,
    /// Requests per minute at each instance; 0 for no limit.
    #[schema(minimum = 0, maximum = 1_000_000, example = 600)]
    rate: Option<u32>,
}

/// `GET /ops/v1/callers`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let operator = AuthenticatedOperator::let_in(&request, &state, Operation::ListCallers).await?;
    Query::of(&request).end()?;
    let parts = &operator.ops.parts;
    json(&clients::list(&*parts.callers, &parts.keyring).await.map_err(failed)?)
}

/// `POST /ops/v1/callers/{name}/suspend`.
pub(super) async fn suspend(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    change_alone(&request, &state, Operation::SuspendCaller, ApiClientChange::Suspend).await
}

/// `POST /ops/v1/callers/{name}/resume`.
pub(super) async fn resume(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    change_alone(&request, &state, Operation::ResumeCaller, ApiClientChange::Resume).await
}

/// `POST /ops/v1/callers/{name}/remove`.
pub(super) async fn remove(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    change_alone(&request, &state, Operation::RemoveCaller, ApiClientChange::Remove).await
}

/// `POST /ops/v1/callers/{name}/limits`.
pub(super) async fn set_limits(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let operator = AuthenticatedOperator::let_in(&request, &state, Operation::SetCallerLimits).await?;
    Query::of(&request).end()?;
    let body = payload.json(&request).await?;
    let shape = || Problem::malformed("give an object with scopes, a list of strings, or rate, a number, or both");
    let NewLimits { scopes, rate } = serde_json::from_slice(&body).map_err(|_| shape())?;
    if scopes.is_none() && rate.is_none() {
        return Err(shape());
    }
    let scopes = scopes.map(|names| parse(&names)).transpose()?;
    change(&operator, &request, ApiClientChange::Set(ApiClientLimits { scopes, rate })).await
}

/// A change without parameters.
async fn change_alone(
    request: &HttpRequest,
    state: &Data<State>,
    operation: Operation,
    change: ApiClientChange,
) -> Result<HttpResponse, Problem> {
    let operator = AuthenticatedOperator::let_in(request, state, operation).await?;
    Query::of(request).end()?;
    self::change(&operator, request, change).await
}

fn parse(names: &[String]) -> Result<BTreeSet<Scope>, Problem> {
    let parsed = names.iter().map(|name| name.parse());
    parsed.collect::<Result<_, _>>().map_err(|_| wrong("scopes", "scopes must be verify-codes, apply or query"))
}

fn wrong(field: &'static str, detail: impl Into<String>) -> Problem {
    let error = FieldError::in_body(format!("#/{field}"), field, detail.into());
    Problem::new(Kind::InvalidFields).errors(vec![error])
}

async fn change(
    operator: &AuthenticatedOperator<'_>,
    request: &HttpRequest,
    change: ApiClientChange,
) -> Result<HttpResponse, Problem> {
    let nobody = || Problem::new(Kind::NotFound).detail("no API client has this name");
    let name = ApiClientName::parse(&segment(request).await?).map_err(|_| nobody())?;
    let parts = &operator.ops.parts;
    match parts.callers.change_caller(name, change, operator.changes()).await.map_err(failed)? {
        ApiClientChanged::Done(caller) => json(&ApiClientReport::new(&caller, &parts.keyring)),
        ApiClientChanged::Refused(ApiClientRefusal::Unknown) => Err(nobody()),
        ApiClientChanged::Refused(refusal @ ApiClientRefusal::NoScope) => Err(wrong("scopes", refusal.to_string())),
        ApiClientChanged::Refused(refusal @ ApiClientRefusal::Rate) => Err(wrong("rate", refusal.to_string())),
        ApiClientChanged::Refused(refusal) => Err(Problem::new(Kind::Conflict).detail(refusal.to_string())),
    }
}

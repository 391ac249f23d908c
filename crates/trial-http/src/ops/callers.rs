//! Operations interface: API clients.

use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trial_core::clients::{
    ApiClientChange, ApiClientChanged, ApiClientLimits, ApiClientName, ApiClientRefusal, ApiClientStatus, Scope,
};
use trial_core::operators::Permission;
use trial_core::values::Keyring;
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Most API clients in the list.
const LISTED: u32 = 1_000;

/// API clients.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallerList {
    /// Newest first, at most 1,000, removed ones included.
    items: Vec<CallerReply>,
}

/// An API client, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Caller)]
pub(super) struct CallerReply {
    name: String,
    /// Its access key.
    access_key: String,
    /// active, suspended or removed.
    state: &'static str,
    /// Allowed requests: verify-codes, apply, query.
    scopes: Vec<&'static str>,
    /// Requests per minute at each instance; 0 for no limit.
    rate: u32,
    /// Number of secrets that sign: two during a rotation.
    secrets: usize,
    /// Ids of the keys that encrypt its secrets.
    sealed_by: Vec<String>,
    /// current: the current key encrypts its secrets. older: another key encrypts one, and is needed until `trialgate
    /// callers reseal`. lost: the key of a secret is missing, so it cannot sign. null if the client is removed.
    #[schema(required)]
    seal: Option<&'static str>,
    created_at: DateTime<Utc>,
    created_by: String,
    #[schema(required)]
    suspended_at: Option<DateTime<Utc>>,
    #[schema(required)]
    removed_at: Option<DateTime<Utc>>,
}

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
    let operator = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    Query::of(&request).end()?;
    let parts = &operator.ops.parts;
    let found = parts.callers.callers(LISTED).await.map_err(failed)?;
    json(&CallerList { items: found.iter().map(|caller| CallerReply::new(caller, &parts.keyring)).collect() })
}

/// `POST /ops/v1/callers/{name}/suspend`.
pub(super) async fn suspend(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    change_alone(&request, &state, Permission::SuspendCallers, ApiClientChange::Suspend).await
}

/// `POST /ops/v1/callers/{name}/resume`.
pub(super) async fn resume(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    change_alone(&request, &state, Permission::SuspendCallers, ApiClientChange::Resume).await
}

/// `POST /ops/v1/callers/{name}/remove`.
pub(super) async fn remove(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    change_alone(&request, &state, Permission::ManageCallers, ApiClientChange::Remove).await
}

/// `POST /ops/v1/callers/{name}/limits`.
pub(super) async fn set_limits(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let operator = AuthenticatedOperator::let_in(&request, &state, Permission::ManageCallers).await?;
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
    permission: Permission,
    change: ApiClientChange,
) -> Result<HttpResponse, Problem> {
    let operator = AuthenticatedOperator::let_in(request, state, permission).await?;
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
        ApiClientChanged::Done(caller) => json(&CallerReply::new(&caller, &parts.keyring)),
        ApiClientChanged::Refused(ApiClientRefusal::Unknown) => Err(nobody()),
        ApiClientChanged::Refused(refusal @ ApiClientRefusal::NoScope) => Err(wrong("scopes", refusal.to_string())),
        ApiClientChanged::Refused(refusal @ ApiClientRefusal::Rate) => Err(wrong("rate", refusal.to_string())),
        ApiClientChanged::Refused(refusal) => Err(Problem::new(Kind::Conflict).detail(refusal.to_string())),
    }
}

impl CallerReply {
    fn new(caller: &trial_core::clients::ApiClient, keyring: &Keyring) -> Self {
        let status = caller.status();
        let seal = (status != ApiClientStatus::Removed).then(|| caller.seal_state(keyring).as_str());
        Self {
            name: caller.name.to_string(),
            access_key: caller.access_key.clone(),
            state: status.as_str(),
            scopes: caller.scopes.iter().map(|scope| scope.as_str()).collect(),
            rate: caller.rate,
            secrets: caller.secrets().count(),
            sealed_by: caller.secrets().map(|secret| secret.key_id.clone()).collect(),
            seal,
            created_at: caller.created_at,
            created_by: caller.created_by.clone(),
            suspended_at: caller.suspended_at,
            removed_at: caller.removed_at,
        }
    }
}

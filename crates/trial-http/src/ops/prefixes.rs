//! Operations interface: number ranges of the fraud guard.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use trial_core::fraud_guard::{MAX_SAFE_PREFIXES, SafeOutcome, SafeRange, SafeReason};
use trial_core::values::NumberRange;
use trial_engine::operations::Operation;
use trial_engine::operations::number_ranges;
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Reason why a number range is safe.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SafePrefixReason)]
pub(super) struct Reason {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "a customer's own numbers")]
    reason: String,
}

/// `GET /ops/v1/prefixes`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListPrefixes).await?;
    Query::of(&request).end()?;
    listed(caller.ops).await
}

/// `POST /ops/v1/prefixes/{prefix}/release`.
pub(super) async fn release(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ReleasePrefix).await?;
    Query::of(&request).end()?;
    let prefix = named(&request).await?;
    let released = caller.ops.parts.prefixes.release_prefix(prefix, caller.changes()).await.map_err(failed)?;
    if released.is_none() {
        return Err(Problem::new(Kind::NotFound).detail("this number range is not blocked"));
    }
    listed(caller.ops).await
}

/// `PUT /ops/v1/prefixes/{prefix}/safe`.
pub(super) async fn add_safe(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::AddSafePrefix).await?;
    Query::of(&request).end()?;
    let prefix = named(&request).await?;
    let body = payload.json(&request).await?;
    let Reason { reason } = serde_json::from_slice(&body)
        .map_err(|_| Problem::malformed("give an object with reason, a string, and nothing else"))?;
    let reason = SafeReason::parse(&reason).map_err(|error| {
        let wrong = FieldError::in_body("#/reason".to_owned(), "reason", format!("reason {error}"));
        Problem::new(Kind::InvalidFields).errors(vec![wrong])
    })?;
    let by = caller.changes();
    let safe = SafeRange::added_by(&by, prefix, reason);
    match caller.ops.parts.prefixes.add_safe_prefix(safe, by).await.map_err(failed)? {
        SafeOutcome::Added => listed(caller.ops).await,
        SafeOutcome::AlreadySafe => {
            Err(Problem::new(Kind::Conflict).detail("this number range is on the safe list already"))
        }
        SafeOutcome::Full => {
            let detail = format!("the safe list is full ({MAX_SAFE_PREFIXES} number ranges); remove one first");
            Err(Problem::new(Kind::Conflict).detail(detail))
        }
    }
}

/// `DELETE /ops/v1/prefixes/{prefix}/safe`.
pub(super) async fn remove_safe(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::RemoveSafePrefix).await?;
    Query::of(&request).end()?;
    let prefix = named(&request).await?;
    if !caller.ops.parts.prefixes.remove_safe_prefix(prefix, caller.changes()).await.map_err(failed)? {
        let detail =
            "operators did not add this number range to the safe list; change configured ones in the configuration";
        return Err(Problem::new(Kind::NotFound).detail(detail));
    }
    listed(caller.ops).await
}

async fn named(request: &HttpRequest) -> Result<NumberRange, Problem> {
    segment(request).await?.parse().map_err(|error| {
        let wrong = FieldError::in_query(Some("prefix"), format!("prefix {error}"));
        Problem::new(Kind::InvalidQuery).errors(vec![wrong])
    })
}

async fn listed(ops: &Ops) -> Result<HttpResponse, Problem> {
    let policy = ops.parts.policy.now();
    json(&number_ranges::list(&*ops.parts.prefixes, &policy, ops.clock.now()).await.map_err(failed)?)
}

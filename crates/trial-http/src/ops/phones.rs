//! Operations interface: phones and their lock.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use trial_core::operators::Permission;
use trial_core::values::Phone;
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::reveal::Sight;
use super::search::Unrecorded;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// The lock of a phone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhoneLock {
    /// The phone; masked unless `reveal` is true.
    phone: String,
    /// `false` if there was no request for this phone.
    seen: bool,
    /// Consecutive wrong codes.
    failures: u32,
    /// Number of consecutive wrong codes that locks a phone.
    max_failures: u32,
    locked: bool,
}

/// `GET /ops/v1/phones/{phone}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let phone = wanted(&request, &state, &caller).await?;
    let sight = Sight::of(&caller, reveal, "phone.reveal", phone.as_str()).await?;
    json(&read(caller.ops, &phone, sight).await?)
}

/// `POST /ops/v1/phones/{phone}/unlock`.
pub(super) async fn unlock(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::UnlockPhone).await?;
    Query::of(&request).end()?;
    let phone = wanted(&request, &state, &caller).await?;
    let operations = &caller.ops.parts.operations;
    if !operations.unlock_phone(phone.clone(), caller.changes()).await.map_err(failed)? {
        return Err(Problem::new(Kind::NotFound).detail("this phone has no requests; there is nothing to unlock"));
    }
    json(&read(caller.ops, &phone, Sight::Masked).await?)
}

/// The phone in the path, after the search is recorded.
async fn wanted(request: &HttpRequest, state: &State, caller: &AuthenticatedOperator<'_>) -> Result<Phone, Problem> {
    let phone = Phone::parse(&segment(request).await?, &state.settings.phone).map_err(|error| {
        let wrong = FieldError::in_query(Some("phone"), format!("phone {error}"));
        Problem::new(Kind::InvalidQuery).errors(vec![wrong])
    })?;
    Ok(Unrecorded::new(phone).record(caller.ops, &caller.operator, "phones").await?)
}

async fn read(ops: &Ops, phone: &Phone, sight: Sight) -> Result<PhoneLock, Problem> {
    let failures = ops.parts.operations.phone_failures(phone.clone()).await.map_err(failed)?;
    let policy = ops.parts.policy.now();
    let verification = &policy.verification;
    Ok(PhoneLock {
        phone: sight.phone(phone),
        seen: failures.is_some(),
        failures: failures.unwrap_or(0),
        max_failures: verification.max_failures,
        locked: failures.is_some_and(|failures| verification.locks(failures)),
    })
}

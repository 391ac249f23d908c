//! Operations interface: phones and their lock.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use trial_core::values::Phone;
use trial_engine::operations::Operation;
use trial_engine::operations::{Disclosure, phones};

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::search::Unrecorded;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// `GET /ops/v1/phones/{phone}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ShowPhone).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let phone = wanted(&request, &state, &caller).await?;
    let disclosure = caller.disclosure(reveal, "phone.reveal", phone.as_str()).await?;
    shown(caller.ops, &phone, disclosure).await
}

/// `POST /ops/v1/phones/{phone}/unlock`.
pub(super) async fn unlock(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::UnlockPhone).await?;
    Query::of(&request).end()?;
    let phone = wanted(&request, &state, &caller).await?;
    let operations = &caller.ops.parts.operations;
    if !operations.unlock_phone(phone.clone(), caller.changes()).await.map_err(failed)? {
        return Err(Problem::new(Kind::NotFound).detail("this phone has no requests; there is nothing to unlock"));
    }
    shown(caller.ops, &phone, Disclosure::Masked).await
}

/// The phone in the path, after the search is recorded.
async fn wanted(request: &HttpRequest, state: &State, caller: &AuthenticatedOperator<'_>) -> Result<Phone, Problem> {
    let phone = Phone::parse(&segment(request).await?, &state.settings.phone).map_err(|error| {
        let wrong = FieldError::in_query(Some("phone"), format!("phone {error}"));
        Problem::new(Kind::InvalidQuery).errors(vec![wrong])
    })?;
    Ok(Unrecorded::new(phone).record(caller.ops, &caller.operator, "phones").await?)
}

async fn shown(ops: &Ops, phone: &Phone, disclosure: Disclosure) -> Result<HttpResponse, Problem> {
    let policy = ops.parts.policy.now();
    json(&phones::show(&*ops.parts.operations, &policy, phone, disclosure).await.map_err(failed)?)
}

//! Operations interface: requests of both public interfaces and their timelines.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use trial_core::return_codes::ReturnCode;
use trial_core::timeline::{PublicInterface, RequestSearch};
use trial_core::values::AnyRequestId;
use trial_engine::operations::Operation;
use trial_engine::operations::requests;

use super::applications::customer;
use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// `GET /ops/v1/requests`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListRequests).await?;
    let mut query = Query::of(&request);
    let page = query.page::<AnyRequestId>();
    let interface = query.take("interface", |text| {
        text.parse::<PublicInterface>().map_err(|_| "must be generateverifycode or applyTenant")
    });
    let return_code =
        query.take("returnCode", |text| text.parse::<ReturnCode>().map_err(|_| "must be a published return code"));
    let (since, until) = (query.time("since"), query.time("until"));
    let by = customer(&mut query, &state);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let by = by?.record(caller.ops, &caller.operator, "requests").await?;
    let disclosure = caller.disclosure(reveal, "requests.reveal", "requests").await?;
    let search = RequestSearch { interface, by, return_code, since, until, before: page.cursor, limit: page.limit };
    json(&requests::list(&*caller.ops.parts.operations, search, disclosure).await.map_err(failed)?)
}

/// `GET /ops/v1/requests/{id}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ShowRequest).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    let id: AnyRequestId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    let disclosure = caller.disclosure(reveal, "request.reveal", &id.to_string()).await?;
    let policy = caller.ops.parts.policy.now();
    let found = requests::show(caller.ops.timeline_parts(&policy), id, disclosure).await.map_err(failed)?;
    json(&found.ok_or_else(|| Problem::new(Kind::NotFound).detail("no request has this id"))?)
}

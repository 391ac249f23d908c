//! Operations interface: tenants.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use trial_core::tenants::{TenantSearch, TenantStatus};
use trial_core::values::TenantId;
use trial_engine::operations::Operation;
use trial_engine::operations::tenants;

use super::applications::customer;
use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// `GET /ops/v1/tenants`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListTenants).await?;
    let mut query = Query::of(&request);
    let page = query.page::<TenantId>();
    let status = query.take("status", |text| {
        text.parse::<TenantStatus>().map_err(|_| "must be trial, suspended, commercial or closed")
    });
    let asks_conversion = query.flag("conversionAsked");
    let by = customer(&mut query, &state);
    let reveal = query.flag("reveal");
    query.end()?;
    caller.may_see(reveal)?;
    let by = by?.record(caller.ops, &caller.operator, "tenants").await?;
    let disclosure = caller.disclosure(reveal, "tenants.reveal", "tenants").await?;
    let search = TenantSearch { by, status, asks_conversion, before: page.cursor, limit: page.limit };
    json(&tenants::list(&*caller.ops.parts.operations, search, disclosure).await.map_err(failed)?)
}

/// `GET /ops/v1/tenants/{id}`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ShowTenant).await?;
    let mut query = Query::of(&request);
    let reveal = query.flag("reveal");
    query.end()?;
    let id: TenantId = segment(&request).await?.parse().map_err(|_| nothing_here())?;
    let disclosure = caller.disclosure(reveal, "tenant.reveal", &id.to_string()).await?;
    let found = tenants::show(&*caller.ops.parts.operations, id, disclosure).await.map_err(failed)?;
    json(&found.ok_or_else(|| Problem::new(Kind::NotFound).detail("no tenant has this id"))?)
}

//! Operations interface: commands on tenants.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use trial_core::tenants::{TenantAction, TenantCommand, TenantOutcome, TenantRefusal};
use trial_core::values::TenantId;
use trial_engine::operations::Operation;
use trial_engine::operations::tenants::TenantChangeReport;
use utoipa::ToSchema;

use super::failed;
use super::operator::AuthenticatedOperator;
use super::reply::json;
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::routes::nothing_here;
use crate::site::State;

/// Extension of a trial.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Extension {
    /// Days from the end of the trial, or from now, whichever is later.
    #[schema(minimum = 1, maximum = 366, example = 30)]
    days: u32,
}

macro_rules! orders {
    ($($(#[$doc:meta])* $name:ident => $order:ident, $operation:ident;)+) => { $(
        $(#[$doc])*
        pub(super) async fn $name(
            request: HttpRequest,
            _payload: Payload,
            state: Data<State>,
        ) -> Result<HttpResponse, Problem> {
            let caller = AuthenticatedOperator::let_in(&request, &state, Operation::$operation).await?;
            Query::of(&request).end()?;
            give(&caller, &segment(&request).await?, TenantAction::$order).await
        }
    )+ };
}

orders! {
    /// `POST /ops/v1/tenants/{id}/convert`.
    convert => Convert, ConvertTenant;
    /// `POST /ops/v1/tenants/{id}/suspend`.
    suspend => Suspend, SuspendTenant;
    /// `POST /ops/v1/tenants/{id}/resume`.
    resume => Resume, ResumeTenant;
    /// `POST /ops/v1/tenants/{id}/close`.
    close => Close, CloseTenant;
    /// `POST /ops/v1/tenants/{id}/reopen`.
    reopen => Reopen, ReopenTenant;
    /// `POST /ops/v1/tenants/{id}/resend-mail`.
    resend_mail => ResendMail, ResendMail;
}

/// `POST /ops/v1/tenants/{id}/extend`.
pub(super) async fn extend(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ExtendTrial).await?;
    Query::of(&request).end()?;
    let body = payload.json(&request).await?;
    let Extension { days } = serde_json::from_slice(&body).map_err(|_| wrong_days())?;
    give(&caller, &segment(&request).await?, TenantAction::Extend(Duration::from_hours(24) * days)).await
}

fn wrong_days() -> Problem {
    let wrong = "days must be a whole number from 1 to 366, and the only field".to_owned();
    Problem::new(Kind::InvalidFields).errors(vec![FieldError::in_body("#/days".to_owned(), "days", wrong)])
}

async fn give(caller: &AuthenticatedOperator<'_>, id: &str, order: TenantAction) -> Result<HttpResponse, Problem> {
    let tenant: TenantId = id.parse().map_err(|_| nothing_here())?;
    let order = TenantCommand { tenant, order, actor: caller.operator.name.to_string() };
    match caller.ops.parts.orders.order(order).await.map_err(failed)? {
        TenantOutcome::Done(change) => json(&TenantChangeReport::new(tenant, &change)),
        TenantOutcome::Refused(TenantRefusal::Unknown) => {
            Err(Problem::new(Kind::NotFound).detail("no tenant has this id"))
        }
        TenantOutcome::Refused(TenantRefusal::Extension) => Err(wrong_days()),
        TenantOutcome::Refused(refusal) => Err(Problem::new(Kind::Conflict).detail(refusal.to_string())),
    }
}

//! Operations interface: the daily e-mail limit.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use trial_core::policy::{SettingCommand, SettingKey, SettingValue};
use trial_engine::operations::Operation;
use trial_engine::operations::quota;
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::settings::change;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// The new limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetQuota {
    /// E-mails per day; 0 stops applications.
    #[schema(minimum = 0, maximum = 4_294_967_295_u32)]
    threshold: u32,
}

/// `GET /ops/v1/email-quota`.
pub(super) async fn show(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ShowEmailQuota).await?;
    let mut query = Query::of(&request);
    let days = query.number("days", 1..=quota::MOST_DAYS).unwrap_or(1);
    query.end()?;
    shown(caller.ops, days).await
}

/// `PUT /ops/v1/email-quota`.
pub(super) async fn set(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::SetEmailQuota).await?;
    Query::of(&request).end()?;
    let body = payload.json(&request).await?;
    let SetQuota { threshold } = serde_json::from_slice(&body).map_err(|_| {
        let wrong = "threshold must be a whole number from 0 to 4294967295, and the only field".to_owned();
        let error = FieldError::in_body("#/threshold".to_owned(), "threshold", wrong);
        Problem::new(Kind::InvalidFields).errors(vec![error])
    })?;
    let value = Some(SettingValue::Count(threshold));
    change(&caller, SettingCommand { key: SettingKey::Threshold, value, seen: None }, "threshold").await?;
    shown(caller.ops, 1).await
}

async fn shown(ops: &Ops, days: u32) -> Result<HttpResponse, Problem> {
    let parts = &ops.parts;
    let policies = (&*parts.policy.now(), &**parts.policy.configured());
    let shown = quota::show(&*parts.operations, &*parts.settings, policies, ops.clock.now(), days);
    json(&shown.await.map_err(failed)?)
}

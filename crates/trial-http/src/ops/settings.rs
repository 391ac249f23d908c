//! Operations interface: runtime settings.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::policy::{SettingCommand, SettingKey, SettingOutcome, SettingRefusal, SettingsInForce};
use trial_engine::operations::Operation;
use trial_engine::operations::settings::{self, SettingsReport};
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// New value of a setting.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSettingValue)]
pub(super) struct NewValue {
    /// Value as in the configuration: a count such as `5`, a duration such as `60s`, `5m`, `24h` or `30d`, or a mode
    /// such as `on`.
    #[schema(max_length = 32, example = "5")]
    value: String,
    /// `number` of the list on which this change is based: if settings were changed since, it is refused. Without it,
    /// changes by others are ignored.
    seen: Option<u64>,
}

/// `GET /ops/v1/settings`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ListSettings).await?;
    Query::of(&request).end()?;
    let parts = &caller.ops.parts;
    json(&settings::list(&*parts.settings, parts.policy.configured()).await.map_err(failed)?)
}

/// `PUT /ops/v1/settings/{key}`.
pub(super) async fn set(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::SetSetting).await?;
    Query::of(&request).end()?;
    let key = key(&request).await?;
    let body = payload.json(&request).await?;
    let NewValue { value, seen } = serde_json::from_slice(&body)
        .map_err(|_| Problem::malformed("give an object with value, a string, and, optionally, seen, a number"))?;
    let value = key.parse(&value).map_err(|error| wrong_value(format!("value {error}")))?;
    let in_force = change(&caller, SettingCommand { key, value: Some(value), seen }, "value").await?;
    json(&shown(caller.ops, &in_force).await.map_err(failed)?)
}

/// `DELETE /ops/v1/settings/{key}`.
pub(super) async fn reset(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Operation::ResetSetting).await?;
    let mut query = Query::of(&request);
    let seen = query.number("seen", 0..=u32::MAX);
    query.end()?;
    let key = key(&request).await?;
    let order = SettingCommand { key, value: None, seen: seen.map(u64::from) };
    let in_force = change(&caller, order, "value").await?;
    json(&shown(caller.ops, &in_force).await.map_err(failed)?)
}

async fn key(request: &HttpRequest) -> Result<SettingKey, Problem> {
    let unknown = || Problem::new(Kind::NotFound).detail("no runtime setting has this name");
    segment(request).await?.parse().map_err(|_| unknown())
}

/// Changes a setting whose value stands in this field of the body.
pub(super) async fn change(
    caller: &AuthenticatedOperator<'_>,
    order: SettingCommand,
    field: &'static str,
) -> Result<SettingsInForce, Problem> {
    match made(caller.ops, order, caller.changes()).await.map_err(failed)? {
        Ok(in_force) => Ok(in_force),
        Err(SettingRefusal::Unseen(number)) => {
            let detail = format!("settings were changed meanwhile (change {number}); check them and try again");
            Err(Problem::new(Kind::Conflict).detail(detail))
        }
        Err(SettingRefusal::Faulty(fault)) if order.value.is_some() => Err(wrong(field, fault.to_string())),
        Err(SettingRefusal::Faulty(fault)) => Err(Problem::new(Kind::Conflict).detail(fault.to_string())),
    }
}

/// Changes a setting, at once in this process; or returns the reason of a refusal.
pub(crate) async fn made(
    ops: &Ops,
    order: SettingCommand,
    by: ChangedBy,
) -> Result<Result<SettingsInForce, SettingRefusal>, LedgerError> {
    let parts = &ops.parts;
    let outcome = parts.settings.change_setting(order, Arc::clone(parts.policy.configured()), by).await?;
    Ok(match outcome {
        SettingOutcome::Changed(in_force) | SettingOutcome::AlreadySo(in_force) => {
            parts.policy.take(&in_force);
            Ok(in_force)
        }
        SettingOutcome::Refused(refusal) => Err(refusal),
    })
}

fn wrong_value(detail: String) -> Problem {
    wrong("value", detail)
}

fn wrong(field: &'static str, detail: String) -> Problem {
    let error = FieldError::in_body(format!("#/{field}"), field, detail);
    Problem::new(Kind::InvalidFields).errors(vec![error])
}

async fn shown(ops: &Ops, in_force: &SettingsInForce) -> Result<SettingsReport, LedgerError> {
    settings::after_change(&*ops.parts.settings, ops.parts.policy.configured(), in_force).await
}

//! Operations interface: runtime settings.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::operators::Permission;
use trial_core::policy::{
    SettingChange, SettingCommand, SettingKey, SettingOutcome, SettingRefusal, SettingValue, SettingsInForce,
};
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Most changes in a reply.
const CHANGES: u32 = 100;

/// Runtime settings and their changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingList {
    /// Number of the last change, for `seen`; 0 before the first.
    pub(crate) number: u64,
    /// Every setting.
    pub(crate) items: Vec<SettingReply>,
    /// Changes, newest first, at most 100.
    pub(crate) changes: Vec<ChangeReply>,
}

/// A setting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub(crate) struct SettingReply {
    /// Key as in the configuration.
    pub(crate) key: &'static str,
    /// Effect of the setting.
    pub(crate) what: &'static str,
    /// count, duration, or mode: one of off, shadow and on.
    kind: &'static str,
    /// Value in force, as in the configuration: `5`, `10m`, `30d`.
    pub(crate) value: String,
    /// Configured value, in force after a reset.
    pub(crate) configured: String,
    /// `true` if operators changed it.
    pub(crate) changed: bool,
    /// Smallest value.
    pub(crate) least: String,
    /// Largest value.
    pub(crate) most: String,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SettingChange)]
pub(crate) struct ChangeReply {
    number: u64,
    pub(crate) key: &'static str,
    /// New value; null after a reset.
    #[schema(required)]
    pub(crate) value: Option<String>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: String,
}

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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    Query::of(&request).end()?;
    json(&listed(caller.ops).await.map_err(failed)?)
}

/// `PUT /ops/v1/settings/{key}`.
pub(super) async fn set(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::ChangeSettings).await?;
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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::ChangeSettings).await?;
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

/// Every setting as stored now.
pub(crate) async fn listed(ops: &Ops) -> Result<SettingList, LedgerError> {
    shown(ops, &ops.parts.settings.settings().await?).await
}

fn wrong_value(detail: String) -> Problem {
    wrong("value", detail)
}

fn wrong(field: &'static str, detail: String) -> Problem {
    let error = FieldError::in_body(format!("#/{field}"), field, detail);
    Problem::new(Kind::InvalidFields).errors(vec![error])
}

async fn shown(ops: &Ops, in_force: &SettingsInForce) -> Result<SettingList, LedgerError> {
    let made = ops.parts.settings.setting_changes(None, CHANGES).await?;
    let configured = ops.parts.policy.configured();
    let show = |key: &SettingKey| {
        let (configured, changed) = (key.of(configured), in_force.overrides.get(*key));
        let (least, most) = key.range();
        SettingReply {
            key: key.as_str(),
            what: key.what(),
            kind: match least {
                SettingValue::Count(_) | SettingValue::ShareOfThreshold => "count",
                SettingValue::SettingDuration(_) => "duration",
                SettingValue::Mode(_) => "mode",
            },
            value: changed.unwrap_or(configured).to_string(),
            configured: configured.to_string(),
            changed: changed.is_some(),
            least: least.to_string(),
            most: most.to_string(),
        }
    };
    let items = SettingKey::ALL.iter().map(show).collect();
    Ok(SettingList { number: in_force.number, items, changes: made.into_iter().map(ChangeReply::from).collect() })
}

impl From<SettingChange> for ChangeReply {
    fn from(change: SettingChange) -> Self {
        let SettingChange { number, key, value, at, actor } = change;
        Self { number, key: key.as_str(), value: value.map(|value| value.to_string()), at, actor }
    }
}

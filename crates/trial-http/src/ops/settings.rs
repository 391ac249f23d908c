use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trial_core::{
    Permission, SettingChange, SettingKey, SettingOrder, SettingOutcome, SettingRefusal, SettingValue, SettingsInForce,
};
use utoipa::ToSchema;

use super::caller::Caller;
use super::reply::json;
use super::{Ops, failed};
use crate::body;
use crate::parameters::{Query, segment};
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// The most changes that are shown.
const CHANGES: u32 = 100;

/// What can be changed while the service runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingList {
    /// The number of the last change; 0 before the first. `seen` takes it.
    number: u64,
    /// Every setting.
    items: Vec<SettingReply>,
    /// The changes that were made, newest first, at most 100.
    changes: Vec<ChangeReply>,
}

/// A setting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub(super) struct SettingReply {
    /// As the configuration spells it.
    key: &'static str,
    /// What it does.
    what: &'static str,
    /// count or duration.
    kind: &'static str,
    /// What is in force, as the configuration would have it: `5`, `10m`, `30d`.
    value: String,
    /// What is configured, and in force once the setting is reset.
    configured: String,
    /// Whether operations changed it.
    changed: bool,
    /// The least that it may be.
    least: String,
    /// The most that it may be.
    most: String,
}

/// A change that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SettingChange)]
pub(super) struct ChangeReply {
    number: u64,
    key: &'static str,
    /// What it was set to; null if it was reset to what is configured.
    #[schema(required)]
    value: Option<String>,
    at: DateTime<Utc>,
    actor: String,
}

/// What a setting is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSettingValue)]
pub(super) struct NewValue {
    /// As the configuration would have it: a count such as `5`, or a duration such as `60s`, `5m`, `24h` or `30d`.
    #[schema(max_length = 32, example = "5")]
    value: String,
    /// The `number` of the list that this is decided by: if somebody has changed settings since, it is refused. Without it,
    /// changes of others do not matter.
    seen: Option<u64>,
}

/// `GET /ops/v1/settings`.
pub(super) async fn list(request: HttpRequest, _payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = Caller::let_in(&request, &state, Permission::Look).await?;
    Query::of(&request).end()?;
    let in_force = caller.ops.parts.settings.settings().await.map_err(failed)?;
    json(&read(caller.ops, &in_force).await?)
}

/// `PUT /ops/v1/settings/{key}`.
pub(super) async fn set(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = Caller::let_in(&request, &state, Permission::ChangeSettings).await?;
    Query::of(&request).end()?;
    let key = key(&request).await?;
    let body = body::read(&request, payload, state.settings.body_timeout).await?;
    let NewValue { value, seen } = serde_json::from_slice(&body)
        .map_err(|_| Problem::malformed("give an object with value, a string, and, optionally, seen, a number"))?;
    let value = key.parse(&value).map_err(|error| wrong_value(format!("value {error}")))?;
    change(&caller, SettingOrder { key, value: Some(value), seen }).await
}

/// `DELETE /ops/v1/settings/{key}`.
pub(super) async fn reset(
    request: HttpRequest,
    _payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::let_in(&request, &state, Permission::ChangeSettings).await?;
    let mut query = Query::of(&request);
    let seen = query.number("seen", 0..=u32::MAX);
    query.end()?;
    let key = key(&request).await?;
    change(&caller, SettingOrder { key, value: None, seen: seen.map(u64::from) }).await
}

async fn key(request: &HttpRequest) -> Result<SettingKey, Problem> {
    let unknown =
        || Problem::new(Kind::NotFound).detail("no setting of this name can be changed while the service runs");
    segment(request).await?.parse().map_err(|_| unknown())
}

async fn change(caller: &Caller<'_>, order: SettingOrder) -> Result<HttpResponse, Problem> {
    let parts = &caller.ops.parts;
    let configured = parts.policy.configured().clone();
    let outcome = parts.settings.change_setting(order, configured, caller.changes()).await.map_err(failed)?;
    let in_force = match outcome {
        SettingOutcome::Changed(in_force) | SettingOutcome::AlreadySo(in_force) => in_force,
        SettingOutcome::Refused(SettingRefusal::Unseen(number)) => {
            let detail = format!("settings were changed meanwhile, up to number {number}; look at them and ask again");
            return Err(Problem::new(Kind::Conflict).detail(detail));
        }
        SettingOutcome::Refused(SettingRefusal::Faulty(fault)) if order.value.is_some() => {
            return Err(wrong_value(fault.to_string()));
        }
        SettingOutcome::Refused(SettingRefusal::Faulty(fault)) => {
            return Err(Problem::new(Kind::Conflict).detail(fault.to_string()));
        }
    };
    parts.policy.take(&in_force);
    json(&read(caller.ops, &in_force).await?)
}

fn wrong_value(detail: String) -> Problem {
    let error = FieldError::in_body("#/value".to_owned(), "value", detail);
    Problem::new(Kind::InvalidFields).errors(vec![error])
}

async fn read(ops: &Ops, in_force: &SettingsInForce) -> Result<SettingList, Problem> {
    let made = ops.parts.settings.setting_changes(None, CHANGES).await.map_err(failed)?;
    let configured = ops.parts.policy.configured();
    let show = |key: &SettingKey| {
        let (configured, changed) = (key.of(configured), in_force.overrides.get(*key));
        let (least, most) = key.range();
        SettingReply {
            key: key.as_str(),
            what: key.what(),
            kind: if matches!(least, SettingValue::Count(_)) { "count" } else { "duration" },
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

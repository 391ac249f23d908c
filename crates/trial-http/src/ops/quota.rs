//! Operations interface: the daily e-mail limit.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use trial_core::operators::Permission;
use trial_core::policy::{SettingChange, SettingCommand, SettingKey, SettingValue};
use trial_core::quota::QuotaView;
use utoipa::ToSchema;

use super::operator::AuthenticatedOperator;
use super::reply::json;
use super::settings::change;
use super::{Ops, failed};
use crate::body::Payload;
use crate::parameters::Query;
use crate::problem::{FieldError, Kind, Problem};
use crate::site::State;

/// Most days in a reply.
pub(super) const MAX_DAYS: u32 = 31;
/// Most changes in a reply.
const CHANGES: u32 = 100;

/// The daily e-mail limit and its use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmailQuota {
    /// IANA time zone in which days begin.
    timezone: &'static str,
    /// Today.
    today: QuotaDay,
    /// The requested days, today first.
    days: Vec<QuotaDay>,
    /// Changes of the limit, newest first, at most 100.
    thresholds: Vec<SetThreshold>,
}

/// Use of the daily limit on one day.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaDay {
    day: NaiveDate,
    /// E-mails per day: the limit in force, or the one at the end of the day.
    threshold: u32,
    /// Reserved units.
    reserved: u32,
    /// Mails of the day that the mail server accepted.
    sent: u64,
    /// Mails of the day that failed.
    failed: u64,
    /// Units left.
    left: u32,
    /// Mails that owners caused; they do not count against the daily limit.
    owner_mails: OwnerMails,
}

/// Mails of a day that owners caused: password links, and notices of changed passwords.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerMails {
    /// Mails per day, by the current `quota.owner_mails`.
    limit: u32,
    /// Reserved units.
    reserved: u32,
    /// Mails of the day that the mail server accepted.
    sent: u64,
    /// Mails of the day that failed.
    failed: u64,
    /// Units left.
    left: u32,
}

/// A change of the limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetThreshold {
    /// E-mails per day.
    threshold: u32,
    /// Time of the change.
    since: DateTime<Utc>,
    /// Author of the change.
    actor: String,
}

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
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::Look).await?;
    let mut query = Query::of(&request);
    let days = query.number("days", 1..=MAX_DAYS).unwrap_or(1);
    query.end()?;
    json(&read(caller.ops, days).await?)
}

/// `PUT /ops/v1/email-quota`.
pub(super) async fn set(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Problem> {
    let caller = AuthenticatedOperator::let_in(&request, &state, Permission::SetQuota).await?;
    Query::of(&request).end()?;
    let body = payload.json(&request).await?;
    let SetQuota { threshold } = serde_json::from_slice(&body).map_err(|_| {
        let wrong = "threshold must be a whole number from 0 to 4294967295, and the only field".to_owned();
        let error = FieldError::in_body("#/threshold".to_owned(), "threshold", wrong);
        Problem::new(Kind::InvalidFields).errors(vec![error])
    })?;
    let value = Some(SettingValue::Count(threshold));
    change(&caller, SettingCommand { key: SettingKey::Threshold, value, seen: None }, "threshold").await?;
    json(&read(caller.ops, 1).await?)
}

async fn read(ops: &Ops, days: u32) -> Result<EmailQuota, Problem> {
    let rules = ops.parts.policy.now();
    let policy = &rules.quota;
    let configured = ops.parts.policy.configured().quota.threshold;
    let changes = ops.parts.settings.setting_changes(Some(SettingKey::Threshold), CHANGES).await.map_err(failed)?;
    let today = policy.day_of(ops.clock.now());
    let asked = (0..u64::from(days)).filter_map(|back| today.checked_sub_days(Days::new(back)));
    let mut shown = Vec::new();
    for day in asked {
        let used = ops.parts.operations.quota(day).await.map_err(failed)?;
        let then = policy.at_end_of(day, &changes, configured);
        shown.push(QuotaDay::from(used.under(if day == today { policy } else { &then })));
    }
    let today = shown.first().cloned().ok_or_else(|| Problem::new(Kind::Unexpected))?;
    let thresholds = changes.iter().map(|change| SetThreshold::new(change, configured)).collect();
    Ok(EmailQuota { timezone: policy.timezone.name(), today, days: shown, thresholds })
}

impl From<QuotaView> for QuotaDay {
    fn from(view: QuotaView) -> Self {
        let QuotaView { used, threshold, left, owner_limit, owner_mails_left } = view;
        let owner_mails = OwnerMails {
            limit: owner_limit,
            reserved: used.owners.reserved,
            sent: used.owners.sent,
            failed: used.owners.failed,
            left: owner_mails_left,
        };
        let (day, reserved, sent, failed) = (used.day, used.reserved, used.sent, used.failed);
        Self { day, threshold, reserved, sent, failed, left, owner_mails }
    }
}

impl SetThreshold {
    /// A change as shown; a reset sets the configured limit.
    fn new(change: &SettingChange, configured: u32) -> Self {
        let threshold = match change.value {
            Some(SettingValue::Count(threshold)) => threshold,
            _ => configured,
        };
        Self { threshold, since: change.at, actor: change.actor.clone() }
    }
}

//! The daily e-mail limit and its use.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::policy::{Policy, SettingChange, SettingKey, SettingValue};
use trial_core::ports::{Operations, SettingsStore};
use trial_core::quota::QuotaView;
use utoipa::ToSchema;

/// Most days in a view.
pub const MOST_DAYS: u32 = 31;
/// Most changes of the limit in a view.
const CHANGES: u32 = 100;

/// The daily e-mail limit and its use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EmailQuota)]
pub struct QuotaReport {
    /// IANA time zone in which days begin.
    pub timezone: &'static str,
    /// Today.
    pub today: QuotaDayReport,
    /// The requested days, today first.
    pub days: Vec<QuotaDayReport>,
    /// Changes of the limit, newest first, at most 100.
    pub thresholds: Vec<ThresholdReport>,
}

/// Use of the daily limit on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuotaDay)]
pub struct QuotaDayReport {
    /// The day.
    pub day: NaiveDate,
    /// E-mails per day: the limit in force, or the one at the end of the day.
    pub threshold: u32,
    /// Reserved units.
    pub reserved: u32,
    /// Mails of the day that the mail server accepted.
    pub sent: u64,
    /// Mails of the day that failed.
    pub failed: u64,
    /// Units left.
    pub left: u32,
    /// Mails that owners caused; they do not count against the daily limit.
    pub owner_mails: OwnerMails,
}

/// Mails of a day that owners caused: password links, and notices of changed passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnerMails {
    /// Mails per day, by the current `quota.owner_mails`.
    pub limit: u32,
    /// Reserved units.
    pub reserved: u32,
    /// Mails of the day that the mail server accepted.
    pub sent: u64,
    /// Mails of the day that failed.
    pub failed: u64,
    /// Units left.
    pub left: u32,
}

/// A change of the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SetThreshold)]
pub struct ThresholdReport {
    /// E-mails per day.
    pub threshold: u32,
    /// Time of the change.
    pub since: DateTime<Utc>,
    /// Author of the change.
    pub actor: String,
}

/// The limit under the policy in force, and its use on this number of days, at least today.
///
/// # Errors
/// [`LedgerError`] if a query fails.
pub async fn show(
    operations: &dyn Operations,
    settings: &dyn SettingsStore,
    (in_force, configured): (&Policy, &Policy),
    now: DateTime<Utc>,
    days: u32,
) -> Result<QuotaReport, LedgerError> {
    let (policy, configured) = (&in_force.quota, configured.quota.threshold);
    let changes = settings.setting_changes(Some(SettingKey::Threshold), CHANGES).await?;
    let first = policy.day_of(now);
    let today = QuotaDayReport::from(operations.quota(first).await?.under(policy));
    let mut shown = vec![today.clone()];
    for day in (1..u64::from(days)).filter_map(|back| first.checked_sub_days(Days::new(back))) {
        let used = operations.quota(day).await?;
        shown.push(QuotaDayReport::from(used.under(&policy.at_end_of(day, &changes, configured))));
    }
    let thresholds = changes.iter().map(|change| ThresholdReport::new(change, configured)).collect();
    Ok(QuotaReport { timezone: policy.timezone.name(), today, days: shown, thresholds })
}

impl From<QuotaView> for QuotaDayReport {
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

impl ThresholdReport {
    /// A reset sets the configured limit.
    fn new(change: &SettingChange, configured: u32) -> Self {
        let threshold = match change.value {
            Some(SettingValue::Count(threshold)) => threshold,
            _ => configured,
        };
        Self { threshold, since: change.at, actor: change.actor.clone() }
    }
}

//! Warns operators before applicants are refused: in the log, as a metric, and by mail; each warning once a day, on any
//! number of instances.

use std::sync::Arc;

use crate::operations::{access_codes, number_ranges};
use chrono::{DateTime, Utc};
use trial_core::access_codes::{AccessCodeStock, PoolOutlook};
use trial_core::error::LedgerError;
use trial_core::mails::{MailKind, MailRecord};
use trial_core::planner::Planner;
use trial_core::policy::{BreakerMode, Policy};
use trial_core::ports::{Clock, Entropy, NumberRanges, Operations, Upkeep};
use trial_core::quota::QuotaView;
use trial_core::values::{Email, Locale, MailId};
use trial_core::warnings::{NewWarning, REFUSALS_WITHIN, Warning, refusal_warnings, warnings};

use crate::{EngineParts, PlatformParts};

/// Refused mails compared at most, of those that wait and of those given up.
const REFUSALS: u32 = 500;

pub(crate) struct Watch {
    operations: Arc<dyn Operations>,
    prefixes: Arc<dyn NumberRanges>,
    upkeep: Arc<dyn Upkeep>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    planner: Arc<Planner>,
    platform: Option<PlatformParts>,
    readers: Vec<Email>,
}

impl Watch {
    pub(crate) fn of(parts: &EngineParts) -> Self {
        let EngineParts { operations, prefixes, upkeep, clock, entropy, planner, platform, warning_readers, .. } =
            parts.clone();
        Self { operations, prefixes, upkeep, clock, entropy, planner, platform, readers: warning_readers }
    }

    pub(crate) async fn look(&self) -> Result<(), LedgerError> {
        let (now, policy) = (self.clock.now(), self.planner.in_force().now());
        let pool = access_codes::outlook(&*self.operations, &policy, now).await?;
        let quota = self.operations.quota(policy.quota.day_of(now)).await?.under(&policy.quota);
        show(&pool, &quota);
        let since = now - REFUSALS_WITHIN;
        let refused = self.operations.refused_mails(since, REFUSALS).await?;
        let of_mails = refusal_warnings(&refused, quota.used.day, now);
        for warning in warnings(&pool, &quota, &policy, now).into_iter().chain(of_mails) {
            let (name, words) = (warning.name.clone(), warning.words.clone());
            if self.upkeep.warn(self.told(warning)).await? {
                tracing::warn!(warning = name, "{words}");
                metrics::counter!("trialgate_warnings_total", "warning" => name).increment(1);
            }
        }
        // An unreadable gauge hides no other.
        let queues = self.show_queues(now).await;
        queues.and(self.show_prefixes(&policy, now).await)
    }

    /// Shows the number of waiting mails and events, and the age of the oldest.
    async fn show_queues(&self, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let mails = self.operations.mail_queue().await?;
        metrics::gauge!("trialgate_mails_waiting").set(number(mails.due));
        metrics::gauge!("trialgate_mails_oldest_waiting_seconds").set(age(mails.oldest_due, now));
        metrics::gauge!("trialgate_mails_given_up").set(number(mails.failed));
        if let Some(platform) = &self.platform {
            let events = platform.queue.event_queue(platform.endpoint.clone()).await?;
            metrics::gauge!("trialgate_webhooks_waiting").set(number(events.due));
            metrics::gauge!("trialgate_webhooks_oldest_waiting_seconds").set(age(events.oldest_due, now));
            metrics::gauge!("trialgate_webhooks_given_up").set(number(events.failed));
            metrics::gauge!("trialgate_webhooks_disabled").set(u8::from(events.disabled.is_some()));
        }
        Ok(())
    }

    /// Shows the number of ranges that are blocked, and of those that would be.
    async fn show_prefixes(&self, policy: &Policy, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let ranges = number_ranges::list(&*self.prefixes, policy, now).await?;
        for shown in [BreakerMode::Shadow, BreakerMode::On] {
            let count = if shown.as_str() == ranges.mode { ranges.blocked.len() } else { 0 };
            metrics::gauge!("trialgate_number_ranges_blocked", "mode" => shown.as_str()).set(number(count as u64));
        }
        Ok(())
    }

    fn told(&self, warning: Warning) -> NewWarning {
        let mail = |to: &Email| {
            let mut entropy = [0; 10];
            self.entropy.fill(&mut entropy);
            MailRecord {
                id: MailId::new(warning.at, entropy),
                kind: MailKind::Warning,
                tenant: None,
                to: to.clone(),
                locale: Locale::En,
                created_at: warning.at,
                quota: None,
                detail: Some(warning.words.clone()),
            }
        };
        let mails = self.readers.iter().map(mail).collect();
        NewWarning { warning, mails }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and exact far beyond any count")]
fn number(count: u64) -> f64 {
    count as f64
}

/// In seconds; 0 if there is nothing, or if the clock was set back.
fn age(since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> f64 {
    since.and_then(|since| (now - since).to_std().ok()).map_or(0.0, |age| age.as_secs_f64())
}

fn show(pool: &[PoolOutlook], quota: &QuotaView) {
    for PoolOutlook { stock, .. } in pool {
        let AccessCodeStock { kind, free, leased, quarantined, retired } = *stock;
        for (state, codes) in [("free", free), ("leased", leased), ("quarantined", quarantined), ("retired", retired)] {
            metrics::gauge!("trialgate_access_codes", "kind" => kind.as_str(), "state" => state).set(number(codes));
        }
    }
    metrics::gauge!("trialgate_quota_threshold").set(quota.threshold);
    metrics::gauge!("trialgate_quota_reserved").set(quota.used.reserved);
    metrics::gauge!("trialgate_quota_left").set(quota.left);
    metrics::gauge!("trialgate_owner_mails_limit").set(quota.owner_limit);
    metrics::gauge!("trialgate_owner_mails_reserved").set(quota.used.owners.reserved);
    metrics::gauge!("trialgate_owner_mails_left").set(quota.owner_mails_left);
}

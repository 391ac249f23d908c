//! Warns operations before applicants are refused: in the log, as a metric, and by mail; each thing once a day, whatever the
//! number of instances.

use std::sync::Arc;

use trial_core::ports::{Clock, Entropy, Operations, Upkeep};
use trial_core::{
    AccessCodeStock, Email, LedgerError, Locale, MailId, MailKind, MailRecord, Planner, PoolOutlook, QuotaView,
    Warning, WarningToTell, pool_outlook, warnings,
};

use crate::EngineParts;

pub(crate) struct Watch {
    operations: Arc<dyn Operations>,
    upkeep: Arc<dyn Upkeep>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    planner: Arc<Planner>,
    readers: Vec<Email>,
}

impl Watch {
    pub(crate) fn of(parts: &EngineParts) -> Self {
        let EngineParts { operations, upkeep, clock, entropy, planner, warning_readers, .. } = parts.clone();
        Self { operations, upkeep, clock, entropy, planner, readers: warning_readers }
    }

    pub(crate) async fn look(&self) -> Result<(), LedgerError> {
        let (now, policy) = (self.clock.now(), self.planner.policy());
        let pool = pool_outlook(&*self.operations, policy, now).await?;
        let quota = self.operations.quota(policy.quota.day_of(now), policy.quota.first_threshold).await?;
        show(&pool, &quota);
        for warning in warnings(&pool, &quota, policy.trial.low_water, now) {
            let (name, words) = (warning.name.clone(), warning.words.clone());
            if self.upkeep.warn(self.told(warning)).await? {
                tracing::warn!(warning = name, "{words}");
                metrics::counter!("trialgate_warnings_total", "warning" => name).increment(1);
            }
        }
        Ok(())
    }

    fn told(&self, warning: Warning) -> WarningToTell {
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
        WarningToTell { warning, mails }
    }
}

fn show(pool: &[PoolOutlook], quota: &QuotaView) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and exact far beyond any pool")]
    let number = |count: u64| count as f64;
    for PoolOutlook { stock, .. } in pool {
        let AccessCodeStock { kind, free, leased, quarantined, retired } = *stock;
        for (state, codes) in [("free", free), ("leased", leased), ("quarantined", quarantined), ("retired", retired)] {
            metrics::gauge!("trialgate_access_codes", "kind" => kind.as_str(), "state" => state).set(number(codes));
        }
    }
    metrics::gauge!("trialgate_quota_threshold").set(quota.threshold);
    metrics::gauge!("trialgate_quota_reserved").set(quota.reserved);
    metrics::gauge!("trialgate_quota_left").set(quota.left());
}

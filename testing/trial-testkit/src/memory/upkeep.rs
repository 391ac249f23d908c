//! The scheduled tasks in memory.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use trial_core::access_codes::{AccessCodeState, FreedCode, RestOver};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Effects, Outcome, Planner};
use trial_core::ports::Upkeep;
use trial_core::tenants::DueTenant;
use trial_core::warnings::{NewWarning, Warning};

use super::{MemoryLedger, MemoryState};

impl MemoryState {
    fn clock_mark(&self) -> Option<DateTime<Utc>> {
        self.clock_mark.or_else(|| self.tenants.values().next_back().map(|newest| newest.created_at))
    }
}

#[async_trait]
impl Upkeep for MemoryLedger {
    async fn due_tenants(
        &self,
        now: DateTime<Utc>,
        after: Option<DueTenant>,
        limit: u32,
    ) -> Result<Vec<DueTenant>, LedgerError> {
        let state = self.lock();
        let steps = state.tenants.values().filter_map(|tenant| {
            let since = tenant.next_step_at.filter(|step| *step <= now)?;
            Some(DueTenant { since, tenant: tenant.id })
        });
        let mut due: Vec<_> = steps.filter(|due| after.is_none_or(|after| *due > after)).collect();
        due.sort_unstable();
        due.truncate(usize::try_from(limit).expect("fits"));
        Ok(due)
    }

    async fn rehearse(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        let keys = planner.fact_keys(&batch);
        let facts = self.lock().facts(&keys);
        Ok(planner.plan(&facts, &batch).outcomes)
    }

    async fn end_rests(&self, rest: RestOver, limit: u32, dry_run: bool) -> Result<Vec<FreedCode>, LedgerError> {
        let mut state = self.lock();
        let resting = state.access_codes.iter().filter(|(_, kept)| kept.state == AccessCodeState::Quarantined);
        let rested = resting.filter(|(_, kept)| kept.since <= rest.rested_since());
        let mut freed: Vec<_> = rested.map(|(code, kept)| rest.free(code.clone(), kept.kind, kept.since)).collect();
        freed.sort_unstable_by(|a, b| (a.since, &a.code).cmp(&(b.since, &b.code)));
        freed.truncate(usize::try_from(limit).expect("fits"));
        for code in freed.iter().filter(|_| !dry_run) {
            let kept = state.access_codes.get_mut(&code.code).expect("it is quarantined");
            kept.state = AccessCodeState::Free;
            kept.last_holder = None;
            kept.since = code.since;
        }
        Ok(freed)
    }

    async fn clock_mark(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(self.lock().clock_mark())
    }

    async fn mark_clock(&self, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let mut state = self.lock();
        state.clock_mark = state.clock_mark.max(Some(now));
        Ok(())
    }

    async fn confirm_clock(&self, by: ChangedBy) -> Result<(), LedgerError> {
        let mut state = self.lock();
        let entry = by.clock_confirmed(state.clock_mark());
        state.clock_mark = Some(by.at);
        state.audit.push(entry);
        Ok(())
    }

    async fn count_hours(&self, _until: DateTime<Utc>) -> Result<bool, LedgerError> {
        // The state stays small, so that there is nothing to count ahead.
        Ok(false)
    }

    async fn warn(&self, told: NewWarning) -> Result<bool, LedgerError> {
        let mut state = self.lock();
        let key = (told.warning.day, told.warning.name.clone());
        if state.warnings.contains_key(&key) {
            return Ok(false);
        }
        state.warnings.insert(key, told.warning);
        let mails = told.mails;
        state.persist(Effects { mails, ..Effects::default() });
        Ok(true)
    }

    async fn warnings(&self, day: NaiveDate) -> Result<Vec<Warning>, LedgerError> {
        let state = self.lock();
        let mut warnings: Vec<_> = state.warnings.values().filter(|warning| warning.day == day).cloned().collect();
        warnings.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
        Ok(warnings)
    }
}

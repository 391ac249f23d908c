//! The scheduled tasks: suspends expired trials, closes them after the grace period, notifies owners, returns
//! quarantined access codes, counts hours. Each piece is a decision of its own: an interrupted sweep leaves the rest to
//! the next, and two at once do nothing twice.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use trial_core::access_codes::{FreedCode, RestOver};
use trial_core::audit::SERVICE;
use trial_core::clock_gap::ClockGap;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, FreshIds, Outcome, Planner, Request};
use trial_core::ports::{Entropy, TrialLedger, Upkeep};
use trial_core::tenants::{DueTenant, TenantAction, TenantChange, TenantCommand, TenantOutcome};
use trial_core::values::TenantId;

use crate::EngineParts;
use crate::clock_watch::ClockWatch;
use crate::lifecycle::alerts::Watch;

/// Tenants per decision: applicants wait behind it.
const TENANTS: u32 = 100;
/// An hour counts as complete this long after its end, for the clocks of other instances.
const SETTLED: Duration = Duration::from_mins(5);
/// Access codes per decision.
const CODES: u32 = 500;

/// Runs the scheduled tasks.
#[derive(Clone)]
pub struct Sweeper {
    ledger: Arc<dyn TrialLedger>,
    upkeep: Arc<dyn Upkeep>,
    entropy: Arc<dyn Entropy>,
    planner: Arc<Planner>,
    watch: Arc<ClockWatch>,
}

/// Outcome of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Everything due is done.
    Done,
    /// Nothing was done: the clock leapt.
    Paused(ClockGap),
}

/// A change that was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A tenant's status changed.
    Tenant(TenantId, TenantChange),
    /// An access code was returned to the pool.
    Code(FreedCode),
}

impl Sweeper {
    /// A sweeper of this ledger.
    pub fn new(
        ledger: Arc<dyn TrialLedger>,
        upkeep: Arc<dyn Upkeep>,
        entropy: Arc<dyn Entropy>,
        planner: Arc<Planner>,
        watch: Arc<ClockWatch>,
    ) -> Self {
        Self { ledger, upkeep, entropy, planner, watch }
    }

    pub(crate) fn of(parts: &EngineParts, watch: Arc<ClockWatch>) -> Self {
        let EngineParts { ledger, upkeep, entropy, planner, .. } = parts.clone();
        Self::new(ledger, upkeep, entropy, planner, watch)
    }

    /// Does everything due now and reports each piece. With `dry_run`, only reports.
    ///
    /// # Errors
    /// The ledger cannot be used. Reported pieces are done.
    pub async fn sweep(&self, dry_run: bool, mut tell: impl FnMut(Kept) + Send) -> Result<Swept, LedgerError> {
        let mut after = None;
        let now = loop {
            let now = match self.watch.look().await? {
                Ok(now) => now,
                // A dry run is harmless.
                Err(gap) if dry_run => gap.now,
                Err(gap) => return Ok(Swept::Paused(gap)),
            };
            let due = self.upkeep.due_tenants(now, after, TENANTS).await?;
            let Some(last) = due.last() else { break now };
            after = Some(*last);
            match self.advance(now, &due, dry_run, &mut tell).await {
                Err(LedgerError::Corrupt(_)) => self.advance_each(now, &due, dry_run, &mut tell).await?,
                advanced => advanced?,
            }
        };
        let rest = RestOver { now, quarantine: self.planner.in_force().now().trial.quarantine };
        loop {
            let freed = self.upkeep.end_rests(rest, CODES, dry_run).await?;
            let is_last = dry_run || freed.len() < usize::try_from(CODES).unwrap_or(usize::MAX);
            freed.into_iter().map(Kept::Code).for_each(&mut tell);
            if is_last {
                break;
            }
        }
        // A decision just before the hour may be stored just after it.
        while !dry_run && self.upkeep.count_hours(now - SETTLED).await? {}
        Ok(Swept::Done)
    }

    async fn advance(
        &self,
        now: DateTime<Utc>,
        due: &[DueTenant],
        dry_run: bool,
        tell: &mut (impl FnMut(Kept) + Send),
    ) -> Result<(), LedgerError> {
        let batch = Arc::new(self.batch(now, due));
        let planner = Arc::clone(&self.planner);
        let outcomes = if dry_run {
            self.upkeep.rehearse(batch, planner).await?
        } else {
            self.ledger.commit(batch, planner).await?
        };
        for (due, outcome) in due.iter().zip(outcomes) {
            if let Outcome::Tenant(TenantOutcome::Done(change)) = outcome {
                tell(Kept::Tenant(due.tenant, change));
            }
        }
        Ok(())
    }

    /// One by one, so that an unreadable tenant blocks no other.
    async fn advance_each(
        &self,
        now: DateTime<Utc>,
        due: &[DueTenant],
        dry_run: bool,
        tell: &mut (impl FnMut(Kept) + Send),
    ) -> Result<(), LedgerError> {
        for one in due {
            match self.advance(now, std::slice::from_ref(one), dry_run, tell).await {
                Err(error @ LedgerError::Corrupt(_)) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(tenant = %one.tenant, source, "a tenant cannot be advanced; it stays as it is");
                }
                advanced => advanced?,
            }
        }
        Ok(())
    }

    fn batch(&self, now: DateTime<Utc>, due: &[DueTenant]) -> Batch {
        let advance = |due: &DueTenant| {
            let mut entropy = [0; FreshIds::ENTROPY];
            self.entropy.fill(&mut entropy);
            let order = TenantCommand { tenant: due.tenant, order: TenantAction::Advance, actor: SERVICE.to_owned() };
            (FreshIds::new(now, &entropy), Request::Tenant(order))
        };
        Batch { now, requests: due.iter().map(advance).collect() }
    }

    async fn keep(&self, watch: &Watch) -> Result<(), LedgerError> {
        let swept = self.sweep(false, count).await;
        // Operators are warned even if the sweep was interrupted.
        swept.and(watch.look().await)
    }

    /// Sweeps again and again until the stop. The clock is judged before the first sweep: a service that restarts often
    /// must not lose that time.
    pub(crate) async fn run(self, watch: Watch, every: Duration, closing: CancellationToken) {
        if let Err(error) = self.watch.look().await {
            tracing::warn!(kind = error.kind(), "the clock is not judged yet; the first sweep does so");
        }
        let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.keep(&watch).await {
                tracing::warn!(kind = error.kind(), "a sweep was interrupted; the next one goes on");
            }
        }
    }
}

fn count(kept: Kept) {
    match kept {
        Kept::Tenant(tenant, change) if change.before != change.after => {
            tracing::info!(%tenant, before = %change.before, after = %change.after, "a tenant's status changed");
            metrics::counter!("trialgate_tenant_transitions_total", "to" => change.after.as_str()).increment(1);
        }
        Kept::Tenant(..) => {}
        Kept::Code(freed) => {
            metrics::counter!("trialgate_access_codes_freed_total", "kind" => freed.kind.as_str()).increment(1);
        }
    }
}

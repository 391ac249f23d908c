//! `trialgate sweep`: runs the scheduled tasks once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use trial_core::tenants::TenantStatus;
use trial_engine::{Kept, Sweeper, Swept};

use super::{clock, decide, with_database};
use crate::ambient::OsEntropy;
use crate::global::Global;
use crate::output::Output;

/// `trialgate sweep`
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Show what would change without changing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
}

/// Result of a sweep.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SweepReport {
    dry_run: bool,
    /// Trials that expired.
    suspended: u64,
    /// Tenants whose grace period ended.
    closed: u64,
    /// Mails queued for owners, by kind.
    mails: BTreeMap<&'static str, u64>,
    /// Mails to owners that wait until enough of the daily e-mail limit is left.
    mails_waiting: u64,
    /// Access codes returned from quarantine, by kind.
    freed: BTreeMap<&'static str, u64>,
    /// Tenants that changed.
    tenants: Vec<SweptTenant>,
}

#[derive(Debug, Serialize)]
struct SweptTenant {
    id: String,
    before: &'static str,
    after: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<&'static str>,
}

impl Sweep {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let dry_run = self.dry_run;
        let report = with_database(global, async |config, ledger| {
            let planner = decide::planner(config, ledger).await?;
            let watch = Arc::new(clock::watch(config, ledger));
            let keeper = Sweeper::new(ledger.decisions(), ledger.upkeep(), Arc::new(OsEntropy), planner, watch);
            let mut report = SweepReport { dry_run, ..SweepReport::default() };
            let spinner = spinner();
            let swept = keeper.sweep(dry_run, |kept| {
                spinner.inc(1);
                report.count(kept);
            });
            let swept = swept.await;
            spinner.finish_and_clear();
            if let Swept::Paused(gap) = swept? {
                bail!("nothing was done: {gap}");
            }
            Ok(report)
        })?;
        self.output.show(&report)
    }
}

/// Progress on a terminal; the total is not known.
fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} tenants and access codes, {elapsed}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

impl SweepReport {
    fn count(&mut self, kept: Kept) {
        let (tenant, change) = match kept {
            Kept::Tenant(tenant, change) => (tenant, change),
            Kept::Code(freed) => {
                *self.freed.entry(freed.kind.as_str()).or_default() += 1;
                return;
            }
        };
        let moved = change.before != change.after;
        self.suspended += u64::from(moved && change.after == TenantStatus::Suspended);
        self.closed += u64::from(moved && change.after == TenantStatus::Closed);
        self.mails_waiting += u64::from(change.mail_waits);
        if let Some(kind) = change.mail {
            *self.mails.entry(kind.as_str()).or_default() += 1;
        }
        if moved || change.mail.is_some() {
            self.tenants.push(SweptTenant {
                id: tenant.to_string(),
                before: change.before.as_str(),
                after: change.after.as_str(),
                mail: change.mail.map(trial_core::mails::MailKind::as_str),
            });
        }
    }
}

impl fmt::Display for SweepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for SweptTenant { id, before, after, mail } in &self.tenants {
            write!(f, "tenant {id}: {before}")?;
            if before != after {
                write!(f, " to {after}")?;
            }
            match mail {
                Some(kind) => writeln!(f, ", {kind} mail")?,
                None => writeln!(f)?,
            }
        }
        let sum = |counts: &BTreeMap<_, u64>| counts.values().sum::<u64>();
        let would = if self.dry_run { "would be " } else { "" };
        write!(
            f,
            "{would}suspended: {}, closed: {}, mails queued: {} (waiting: {}), access codes released: {}",
            self.suspended,
            self.closed,
            sum(&self.mails),
            self.mails_waiting,
            sum(&self.freed),
        )
    }
}

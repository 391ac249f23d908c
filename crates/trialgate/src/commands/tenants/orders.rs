//! Commands that change one tenant.

use std::fmt;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use trial_core::tenants::{TenantAction, TenantOutcome, TenantStatus};
use trial_core::values::TenantId;
use trial_engine::operations::tenants::TenantChangeReport;

use crate::commands::{decide, with_database};
use crate::global::Global;
use crate::output::{Output, Printed, time};
use crate::process;

/// The tenant that is to be changed.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The tenant's id
    id: TenantId,
    #[command(flatten)]
    output: Output,
}

impl Wanted {
    /// Runs a command on this tenant and prints the result.
    ///
    /// # Errors
    /// The command was refused, or the database cannot be used.
    pub(super) fn order(self, order: TenantAction, global: &Global) -> anyhow::Result<()> {
        let Self { id, output } = self;
        let actor = process::operator();
        let outcome = with_database(global, async |config, ledger| {
            decide::tenant_order(config, ledger, trial_core::tenants::TenantCommand { tenant: id, order, actor }).await
        })?;
        match outcome {
            TenantOutcome::Done(change) => output.show(&Printed(TenantChangeReport::new(id, &change))),
            TenantOutcome::Refused(refusal) => bail!("{refusal} ({id})"),
        }
    }
}

/// A whole number of days.
pub(super) fn days(number: u32) -> Duration {
    Duration::from_hours(u64::from(number) * 24)
}

impl fmt::Display for Printed<TenantChangeReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {} is {}", self.0.id, self.0.status)?;
        if self.0.before != self.0.status {
            write!(f, " (was {})", self.0.before)?;
        }
        if self.0.status == TenantStatus::Trial.as_str() {
            write!(f, "; its trial ends at {}", time(self.0.trial_ends_at))?;
        }
        match (self.0.mail, self.0.mail_waits) {
            (Some(kind), _) => write!(f, "; {kind} mail queued"),
            (None, true) => f.write_str("; the owner is notified once enough of the daily e-mail limit is left"),
            (None, false) => Ok(()),
        }
    }
}

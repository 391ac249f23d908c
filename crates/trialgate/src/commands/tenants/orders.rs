//! Commands that change one tenant.

use std::fmt;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use trial_core::tenants::{TenantAction, TenantChange, TenantOutcome, TenantStatus};
use trial_core::values::TenantId;

use crate::commands::{decide, with_database};
use crate::global::Global;
use crate::output::{Output, time};
use crate::process;

/// The tenant that is to be changed.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The tenant's id
    id: TenantId,
    #[command(flatten)]
    output: Output,
}

/// Result of a command.
#[derive(Debug, Serialize)]
struct OrderReport {
    id: String,
    before: &'static str,
    status: &'static str,
    trial_ends_at: DateTime<Utc>,
    /// Kind of the mail that was queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<&'static str>,
    /// `true` if a mail waits until enough of the daily e-mail limit is left.
    mail_waits: bool,
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
            TenantOutcome::Done(change) => output.show(&OrderReport::new(id, &change)),
            TenantOutcome::Refused(refusal) => bail!("{refusal} ({id})"),
        }
    }
}

/// A whole number of days.
pub(super) fn days(number: u32) -> Duration {
    Duration::from_hours(u64::from(number) * 24)
}

impl OrderReport {
    fn new(id: TenantId, change: &TenantChange) -> Self {
        Self {
            id: id.to_string(),
            before: change.before.as_str(),
            status: change.after.as_str(),
            trial_ends_at: change.trial_ends_at,
            mail: change.mail.map(trial_core::mails::MailKind::as_str),
            mail_waits: change.mail_waits,
        }
    }
}

impl fmt::Display for OrderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {} is {}", self.id, self.status)?;
        if self.before != self.status {
            write!(f, " (was {})", self.before)?;
        }
        if self.status == TenantStatus::Trial.as_str() {
            write!(f, "; its trial ends at {}", time(self.trial_ends_at))?;
        }
        match (self.mail, self.mail_waits) {
            (Some(kind), _) => write!(f, "; {kind} mail queued"),
            (None, true) => f.write_str("; the owner is notified once enough of the daily e-mail limit is left"),
            (None, false) => Ok(()),
        }
    }
}

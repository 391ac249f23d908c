use std::fmt;

use chrono::NaiveDate;
use clap::Subcommand;
use serde::Serialize;
use trial_core::QuotaView;
use trial_core::ports::Clock;

use super::with_ledger;
use crate::cli::Global;
use crate::compose::{self, SystemClock};
use crate::output::{self, Output};
use crate::process;

/// `trialgate quota …`
#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    /// Show the threshold and what is taken of it today
    Show {
        #[command(flatten)]
        output: Output,
    },
    /// Set the threshold, in force at once
    Set {
        /// E-mails per day; 0 closes applications
        #[arg(value_name = "N")]
        threshold: u32,
        #[command(flatten)]
        output: Output,
    },
}

/// A day of the threshold.
#[derive(Debug, Serialize)]
struct QuotaReport {
    day: NaiveDate,
    timezone: &'static str,
    threshold: u32,
    reserved: u32,
    left: u32,
    sent: u64,
    failed: u64,
}

impl Quota {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (output, threshold) = match self {
            Self::Show { output } => (output, None),
            Self::Set { threshold, output } => (output, Some(threshold)),
        };
        let report = with_ledger(global, async |config, ledger| {
            if let Some(threshold) = threshold {
                ledger.set_quota(threshold, compose::changed_by(process::operator())).await?;
            }
            let policy = &config.policy.quota;
            let view = ledger.quota(policy.day_of(SystemClock.now()), policy.first_threshold).await?;
            Ok(QuotaReport::new(&view, policy.timezone.name()))
        })?;
        output.show(&report)
    }
}

impl QuotaReport {
    fn new(view: &QuotaView, timezone: &'static str) -> Self {
        let QuotaView { day, threshold, reserved, sent, failed } = *view;
        Self { day, timezone, threshold, reserved, left: view.left(), sent, failed }
    }
}

impl fmt::Display for QuotaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = output::Table::new(["day", "time zone", "threshold", "reserved", "left", "sent", "failed"]);
        table.row([
            self.day.to_string(),
            self.timezone.to_owned(),
            self.threshold.to_string(),
            self.reserved.to_string(),
            self.left.to_string(),
            self.sent.to_string(),
            self.failed.to_string(),
        ]);
        table.fmt(f)
    }
}

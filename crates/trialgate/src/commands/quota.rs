//! `trialgate quota …`: the daily e-mail limit.

use std::fmt;

use clap::Subcommand;
use trial_core::policy::{SettingCommand, SettingKey, SettingValue};
use trial_engine::operations::quota::{self, QuotaReport};

use super::settings::make;
use super::{policy_in_force, with_database};
use crate::arguments::whole;
use crate::global::Global;
use crate::output::{Output, Printed, Table};

/// `trialgate quota …`
#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    /// Show the daily e-mail limit and its use
    Show {
        /// Number of days, today first
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1..=quota::MOST_DAYS))]
        days: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Set the daily e-mail limit at once on every instance
    Set {
        /// E-mails per day; 0 stops applications
        #[arg(value_name = "N", value_parser = whole(0..=u32::MAX))]
        threshold: u32,
        #[command(flatten)]
        output: Output,
    },
}

impl Quota {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (output, threshold, days) = match self {
            Self::Show { days, output } => (output, None, days),
            Self::Set { threshold, output } => (output, Some(threshold), 1),
        };
        let report = with_database(global, async |config, ledger| {
            if let Some(threshold) = threshold {
                let value = Some(SettingValue::Count(threshold));
                make(config, ledger, SettingCommand { key: SettingKey::Threshold, value, seen: None }).await?;
            }
            let policies = (&policy_in_force(config, ledger).await?, &config.policy);
            let (operations, settings) = (ledger.operations(), ledger.settings());
            Ok(quota::show(&*operations, &*settings, policies, ledger.clock().now(), days).await?)
        })?;
        output.show(&Printed(report))
    }
}

impl fmt::Display for Printed<QuotaReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["day", "time zone", "mails of", "limit", "reserved", "left", "sent", "failed"]);
        for used in &self.0.days {
            let mut row = |budget: &str, units: [u32; 3], mails: [u64; 2]| {
                let [threshold, reserved, left] = units.map(|units| units.to_string());
                let [sent, failed] = mails.map(|mails| mails.to_string());
                let (day, zone) = (used.day.to_string(), self.0.timezone.to_owned());
                table.row([day, zone, budget.to_owned(), threshold, reserved, left, sent, failed]);
            };
            row("applicants", [used.threshold, used.reserved, used.left], [used.sent, used.failed]);
            let owners = &used.owner_mails;
            row("owners", [owners.limit, owners.reserved, owners.left], [owners.sent, owners.failed]);
        }
        table.fmt(f)
    }
}

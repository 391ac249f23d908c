//! `trialgate quota …`: the daily e-mail limit.

use std::fmt;

use chrono::NaiveDate;
use clap::Subcommand;
use serde::Serialize;
use trial_core::policy::{QuotaPolicy, SettingCommand, SettingKey, SettingValue};
use trial_core::ports::Clock;
use trial_core::quota::QuotaView;

use super::settings::make;
use super::with_database;
use crate::ambient::SystemClock;
use crate::arguments::whole;
use crate::global::Global;
use crate::output::{self, Output};

/// `trialgate quota …`
#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    /// Show the daily e-mail limit and today's use
    Show {
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

/// Use of the daily limit on one day.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuotaReport {
    day: NaiveDate,
    timezone: &'static str,
    threshold: u32,
    reserved: u32,
    left: u32,
    sent: u64,
    failed: u64,
    owner_mails: OwnerMails,
}

/// Use of the daily limit of owners' mails.
#[derive(Debug, Serialize)]
struct OwnerMails {
    limit: u32,
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
        let report = with_database(global, async |config, ledger| {
            let settings = match threshold {
                Some(threshold) => {
                    let value = Some(SettingValue::Count(threshold));
                    make(config, ledger, SettingCommand { key: SettingKey::Threshold, value, seen: None }).await?
                }
                None => ledger.settings().settings().await?,
            };
            let policy = settings.overrides.policy(&config.policy).quota;
            let used = ledger.operations().quota(policy.day_of(SystemClock.now())).await?;
            Ok(QuotaReport::new(used.under(&policy), &policy))
        })?;
        output.show(&report)
    }
}

impl QuotaReport {
    fn new(view: QuotaView, policy: &QuotaPolicy) -> Self {
        let QuotaView { used, threshold, left, owner_limit, owner_mails_left } = view;
        let owner_mails = OwnerMails {
            limit: owner_limit,
            reserved: used.owners.reserved,
            left: owner_mails_left,
            sent: used.owners.sent,
            failed: used.owners.failed,
        };
        let (day, reserved, sent, failed) = (used.day, used.reserved, used.sent, used.failed);
        Self { day, timezone: policy.timezone.name(), threshold, reserved, left, sent, failed, owner_mails }
    }
}

impl fmt::Display for QuotaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            output::Table::new(["day", "time zone", "mails of", "limit", "reserved", "left", "sent", "failed"]);
        let mut row = |budget: &str, units: [u32; 3], mails: [u64; 2]| {
            let [threshold, reserved, left] = units.map(|units| units.to_string());
            let [sent, failed] = mails.map(|mails| mails.to_string());
            let (day, zone) = (self.day.to_string(), self.timezone.to_owned());
            table.row([day, zone, budget.to_owned(), threshold, reserved, left, sent, failed]);
        };
        row("applicants", [self.threshold, self.reserved, self.left], [self.sent, self.failed]);
        let owners = &self.owner_mails;
        row("owners", [owners.limit, owners.reserved, owners.left], [owners.sent, owners.failed]);
        table.fmt(f)
    }
}

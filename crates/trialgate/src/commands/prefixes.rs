//! `trialgate prefixes …`: blocked number ranges and the safe list of the fraud guard.

use std::fmt;

use anyhow::bail;
use clap::Subcommand;
use serde::Serialize;
use trial_core::fraud_guard::{MAX_SAFE_PREFIXES, RangeBlock, RangeOutlook, SafeOutcome, SafeRange, SafeReason};
use trial_core::policy::BreakerMode;
use trial_core::ports::{Clock as _, NumberRanges};
use trial_core::values::NumberRange;
use trial_engine::operations::range_outlook;

use super::with_database;
use crate::ambient::{self, SystemClock};
use crate::config::Config;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, Table, time};
use crate::process;

/// `trialgate prefixes …`
#[derive(Debug, Subcommand)]
pub(crate) enum PrefixesCommand {
    /// List blocked number ranges (in shadow mode, those that would be blocked) and the safe list
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Unblock a number range; its codes are counted from zero again
    Release {
        /// The number range: a phone without its last four digits, such as +861667328
        prefix: NumberRange,
        #[command(flatten)]
        output: Output,
    },
    /// Number ranges that are never blocked
    #[command(subcommand)]
    Safe(Safe),
}

/// `trialgate prefixes safe …`
#[derive(Debug, Subcommand)]
pub(crate) enum Safe {
    /// Add a number range to the safe list, with all numbers that begin with it
    Add {
        /// First digits of phone numbers with the country calling code, such as +861667328 or +86
        prefix: NumberRange,
        /// Reason, shown in the list
        #[arg(long, value_name = "TEXT", value_parser = SafeReason::parse)]
        reason: SafeReason,
        #[command(flatten)]
        output: Output,
    },
    /// List blocked number ranges and the safe list
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Remove a number range from the safe list
    Remove {
        /// The number range as listed
        prefix: NumberRange,
        #[command(flatten)]
        output: Output,
    },
}

/// A change, made before the lists are shown.
enum Change {
    Nothing,
    Release(NumberRange),
    Add(NumberRange, SafeReason),
    Remove(NumberRange),
}

#[derive(Debug, Serialize)]
struct PrefixReport {
    mode: &'static str,
    blocked: Vec<BlockedReport>,
    safe: Vec<SafeReport>,
}

#[derive(Debug, Serialize)]
struct BlockedReport {
    prefix: NumberRange,
    /// `false` in shadow mode: requests would be refused.
    enforced: bool,
    since: String,
    until: String,
    sent: u32,
    used: u32,
    /// Requests since the block that were refused, or would have been.
    met: u32,
}

#[derive(Debug, Serialize)]
struct SafeReport {
    prefix: NumberRange,
    configured: bool,
    /// `None`, like the other fields, for an entry of the configuration.
    reason: Option<String>,
    at: Option<String>,
    actor: Option<String>,
}

impl PrefixesCommand {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (change, output) = match self {
            Self::List { output } | Self::Safe(Safe::List { output }) => (Change::Nothing, output),
            Self::Release { prefix, output } => (Change::Release(prefix), output),
            Self::Safe(Safe::Add { prefix, reason, output }) => (Change::Add(prefix, reason), output),
            Self::Safe(Safe::Remove { prefix, output }) => (Change::Remove(prefix), output),
        };
        let report = with_database(global, async |config, ledger| {
            make(&*ledger.prefixes(), change).await?;
            Ok(PrefixReport::from(outlook(config, ledger).await?))
        })?;
        output.show(&report)
    }
}

async fn make(prefixes: &dyn NumberRanges, change: Change) -> anyhow::Result<()> {
    let by = ambient::changed_by(process::operator());
    match change {
        Change::Nothing => {}
        Change::Release(prefix) => {
            if prefixes.release_prefix(prefix, by).await?.is_none() {
                bail!("number range {prefix} is not blocked; there is nothing to release");
            }
        }
        Change::Add(prefix, reason) => {
            let safe = SafeRange::added_by(&by, prefix, reason);
            match prefixes.add_safe_prefix(safe, by).await? {
                SafeOutcome::Added => {}
                SafeOutcome::AlreadySafe => bail!("number range {prefix} is on the safe list already"),
                SafeOutcome::Full => {
                    bail!("the safe list is full ({MAX_SAFE_PREFIXES} number ranges); remove one first")
                }
            }
        }
        Change::Remove(prefix) => {
            if !prefixes.remove_safe_prefix(prefix, by).await? {
                bail!(
                    "operations did not put prefix {prefix} on the safe list; what is configured is changed in \
                     `abuse.safe_prefixes`"
                );
            }
        }
    }
    Ok(())
}

async fn outlook(config: &Config, ledger: &Ledger) -> anyhow::Result<RangeOutlook> {
    let policy = ledger.settings().settings().await?.overrides.policy(&config.policy);
    Ok(range_outlook(&*ledger.prefixes(), &policy, SystemClock.now()).await?)
}

impl From<RangeOutlook> for PrefixReport {
    fn from(outlook: RangeOutlook) -> Self {
        let RangeOutlook { mode, blocked, configured, safe } = outlook;
        let enforced = mode == BreakerMode::On;
        let blocked = blocked.into_iter().map(|record| {
            let RangeBlock { since, until, sent, used, met, .. } = record.block;
            let (since, until) = (time(since), time(until));
            BlockedReport { prefix: record.prefix, enforced, since, until, sent, used, met }
        });
        let by_configuration = |prefix| SafeReport { prefix, configured: true, reason: None, at: None, actor: None };
        let added = |safe: SafeRange| SafeReport {
            prefix: safe.prefix,
            configured: false,
            reason: Some(safe.reason.as_str().to_owned()),
            at: Some(time(safe.at)),
            actor: Some(safe.actor),
        };
        let safe = configured.into_iter().map(by_configuration).chain(safe.into_iter().map(added));
        Self { mode: mode.as_str(), blocked: blocked.collect(), safe: safe.collect() }
    }
}

impl fmt::Display for PrefixReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "abuse.breaker.mode is {}", self.mode)?;
        let mut table = Table::new(["range", "state", "since", "until", "sent", "used", "requests"]);
        for blocked in &self.blocked {
            table.row([
                blocked.prefix.to_string(),
                if blocked.enforced { "blocked" } else { "would be blocked" }.to_owned(),
                blocked.since.clone(),
                blocked.until.clone(),
                blocked.sent.to_string(),
                blocked.used.to_string(),
                blocked.met.to_string(),
            ]);
        }
        writeln!(f, "{table}\nnever blocked:")?;
        let mut table = Table::new(["range", "since", "who", "reason"]);
        for safe in &self.safe {
            let given = |text: &Option<String>| text.clone().unwrap_or_default();
            let reason = if safe.configured { "abuse.safe_prefixes".to_owned() } else { given(&safe.reason) };
            table.row([safe.prefix.to_string(), given(&safe.at), given(&safe.actor), reason]);
        }
        table.fmt(f)
    }
}

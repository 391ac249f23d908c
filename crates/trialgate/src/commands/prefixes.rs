//! `trialgate prefixes …`: blocked number ranges and the safe list of the fraud guard.

use std::fmt;

use anyhow::bail;
use clap::Subcommand;
use trial_core::fraud_guard::{MAX_SAFE_PREFIXES, SafeOutcome, SafeRange, SafeReason};
use trial_core::values::NumberRange;
use trial_engine::operations::number_ranges::{self, NumberRangesReport};

use super::{policy_in_force, with_database};
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, Printed, Table, time};
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

impl PrefixesCommand {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (change, output) = match self {
            Self::List { output } | Self::Safe(Safe::List { output }) => (Change::Nothing, output),
            Self::Release { prefix, output } => (Change::Release(prefix), output),
            Self::Safe(Safe::Add { prefix, reason, output }) => (Change::Add(prefix, reason), output),
            Self::Safe(Safe::Remove { prefix, output }) => (Change::Remove(prefix), output),
        };
        let report = with_database(global, async |config, ledger| {
            make(ledger, change).await?;
            let policy = policy_in_force(config, ledger).await?;
            Ok(number_ranges::list(&*ledger.prefixes(), &policy, ledger.clock().now()).await?)
        })?;
        output.show(&Printed(report))
    }
}

async fn make(ledger: &Ledger, change: Change) -> anyhow::Result<()> {
    let (prefixes, by) = (ledger.prefixes(), ledger.changed_by(process::operator()));
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

impl fmt::Display for Printed<NumberRangesReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "abuse.breaker.mode is {}", self.0.mode)?;
        let mut table = Table::new(["range", "state", "since", "until", "sent", "used", "requests"]);
        for blocked in &self.0.blocked {
            table.row([
                blocked.prefix.to_string(),
                if blocked.enforced { "blocked" } else { "would be blocked" }.to_owned(),
                time(blocked.since),
                time(blocked.until),
                blocked.sent.to_string(),
                blocked.used.to_string(),
                blocked.met.to_string(),
            ]);
        }
        writeln!(f, "{table}\nnever blocked:")?;
        let mut table = Table::new(["range", "since", "who", "reason"]);
        for safe in &self.0.safe {
            let given = |text: &Option<String>| text.clone().unwrap_or_default();
            let reason = if safe.configured { "abuse.safe_prefixes".to_owned() } else { given(&safe.reason) };
            table.row([safe.prefix.to_string(), safe.at.map(time).unwrap_or_default(), given(&safe.actor), reason]);
        }
        table.fmt(f)
    }
}

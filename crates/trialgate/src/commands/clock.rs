//! `trialgate clock …`: shows and confirms the clock that scheduled tasks go by.

use std::fmt;

use clap::Subcommand;
use serde::Serialize;
use trial_core::clock_gap::ClockGap;
use trial_engine::ClockWatch;

use super::with_database;
use crate::config::Config;
use crate::global::Global;
use crate::ledger::Ledger;
use crate::output::{Output, time};
use crate::process;

/// `trialgate clock …`
#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Show the clock, the last sweep, and whether scheduled tasks are paused
    Show {
        #[command(flatten)]
        output: Output,
    },
    /// Confirm that the clock is right, after a jump or a long pause of the service
    Confirm {
        #[command(flatten)]
        output: Output,
    },
}

/// State of the clock.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClockReport {
    now: String,
    last_seen: Option<String>,
    paused: bool,
    /// Seconds by which this machine's clock is ahead of the database server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    skew_seconds: Option<i64>,
}

impl ClockCommand {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let (output, confirm) = match self {
            Self::Show { output } => (output, false),
            Self::Confirm { output } => (output, true),
        };
        let report = with_database(global, async |config, ledger| {
            if confirm {
                let by = ledger.changed_by(process::operator());
                ledger.upkeep().confirm_clock(by).await?;
            }
            let (seen, now) = (ledger.upkeep().clock_mark().await?, ledger.clock().now());
            Ok(ClockReport {
                now: time(now),
                last_seen: seen.map(time),
                paused: ClockGap::between(seen, now, config.engine().max_clock_gap).is_some(),
                skew_seconds: ledger.time().map(|shared| shared.clock.skew().get().num_seconds()),
            })
        })?;
        output.show(&report)
    }
}

/// The clock watch, which judges the clock before anything irreversible is done.
pub(super) fn watch(config: &Config, ledger: &Ledger) -> ClockWatch {
    ClockWatch::new(ledger.upkeep(), ledger.clock(), config.engine().max_clock_gap)
}

impl fmt::Display for ClockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.last_seen.as_deref().unwrap_or("never");
        write!(f, "{}, last sweep: {seen}", self.now)?;
        if let Some(skew) = self.skew_seconds {
            write!(f, "; this machine is {skew} s ahead of the database server")?;
        }
        if self.paused {
            write!(f, "; scheduled tasks are paused until `trialgate clock confirm`")?;
        }
        Ok(())
    }
}

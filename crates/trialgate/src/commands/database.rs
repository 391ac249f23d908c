//! `trialgate database …`: puts a refused database back into use.

use std::fmt;

use clap::Subcommand;
use serde::Serialize;

use crate::compose;
use crate::global::Global;
use crate::ledger::{Ledger, or_no_file};
use crate::output::Output;
use crate::process;

/// `trialgate database …`
#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Use a refused database again: one that lacks acknowledged work after a fail-over or a restore, or an SQLite file
    /// that was transferred to PostgreSQL. Read docs/operations.md first
    Confirm {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Serialize)]
struct Report {
    database: String,
    /// Reason of the refusal; `None` if the database was not refused.
    reason: Option<String>,
}

impl DatabaseCommand {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self::Confirm { output } = self;
        let config = global.load()?;
        let confirmed = compose::runtime()?.block_on(Ledger::confirm(&config.database, process::operator()));
        let reason = or_no_file(&config, confirmed)?;
        output.show(&Report { database: config.database.to_string(), reason })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, reason } = self;
        match reason {
            Some(reason) => write!(f, "{database} is in use again, although {reason}"),
            None => write!(f, "{database} was not refused; nothing was changed"),
        }
    }
}

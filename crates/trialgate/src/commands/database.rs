//! `trialgate database …`: puts a refused database back into use.

use std::fmt;

use clap::Subcommand;
use serde::Serialize;
use trial_storage::{PostgresLedger, PostgresOptions, SqliteLedger, SqliteOptions};

use crate::ambient;
use crate::compose;
use crate::config::Database;
use crate::global::Global;
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
        let by = ambient::changed_by(process::operator());
        let reason = compose::runtime()?.block_on(async {
            match &config.database {
                Database::Sqlite(file) => {
                    let place = SqliteLedger::confirm(&SqliteOptions::new(file), by).await?;
                    anyhow::Ok(place.map(|place| format!("it was transferred to {place}")))
                }
                Database::Postgres { url, .. } => {
                    let ledger = PostgresLedger::open(PostgresOptions::new(url.reveal())).await?;
                    let reason = ledger.confirm(by).await;
                    ledger.close();
                    Ok(reason?)
                }
            }
        })?;
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

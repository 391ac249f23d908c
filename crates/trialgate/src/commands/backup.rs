//! `trialgate backup`: copies the SQLite database while the service runs.

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use trial_storage::{SqliteLedger, SqliteOptions};

use crate::compose;
use crate::config::Database;
use crate::global::Global;
use crate::ledger::or_no_file;
use crate::output::Output;

/// `trialgate backup`
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write; it must not exist
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    bytes: u64,
}

impl Backup {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let config = global.load()?;
        let Database::Sqlite(database) = &config.database else {
            bail!("the database is PostgreSQL; copy it with `pg_dump --format=custom`, see docs/operations.md");
        };
        let copied = compose::runtime()?.block_on(SqliteLedger::backup(&SqliteOptions::new(database), &self.file));
        let bytes = or_no_file(&config, copied.map_err(anyhow::Error::from))?;
        self.output.show(&Report { file: self.file.display().to_string(), bytes })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes, whole", self.file, self.bytes)
    }
}
